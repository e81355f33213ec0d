# SPDX-License-Identifier: GPL-2.0-or-later
"""What each machine version pins, as docs/system/machines.rst has it in a table. Up to 7.2 tests/differential
compares the same with stock; later versions are here only."""

import json
import pathlib
import re
import unittest

from cmdline.emulator import BASE, TestCase, run

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/system/machines.rst"
# memfd: "auto" is resolved to on when the device is realized; x-vendor-cpuid-only shows the CPU's.
DEVICES = ["-m", "1G,maxmem=2T", "-smp", "4", "-cpu", "qemu64,phys-bits=46",
           "-object", "memory-backend-ram,id=m0,size=1G,reserve=off",
           "-device", "virtio-mem-pci,id=vm0,memdev=m0"]
VM0, CPU = "/machine/peripheral/vm0", "/machine/unattached/device[0]"
DEPRECATED_UP_TO = (8, 0)


def table():
    """Rows of the page's table, by version."""
    rows = re.findall(r"^(\d+\.\d+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+)$",
                      PAGE.read_text(), flags=re.M)
    return {row[0]: row[1:] for row in rows}


def as_numbers(version):
    return tuple(map(int, version.split(".")))


class Versions(TestCase):
    def seen(self, machine):
        """What a machine of that name shows, as the table writes it."""
        monitor = self.emulator("-machine", machine, *DEVICES, base=BASE).monitor()

        def get(path, name):
            return monitor.cmd("qom-get", path=path, property=name)

        smp = get("/machine", "smp")
        signature = "/".join(str(get(CPU, name)) for name in ("family", "model", "stepping"))
        address = monitor.cmd("query-memory-devices")[0]["data"]["memaddr"]
        # with four CPUs' worth of old leaves: the two changed together
        self.assertEqual(get(CPU, "x-vendor-cpuid-only"), signature != "6/6/3")
        return {"x-early-migration": json.dumps(get(VM0, "x-early-migration")),
                "queue_reset": json.dumps(get(VM0, "queue_reset")),
                "vectors": str(get(VM0, "vectors")),
                "smp": "sockets" if smp["sockets"] == 4 else "cores",
                "signature": signature,
                "hole": {1 << 32: "filled", 1 << 40: "avoided"}[address],
                "unplugged": get(VM0, "unplugged-inaccessible")}

    def test_each_pins_what_the_page_says(self):
        rows = table()
        self.assertEqual(len(rows), 17)
        for version, row in rows.items():
            for family in ("pc-i440fx", "pc-q35"):
                with self.subTest(f"{family}-{version}"):
                    unplugged, early, reset, vectors, smp, signature, hole = row
                    # private base pages: auto becomes off
                    self.assertEqual(self.seen(f"{family}-{version}"), {
                        "x-early-migration": early, "queue_reset": reset, "vectors": vectors,
                        "smp": smp, "signature": signature, "hole": hole,
                        "unplugged": "off" if unplugged == "auto" else unplugged})

    def test_auto_is_auto(self):
        """Where the page says auto, a backend without a shared zeropage gets on; where it says off, off."""
        for version, row in table().items():
            with self.subTest(version):
                monitor = self.emulator(
                    "-machine", f"pc-q35-{version}", "-m", "1G,maxmem=4G",
                    "-object", "memory-backend-memfd,id=m0,size=1G",
                    "-device", "virtio-mem-pci,id=vm0,memdev=m0", base=BASE).monitor()
                self.assertEqual(monitor.cmd("qom-get", path=VM0,
                                             property="unplugged-inaccessible"),
                                 "on" if row[0] == "auto" else row[0])

    def test_help_lists_all(self):
        lines = run("-machine", "help").out.splitlines()
        for version in table():
            for family in ("pc-i440fx", "pc-q35"):
                line = [l for l in lines if l.startswith(f"{family}-{version} ")]
                self.assertEqual(len(line), 1, version)
                self.assertEqual(as_numbers(version) <= DEPRECATED_UP_TO,
                                 line[0].endswith(" (deprecated)"), line)
        newest = max(table(), key=as_numbers)
        for alias, family in (("pc", "pc-i440fx"), ("q35", "pc-q35")):
            self.assertTrue([l for l in lines if l.startswith(f"{alias} ") and
                             l.endswith(f"(alias of {family}-{newest})")])

    def test_an_old_one_warns(self):
        for version in table():
            ended = run("-machine", f"pc-q35-{version}", "-accel", "nosuch")
            self.assertEqual("is deprecated" in ended.err, as_numbers(version) <= DEPRECATED_UP_TO,
                             ended)


if __name__ == "__main__":
    unittest.main()
