# SPDX-License-Identifier: GPL-2.0-or-later
"""Several virtio-mem devices in one machine: what is refused, as it ends the emulator. What works is in
tests/qtest/virtio-mem-test-several.c. Runs on this emulator, and on stock QEMU where QTEST_STOCK_BINARY is
set."""

import unittest

from cmdline.emulator import BINARY, Emulator, STOCK, TestCase, run

START = ["-accel", "tcg" if STOCK else "qtest", "-display", "none", "-nodefaults", "-S"]
MIB = 1 << 20


def device(number, mib, more=""):
    return ["-object", f"memory-backend-ram,id=m{number},size={mib}M,reserve=off",
            "-device", f"virtio-mem-pci,id=vm{number},memdev=m{number}{more}"]


class Devices(TestCase):
    def refused(self, memory, devices, *words):
        """By both boards, with all of `words` in the error about the last device."""
        for machine in ("q35", "pc"):
            with self.subTest(f"{machine} {memory}: {devices}"):
                ended = run(*START, "-machine", machine, "-m", memory,
                            *(a for d in devices for a in d), binary=STOCK or BINARY)
                self.assertEqual(ended.status, 1, ended)
                self.assertIn(f"-device {devices[-1][-1]}: ", ended.err)
                for word in words:
                    self.assertIn(word, ended.err)

    def test_overlap(self):
        for address in (0x100000000, 0x110000000, 0x11fe00000):
            self.refused("128M,maxmem=4G",
                         [device(0, 512), device(1, 512, f",memaddr={address:#x}")],
                         "address range conflicts with memory device id='vm0'")
        self.refused("128M,maxmem=4G",
                     [device(0, 512, ",memaddr=0x120000000"),
                      device(1, 512, ",memaddr=0x108000000")],
                     "address range conflicts with memory device id='vm0'")
        # in the middle of another, and all around another
        self.refused("128M,maxmem=4G",
                     [device(0, 512), device(1, 128, ",memaddr=0x108000000")], "id='vm0'")
        self.refused("128M,maxmem=4G",
                     [device(0, 128, ",memaddr=0x108000000"),
                      device(1, 512, ",memaddr=0x100000000")], "id='vm0'")

    def test_address(self):
        region = "usable range for memory devices [0x100000000:0xf8000000]"
        self.refused("128M,maxmem=4G", [device(0, 256, ",memaddr=0x100100000")],
                     "address must be aligned to 0x200000 bytes")
        self.refused("128M,maxmem=4G", [device(0, 256, ",block-size=64M,memaddr=0x102000000")],
                     "address must be aligned to 0x4000000 bytes")
        self.refused("128M,maxmem=4G", [device(0, 256, ",memaddr=0xf0000000")],
                     "can't add memory device [0xf0000000:0x10000000]", region)
        self.refused("128M,maxmem=4G", [device(0, 256, ",memaddr=0x1f0000000")],
                     "can't add memory device [0x1f0000000:0x10000000]", region)
        self.refused("128M,maxmem=4G", [device(0, 256, ",memaddr=0xfffffffff0000000")],
                     "can't add memory device [0xfffffffff0000000:0x10000000]", region)

    def test_full(self):
        """By the sum of sizes, which includes what alignment may waste only if slots are asked for."""
        self.refused("128M,maxmem=640M", [device(0, 256), device(1, 256), device(2, 128)],
                     "not enough space, currently 0x20000000 in use of total space for memory "
                     "devices 0x20000000")
        self.refused("128M,maxmem=640M", [device(0, 1024)], "not enough space, currently 0x0 in use")
        self.refused("128M", [device(0, 256)], "maxmem option")

    def test_fragmented(self):
        self.refused("128M,maxmem=1152M",
                     [device(0, 128, ",memaddr=0x118000000"), device(1, 768)],
                     "could not find position in guest address space for memory device - memory "
                     "fragmented due to alignments")

    def test_size_of_backend(self):
        self.refused("128M,maxmem=4G", [device(0, 97, ",block-size=2M")],
                     "backend memory size must be multiple of 0x200000")

    def test_full_to_the_last_byte(self):
        with Emulator("-machine", "q35", "-m", "128M,maxmem=640M", *device(0, 384), *device(1, 128),
                      base=START, binary=STOCK or BINARY) as emulator:
            addresses = [d["data"]["memaddr"]
                         for d in emulator.monitor().cmd("query-memory-devices")]
        self.assertEqual(addresses, [0x100000000, 0x100000000 + 384 * MIB])

    def test_memory_for_system_management(self):
        """A larger TSEG of Q35 has at most 4095 MiB; the value is told."""
        for value in (4096, 65535):
            ended = run(*START, "-machine", "q35", "-global", f"mch.extended-tseg-mbytes={value}",
                        binary=STOCK or BINARY)
            self.assertEqual(ended.status, 1, ended)
            self.assertIn(f"invalid extended-tseg-mbytes value: {value}", ended.err)


if __name__ == "__main__":
    unittest.main()
