#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests of the KVM accelerator on a stand-in for the kernel's part of it and prints TAP. The emulator is
QTEST_QEMU_BINARY of the environment, the stand-in, with what must be preloaded before it, KVM_STAND_IN_PRELOAD."""

import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cmdline.run import flatten  # noqa: E402
from guest import tap  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only tests with this in their name")
    options = parser.parse_args()
    names = [f"kvm.{path.stem}" for path in sorted(HERE.glob("test_*.py"))]
    tests = flatten(unittest.defaultTestLoader.loadTestsFromNames(names))
    suite = unittest.TestSuite(test for test in tests if options.k in test.id())
    return 0 if tap.run(suite) else 1


if __name__ == "__main__":
    sys.exit(main())
