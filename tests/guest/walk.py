# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk of a guest's memory 0 -> 512M -> 1G -> 256M -> 0 and the rules that say whether the guest
followed. Used by scripts/run-guest, which prints it, and by test_resize.py, which asserts it."""

import time

from . import guest as guests

MB = 1 << 20
STEPS = [512 * MB, 1024 * MB, 256 * MB, 0]
FOLLOW_SECONDS = 20.0
FILL_FRACTION = 0.93        # of what is plugged; the rule asks for 0.90
NEEDED_FRACTION = 0.90
HELD_SLACK = 16 * MB        # how far from the start the host may end
HEADINGS = ["requested", "plugged", "MemTotal", "written+read", "host holds", "seconds", ""]


class Row:
    """What one step has shown. `why` says what is wrong, empty when the guest has followed."""

    def __init__(self, requested):
        self.requested = requested
        self.plugged = self.mem_total = self.verified = self.held = 0
        self.seconds = 0.0
        self.why = ""

    def cells(self):
        return [f"{self.requested / MB:.0f} MiB", f"{self.plugged / MB:.0f} MiB",
                f"{self.mem_total / MB:.1f} MiB", f"{self.verified / MB:.1f} MiB",
                f"{self.held / MB:.1f} MiB", f"{self.seconds:.1f}",
                f"FAILED: {self.why}" if self.why else "ok"]


def plugged_size(emulator):
    """What query-memory-devices says that vm0 has plugged."""
    for device in emulator.qmp.cmd("query-memory-devices"):
        if device["type"] == "virtio-mem" and device["data"].get("id") == "vm0":
            return device["data"]["size"]
    raise guests.GuestError("query-memory-devices does not list vm0")


class Walk:
    def __init__(self, emulator, guest):
        self.emulator, self.guest = emulator, guest
        self.rows = []

    def _held(self):
        return self.emulator.held_bytes(guests.BACKEND_SIZE)

    def start(self):
        """The row of the start, before anything is requested."""
        row = Row(0)
        row.plugged, row.mem_total = plugged_size(self.emulator), self.guest.mem_total()
        row.held = self._held()
        if row.plugged:
            row.why = f"{row.plugged} bytes are plugged at the start"
        self.first = row
        self.rows.append(row)
        return row

    def step(self, requested):
        """Requests a size, waits until the guest has it, and has it written where it grew."""
        row = Row(requested)
        self.rows.append(row)
        start = time.monotonic()
        self.emulator.qmp.set(guests.DEVICE_PATH, "requested-size", requested)
        expected_total = self.first.mem_total + requested
        while True:
            row.plugged = plugged_size(self.emulator)
            if row.plugged == requested:
                row.mem_total = self.guest.mem_total()
            row.seconds = time.monotonic() - start
            if row.plugged == requested and row.mem_total == expected_total:
                break
            if row.seconds > FOLLOW_SECONDS:
                row.mem_total = self.guest.mem_total()
                break
            time.sleep(0.05)
        row.held = self._held()
        self._judge_size(row, expected_total)
        if requested and not row.why:
            self._fill(row)
        if not requested and not row.why and row.held > self.first.held + HELD_SLACK:
            row.why = (f"the host still holds {row.held - self.first.held} bytes more than at the "
                       f"start (at most {HELD_SLACK} allowed)")
        return row

    def _judge_size(self, row, expected_total):
        if row.plugged != row.requested:
            row.why = f"plugged {row.plugged} of {row.requested} bytes after {row.seconds:.1f} s"
        elif row.mem_total != expected_total:
            row.why = (f"MemTotal moved by {row.mem_total - self.first.mem_total} bytes, not by "
                       f"{row.requested}, after {row.seconds:.1f} s")
        elif row.seconds > FOLLOW_SECONDS:
            row.why = f"took {row.seconds:.1f} s, more than {FOLLOW_SECONDS:.0f} s"

    def _fill(self, row):
        wanted = int(row.requested * FILL_FRACTION) & ~4095
        needed = int(row.requested * NEEDED_FRACTION)
        name = f"step{len(self.rows)}"
        row.verified = self.guest.hold(name, wanted, len(self.rows))
        row.held = self._held()
        # Read again, later, after the host has been looked at: the guest still has what it wrote.
        row.verified = min(row.verified, self.guest.verify(name))
        self.guest.release(name)
        if row.verified < wanted:
            row.why = f"{wanted - row.verified} of {wanted} bytes were not read back as written"
        elif row.held - self.first.held < needed:
            row.why = (f"the host holds only {row.held - self.first.held} bytes more than at the "
                       f"start, though the guest wrote {row.verified} (at least {needed} expected)")
