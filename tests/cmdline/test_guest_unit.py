# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux uses memory in units of 128 MiB. Where the address that a device gets by itself costs the guest some of
it, a warning says so and which address would not; the report has it in any case. The addresses themselves stay
stock QEMU's, which QTEST_STOCK_BINARY names where it is set."""

import re

from cmdline.emulator import BINARY, STOCK, TestCase

START = ["-display", "none", "-nodefaults", "-S", "-machine",
         "q35,accel=" + ("tcg" if STOCK else "qtest")]
MIB = 1 << 20
# Devices as (size, properties), and for each (address, MiB lost, address that would lose less or 0).
CASES = [
    ("512M,maxmem=8G", [("1G", "")], [(0x100000000, 0, 0)]),
    ("512M,maxmem=8G", [("64M", ""), ("1G", "")],
     [(0x100000000, 64, 0), (0x104000000, 128, 0x108000000)]),
    ("512M,maxmem=8G", [("130M", ""), ("1G", ""), ("1G", ",memaddr=0x180000000")],
     [(0x100000000, 2, 0), (0x108200000, 128, 0x110000000), (0x180000000, 0, 0)]),
    ("512M,maxmem=8G", [("64M", ""), ("1G", ",memaddr=0x104000000")],
     [(0x100000000, 64, 0), (0x104000000, 128, 0x108000000)]),
    # no room for anything better
    ("512M,maxmem=1600M", [("64M", ""), ("1G", "")], [(0x100000000, 64, 0), (0x104000000, 128, 0)]),
    # blocks larger than the unit are the unit
    ("512M,maxmem=8G", [("256M", ""), ("1G", ",block-size=512M")],
     [(0x100000000, 0, 0), (0x120000000, 0, 0)]),
]


class GuestUnit(TestCase):
    def check(self, memory, devices, expected):
        args = [a for i, (size, props) in enumerate(devices) for a in (
            "-object", f"memory-backend-ram,id=m{i},size={size}", "-device",
            f"virtio-mem-pci,id=vm{i},memdev=m{i}{props}")]
        emulator = self.emulator(*START, "-m", memory, *args, base=[], binary=STOCK or BINARY)
        monitor = emulator.monitor()
        addresses = [monitor.cmd("qom-get", path=f"/machine/peripheral/vm{i}", property="memaddr")
                     for i in range(len(devices))]
        self.assertEqual(addresses, [address for address, _, _ in expected])
        if STOCK:
            return
        for i, (address, lost, better) in enumerate(expected):
            report = monitor.cmd("x-query-virtio-mem", id=f"vm{i}")[0]
            loss = report.get("guest-loss", {"size": 0})
            self.assertEqual((loss["size"], loss.get("memaddr", 0)), (lost * MIB, better), report)
            by_itself = "memaddr" not in devices[i][1]
            warning = re.search(rf"warning: memory device 'vm{i}': a Linux guest cannot use (\d+) MiB of "
                                rf"it, since {address:#x} is no multiple of 128 MiB; (.*)",
                                emulator.stderr())
            if by_itself and lost >= 128:
                self.assertEqual(int(warning[1]), lost)
                self.assertIn(f"memaddr={better:#x} would" if better else "with more maxmem", warning[2])
            else:
                self.assertIsNone(warning, emulator.stderr())

    def test_addresses(self):
        for memory, devices, expected in CASES:
            with self.subTest(memory=memory, devices=devices):
                self.check(memory, devices, expected)

    def test_advice(self):
        """The address that the warning names loses nothing."""
        self.check("512M,maxmem=8G", [("64M", ""), ("1G", ",memaddr=0x108000000")],
                   [(0x100000000, 64, 0), (0x108000000, 0, 0)])
