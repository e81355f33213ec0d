# SPDX-License-Identifier: GPL-2.0-or-later
"""The other end of a human monitor: a person at a terminal."""

import os
import select
import socket
import time

from cmdline.emulator import TIMEOUT

PROMPT = b"(qemu) "


class Terminal:
    """On the socket at `path`, or on an open descriptor (of a pty)."""

    def __init__(self, path=None, fd=None):
        self.sock = None
        self.fd = fd
        deadline = time.monotonic() + TIMEOUT
        while path:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.sock.connect(path)
                self.fd = self.sock.fileno()
                break
            except (FileNotFoundError, ConnectionRefusedError):
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)

    def read(self, end=PROMPT, timeout=TIMEOUT):
        """What comes, up to `end`; None waits for the end of the connection."""
        data = bytearray()
        deadline = time.monotonic() + timeout
        while end is None or not data.endswith(end):
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError(f"{end} did not come, but {data[-1000:]}")
            more = os.read(self.fd, 1 << 20)
            if not more:
                if end is None:
                    return bytes(data)
                raise AssertionError(f"the monitor has gone after {data[-1000:]}")
            data += more
        return bytes(data)

    def write(self, keys):
        while keys:
            keys = keys[os.write(self.fd, keys[:4096]):]

    def type(self, keys):
        """Types keys, ends the line and does one thing more, so that all was carried out. What came."""
        self.write(keys + b"\rqom-get / type\r")
        return self.read(b'"container"\r\n' + PROMPT)

    def ask(self, line):
        """A line's output, without the echo."""
        self.write(line.encode() + b"\r")
        return self.read().split(b"\r\n", 1)[1].removesuffix(PROMPT).decode()

    def close(self):
        if self.sock:
            self.sock.close()
        else:
            os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()
