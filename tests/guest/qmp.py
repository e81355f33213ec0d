# SPDX-License-Identifier: GPL-2.0-or-later
"""A small QMP client on any channel with read(timeout) and write(data) (host.py's, or SocketChannel
here). Commands are answered in order; events that arrive meanwhile are kept with the time of their
arrival until somebody waits for them."""

import json
import socket
import time


class QMPError(Exception):
    """The monitor answered with an error; `kind` is its class, `desc` its text."""

    def __init__(self, command, error):
        self.kind = error.get("class", "")
        self.desc = error.get("desc", "")
        super().__init__(f"{command}: {self.desc}")


class SocketChannel:
    """A unix socket on this machine."""

    def __init__(self, path, timeout=10.0):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))

    def read(self, timeout):
        """Some bytes; b"" at the end of data. Raises TimeoutError when none came."""
        self.sock.settimeout(max(timeout, 0.001))
        return self.sock.recv(65536)

    def write(self, data):
        self.sock.settimeout(10.0)
        self.sock.sendall(data)

    def close(self):
        self.sock.close()


class QMP:
    def __init__(self, channel, timeout=30.0):
        self.channel = channel
        self.buffer = b""
        self.events = []      # (time of arrival, event), oldest first
        self.greeting = self._receive(time.monotonic() + timeout)
        if "QMP" not in self.greeting:
            raise QMPError("greeting", {"desc": f"not a QMP monitor: {self.greeting}"})
        self.cmd("qmp_capabilities", timeout=timeout)

    def _receive(self, deadline):
        while b"\n" not in self.buffer:
            data = self.channel.read(deadline - time.monotonic())
            if not data:
                raise EOFError("the QMP connection has ended")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line) if line.strip() else {}

    def cmd(self, command, timeout=30.0, **arguments):
        """Runs a command; '_' in the name of an argument stands for '-'."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.channel.write(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._receive(deadline)
            if "event" in answer:
                self.events.append((time.monotonic(), answer))
            elif "error" in answer:
                raise QMPError(command, answer["error"])
            elif "return" in answer:
                return answer["return"]

    def wait_event(self, name, timeout=30.0):
        """(time of arrival, event) of the oldest event of that name not yet waited for."""
        deadline = time.monotonic() + timeout
        while True:
            for i, (when, event) in enumerate(self.events):
                if event["event"] == name:
                    del self.events[i]
                    return when, event
            try:
                answer = self._receive(deadline)
            except TimeoutError:
                raise TimeoutError(f"no {name} event within {timeout} s") from None
            if "event" in answer:
                self.events.append((time.monotonic(), answer))

    def events_for(self, seconds):
        """Yields each event that arrives within so many seconds; ends early with the monitor."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self._receive(deadline)
            except (TimeoutError, EOFError):
                return
            if "event" in answer:
                yield answer

    def get(self, path, name):
        return self.cmd("qom-get", path=path, property=name)

    def set(self, path, name, value):
        self.cmd("qom-set", path=path, property=name, value=value)

    def close(self):
        self.channel.close()
