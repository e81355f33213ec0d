# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong inside guests and keeps a resize from its end, each done to a real Linux: the
report says what it fits, and what it says to do helps."""

import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20
BASE = "console=ttyS0 quiet guest.control memhp_default_state="


class Patterns(shared.GuestTestCase):
    def setUp(self):
        super().setUp()
        if shared.is_stock():
            self.skipTest("stock has no x-query-virtio-mem")

    def start(self, state, memory, size):
        """A guest that stays where it is when it panics, with nothing requested."""
        return self.boot_argv([
            self.host.resource("emulator"), "-accel", "kvm", "-nodefaults", "-machine", "q35",
            "-m", f"{memory},maxmem=20G",
            "-object", f"memory-backend-memfd,id=mem0,size={size},reserve=off",
            "-device", "virtio-mem-pci,id=vm0,memdev=mem0",
            "-kernel", self.host.resource("kernel"), "-initrd", self.host.resource("initrd"),
            "-append", f"{BASE}{state} panic=0"])

    def boot_argv(self, argv):
        emulator, guest = guests.start(self.host, argv)
        self.addCleanup(emulator.close)
        return emulator, guest

    def request(self, emulator, size):
        emulator.qmp.set(guests.DEVICE_PATH, "requested-size", size)

    def assert_fits(self, emulator, state, pattern, evidence="", timeout=20.0):
        """Waits until the report says so; returns it."""
        deadline = time.monotonic() + timeout
        while True:
            report = emulator.qmp.cmd("x-query-virtio-mem", id="vm0")[0]
            fits = report.get("fits", {"pattern": None, "evidence": ""})
            got = (report["state"], fits["pattern"])
            if got == (state, pattern) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        self.assertEqual(got, (state, pattern), report["diagnosis"])
        self.assertRegex(fits["evidence"], evidence)
        print(f"# {report['state']}: {report['diagnosis']}; fits {fits}", flush=True)
        return report

    def test_not_online_and_unloaded(self):
        emulator, guest = self.start("offline", "512M", "4G")
        before = guest.mem_total()
        self.request(emulator, 256 * MB)
        self.assert_fits(emulator, "reached", "not-online",
                         "256 MiB in 2 steps of 128 MiB, .* 256 MiB of the 256 MiB")
        self.request(emulator, 2048 * MB)
        report = self.assert_fits(emulator, "idle", "not-online", "768 MiB in 6 steps of 128 MiB, "
                                  "the last [0-9]+ s ago; 1 GiB of the 1 GiB that are plugged")
        self.assertEqual(guest.mem_total(), before)
        # What the documentation says to do about it.
        self.assertIn("auto_online_blocks", report["fits"]["advice"])
        guest.check("cd /sys/devices/system/memory; echo online_movable > auto_online_blocks; "
                    "for f in $(grep -l offline memory*/state); do echo online_movable > $f; done")
        self.assert_size(emulator, 2048 * MB)
        self.assertEqual(guest.mem_total(), before + 2048 * MB)
        # Linux lets its driver go, keeps the memory, and does not take the device again.
        guest.check("rmmod virtio_mem")
        self.assert_fits(emulator, "driver-gone", "driver-unloaded", "left 2 GiB plugged")
        self.request(emulator, 1024 * MB)
        self.assert_fits(emulator, "driver-gone", "driver-unloaded", "left 2 GiB plugged")
        guest.shell("insmod /modules/virtio_mem.ko")
        self.assert_fits(emulator, "driver-failed", "driver-unloaded", "left 2 GiB plugged")
        # A reset, as it says, makes it good.
        emulator.qmp.cmd("system_reset")
        guest.wait_ready()
        self.assert_size(emulator, 1024 * MB)

    def test_no_memory_and_stuck(self):
        """Debian's kernel does not boot in 64 MiB; in 96 MiB it has 18 MiB free."""
        emulator, guest = self.start("online_movable", "96M", "13G")
        self.request(emulator, 12288 * MB)
        report = self.assert_fits(emulator, "idle", "no-memory-to-grow",
                                  "in [0-9]+ steps of 128 MiB, .* the next 128 MiB it has given "
                                  "back at once")
        self.assertRegex(report["fits"]["advice"], "192 MiB")
        self.assertRegex(guest.check("dmesg"), "adding memory failed: -12")
        self.assertLess(report["size"], 4096 * MB)
        # It panics, and nobody there looks at a new size.
        guest.send("echo c > /proc/sysrq-trigger")
        time.sleep(1)
        self.request(emulator, 128 * MB)
        self.assert_fits(emulator, "unresponsive", "guest-stuck", "asked [0-9]+ s ago")
        emulator.qmp.cmd("system_reset")
        guest.wait_ready()
        self.assert_size(emulator, 128 * MB)
        self.assert_hang_fits(emulator, guest)

    def assert_hang_fits(self, emulator, guest):
        """Its one processor is kept busy by what nothing else comes before."""
        guest.send("memtool hang")
        time.sleep(1)
        self.request(emulator, 0)
        report = self.assert_fits(emulator, "unresponsive", "guest-stuck", "asked [0-9]+ s ago")
        self.assertIn("128 MiB more plugged than requested", report["diagnosis"])


if __name__ == "__main__":
    unittest.main()
