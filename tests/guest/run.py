#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the guest tests in one host and prints TAP. The emulator is QEMU_SYSTEM of the environment, the
cache GUEST_CACHE; GUEST_NESTED=1 asks for the nested host where there is a /dev/kvm, too."""

import argparse
import pathlib
import signal
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from guest import tap  # noqa: E402

MODULES = ["test_refusals", "test_boot", "test_resize", "test_legacy", "test_hotplug", "test_numa",
           "test_devices", "test_kvm", "test_examples", "test_patterns",
           "test_supply"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only tests with this in their name")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that all is cleaned up
    options = parser.parse_args()
    names = [f"guest.{module}" for module in MODULES]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)

    def flatten(tests):
        for test in tests:
            if isinstance(test, unittest.TestSuite):
                yield from flatten(test)
            elif options.k in test.id():
                yield test

    return 0 if tap.run(unittest.TestSuite(flatten(suite))) else 1


if __name__ == "__main__":
    sys.exit(main())
