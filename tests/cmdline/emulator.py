# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the emulator for a test and looks at what came of it: run() for one that ends by itself,
Emulator for one that is talked to by QMP. Each has a directory of its own as working directory, so
that what is left behind can be seen. The binary is QTEST_QEMU_BINARY of the environment."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ.get("QTEST_QEMU_BINARY", "qemu-system-x86_64")
STOCK = os.environ.get("QTEST_STOCK_BINARY", "")
TIMEOUT = 10.0

# No processors run: all that is asked here is asked of the main thread.
BASE = ["-accel", "qtest", "-display", "none", "-nodefaults"]
Q35 = BASE + ["-machine", "q35"]


class Ended:
    """What a process left: status (negative: a signal's number), stdout, stderr, files."""

    def __init__(self, status, out, err, files):
        self.status = status
        self.out = out
        self.err = err
        self.files = files

    def __str__(self):
        return (f"status {self.status}\nstdout: {self.out[:2000]}\nstderr: {self.err[:2000]}\n"
                f"files: {self.files}")


def run(*args, files=None, binary=None, timeout=TIMEOUT, stdin=b"", env=None):
    """Runs to the end. `files` (name: contents) are there at start and not in Ended.files."""
    with tempfile.TemporaryDirectory(prefix="cmdline-") as folder:
        for name, contents in (files or {}).items():
            with open(os.path.join(folder, name), "wb") as file:
                if isinstance(contents, int):
                    file.truncate(contents)
                else:
                    file.write(contents)
        done = subprocess.run([binary or BINARY, *args], cwd=folder, timeout=timeout, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=env and {**os.environ, **env})
        left = sorted(set(os.listdir(folder)) - set(files or {}))
        return Ended(done.returncode, done.stdout.decode(errors="replace"),
                     done.stderr.decode(errors="replace"), left)


class Monitor:
    """A QMP client that hides nothing: lines out and in. Events are set aside by recv()."""

    def __init__(self, path, negotiate=True, timeout=TIMEOUT, alive=lambda: True):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.sock.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline or not alive():
                    self.sock.close()
                    raise
                time.sleep(0.005)
        self.buffer = b""
        self.events = []
        self.greeting = self.recv_any()
        if negotiate:
            self.send({"execute": "qmp_capabilities"})
            self.recv()

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, *messages):
        self.send_raw(b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    def recv_any(self):
        """The next message, reply or event; None at the end of data."""
        while b"\n" not in self.buffer:
            data = self.sock.recv(1 << 16)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def recv(self):
        """The next reply."""
        while True:
            message = self.recv_any()
            if message is None or "event" not in message:
                return message
            self.events.append(message)

    def ask(self, command, **arguments):
        """The whole reply; '_' in the name of an argument stands for '-'."""
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.send(request)
        return self.recv()

    def cmd(self, command, **arguments):
        """What it returns."""
        reply = self.ask(command, **arguments)
        if not reply or "return" not in reply:
            raise AssertionError(f"{command} {arguments}: {reply}")
        return reply["return"]

    def event(self, name, timeout=TIMEOUT):
        """The oldest event of that name that was not taken yet."""
        self.sock.settimeout(timeout)
        try:
            while True:
                for i, event in enumerate(self.events):
                    if event["event"] == name:
                        return self.events.pop(i)
                message = self.recv_any()
                if message is None:
                    raise EOFError(f"the monitor ended before a {name} event")
                if "event" in message:
                    self.events.append(message)
        except TimeoutError:
            raise AssertionError(f"no {name} event in {timeout} s, but {self.events}") from None
        finally:
            self.sock.settimeout(TIMEOUT)

    def nothing_more(self):
        """Nothing is waiting: a command's reply is the next that comes, and no event was."""
        self.cmd("query-name")
        return not self.events

    def close(self):
        self.sock.close()


class Emulator:
    """A running one, with QMP monitors at qmp0, qmp1, ... of its directory and qtest at `qtest`."""

    def __init__(self, *args, binary=None, monitors=1, qtest=False, base=None, files=None,
                 folders=(), wrapper=()):
        self.folder = tempfile.mkdtemp(prefix="cmdline-")
        for name, contents in (files or {}).items():
            with open(self.path(name), "wb") as file:
                file.write(contents)
        for name in folders:
            os.mkdir(self.path(name))
        self.log = open(self.path("stderr"), "wb+")
        command = [*wrapper, binary or BINARY, *(Q35 if base is None else base)]
        for i in range(monitors):
            command += ["-qmp", f"unix:{self.path(f'qmp{i}')},server=on,wait=off"]
        if qtest:
            command += ["-qtest", f"unix:{self.path('qtest')},server=on,wait=off"]
        self.process = subprocess.Popen(command + list(args), cwd=self.folder, stderr=self.log,
                                        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.open_monitors = []
        self.qtest_socket = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def monitor(self, number=0, negotiate=True):
        try:
            monitor = Monitor(self.path(f"qmp{number}"), negotiate, alive=self.may_be_alive)
        except OSError as error:
            raise AssertionError(f"no monitor: {error}; stderr: {self.stderr()}") from None
        self.open_monitors.append(monitor)
        return monitor

    def may_be_alive(self):
        """Running, or the parent of a daemon that is."""
        return self.process.poll() in (None, 0)

    def qtest(self, line):
        """One command of the qtest protocol; what it answers."""
        if not self.qtest_socket:
            self.qtest_socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.qtest_socket.settimeout(TIMEOUT)
            self.qtest_socket.connect(self.path("qtest"))
        self.qtest_socket.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.qtest_socket.recv(4096)
        return answer.decode().strip()

    def stderr(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def wait(self, timeout=TIMEOUT):
        return self.process.wait(timeout)

    def kill_daemon(self):
        """One whose pid file is in the directory did not end by itself."""
        try:
            with open(self.path("pid"), encoding="ascii") as file:
                pid = int(file.read())
            if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(BINARY):
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            pass        # there is none: the usual case

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for monitor in self.open_monitors:
            monitor.close()
        if self.qtest_socket:
            self.qtest_socket.close()
        self.kill_daemon()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class TestCase(unittest.TestCase):
    maxDiff = 4000

    def emulator(self, *args, **how):
        """One that ends with the test."""
        return self.enterContext(Emulator(*args, **how))

    def assertHelp(self, ended, *parts):
        """It succeeded, said all of `parts` on stdout and nothing on stderr."""
        self.assertEqual((ended.status, ended.err), (0, ""), ended)
        for part in parts:
            self.assertIn(part, ended.out)

    def assertRefused(self, ended, *parts):
        """Exit status 1, every part on stderr, nothing on stdout, nothing left behind; and the
        first line of stderr is the program's own."""
        self.assertEqual(ended.status, 1, ended)
        for part in parts:
            self.assertIn(part, ended.err)
        self.assertEqual(ended.out, "", ended)
        self.assertEqual(ended.files, [], ended)
        self.assertRegex(ended.err, r"\Aqemu-system-x86_64:")
