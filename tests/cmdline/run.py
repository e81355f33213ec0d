#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests of the command line and of QMP and prints TAP. The emulator is QTEST_QEMU_BINARY of the
environment; with --stock those tests that stock QEMU, QTEST_STOCK_BINARY, passes as well are run on it.
tests/differential compares the two."""

import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from guest import tap  # noqa: E402

MODULES = sorted(path.stem for path in pathlib.Path(__file__).resolve().parent.glob("test_*.py"))
OURS = [name for name in MODULES if not name.endswith("_stock")]
# The same tests on stock, to show that they are right; and what both say to the same.
STOCK = ["test_at_exit", "test_backends", "test_devices", "test_end_of_input", "test_guest_unit",
         "test_numa", "test_queries", "test_run_options", "test_specs",
         *(name for name in MODULES if name.endswith("_stock"))]


def flatten(tests):
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", action="store_true", help="what stock QEMU passes, too")
    parser.add_argument("-k", metavar="TEXT", default="", help="only tests with this in their name")
    options = parser.parse_args()
    names = [f"cmdline.{module}" for module in (STOCK if options.stock else OURS)]
    tests = flatten(unittest.defaultTestLoader.loadTestsFromNames(names))
    suite = unittest.TestSuite(test for test in tests if options.k in test.id())
    return 0 if tap.run(suite) else 1


if __name__ == "__main__":
    sys.exit(main())
