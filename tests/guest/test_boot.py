# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel boots on each machine with 1 and 2 vCPUs and uses the memory that is plugged, comes
back from two reboots with the device empty at each, and ends by poweroff or by the power button; its
log holds no warning that stock QEMU's guest would not have too."""

import re
import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20
PLUGGED = 256 * MB
RESET_SECONDS = 3.0
# What Linux says when two clocks run at different speeds while it measures them. In a nested host they
# do: its processor is emulated, and a busy machine stops it at will. Stock's guest says it too, there.
NESTED_CLOCKS = re.compile(r"APIC calibration not consistent with PM-Timer: \d+ms instead of 100ms|"
                           r"clocksource: Long readout interval, skipping watchdog check: .*|"
                           r"hrtimer: interrupt took \d+ ns")


class Boot(shared.GuestTestCase):
    def check_booted(self, emulator, guest, smp):
        self.assertEqual(int(guest.check("nproc")), smp, "vCPUs that the guest has online")
        self.check_memory(emulator, guest, 128 * MB)

    def check_memory(self, emulator, guest, size):
        """All that was requested is plugged, online and movable, and some of it holds data."""
        self.assert_size(emulator, PLUGGED)
        deadline = time.monotonic() + 20
        while guest.movable_bytes() != PLUGGED and time.monotonic() < deadline:
            time.sleep(0.1)     # blocks come online one after the other
        self.assertEqual(guest.movable_bytes(), PLUGGED, "bytes that the guest has online")
        self.assertEqual(guest.hold("boot", size, 7), size, "bytes read back")
        self.assertGreaterEqual(emulator.held_bytes(guests.BACKEND_SIZE), size * 9 // 10,
                                "bytes that the host holds for the device")

    def check_reboot(self, emulator, guest):
        emulator.qmp.cmd("query-status")
        emulator.qmp.events.clear()     # a guest may have pulled the reset line twice before
        start = time.monotonic()
        guest.send("reboot -f")
        when, event = emulator.qmp.wait_event("RESET", 100)
        size = emulator.qmp.get(guests.DEVICE_PATH, "size")
        self.assertTrue(event["data"]["guest"], event)
        self.assertLess(when - start, RESET_SECONDS, "seconds from `reboot -f` to RESET")
        self.assertEqual(size, 0, "plugged right after the reset")
        self.assertEqual(emulator.qmp.get(guests.DEVICE_PATH, "requested-size"), PLUGGED,
                         "requested-size after the reset")
        guest.wait_ready()
        self.check_memory(emulator, guest, 64 * MB)

    def check_warnings(self, machine, smp, warnings):
        """None on q35; on pc those that a guest of stock has as well may stay."""
        if self.host.kind == "nested":
            for line in filter(NESTED_CLOCKS.fullmatch, warnings):
                print(f"# left out, the nested host's clock: {line}", flush=True)
            warnings = [line for line in warnings if not NESTED_CLOCKS.fullmatch(line)]
        if shared.is_stock() or not warnings:
            return
        if machine == "pc" and "stock" in self.host.resources:
            emulator, guest = self.boot(emulator="stock", machine=machine, smp=smp,
                                        requested=PLUGGED)
            stock = guest.warnings()
            emulator.close()
            warnings = [line for line in warnings if line not in stock]
        self.assertEqual(warnings, [], "kernel messages of level 0 to 4")

    def boot_all(self, machine, smp, by_button=False):
        emulator, guest = self.boot(machine=machine, smp=smp, requested=PLUGGED)
        self.check_booted(emulator, guest, smp)
        warnings = guest.warnings()
        for _ in range(2):
            self.check_reboot(emulator, guest)
            warnings += guest.warnings()
        if by_button:
            emulator.qmp.cmd("system_powerdown")
            emulator.qmp.wait_event("POWERDOWN", 10)
        else:
            guest.send("poweroff -f")
        _, event = emulator.qmp.wait_event("SHUTDOWN", 20)
        self.assertEqual(event["data"], {"guest": True, "reason": "guest-shutdown"})
        self.assert_powered_off(emulator)
        self.check_warnings(machine, smp, warnings)

    def test_q35_1_vcpu(self):
        self.boot_all("q35", 1)

    def test_q35_2_vcpus_power_button(self):
        self.boot_all("q35", 2, by_button=True)

    def test_pc_1_vcpu_power_button(self):
        self.boot_all("pc", 1, by_button=True)

    def test_pc_2_vcpus(self):
        self.boot_all("pc", 2)


if __name__ == "__main__":
    unittest.main()
