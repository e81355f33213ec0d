# SPDX-License-Identifier: GPL-2.0-or-later
"""What test_proxy.py expects of the properties of the proxy, of stock QEMU 7.2; and refusals, in the
same words here and there."""

import re
import unittest

from cmdline.emulator import BINARY, STOCK, TestCase, run
from cmdline.test_proxy import MACHINE, MEMORY, check_read_back, device

# What both refuse, in the same words.
REFUSED = (
    "addr=4.8", "addr=20", "addr=4.", "addr=.4", "addr=4.1.2", "addr=4x", "addr=", "addr=-1",
    "addr=1f", "addr=0", "bus=pci.0", "bus=", "multifunction=maybe", "packed=2",
    "page-per-vq=yes,packed=x", "iommu_platform=x", "disable-legacy=x", "disable-modern=x",
    "disable-legacy=on,disable-modern=on",
)


def first_line(ended):
    """The first message that is no warning, without what only this emulator adds."""
    lines = [l for l in ended.err.split("\n") if "warning: " not in l]
    return re.sub(r" \(it accepts: .*\)$", "", lines[0])


@unittest.skipUnless(STOCK, "no stock QEMU (QTEST_STOCK_BINARY)")
class ProxyStock(TestCase):
    def test_read_back(self):
        check_read_back(self, STOCK, "tcg")

    def test_refused(self):
        for setting in REFUSED:
            with self.subTest(setting):
                ours, stock = [run("-accel", accel, *MACHINE, *MEMORY, *device(setting), binary=b)
                               for accel, b in (("qtest", BINARY), ("tcg", STOCK))]
                self.assertEqual((ours.status, stock.status), (1, 1), (ours, stock))
                self.assertEqual(first_line(ours), first_line(stock))

    def test_slot_conflicts(self):
        for first, second in (("4.0", "4.1"), ("4.1", "4.0"), ("4", "4"), ("4.1", "4.1")):
            with self.subTest(f"{first} {second}"):
                line = [*MEMORY, *device(f"addr={first}"), *device(f"addr={second}", "w", "n")]
                ours, stock = [run("-accel", accel, *MACHINE, *line, binary=b)
                               for accel, b in (("qtest", BINARY), ("tcg", STOCK))]
                self.assertEqual((ours.status, stock.status), (1, 1), (ours, stock))
                self.assertEqual(first_line(ours), first_line(stock))


if __name__ == "__main__":
    unittest.main()
