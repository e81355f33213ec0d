# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk that scripts/run-guest shows, as a test: a guest's memory goes 0, 512M, 1G, 256M, 0, and at
each step the guest, the device and the host agree."""

import unittest

from . import shared, walk


class Resize(shared.GuestTestCase):
    def test_walk(self):
        self.check_walk()

    def test_walk_dynamic_memslots(self):
        """Memory slots come and go under the running guest."""
        self.check_walk(machine="pc", smp=2,
                        device="unplugged-inaccessible=on,dynamic-memslots=on")

    def check_walk(self, **options):
        emulator, guest = self.boot(**options)
        walker = walk.Walk(emulator, guest)
        self.assertEqual(walker.start().why, "", "the start")
        for size in walk.STEPS:
            row = walker.step(size)
            print("# " + "  ".join(row.cells()), flush=True)
            self.assertEqual(row.why, "", f"step to {size >> 20} MiB")
        guest.send("poweroff -f")
        self.assert_powered_off(emulator)


if __name__ == "__main__":
    unittest.main()
