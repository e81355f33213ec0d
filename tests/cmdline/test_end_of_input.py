# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that writes and shuts its sending side ("echo ... | socat - UNIX-CONNECT:s", "nc -N -U s"): all
that came before the end of its input is carried out and answered, then the connection ends. On each
transport, for QMP, the human monitor and qtest. On stock QEMU, too, where QTEST_STOCK_BINARY is set."""

import json
import os
import re
import socket
import subprocess
import threading
import unittest

from cmdline.emulator import BINARY, STOCK, TestCase

START = ["-display", "none", "-nodefaults", "-S", "-machine", "q35,accel=" +
         ("tcg" if STOCK else "qtest")]
CLIENTS = 30
# What a client writes to each kind of server, and what it must find in the answer, in this order.
TALK = {
    "-qmp": (b'{"execute":"qmp_capabilities","id":1}\n{"execute":"query-status","id":2}\n'
             b'{"execute":"query-name","id":3}', (b'"id": 1', b'"id": 2', b'"id": 3')),
    "-monitor": (b"info status\nhelp info\ninfo name\n",
                 (b"VM status: paused", b"info status", b"info name", b"(qemu) ")),
    "-qtest": (b"outl 0xcf8 0x80000000\ninl 0xcf8\ninw 0xcfc\n",
               (b"OK\n", b"OK 0x80000000\n", b"OK 0x8086\n")),
}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def read_to_end(sock):
    data = b""
    while True:
        more = sock.recv(1 << 16)
        if not more:
            return data
        data += more


def write_and_half_close(sock, text):
    with sock:
        sock.settimeout(20)
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)


class EndOfInput(TestCase):
    def start(self, *args, **how):
        return self.emulator(*START, *args, binary=STOCK or BINARY, base=[], monitors=0, **how)

    def connect(self, emulator, family, address):
        for _ in range(1000):
            sock = socket.socket(family)
            try:
                sock.connect(address)
                return sock
            except OSError:
                sock.close()
                try:
                    emulator.process.wait(0.01)
                except subprocess.TimeoutExpired:
                    continue
                break
        self.fail(f"no connection: {emulator.stderr()}")

    def has_all(self, parts, answer):
        return re.search(b".*".join(re.escape(part) for part in parts), answer, re.S)

    def check(self, option, answer):
        parts = TALK[option][1]
        self.assertTrue(self.has_all(parts, answer), f"{option}: not {parts} in {answer[-500:]}")
        if option == "-qmp":
            self.assertEqual(answer.count(b'"return"'), 3, answer)
            for line in answer.splitlines():
                json.loads(line)

    def serve(self, spec, family, address):
        for option, (text, _) in TALK.items():
            with self.subTest(option):
                emulator = self.start(option, spec)
                for _ in range(CLIENTS):
                    sock = self.connect(emulator, family, address(emulator))
                    self.check(option, write_and_half_close(sock, text))
                emulator.__exit__()

    def test_unix(self):
        self.serve("unix:s,server=on,wait=off", socket.AF_UNIX, lambda e: e.path("s"))

    def test_tcp(self):
        port = free_port()
        self.serve(f"tcp:127.0.0.1:{port},server=on,wait=off", socket.AF_INET,
                   lambda e: ("127.0.0.1", port))

    def test_unix_at_once(self):
        """The clients come together, and wait for each other in the kernel's queue."""
        emulator = self.start("-qmp", "unix:s,server=on,wait=off")
        self.connect(emulator, socket.AF_UNIX, emulator.path("s")).close()
        answers = [b""] * CLIENTS

        def talk(i):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(emulator.path("s"))
                answers[i] = write_and_half_close(sock, TALK["-qmp"][0])

        threads = [threading.Thread(target=talk, args=(i,)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            self.check("-qmp", answer)

    def test_fd(self):
        """A connected socket that the parent process gives."""
        for option, (text, _) in TALK.items():
            if STOCK and option == "-qtest":
                continue    # -qtest chardev:c aborts there
            ours, theirs = socket.socketpair()
            with self.subTest(option), ours, theirs:
                fd = theirs.fileno()
                process = subprocess.Popen(
                    [STOCK or BINARY, *START, "-chardev", f"socket,id=c,fd={fd}",
                     *(["-mon", "chardev=c,mode=" + ("control" if option == "-qmp" else "readline")]
                       if option != "-qtest" else ["-qtest", "chardev:c"])],
                    pass_fds=[fd], stderr=subprocess.PIPE)
                try:
                    theirs.close()
                    self.check(option, write_and_half_close(ours, text))
                    self.assertIsNone(process.poll())
                finally:
                    process.kill()
                    process.communicate()

    def test_stdio_pipe(self):
        """Standard output stays open: the machine goes on, and its events are told."""
        for option, (text, parts) in TALK.items():
            with self.subTest(option):
                process = subprocess.Popen([STOCK or BINARY, *START, option, "stdio"],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL)
                try:
                    process.stdin.write(text)
                    process.stdin.close()
                    answer = b""
                    while not self.has_all(parts, answer):
                        more = os.read(process.stdout.fileno(), 1 << 16)
                        self.assertTrue(more, answer)
                        answer += more
                    self.check(option, answer)
                    self.assertIsNone(process.poll())
                finally:
                    process.kill()
                    process.wait()
                    process.stdout.close()

    def test_more_than_a_queue(self):
        """More commands, and longer answers, than a monitor holds at a time."""
        emulator = self.start("-qmp", "unix:s,server=on,wait=off", "-monitor",
                              "unix:h,server=on,wait=off")
        text = b'{"execute":"qmp_capabilities"}' + b'{"execute":"qom-list-types"}' * 50
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
        self.assertEqual(write_and_half_close(sock, text).count(b'"return"'), 51)
        if STOCK:
            return      # it loses the end of what the human monitor says
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("h"))
        answer = write_and_half_close(sock, b"help\n" * 60 + b"info name\ninfo status\n")
        self.assertIn(b"VM status: paused", answer[-2000:])

    def test_an_unfinished_line_is_not_carried_out(self):
        emulator = self.start("-qmp", "unix:s,server=on,wait=off", "-monitor",
                              "unix:h,server=on,wait=off")
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("h"))
        self.assertNotIn(b"VM status", write_and_half_close(sock, b"info status"))
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
        answer = write_and_half_close(sock, b'{"execute":"qmp_capabilities"}{"execute":"quit"')
        self.assertEqual(len(answer.splitlines()), 2, answer)
        self.assertIsNone(emulator.process.poll())

    def test_quit(self):
        for option, text in (("-qmp", b'{"execute":"qmp_capabilities"}{"execute":"quit"}'),
                             ("-monitor", b"quit\n")):
            with self.subTest(option):
                emulator = self.start(option, "unix:s,server=on,wait=off")
                sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
                answer = write_and_half_close(sock, text)
                self.assertEqual(emulator.wait(), 0)
                if option == "-qmp":
                    self.assertEqual(answer.count(b'"return"'), 2, answer)

    def test_shared_with_a_serial_port(self):
        """Behind a multiplexer the human monitor has the focus after Ctrl-a c."""
        emulator = self.start("-chardev", "socket,id=c,path=s,server=on,wait=off,mux=on",
                              "-serial", "chardev:c", "-mon", "chardev=c")
        for _ in range(3):
            sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
            answer = write_and_half_close(sock, b"\x01cinfo status\n\x01c")
            self.assertIn(b"VM status: paused", answer)

    @unittest.skipIf(STOCK, "stock drops what a client sent that has gone altogether")
    def test_client_that_closes_altogether(self):
        emulator = self.start("-qmp", "unix:s,server=on,wait=off", "-monitor",
                              "unix:h,server=on,wait=off")
        for i in range(CLIENTS):
            with self.connect(emulator, socket.AF_UNIX, emulator.path("s")) as sock:
                sock.sendall(b'{"execute":"qmp_capabilities"}' + b'{"execute":"query-name"}' * 20 +
                             b'{"execute":"object-add","arguments":{"qom-type":'
                             b'"memory-backend-ram","size":4096,"id":"q%d"}}' % i)
            with self.connect(emulator, socket.AF_UNIX, emulator.path("h")) as sock:
                sock.sendall(b"help\n" * 20 + b"object_add memory-backend-ram,size=4096,id=h%d\n" % i)
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("h"))
        answer = write_and_half_close(sock, b"info qom-tree /objects\n").decode()
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
        answer = write_and_half_close(sock, b'{"execute":"qmp_capabilities"}{"execute":"qom-list",'
                                      b'"arguments":{"path":"/objects"}}').decode()
        for i in range(CLIENTS):
            self.assertIn(f'"q{i}"', answer)
            self.assertIn(f'"h{i}"', answer)

    def test_a_port_that_takes_nothing(self):
        """The guest reads nothing. Who has left does not keep the next one out (stock's multiplexer is full
        for the next one)."""
        for args in (["-serial", "unix:s,server=on,wait=off"],
                     ["-serial", "mon:unix:s,server=on,wait=off"])[:1 if STOCK else 2]:
            with self.subTest(args[1]):
                emulator = self.start(*args, "-qmp", "unix:qmp0,server=on,wait=off", qtest=True)
                monitor = emulator.monitor()
                for _ in range(2):
                    with self.connect(emulator, socket.AF_UNIX, emulator.path("s")) as sock:
                        sock.settimeout(0.2)
                        try:
                            while True:
                                sock.sendall(b"x" * 1000)
                        except TimeoutError:
                            pass
                    monitor.cmd("query-name")
                with self.connect(emulator, socket.AF_UNIX, emulator.path("s")) as sock:
                    sock.settimeout(20)
                    if args[1].startswith("mon:"):
                        sock.sendall(b"\x01cinfo status\n")
                        answer = b""
                        while b"VM status: paused" not in answer:
                            answer += sock.recv(4096)
                    else:
                        monitor.cmd("query-name")
                        emulator.qtest("outb 0x3f8 0x68")
                        self.assertEqual(sock.recv(4096), b"h")

    def test_shared_with_a_monitor_out_of_focus(self):
        """The monitor has a greeting that nobody sees: the client does not wait for that."""
        emulator = self.start("-serial", "mon:unix:s,server=on,wait=off")
        for _ in range(3):
            sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
            self.assertEqual(write_and_half_close(sock, b"x"), b"")

    def test_shared_with_a_monitor_that_is_yet_to_start(self):
        """What is typed before x-exit-preconfig is for it as well."""
        emulator = self.start("-preconfig", "-serial", "mon:unix:s,server=on,wait=off", "-qmp",
                              "unix:qmp0,server=on,wait=off")
        monitor = emulator.monitor()
        sock = self.connect(emulator, socket.AF_UNIX, emulator.path("s"))
        sock.settimeout(20)
        with sock:
            sock.sendall(b"\x01cinfo status\n")
            sock.shutdown(socket.SHUT_WR)
            monitor.cmd("query-name")
            monitor.cmd("x-exit-preconfig")
            self.assertIn(b"VM status: paused", read_to_end(sock))

    @unittest.skipIf(STOCK, "stock drops what a client sent that has gone altogether")
    def test_a_slow_port_gets_it_all(self):
        """As long as nobody else comes, what was sent by one who has left waits for the guest."""
        emulator = self.start("-serial", "unix:s,server=on,wait=off", "-qmp",
                              "unix:qmp0,server=on,wait=off", qtest=True)
        monitor = emulator.monitor()
        emulator.qtest("outb 0x3fa 0x07")       # its FIFO holds 16 bytes
        text = bytes(range(256))
        with self.connect(emulator, socket.AF_UNIX, emulator.path("s")) as sock:
            sock.sendall(text)
        monitor.cmd("query-name")
        got = b""
        while len(got) < len(text):
            monitor.cmd("query-name")
            self.assertIn("1", bin(int(emulator.qtest("inb 0x3fd").split()[1], 16))[-1], got)
            got += bytes([int(emulator.qtest("inb 0x3f8").split()[1], 16)])
        self.assertEqual(got, text)


if __name__ == "__main__":
    unittest.main()
