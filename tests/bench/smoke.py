#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""That the bench still works: `bench --quick` gives every figure of every item. Whether a figure is good
is none of a test's business. With the argument "guest", what needs a guest; else all the rest. The
emulator is QEMU_SYSTEM of the environment, the bench's programs are in BENCH_PROGRAMS."""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
from guest import kernel, tap  # noqa: E402 (needs the path above)

BENCH = HERE / "bench"
EMULATOR = os.environ.get("QEMU_SYSTEM", str(ROOT / "build" / "qemu-system-x86_64"))
PROGRAMS = os.environ.get("BENCH_PROGRAMS", str(ROOT / "build" / "tests" / "bench"))
STOCK = "/usr/bin/qemu-system-x86_64"
# item: how many figures it has, and how many of them have a target
FIGURES = {"start": (2, 1), "resident": (2, 1), "virtio-mem": (2, 1), "requests": (2, 2),
           "linux": (4, 3), "huge": (3, 3), "discard": (16, 12),
           "holds": (12, 10)}
ALONE = {"holds"}                               # not compared with stock
# "exits" is left out: a guest of two CPUs in a nested host of one takes a minute to boot on stock
GUEST_FIGURES = {"boot": (1, 1), "grow": (1, 1)}
MAY_BE_NEGATIVE = {"virtio-mem", "huge"}        # differences of two processes' sizes


def bench(*arguments):
    return subprocess.run([sys.executable, str(BENCH), "--programs", PROGRAMS, *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


class Smoke(unittest.TestCase):
    def check_row(self, row, output):
        self.assertNotIn("error", row)
        self.assertIn(row["text"], output, "the table has the row")
        sides = ["emulator"] if row["item"] in ALONE else ["emulator", "stock"]
        self.assertEqual(list(row["medians"]), sides, row["text"])
        for side in sides:
            value = row["medians"][side]
            self.assertTrue(math.isfinite(value), f"{row['text']}: {value}")
            self.assertEqual(len(row["values"][side]), 1, row["text"])
            if row["item"] not in MAY_BE_NEGATIVE:
                self.assertGreater(value, 0, row["text"])
        self.assertEqual(bool(row["verdict"]), bool(row["goal"]), row["text"])

    def check_figures(self, figures, *arguments):
        if not os.access(STOCK, os.X_OK):
            self.skipTest(f"no {STOCK} to compare with")
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            run = bench("--quick", "--emulator", EMULATOR, "--json", file.name, *arguments)
            self.assertEqual(run.returncode, 0, f"{run.stdout}\n{run.stderr}")
            rows = json.loads(pathlib.Path(file.name).read_text())["rows"]
        counts = {}
        for row in rows:
            self.check_row(row, run.stdout)
            figures_of, targets_of = counts.get(row["item"], (0, 0))
            counts[row["item"]] = (figures_of + 1, targets_of + bool(row["goal"]))
        self.assertEqual(counts, figures)


class Requests(Smoke):
    def test_every_figure(self):
        self.check_figures(FIGURES)

    def test_help_names_every_item(self):
        run = bench("--help")
        self.assertEqual(run.returncode, 0)
        for item in [*FIGURES, *GUEST_FIGURES, "exits"]:
            self.assertIn(f"\n  {item} ", run.stdout)

    def test_wrong_command_line(self):
        for arguments in (["--only", "nonsense"], ["--runs", "1"]):
            self.assertEqual(bench(*arguments).returncode, 2, arguments)

    def test_what_cannot_be_measured(self):
        run = bench("--quick", "--emulator", "/bin/true", "--only", "start")
        self.assertEqual(run.returncode, 1)
        self.assertIn("not measured", run.stdout)
        self.assertIn("ended with 0 before", run.stderr)


class Guest(Smoke):
    def test_every_figure(self):
        cache = pathlib.Path(os.environ.get("GUEST_CACHE", ROOT / "build" / "guest"))
        cache.mkdir(parents=True, exist_ok=True)
        try:
            kernel.current(cache)
        except kernel.Unavailable as error:
            self.skipTest(f"no kernel to boot: {error}")
        self.check_figures(GUEST_FIGURES, *(f"--only={item}" for item in GUEST_FIGURES))


def main():
    case = Guest if sys.argv[1:] == ["guest"] else Requests
    return 0 if tap.run(unittest.defaultTestLoader.loadTestsFromTestCase(case)) else 1


if __name__ == "__main__":
    sys.exit(main())
