# SPDX-License-Identifier: GPL-2.0-or-later
"""The short forms of a character device, "unix:...", "tcp:...", "fd:...", "file:...", the same after -serial,
-monitor, -qmp and -qtest: -chardev's options, in any order, the first key left out or not. What
`info chardev` says of the device, and which files are there, is what was understood. What stock QEMU takes
as well is tried on it, where QTEST_STOCK_BINARY is set."""

import contextlib
import os
import re
import socket
import subprocess
import tempfile

from cmdline.emulator import BINARY, STOCK, TestCase

START = ["-display", "none", "-nodefaults", "-S", "-machine", "q35,accel=" +
         ("tcg" if STOCK else "qtest")]
OPTIONS = {"-serial": "serial0", "-monitor": "compat_monitor0", "-qmp": "compat_monitor0",
           "-qtest": "qtest"}

# What is taken, and what "info chardev" says (a regular expression).
BOTH = [
    ("unix:p,server=on,wait=off", "disconnected:unix:p,server=on"),
    ("unix:path=p,server=on,wait=off", "disconnected:unix:p,server=on"),
    ("unix:server=on,wait=off,path=p", "disconnected:unix:p,server=on"),
    ("unix:wait=off,path=p,server=on", "disconnected:unix:p,server=on"),
    ("unix:p,server,nowait", "disconnected:unix:p,server=on"),
    ("unix:p,,q,server=on,wait=off", "disconnected:unix:p,q,server=on"),
    ("unix:path=p,,q=1,server=on,wait=off", "disconnected:unix:p,q=1,server=on"),
    ("unix:p,path=q,server=on,wait=off", "disconnected:unix:q,server=on"),
    ("unix:fd=FD,server=on,wait=off", r"disconnected:\w+:.*,server=on"),
    ("unix:server=on,wait=off,fd=FD", r"disconnected:\w+:.*,server=on"),
    ("tcp:127.0.0.1:0,server=on,wait=off", r"disconnected:tcp:127.0.0.1:\d+,server=on"),
    ("tcp::0,server,nowait", r"disconnected:tcp:[0-9.]*:\d+,server=on"),
    ("file:f", "file"), ("null", "null"), ("pty", r"pty:/dev/pts/\d+"),
]
# QEMU takes one form of these, and makes a file of the name "f,append=on" for the last.
OURS = [
    ("tcp:host=127.0.0.1,port=0,server=on,wait=off", "disconnected:tcp:127.0.0.1:0,server=on"),
    ("tcp:server=on,port=0,wait=off,host=127.0.0.1", "disconnected:tcp:127.0.0.1:0,server=on"),
    ("fd:FD,server=on,wait=off", r"disconnected:fd:\d+,server=on"),
    ("fd:server=on,wait=off,fd=FD", r"disconnected:fd:\d+,server=on"),
    ("file:path=f", "file"), ("file:f,append=on", "file"), ("file:append=off,path=f", "file"),
]
REFUSED = [
    ("unix:p,server=on,foo=1", "Invalid parameter 'foo'"),
    ("unix:p,server=maybe", "Parameter 'server' expects 'on' or 'off'"),
    ("unix:server=on,wait=off,p", "Invalid parameter 'p'"),
    ("unix:=p", "Invalid parameter ''"),
    ("unix:p", "Failed to connect to 'p': No such file or directory"),
    ("unix:fd=x", "Unable to parse FD number x"),
    ("null:", "'null:' is not a valid char driver"), ("unix", "'unix' is not a valid char driver"),
]
REFUSED_HERE = [
    ("unix:fd=-1", "Unable to parse FD number -1"),
    ("unix:", "one of 'path', 'fd' or 'host' is required"),
    ("unix:p,fd=3", "one of 'path', 'fd' or 'host' is required"),
    ("unix:p,server=on,wait=off,id=x", "this device is '"),
    ("unix:p,server=on,wait=off,backend=null", "Invalid parameter 'backend'"),
    ("file:a,b", "A comma in a path is written twice"), ("tcp:127.0.0.1", "no port given"),
    ("tcp:host=127.0.0.1,server=on", "no port given"), ("pty,foo=1", "Invalid parameter 'foo'"),
    ("file:", "no filename given"),
]
FILES = {"unix:p,,q,server=on,wait=off": ["p,q"], "file:f": ["f"], "file:path=f": ["f"],
         "file:f,append=on": ["f"], "file:append=off,path=f": ["f"],
         "unix:server=on,wait=off,path=p": ["p"]}


class Specs(TestCase):
    def run_one(self, option, spec):
        """Its end, and the names of the files that were there while it ran."""
        with socket.socket() as listener, tempfile.TemporaryDirectory() as folder:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1)
            spec = spec.replace("FD", str(listener.fileno()))
            process = subprocess.Popen(
                [STOCK or BINARY, *START, option, spec, "-chardev", "stdio,id=look,signal=off",
                 "-mon", "chardev=look"], cwd=folder, pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                out = b""
                with contextlib.suppress(BrokenPipeError):      # it has ended
                    process.stdin.write(b"info chardev\n")
                    process.stdin.flush()
                while not re.search(rb"look: filename=\S+\r\n(.*\r\n)*\(qemu\) $", out):
                    more = os.read(process.stdout.fileno(), 1 << 16)
                    if not more:
                        break
                    out += more
                files = os.listdir(folder)
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(b"quit\n")
                    process.stdin.close()
                err = process.stderr.read()
                process.wait(10)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                process.stderr.close()
            return process.returncode, out.decode(errors="replace"), err.decode(), files

    def test_taken(self):
        for spec, name in BOTH + ([] if STOCK else OURS):
            for option, label in OPTIONS.items():
                with self.subTest(option=option, spec=spec):
                    status, out, err, files = self.run_one(option, spec)
                    self.assertEqual(status, 0, err)
                    self.assertNotIn("warning", err)
                    self.assertRegex(out, rf"(?m)^{label}: filename={name}\r?$")
                    if spec in FILES:
                        self.assertEqual(files, FILES[spec])

    def test_refused(self):
        for spec, why in REFUSED + ([] if STOCK else REFUSED_HERE):
            for option in OPTIONS:
                if STOCK and option == "-qtest":
                    continue    # it aborts
                with self.subTest(option=option, spec=spec):
                    status, _, err, files = self.run_one(option, spec)
                    self.assertEqual((status, files), (1, []), err)
                    self.assertIn(why, err)

    def test_shared_with_a_monitor(self):
        for spec in ("unix:path=p,server=on,wait=off", "unix:wait=off,server=on,path=p"):
            status, out, err, files = self.run_one("-serial", f"mon:{spec}")
            self.assertEqual((status, files), (0, ["p"]), err)
            self.assertRegex(out, r"(?m)^serial0-base: filename=disconnected:unix:p,server=on\r?$")

    def test_client_by_descriptor(self):
        """unix:fd=N, of a connected socket, is the connection."""
        ours, theirs = socket.socketpair()
        with ours:
            process = subprocess.Popen([STOCK or BINARY, *START, "-qmp",
                                        f"unix:fd={theirs.fileno()}"],
                                       pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
            try:
                theirs.close()
                ours.settimeout(10)
                self.assertIn(b'{"QMP"', ours.recv(4096))
            finally:
                process.kill()
                process.wait()
