# SPDX-License-Identifier: GPL-2.0-or-later
"""Says what is going on while a step takes its time: on a terminal one line that is redrawn with
the seconds so far, elsewhere plain lines, and those only for steps that take over two seconds."""

import sys
import threading
import time

SPINNER = "|/-\\"
QUIET_SECONDS = 2.0      # a step shorter than this says nothing where there is no terminal
PLAIN_INTERVAL = 15.0    # seconds between two plain lines of one step


class Step:
    """`with Step("Booting"):` shows the text with its time while the block runs."""

    def __init__(self, text, stream=None):
        self.text = text
        self.stream = stream or sys.stderr
        self.tty = self.stream.isatty()
        self.done = threading.Event()
        self.said = False

    def __enter__(self):
        self.start = time.monotonic()
        self.thread = threading.Thread(target=self._show, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.done.set()
        self.thread.join()
        seconds = time.monotonic() - self.start
        if self.tty:
            self._write("\r\033[K")
        if kind is not None:
            self._write(f"{self.text}: failed after {seconds:.1f} s\n")
        elif self.said or seconds >= QUIET_SECONDS:
            self._write(f"{self.text}: {seconds:.1f} s\n")

    def _write(self, text):
        self.stream.write(text)
        self.stream.flush()

    def _show(self):
        if self.tty:
            turn = 0
            while not self.done.wait(0.2):
                seconds = time.monotonic() - self.start
                self._write(f"\r\033[K{SPINNER[turn % 4]} {self.text} … {seconds:.0f} s")
                turn += 1
            return
        wait = QUIET_SECONDS
        while not self.done.wait(wait):
            seconds = time.monotonic() - self.start
            self._write(f"{self.text} … {seconds:.0f} s\n")
            self.said = True
            wait = PLAIN_INTERVAL
