# SPDX-License-Identifier: GPL-2.0-or-later
"""Every type that a source file registers is in the program: a linker leaves out of a library what
nobody refers to, and then a device is missing without a word. The sources tell what there should be, the
symbols of the program which constructors are in it, and qom-list-types what they registered."""

import pathlib
import re
import shutil
import subprocess
import unittest

from cmdline.emulator import BINARY, TestCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["accel", "backends", "hw", "monitor", "qom", "system", "target", "util"]


# What makes a constructor, and the constructor's name.
REGISTRATIONS = (
    (r"^type_init\((\w+)\)", "do_qemu_init_{}"),
    (r"^DEFINE_TYPES\((\w+)\)", "do_qemu_init_do_register_{}"),
    (r"^OBJECT_DEFINE_\w+\(\w+, (\w+),", "do_qemu_init_{}_register_types"),
)


def constructors(text):
    return [form.format(name) for pattern, form in REGISTRATIONS
            for name in re.findall(pattern, text, re.MULTILINE)]


def sources():
    """(path, text) of each source file that registers types."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.c")):
            text = path.read_text(encoding="utf-8")
            if constructors(text):
                yield path.relative_to(ROOT), text


def type_macros():
    """TYPE_... macros that are string constants, by name."""
    macros = {}
    for path in [*(ROOT / "include").rglob("*.h"),
                 *(p for f in FOLDERS for p in (ROOT / f).rglob("*.[ch]"))]:
        for name, value in re.findall(r'^#define (TYPE_\w+|\w+_SUFFIX)[ \t]+(.+)$',
                                      path.read_text(encoding="utf-8"), re.MULTILINE):
            macros[name] = value.split("/*")[0].strip()
    macros["ACCEL_CLASS_NAME"] = None
    return macros


def resolve(expression, macros):
    """The string that the macro, or strings and macros in a row, stand for; None if it is computed."""
    function = re.fullmatch(r'(\w+)\((\w+|"[^"]*")\)', expression)
    if function and function.group(1) == "ACCEL_CLASS_NAME":
        return function.group(2).strip('"') + "-accel"
    text = ""
    for part in re.findall(r'"[^"]*"|\w+', expression):
        if part.startswith('"'):
            text += part[1:-1]
        elif macros.get(part):
            inner = resolve(macros[part], macros)
            if inner is None:
                return None
            text += inner
        else:
            return None
    return text or None


class Types(TestCase):
    def test_constructors_are_linked(self):
        nm = shutil.which("nm")
        if not nm:
            self.skipTest("there is no nm")
        symbols = set(subprocess.run([nm, BINARY], stdout=subprocess.PIPE, check=True,
                                     text=True).stdout.split())
        if not any(s.startswith("do_qemu_init_") for s in symbols):
            self.skipTest("the program has no symbols")
        count = 0
        for path, text in sources():
            for function in constructors(text):
                count += 1
                self.assertIn(function, symbols, path)
        self.assertGreater(count, 40)

    def test_registered_types_are_listed(self):
        macros = type_macros()
        listed = {t["name"] for t in self.emulator().monitor().cmd("qom-list-types",
                                                                   abstract=True)}
        expected = {}
        for path, text in sources():
            # a TypeInfo, told from other structures with a name by what comes next
            for expression in re.findall(
                    r"\.name = ((?:TYPE_|ACCEL_CLASS_NAME|\")[^,]*),\s+"
                    r"\.(?:parent|instance_size|class_size|abstract)\b", text):
                expected[resolve(expression, macros)] = path
        self.assertGreater(len(expected), 50, expected)
        self.assertNotIn(None, expected)
        roots = {"object", "interface"}
        missing = {n: str(p) for n, p in expected.items() if n not in listed | roots}
        self.assertEqual(missing, {})

    def test_types_made_by_tables_are_listed(self):
        """Machine versions, CPU models and the PCI face of a virtio device have names put together."""
        listed = {t["name"] for t in self.emulator().monitor().cmd("qom-list-types",
                                                                   abstract=True)}
        for name in ("virtio-mem-pci", "virtio-mem-pci-base", "qemu64-x86_64-cpu",
                     "max-x86_64-cpu", "host-x86_64-cpu", "kvm-accel", "qtest-accel",
                     "pc-q35-5.1-machine", "pc-q35-10.2-machine", "pc-i440fx-5.1-machine",
                     "pc-i440fx-10.2-machine", "memory-backend-ram", "memory-backend-memfd",
                     "memory-backend-file"):
            self.assertIn(name, listed)


if __name__ == "__main__":
    unittest.main()
