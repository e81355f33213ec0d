# SPDX-License-Identifier: GPL-2.0-or-later
"""A real driver from before VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE (Debian 11's 5.10 kernel): with the
feature it is refused at FEATURES_OK and plugs nothing; without, it plugs exactly what is requested.
Skipped where that kernel's package cannot be fetched."""

import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20


class Legacy(shared.GuestTestCase):
    def boot_legacy(self, feature, requested):
        shared.require(self, "legacy-kernel", "Debian 11's kernel cannot be fetched")
        emulator, guest = self.boot(kernel="legacy-kernel", initrd="legacy-initrd",
                                    device=f"unplugged-inaccessible={feature}",
                                    requested=requested)
        self.assertTrue(guest.check("uname -r").startswith("5.10."))
        return emulator, guest

    def test_on_is_refused_and_plugs_nothing(self):
        emulator, guest = self.boot_legacy("on", 256 * MB)
        self.assertIn("device refuses features", guest.check("dmesg | grep virtio || true"))
        before = guest.mem_total()
        emulator.qmp.set(guests.DEVICE_PATH, "requested-size", 512 * MB)
        time.sleep(3)
        self.assertEqual(emulator.qmp.get(guests.DEVICE_PATH, "size"), 0)
        self.assertEqual(guest.mem_total(), before)
        self.assertEqual(emulator.held_bytes(guests.BACKEND_SIZE), 0)

    def test_off_plugs_exactly_what_is_requested(self):
        emulator, guest = self.boot_legacy("off", 0)
        before = guest.mem_total()
        for size in (256 * MB, 384 * MB, 0):
            emulator.qmp.set(guests.DEVICE_PATH, "requested-size", size)
            self.assert_size(emulator, size)
            deadline = time.monotonic() + 20
            while guest.mem_total() - before != size and time.monotonic() < deadline:
                time.sleep(0.1)
            self.assertEqual(guest.mem_total() - before, size, "MemTotal's move")
        guest.send("poweroff -f")
        self.assert_powered_off(emulator)


if __name__ == "__main__":
    unittest.main()
