# SPDX-License-Identifier: GPL-2.0-or-later
"""What the code that stands in for firmware leaves of PCI behind: seen over qtest, with a kernel that no
processor runs."""

import struct
import unittest

from . import emulator

ECAM = 0xB0000000
PORTS = ["-device", "pcie-root-port,id=rp0,chassis=1,addr=3",
         "-device", "pcie-root-port,id=rp1,chassis=2,addr=4"]
MEMORY = ["-m", "256M,maxmem=2G", "-object", "memory-backend-ram,id=mem0,size=256M"]
PORT0, PORT1 = 3 << 3, 4 << 3
MB = 1 << 20


def fake_kernel():
    """A bzImage as far as a loader looks: setup header 2.15, 64-bit entry, nothing behind it."""
    image = bytearray(512 * 2 + 8192)
    for form, at, value in (("<B", 0x1F1, 1), ("<H", 0x1FE, 0xAA55), ("<I", 0x202, 0x53726448),
                            ("<H", 0x206, 0x020F), ("<B", 0x211, 1), ("<I", 0x22C, 0x7FFFFFFF),
                            ("<I", 0x230, 0x200000), ("<B", 0x234, 1), ("<H", 0x236, 1),
                            ("<I", 0x238, 2047), ("<Q", 0x258, 0x1000000), ("<I", 0x260, 0x100000)):
        struct.pack_into(form, image, at, value)
    return bytes(image)


class BootPci(emulator.TestCase):
    def start(self, *args):
        vm = self.emulator(*args, "-kernel", "vmlinuz", qtest=True,
                           files={"vmlinuz": fake_kernel()})
        vm.monitor()
        return vm

    def config(self, vm, bus, devfn, offset, size="l"):
        answer = vm.qtest(f"read{size} {ECAM + (bus << 20) + (devfn << 12) + offset:#x}")
        return int(answer.split()[1], 16)

    def mcfg_last_bus(self, vm):
        tables = bytes.fromhex(vm.qtest("read 0xe0000 0x8000").split()[1][2:])
        at = tables.index(b"MCFG")
        return tables[at + 44 + 11]

    def window(self, vm, port, base):
        """(first, last) of the memory window whose base register is at `base`."""
        value = self.config(vm, 0, port, base)
        return (value & 0xFFF0) << 16, (value >> 16 & 0xFFF0) << 16 | 0xFFFFF

    def test_one_bus_is_all_that_acpi_tells_of(self):
        """Linux looks at each bus it is told of, which costs a second for 256 of them, nested."""
        self.assertEqual(self.mcfg_last_bus(self.start()), 0)

    def test_buses_behind_ports(self):
        vm = self.start(*PORTS)
        self.assertEqual(self.mcfg_last_bus(vm), 2)
        self.assertEqual(self.config(vm, 0, PORT0, 0x18) & 0xFFFFFF, 0x010100)
        self.assertEqual(self.config(vm, 0, PORT1, 0x18) & 0xFFFFFF, 0x020200)

    def test_windows_have_room_for_what_comes(self):
        vm = self.start(*PORTS)
        ranges = [self.window(vm, port, base) for port in (PORT0, PORT1) for base in (0x20, 0x24)]
        for first, last in ranges:
            self.assertGreaterEqual(last + 1 - first, 2 * MB)
            self.assertGreaterEqual(first, 0xC0000000)
            self.assertLess(last, 0xFEC00000)
        for i, (first, last) in enumerate(ranges):
            for other in ranges[:i]:
                self.assertTrue(last < other[0] or other[1] < first, f"{ranges} overlap")
        for port in (PORT0, PORT1):
            self.assertEqual(self.config(vm, 0, port, 4, "w") & 3, 3, "decoding is on")

    def test_device_behind_a_port(self):
        vm = self.start(*PORTS, *MEMORY, "-device", "virtio-mem-pci,memdev=mem0,bus=rp1")
        bar = self.config(vm, 2, 0, 0x20) & ~0xF
        first, last = self.window(vm, PORT1, 0x24)
        self.assertTrue(first <= bar and bar + 0x3FFF <= last, f"{bar:#x} {first:#x} {last:#x}")
        bar1 = self.config(vm, 2, 0, 0x14) & ~0xF
        first, last = self.window(vm, PORT1, 0x20)
        self.assertTrue(first <= bar1 and bar1 + 0xFFF <= last, f"{bar1:#x} {first:#x} {last:#x}")
        # its registers are there: the number of queues, 1, of the common structure
        self.assertEqual(vm.qtest(f"readw {bar + 18:#x}"), "OK 0x0000000000000001")
        # pin A behind the port at slot 4 is that of slot 4
        self.assertEqual(self.config(vm, 2, 0, 0x3C, "b"), self.config(vm, 0, PORT1, 0x3C, "b"))
        self.assertNotEqual(self.config(vm, 2, 0, 0x3C, "b"), 0)

    def test_no_room(self):
        """On pc the window takes 122 bridges."""
        ports = []
        for i in range(4, 20):
            for function in range(8):
                ports += ["-device", f"pcie-root-port,chassis={i},slot={function},"
                          f"addr={i:x}.{function},multifunction=on"]
        ended = emulator.run(*emulator.BASE, "-machine", "pc", *ports, "-kernel", "vmlinuz",
                             files={"vmlinuz": fake_kernel()})
        self.assertIn("no room in the PCI window for what is behind bridge 00:", ended.err)


if __name__ == "__main__":
    unittest.main()
