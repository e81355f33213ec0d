# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the matrix has all that is in scope: each option of -help, each property of the types, each QMP
command. What this emulator gains and the matrix does not know fails here."""

import re

from cmdline.emulator import BINARY, Emulator, run
from differential import lists, options, properties, scripts

# Not compared, since stock 7.2 does not have them: reasons are those of allowed.py.
NEWER_PROPERTIES = {"vectors", "dynamic-memslots", "x-early-migration",
                    "x-unplugged-inaccessible-required", "x-report"}
NEWER_COMMANDS = {"x-query-virtio-mem", "qom-list-get", "query-accelerators"}
# Asked in words of their own: run.py starts and ends every machine with them.
WITHOUT_SCRIPT = {"qmp_capabilities", "quit", "query-qmp-schema", "query-commands"}
# Another program of another version.
NOT_COMPARED = {"query-version"}
# These say what they are about by exiting.
HELP_OPTIONS = {"-help", "-version"}


def missing(kind, names):
    return [("missing", f"no cell for {kind} {name}") for name in sorted(names)]


def option_results():
    listed = set(re.findall(r"^(-[\w-]+)", run("-help", binary=BINARY).out, flags=re.M))
    used = set()
    for topic in options.TOPICS + properties.TOPICS:
        for cell in topic.cells():
            used |= {re.sub(r"^--", "-", word) for word in cell.line if word.startswith("-")}
    return missing("option", listed - used - HELP_OPTIONS)


def property_results(topic_name, *arguments):
    text = run(*arguments, binary=BINARY).out
    listed = set(re.findall(r"^  ([\w-]+)=<(?!child)", text, flags=re.M))
    rows = {row.name for topic in properties.TOPICS if topic.name == topic_name
            for row in topic.rows}
    if not listed:
        return [("missing", f"no properties in the help of {topic_name}")]
    return missing("property", listed - rows - NEWER_PROPERTIES)


def command_results():
    with Emulator(base=["-accel", "qtest", "-nodefaults", "-display", "none", "-S", "-machine",
                        "none"]) as emulator:
        have = {command["name"] for command in emulator.monitor().cmd("query-commands")}
    asked = {step[0] for steps in scripts.SCRIPTS.values() for step in steps
             if isinstance(step, tuple)}
    asked |= {command for command, _ in lists.NAMED_LISTS + lists.MACHINE_LISTS}
    return missing("command", have - asked - lists.OTHER_LISTS - WITHOUT_SCRIPT - NOT_COMPARED -
                   NEWER_COMMANDS)


def results(wanted):
    if not wanted("coverage/"):
        return
    yield "coverage/options", option_results()
    for kind in ("memory-backend-ram", "memory-backend-memfd", "memory-backend-file"):
        yield f"coverage/{kind}", property_results(kind, "-object", f"{kind},help")
    yield "coverage/virtio-mem-pci", property_results("virtio-mem-pci", "-device",
                                                      "virtio-mem-pci,help")
    yield "coverage/machine", property_results("machine property", "-machine", "q35,help")
    yield "coverage/commands", command_results()
