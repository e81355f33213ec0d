# SPDX-License-Identifier: GPL-2.0-or-later
"""Two running machines, ours and stock's, started with the same options, which are asked the same."""

import json

from cmdline.emulator import BINARY, Emulator, STOCK
from differential import outcome


class Pair:
    """`line` is a list of options. Each has a monitor, and with qtest=True serves the qtest protocol
    (stock falls back to TCG, which serves registers and memory all the same)."""

    def __init__(self, line, qtest=False):
        accels = {outcome.OURS: ["-accel", "qtest"],
                  outcome.THEIRS: (["-accel", "qtest"] if qtest else []) + ["-accel", "tcg"]}
        self.running = []
        try:
            for which, binary in ((outcome.OURS, BINARY), (outcome.THEIRS, STOCK)):
                self.running.append(Emulator(*line, binary=binary, qtest=qtest,
                                             base=[*accels[which], "-nodefaults", "-display",
                                                   "none", "-S"]))
            self.monitors = [emulator.monitor() for emulator in self.running]
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for emulator in self.running:
            emulator.__exit__()

    def ask(self, command, **arguments):
        """Both replies, ours first."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        return self.send(request)

    def send(self, request):
        for monitor in self.monitors:
            monitor.send(request)
        return [monitor.recv() for monitor in self.monitors]

    def send_raw(self, data):
        """All replies to `data`, which may be none or several."""
        both = []
        for monitor in self.monitors:
            monitor.send_raw(data + b'\n{"execute":"query-name","id":"end of raw"}\n')
            replies = [monitor.recv()]
            while replies[-1].get("id") != "end of raw":
                replies.append(monitor.recv())
            both.append(replies[:-1])
        return both

    def events(self):
        """What events came since last asked: [ours, stock's] as (name, data)."""
        both = []
        for monitor in self.monitors:
            monitor.cmd("query-name")
            both.append([(event["event"], event.get("data")) for event in monitor.events])
            monitor.events.clear()
        return both

    def qtest(self, line):
        return [emulator.qtest(line) for emulator in self.running]


def compare_replies(ours, stock, words=()):
    """Differences of two QMP replies: 'outcome', 'class', 'message', 'answer'. Messages are compared
    by meaning: `words` are those of the request."""
    if ours == stock:
        return []
    told = f"ours  {json.dumps(ours)}\nstock {json.dumps(stock)}"
    if not isinstance(ours, dict) or not isinstance(stock, dict):
        return [("answer", told)]
    if ("error" in ours) != ("error" in stock):
        return [("outcome", told)]
    if "error" not in ours:
        return [("answer", told)]
    if ours["error"]["class"] != stock["error"]["class"]:
        return [("class", told)]
    difference = outcome.same_meaning(ours["error"]["desc"], stock["error"]["desc"], list(words),
                                      [])
    return [("message", f"{difference}\n{told}")] if difference else []
