# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists that tell what there is: properties of types and objects, types, machines. What both have must be
alike; a name that only one has is a difference 'only ours NAME' or 'only stock NAME'."""

import json

from differential import since
from differential.pair import Pair
from differential.scripts import MACHINE, VM0

# (command, arguments)
NAMED_LISTS = [
    *(("qom-list-properties", {"typename": name}) for name in (
        "virtio-mem-pci", "virtio-mem", "memory-backend-ram", "memory-backend-file",
        "memory-backend-memfd")),
    *(("device-list-properties", {"typename": name}) for name in (
        "virtio-mem-pci", "virtio-mem", "pcie-root-port")),
    *(("qom-list", {"path": path}) for path in (
        "/", "/objects", "/machine/peripheral", "/machine/peripheral-anon", VM0,
        VM0 + "/virtio-backend", VM0 + "/virtio-bus", "/objects/m0", "/objects/m1", "m0")),
    *(("qom-list-types", {"implements": implements, "abstract": abstract})
      for implements in ("memory-backend", "virtio-mem-pci", "nosuch", "virtio-mem")
      for abstract in (False, True)),
]
MACHINE_LISTS = [("qom-list-properties", {"typename": "pc-q35-7.2-machine"}),
                 ("query-machines", {}), ("query-cpu-definitions", {})]
# Compared by a function of their own.
OTHER_LISTS = {"query-chardev", "query-pci", "query-command-line-options"}


def compare_named(ours, stock):
    mine, theirs = [{element["name"]: element for element in reply["return"]}
                    for reply in (ours, stock)]
    for name in sorted(set(mine) - set(theirs)):
        yield f"only ours {name}", json.dumps(mine[name])
    for name in sorted(set(theirs) - set(mine)):
        yield f"only stock {name}", json.dumps(theirs[name])
    for name in sorted(set(mine) & set(theirs)):
        for member in sorted(set(mine[name]) | set(theirs[name])):
            values = [element.get(member) for element in (mine[name], theirs[name])]
            if values[0] != values[1]:
                yield f"{member} of {name}", f"ours {values[0]}, stock {values[1]}"


def functions(reply):
    """query-pci's answer as a reply with named elements."""
    bus, = reply["return"]
    return {"return": [{**d, "name": f"{d['slot']:02x}.{d['function']}"} for d in bus["devices"]]}


def parameters(reply):
    """Those of all options that query-command-line-options tells."""
    return {"return": [{"name": f"{option['option']}.{p['name']}", "type": p["type"]}
                       for option in reply["return"] for p in option["parameters"]]}


def list_results(pair):
    for command, arguments in NAMED_LISTS:
        name = " ".join([command, *map(str, arguments.values())])
        ours, stock = pair.ask(command, **arguments)
        if "error" in ours or "error" in stock:
            yield f"list/{name}", [("outcome", f"ours {ours}, stock {stock}")]
        else:
            yield f"list/{name}", list(compare_named(ours, stock))
    for command, arguments in MACHINE_LISTS:
        ours, stock = since.forget(command, *pair.ask(command, **arguments))
        name = " ".join([command, *map(str, arguments.values())])
        yield f"list/{name}", list(compare_named(ours, stock))
    ours, stock = map(functions, pair.ask("query-pci"))
    yield "list/query-pci", list(compare_named(ours, stock))
    ours, stock = map(parameters, pair.ask("query-command-line-options"))
    yield "list/query-command-line-options", [      # what stock has more of is its wider scope
        difference for difference in compare_named(ours, stock)
        if not difference[0].startswith("only stock ")]
    ours, stock = [sorted(reply["return"], key=lambda c: c["label"])
                   for reply in pair.ask("query-chardev")]
    for chardevs in (ours, stock):
        for chardev in chardevs:        # each has a directory of its own
            chardev.pop("filename")
    yield "list/query-chardev", [] if ours == stock else [("answer", f"ours {ours}\nstock {stock}")]


def results(wanted):
    if not wanted("list/"):
        return
    with Pair(MACHINE.split()) as pair:
        yield from list_results(pair)
