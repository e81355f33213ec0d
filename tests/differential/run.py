#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares this emulator (QTEST_QEMU_BINARY) with stock QEMU 7.2 (QTEST_STOCK_BINARY), cell by cell, and
prints TAP. A difference fails unless allowed.py has it with a reason; so does an entry of allowed.py
that no longer occurs. docs/devel/differential.rst says how to add a row."""

import argparse
import concurrent.futures
import functools
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from differential import (allowed, coverage, documented, lists, options,  # noqa: E402
                          outcome, properties, schema, scripts, versions)


def run_cell(cell):
    """[(name, differences, both outcomes)] of one command line."""
    topic = cell.topic
    both = [outcome.run(which, cell.line, cell.views, topic.files, topic.accel, topic.qmp)
            for which in (outcome.OURS, outcome.THEIRS)]
    return [(cell.name, outcome.compare(*both, cell.line, topic.base, cell.views), both)]


def run_group(name, generate):
    """The same of a group of cells that share running machines; one that breaks off is a cell."""
    done = []
    try:
        for cell, differences in generate():
            done.append((cell, differences, None))
    except Exception as error:      # whatever it was, the other groups go on
        done.append((name, [("breaks off", f"{type(error).__name__}: {error}")], None))
    return done


class Report:
    """TAP, a line a cell; what differs is told in comments."""

    def __init__(self, verbose):
        self.number = self.failed = 0
        self.verbose = verbose
        self.used = set()

    def comment(self, text):
        for line in str(text).splitlines():
            print(f"#   {line}")

    def add(self, name, differences, both=None):
        name = re.sub(r"[#\n]", "?", name)
        self.number += 1
        if isinstance(differences, str):
            print(f"ok {self.number} - {name} # SKIP {differences}", flush=True)
            return
        bad = []
        for aspect, text in differences:
            entry = allowed.find(name, aspect)
            if entry:
                self.used.add(entry)
                if self.verbose:
                    self.comment(f"allowed ({entry.reason}): {text}")
            else:
                bad.append((aspect, text))
        self.failed += bool(bad)
        print(f"{'not ok' if bad else 'ok'} {self.number} - {name}", flush=True)
        for aspect, text in bad:
            self.comment(f"{aspect}: {text}")
        if self.verbose and both:
            self.comment(f"ours  {both[0].describe()}")
            self.comment(f"stock {both[1].describe()}")

    def add_stale(self):
        for entry in allowed.ENTRIES:
            self.add(f"allowed/{entry}", [] if entry in self.used else
                     [("stale", "this difference does not occur any more: remove the entry")])


def all_jobs(text):
    """Functions without arguments, each of which returns results; the longest first."""
    def wanted(name):
        return text in name or text.startswith(name)

    groups = [(f"version/{v}/", functools.partial(versions.results, wanted, v))
              for v in versions.VERSIONS]
    groups += [("qmp/", functools.partial(scripts.results, wanted)),
               ("list/", functools.partial(lists.results, wanted)),
               ("schema/", functools.partial(schema.results, wanted)),
               ("coverage/", functools.partial(coverage.results, wanted)),
               ("documented/", functools.partial(documented.results, wanted))]
    jobs = [functools.partial(run_group, *group) for group in groups]
    for topic in options.TOPICS + properties.TOPICS:
        jobs += [functools.partial(run_cell, cell) for cell in topic.cells() if wanted(cell.name)]
    return jobs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", metavar="TEXT", default="", help="only cells with this in their name")
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time (2)")
    parser.add_argument("--verbose", action="store_true",
                        help="print both outcomes of each cell, and what is allowed")
    arguments = parser.parse_args()
    report = Report(arguments.verbose)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for results in pool.map(lambda job: job(), all_jobs(arguments.k)):
            for result in results:
                if arguments.k in result[0]:
                    report.add(*result)
    if not arguments.k:
        report.add_stale()
    print(f"1..{report.number}")
    return 1 if report.failed or not report.number else 0


if __name__ == "__main__":
    sys.exit(main())
