# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs unittest tests and prints them in the Test Anything Protocol, which meson counts one by one."""

import sys
import time
import unittest


class TapResult(unittest.TestResult):
    """Each test is a line; a failure's text follows as comments."""

    def __init__(self, stream=sys.stdout):
        super().__init__()
        self.stream = stream
        self.number = 0
        self.began = 0.0

    def _say(self, text):
        print(text, file=self.stream, flush=True)

    def _line(self, verdict, test, note=""):
        self.number += 1
        name = test.id().replace("#", "")
        self._say(f"{verdict} {self.number} - {name}{note}")
        self._say(f"# {time.monotonic() - self.began:.1f} s")

    def _details(self, error, test):
        for line in self._exc_info_to_string(error, test).splitlines():
            self._say(f"# {line}")

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.failed_parts = False

    def addSuccess(self, test):
        if not self.failed_parts:
            self._line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, f" # SKIP {' '.join(reason.split())}")

    def addError(self, test, error):
        super().addError(test, error)
        self._details(error, test)
        self._line("not ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._details(error, test)
        self._line("not ok", test)

    def addSubTest(self, test, part, error):
        super().addSubTest(test, part, error)
        if error is not None:
            self.failed_parts = True
            self._details(error, test)
            self._line("not ok", part)


def run(suite):
    """True when every test passed or was skipped, and there was one."""
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}", flush=True)
    return result.wasSuccessful() and result.number > 0
