# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest with a virtio-mem device of every kind: each backend with unplugged-inaccessible on, off and
auto, with several block sizes, all grown and shrunk at once; on both boards, on the oldest and the newest
machine version."""

import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20
FOLLOW_SECONDS = 40.0
BACKENDS = {"ram": "memory-backend-ram,reserve=off", "ram-shared": "memory-backend-ram,share=on",
            "memfd": "memory-backend-memfd", "file": "memory-backend-file,mem-path=/run"}
MODES = {"on": "2M", "off": "4M", "auto": "8M"}      # and the block size that goes with each
HUGE_PAGES = 34          # 64 MiB, and a few


class Device:
    """What a device is, and what it is asked for."""

    def __init__(self, number, backend, mode, block_size):
        self.number, self.backend, self.mode, self.block_size = number, backend, mode, block_size
        # Sizes differ, so that a mapping is known by its size. Blocks of 256 MiB are larger than
        # Linux's memory blocks, which its driver treats apart.
        self.region = 512 * MB if block_size == "256M" else (512 + 8 * number) * MB
        self.requested = 0

    def path(self):
        return f"/machine/peripheral/vm{self.number}"

    def arguments(self):
        backend = BACKENDS.get(
            self.backend, "memory-backend-memfd,hugetlb=on,hugetlbsize=2M,reserve=off")
        return ["-object", f"{backend},id=mem{self.number},size={self.region}",
                "-device", f"virtio-mem-pci,id=vm{self.number},memdev=mem{self.number},"
                           f"block-size={self.block_size},unplugged-inaccessible={self.mode}"]


class Devices(shared.GuestTestCase):
    def make_devices(self, huge):
        kinds = [(b, m, MODES[m]) for b in BACKENDS for m in MODES] + [("memfd", "on", "256M")]
        if huge:
            kinds += [("huge", "auto", "2M")]
        return [Device(i, *kind) for i, kind in enumerate(kinds)]

    def boot_devices(self, machine, devices):
        argv = [self.host.resource("emulator"), "-accel", "kvm", "-nodefaults",
                "-machine", machine, "-m", "512M,maxmem=16G"]
        for device in devices:
            argv += device.arguments()
        argv += ["-kernel", self.host.resource("kernel"), "-initrd",
                 self.host.resource("initrd"), "-append", guests.CONTROL]
        emulator, guest = guests.start(self.host, argv)
        self.addCleanup(emulator.close)
        return emulator, guest

    def resize(self, emulator, guest, devices, request):
        """Requests of each device what request(device) says, all before any has followed."""
        for device in devices:
            device.requested = request(device)
            emulator.qmp.set(device.path(), "requested-size", device.requested)
        wanted = {d.number: d.requested for d in devices}
        total = self.base + sum(d.requested for d in self.devices)
        deadline = time.monotonic() + FOLLOW_SECONDS
        while True:
            got = {d.number: emulator.qmp.get(d.path(), "size") for d in devices}
            if (got == wanted and guest.mem_total() == total) or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.assertEqual(got, wanted, "plugged by each device")
        self.assertEqual(guest.mem_total() - total, 0, "MemTotal is off by")

    def check_modes(self, emulator, devices):
        """`auto` has become what it should be."""
        for device in devices:
            expected = device.mode
            if device.mode == "auto":
                expected = "off" if device.backend == "ram" else "on"
            self.assertEqual(emulator.qmp.get(device.path(), "unplugged-inaccessible"), expected,
                             f"{device.backend}, {device.mode}")

    def held(self, emulator, devices):
        """KiB that the process has of each device's memory mapped in."""
        return {d.number: emulator.mapping_kb(d.region)["Rss"] for d in devices
                if d.region > 512 * MB and d.backend != "huge"}

    def free_huge_pages(self):
        return int(self.host.check("cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"))

    def reserve_huge_pages(self):
        """Only in a nested host: this machine's memory is not ours to take."""
        if self.host.kind != "nested":
            return False
        self.host.check(f"echo {HUGE_PAGES} > /proc/sys/vm/nr_hugepages", 120)
        self.addCleanup(self.host.check, "echo 0 > /proc/sys/vm/nr_hugepages")
        return self.free_huge_pages() == HUGE_PAGES

    def check_machine(self, machine, huge=False):
        huge = huge and self.reserve_huge_pages()
        devices = self.devices = self.make_devices(huge)
        emulator, guest = self.boot_devices(machine, devices)
        self.check_modes(emulator, devices)
        self.base = guest.mem_total()
        small = lambda d: 256 * MB if d.block_size == "256M" else 32 * MB
        self.resize(emulator, guest, devices, small)
        # Half of them grow while the others shrink.
        self.resize(emulator, guest, devices,
                    lambda d: 0 if d.number % 2 else 2 * small(d) if d.number else small(d))
        self.assertEqual(guest.hold("devices", 160 * MB, 5), 160 * MB, "bytes read back")
        guest.release("devices")
        if huge:
            self.resize(emulator, guest, devices[-1:], lambda d: 64 * MB)
        self.resize(emulator, guest, devices, lambda d: 0)
        for number, kib in self.held(emulator, devices).items():
            self.assertLess(kib, 2048, f"KiB still held for vm{number}")
        if huge:
            self.assertEqual(self.free_huge_pages(), HUGE_PAGES, "huge pages given back")
        guest.send("poweroff -f")
        self.assert_powered_off(emulator)

    def test_pc_oldest(self):
        self.check_machine("pc-i440fx-5.1")

    def test_q35_oldest(self):
        self.check_machine("pc-q35-5.1")

    def test_pc_newest(self):
        self.check_machine("pc")

    def test_q35_newest(self):
        self.check_machine("q35", huge=True)


if __name__ == "__main__":
    unittest.main()
