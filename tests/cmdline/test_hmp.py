# SPDX-License-Identifier: GPL-2.0-or-later
"""The human monitor: what it says to lines right and wrong, on a terminal and over
human-monitor-command. What stock QEMU says to the same is compared in test_hmp_stock."""

import os
import random
import re
import select
import signal
import subprocess
import termios
import time

from cmdline.emulator import BINARY, Q35, TIMEOUT, TestCase, run
from cmdline.terminal import PROMPT, Terminal

VM = ["-m", "512M,maxmem=4G", "-smp", "2",
      "-object", "memory-backend-ram,id=m0,size=1G",
      "-device", "virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M"]
VM0 = "/machine/peripheral/vm0"
PC = ["-accel", "qtest", "-display", "none", "-nodefaults", "-machine", "pc"]


class HmpCase(TestCase):
    def start(self, *args, **how):
        """An emulator with QMP, and a human monitor at the socket `hmp` of its directory."""
        self.emu = self.emulator(*args, "-monitor", "unix:hmp,server=on,wait=off", **how)
        self.qmp = self.emu.monitor()

    def terminal(self):
        return self.enterContext(Terminal(self.emu.path("hmp")))

    def hmp(self, line, **arguments):
        text = self.qmp.cmd("human-monitor-command", command_line=line, **arguments)
        self.assertNotRegex(text, r"(?<!\r)\n")
        return text.replace("\r\n", "\n")


class Commands(HmpCase):
    """Over human-monitor-command."""

    def check_rows(self, rows):
        for line, *expected in rows:
            with self.subTest(line=line):
                self.assertEqual(self.hmp(line), "".join(expected))

    def test_lines_that_are_wrong(self):
        self.start(*VM)
        help_qom_get = 'Try "help qom-get" for more information\n'
        help_mtree = 'Try "help info mtree" for more information\n'
        self.check_rows([
            ("foo", "unknown command: 'foo'\n"),
            ("  foo bar", "unknown command: '  foo'\n"),
            ("INFO", "unknown command: 'INFO'\n"),
            ("inf status", "unknown command: 'inf'\n"),
            ("info stat", "unknown command: 'info stat'\n"),
            ("info  nosuch x", "unknown command: 'info  nosuch'\n"),
            ("stop;c", "unknown command: 'stop;c'\n"),
            ('"stop"', "unknown command: '\"stop\"'\n"),
            ("/i", "unknown command: ''\n"),
            ("é\t", "unknown command: 'é'\n"),
            ("", ""), ("  \t ", ""),
            ("stop x", 'stop|s: extraneous characters at the end of line\n'
             'Try "help stop" for more information\n'),
            ("s x", 'stop|s: extraneous characters at the end of line\n'
             'Try "help s" for more information\n'),
            ("info status x", 'status: extraneous characters at the end of line\n'
             'Try "help info status" for more information\n'),
            ("qom-get", "qom-get: string expected\n", help_qom_get),
            ("qom-get vm0 ", "qom-get: string expected\n", help_qom_get),
            ('qom-get "vm0 size', "unterminated string\nqom-get: string expected\n", help_qom_get),
            (r'qom-get vm0 "a\q"', "unsupported escape code: '\\q'\nqom-get: string expected\n",
             help_qom_get),
            ("info mtree -x", "mtree: unsupported option -x\n", help_mtree),
            ("info mtree -d", "mtree: unsupported option -d\n", help_mtree),
            ("info mtree -f -f", "mtree: unsupported option -f\n", help_mtree),
            ("info mtree -o -f", "mtree: unsupported option -f\n", help_mtree),
            ("info mtree -fo", "mtree: extraneous characters at the end of line\n", help_mtree),
            ("info mtree -", "mtree: unsupported option -\n", help_mtree),
            ("info mtree -é", "mtree: unsupported option -é\n", help_mtree),
            ("qom-set -j", 'qom-set: string expected\nTry "help qom-set" for more information\n'),
            ("help nosuch", "unknown command: 'nosuch'\n"),
            ("help info nosuch", "unknown command: 'info nosuch'\n"),
            ("help " + "x " * 700, "unknown command: 'x'\n"),
            ("device_del " + "x " * 700, 'device_del: extraneous characters at the end of line\n'
             'Try "help device_del" for more information\n'),
            ("x" * 100000, "unknown command: '" + "x" * 100000 + "'\n"),
        ])

    def test_help_lists_what_exists(self):
        self.start(*VM)
        lines = [line for line in self.hmp("help").splitlines() if not line.startswith("\t")]
        self.assertEqual([line.split(" ", 1)[0] for line in lines], [
            "cont|c", "device_add", "device_del", "help|?", "info", "object_add", "object_del",
            "qom-get", "qom-list", "qom-set", "quit|q", "stop|s", "system_powerdown",
            "system_reset"])
        for line in lines:
            for name in line.split(" ", 1)[0].split("|"):
                said = self.hmp(f"help {name}") if name == "info" else self.hmp(f"? {name} x")
                self.assertTrue(said.startswith("info chardev" if name == "info" else line), said)
        info = self.hmp("info")
        self.assertEqual(info, self.hmp("help info"))
        for line in info.splitlines():
            name = line.split(" ", 2)[1]
            self.assertEqual(self.hmp(f"? info {name}"), line + "\n")
            self.assertNotIn("unknown", self.hmp(f"info {name}"))
        self.assertEqual(self.hmp("?"), self.hmp("help"))
        self.assertRegex(self.hmp("help qom-set"), r"\Aqom-set \[-j\] path property value -- ")

    def test_run_state(self):
        self.start(*VM, "-S")
        self.check_rows([
            ("info status", "VM status: paused (prelaunch)\n"), ("cont", ""),
            ("info status", "VM status: running\n"), ("s", ""),
            (" info\v status ", "VM status: paused\n"), ("c", ""), ("stop", ""),
            ("system_reset", "")])
        self.qmp.event("RESET")
        self.hmp("system_powerdown")
        self.qmp.event("POWERDOWN")
        self.hmp("quit")
        self.assertEqual(self.qmp.event("SHUTDOWN")["data"]["reason"], "host-qmp-quit")
        self.assertEqual(self.emu.wait(), 0)

    def test_facts(self):
        self.start(*VM, "-name", "foo", "-uuid", "12345678-1234-1234-1234-123456789abc",
                   "-chardev", "null,id=nul")
        version = self.qmp.cmd("query-version")
        triple = version["qemu"]
        self.check_rows([
            ("info version", f"{triple['major']}.{triple['minor']}.{triple['micro']}"
             f"{version['package']}\n"),
            ("info name", "foo\n"), ("info uuid", "12345678-1234-1234-1234-123456789abc\n"),
            ("info kvm", "kvm support: disabled\n"), ("info history", ""),
            ("info memory_size_summary", "base memory: 536870912\nplugged memory: 0\n")])
        self.assertIn("nul: filename=null\n", self.hmp("info chardev"))
        self.assertRegex(self.hmp("info cpus"),
                         r"\A\* CPU #0: thread_id=\d+\n  CPU #1: thread_id=\d+\n\Z")
        self.assertRegex(self.hmp("info cpus", cpu_index=1), r"\A  CPU #0: .*\n\* CPU #1: ")
        for index in (2, -1, 1 << 40):
            self.assertEqual(
                self.qmp.ask("human-monitor-command", command_line="info cpus",
                             cpu_index=index)["error"]["desc"],
                "Parameter 'cpu-index' expects a CPU number")

    def test_no_name_and_no_cpu(self):
        self.start(base=["-accel", "qtest", "-display", "none", "-nodefaults", "-machine", "none"])
        self.check_rows([("info name", ""), ("info cpus", ""), ("info memdev", "\n"),
                         ("info memory-devices", ""), ("info numa", "0 nodes\n"),
                         ("info pci", ""), ("info qtree", "bus: main-system-bus\n  type System\n")])

    def test_memory(self):
        self.start("-m", "256M,maxmem=8G", "-smp", "3",
                   "-object", "memory-backend-ram,id=a,size=128M",
                   "-object", "memory-backend-ram,id=b,size=128M,host-nodes=0,policy=bind",
                   "-numa", "node,memdev=a,cpus=0-1", "-numa", "node,memdev=b,cpus=2",
                   "-object", "memory-backend-memfd,id=c,size=64M,share=on",
                   "-device", "virtio-mem-pci,memdev=c,node=1,requested-size=32M")
        self.check_rows([
            ("info numa", "2 nodes\nnode 0 cpus: 0 1\nnode 0 size: 128 MB\nnode 0 plugged: 0 MB\n"
             "node 1 cpus: 2\nnode 1 size: 128 MB\nnode 1 plugged: 0 MB\n"),
            ("info memory-devices", 'Memory device [virtio-mem]: ""\n  memaddr: 0x100000000\n'
             "  node: 1\n  requested-size: 33554432\n  size: 0\n  max-size: 67108864\n"
             "  block-size: 2097152\n  memdev: /objects/c\n")])
        memdev = self.hmp("info memdev")
        self.assertEqual(len(re.findall("^memory backend: ", memdev, re.M)), 3)
        self.assertIn("memory backend: b\n  size:  134217728\n  merge: true\n  dump: true\n"
                      "  prealloc: false\n  share: false\n  reserve: true\n  policy: bind\n"
                      "  host nodes: 0\n", memdev)
        self.assertTrue(memdev.endswith("\n\n"))

    def test_properties(self):
        self.start(*VM)
        self.check_rows([
            ("qom-get vm0 requested-size", "67108864\n"),
            (f"qom-set {VM0} requested-size 128M", ""),
            ('qom-get "vm0" "requested-size"', "134217728\n"),
            ("qom-set -j vm0 requested-size 1073741824", ""),
            (f"qom-get {VM0} requested-size", "1073741824\n"),
            (f"qom-get {VM0} type", '"virtio-mem-pci"\n'),
            ("qom-get /objects/m0 host-nodes", "[\n]\n"),
            ("qom-get vm0 bogus", "Error: Property 'virtio-mem-pci.bogus' not found\n"),
            ("qom-get nosuch a", "Error: Device 'nosuch' not found\n"),
            ("qom-set nosuch a b", "Error: Device 'nosuch' not found\n"),
            ("qom-set -j vm0 requested-size {", "Error: JSON parse error, premature EOI\n"),
            ("qom-set vm0 requested-size 1",
             "Error: 'requested-size' has to be multiples of 'block-size' (0x200000)\n"),
            ("qom-set /objects/m0 merge off", ""), ("qom-get m0 merge", "false\n"),
            ("qom-set /objects/m0 merge xx", "Error: Parameter 'merge' expects 'on' or 'off'\n"),
            ("qom-list", "/\n"),
            ("qom-list nosuch", "Error: Device 'nosuch' not found\n")])
        self.assertEqual(sorted(self.hmp("qom-list /").splitlines()), [
            f"machine (child<{self.hmp('qom-get /machine type').strip().strip(chr(34))}>)",
            "objects (child<container>)", "type (string)"])

    def test_objects_come_and_go(self):
        self.start(*VM)
        self.check_rows([
            ("object_add memory-backend-ram,id=m1,size=10M", ""),
            ("object_add qom-type=memory-backend-ram,id=m2,size=10M", ""),
            ('object_add {"qom-type":"memory-backend-ram","id":"m3","size":1048576}', ""),
            ("qom-get /objects/m3 size", "1048576\n"),
            ("object_del m1", ""), ("object_del m2", ""), ("object_del m3", ""),
            ("object_del m1", "Error: object 'm1' not found\n"),
            ("object_del m0", "Error: object 'm0' is in use, can not be deleted\n"),
            ("object_add x", "Error: Parameter 'qom-type' does not accept value 'x'\n"),
            ("object_add memory-backend-ram", "Error: Parameter 'id' is missing\n"),
            ("object_add id=m,size=3", "Error: Parameter 'qom-type' is missing\n"),
            ("object_add {", "Error: JSON parse error, premature EOI\n")])
        self.assertRegex(self.hmp("object_add help"),
                         r"\AList of user creatable objects:\n  memory-backend-file\n")
        self.assertRegex(self.hmp("object_add memory-backend-ram,help"),
                         r"\Amemory-backend-ram options:\n(.*\n)*  size=<int> ")

    def test_devices_come_and_go(self):
        self.start(*VM[:-2], base=PC)
        self.check_rows([
            ("device_add virtio-mem-pci,id=vm1,memdev=m0", ""),
            ("device_add", "Error: Parameter 'driver' is missing\n"),
            ("device_add nosuch,id=a", "Error: 'nosuch' is not a valid device model name\n"),
            ("device_add nosuch,help", "Device 'nosuch' not found\n"),
            ("device_add virtio-mem-pci,id=vm1,memdev=m0",
             "Error: Duplicate device ID 'vm1'\n"),
            ("device_del nosuch", "Error: Device 'nosuch' not found\n")])
        self.assertIn('Memory device [virtio-mem]: "vm1"', self.hmp("info memory-devices"))
        self.assertRegex(self.hmp("device_add virtio-mem-pci,help"),
                         r"\Avirtio-mem-pci options:\n(.*\n)*  requested-size=<size>\n")
        self.assertRegex(self.hmp("device_add help"), r'\n(.*\n)*name "virtio-mem-pci", bus PCI')
        self.assertNotIn("no-user", self.hmp("device_add help"))
        self.assertIn("no-user", self.hmp("info qdm"))
        self.assertNotIn("Error", self.hmp("device_del vm1"))

    def test_trees(self):
        self.start(*VM)
        self.check_rows([
            ("info qom-tree /objects", "/objects (container)\n  /m0 (memory-backend-ram)\n"
             "    /m0[0] (memory-region)\n  /pc.ram (memory-backend-ram)\n"
             "    /pc.ram[0] (memory-region)\n"),
            ("info qom-tree /nosuch", "Path '/nosuch' could not be resolved.\n")])
        self.assertTrue(self.hmp("info qom-tree").startswith(
            self.hmp("info qom-tree /machine")[:60]))
        pci = self.hmp("info pci")
        self.assertIn('  Bus  0, device   1, function 0:\n    Class 0255: PCI device 1af4:1058\n'
                      "      PCI subsystem 1af4:1100\n      IRQ 0, pin A\n", pci)
        self.assertIn("      BAR4: 64 bit prefetchable memory at 0xffffffffffffffff [0x00003ffe].\n"
                      '      id "vm0"\n', pci)
        qtree = self.hmp("info qtree")
        self.assertRegex(qtree, r'\n      dev: virtio-mem-pci, id "vm0"\n(        .*\n)*'
                         r"        addr = 01.0\n(        .*\n)*"
                         r"        class Class 00ff, addr 00:01.0, pci id 1af4:1058 "
                         r"\(sub 1af4:1100\)\n        bar ")
        self.assertIn("\n            memaddr = 4294967296 (0x100000000)\n", qtree)

    def test_pci_where_a_guest_has_put_things(self):
        """BARs, and a bridge's numbers and windows, from what a guest writes to their registers."""
        self.start("-m", "512M,maxmem=4G", "-object", "memory-backend-ram,id=m0,size=1G",
                   "-device", "pcie-root-port,id=rp,chassis=1",
                   "-device", "virtio-mem-pci,id=vm0,memdev=m0,bus=rp", qtest=True)
        self.assertIn('PCI device 1b36:000c\n      IRQ 0, pin A\n      BUS 0.\n'
                      "      secondary bus 0.\n      subordinate bus 0.\n", self.hmp("info pci"))
        self.assertNotIn("vm0", self.hmp("info pci"))

        def config(register, value, size):
            self.emu.qtest(f"outl 0xcf8 {0x80000000 | 1 << 11 | register & ~3:#x}")
            self.emu.qtest(f"out{size} {0xcfc + (register & 3):#x} {value:#x}")

        config(0x18, 0x00020200, "l")       # bus numbers
        config(0x1c, 0xd0c0, "w")           # I/O
        config(0x20, 0xfe3ffe20, "l")       # memory
        config(0x24, 0xfe9ffe80, "l")       # prefetchable, above 4 GiB
        config(0x28, 0x8, "l")
        config(0x2c, 0x9, "l")
        config(0x10, 0xfe400000, "l")
        config(0x3c, 0x0b, "b")
        config(0x04, 0x7, "w")
        pci = self.hmp("info pci")
        self.assertIn('  Bus  0, device   1, function 0:\n    PCI bridge: PCI device 1b36:000c\n'
                      "      IRQ 11, pin A\n      BUS 0.\n      secondary bus 2.\n"
                      "      subordinate bus 2.\n", pci)
        self.assertIn("      memory range [0xfe200000, 0xfe3fffff]\n"
                      "      prefetchable memory range [0x8fe800000, 0x9fe9fffff]\n", pci)
        self.assertIn('      BAR0: 32 bit memory at 0xfe400000 [0xfe400fff].\n      id "rp"\n'
                      "  Bus  2, device   0, function 0:\n    Class 0255: PCI device 1af4:1058\n",
                      pci)

    def test_mtree(self):
        self.start(*VM)
        tree = self.hmp("info mtree")
        self.assertIn("    0000000000000000-000000001fffffff (prio 0, ram): alias ram-below-4g "
                      "@pc.ram 0000000000000000-000000001fffffff\n", tree)
        self.assertIn(" (prio 0, i/o): device-memory\n"
                      "      0000000100000000-000000013fffffff (prio 0, ram): m0\n", tree)
        self.assertIn("\nmemory-region: pc.ram\n  0000000000000000-000000001fffffff "
                      "(prio 0, ram): pc.ram\n\n", tree)
        self.assertNotIn("[disabled]", tree)
        self.assertNotIn("owner:", tree)
        self.assertIn(": alias bus master @system 0000000000000000-ffffffffffffffff [disabled]\n",
                      self.hmp("info mtree -D"))
        owners = self.hmp("info mtree -o")
        self.assertIn("(prio 0, ram): m0 owner:{obj path=/objects/m0}\n", owners)
        self.assertIn(": bus master container owner:{dev id=vm0}\n", owners)
        self.assertIn(": io parent:{obj path=/machine/unattached}\n", owners)
        self.assertNotRegex(owners, "orphan")
        flat = self.hmp("info mtree -f")
        self.assertRegex(flat, r' AS "memory", root: system\n( AS .*\n)* Root memory region: system\n'
                         r"(  .*\n)*  0000000100000000-000000013fffffff \(prio 0, ram\): m0\n\n")
        self.assertIn(" Root memory region: (none)\n  No rendered FlatView\n\n", flat)
        self.assertIn("owner:{obj path=/objects/m0}\n", self.hmp("info mtree -f -o"))

    def test_mtree_shows_memory_slots(self):
        self.start(*VM[:-1], VM[-1] + ",dynamic-memslots=on,unplugged-inaccessible=on")
        self.assertNotIn("(prio 0, ram): m0\n", self.hmp("info mtree").split("memory-region:")[0])


class OnATerminal(HmpCase):
    def test_greeting_echo_and_prompt(self):
        self.start(*VM)
        terminal = self.terminal()
        triple = self.qmp.cmd("query-version")["qemu"]
        self.assertEqual(terminal.read().decode(),
                         "QEMU {major}.{minor}.{micro} monitor - type 'help' for more information"
                         .format(**triple) + "\r\n(qemu) ")
        terminal.write(b"ab")
        self.assertEqual(terminal.read(b"ab\x1b[K"), b"a\x1b[K\x1b[Dab\x1b[K")
        terminal.write(b"\r")
        self.assertEqual(terminal.read(), b"\r\nunknown command: 'ab'\r\n(qemu) ")
        self.assertEqual(terminal.ask("info name"), "")
        self.assertEqual(terminal.ask("info status"), "VM status: running\r\n")

    def test_history_outlives_a_client(self):
        self.start(*VM)
        with Terminal(self.emu.path("hmp")) as first:
            first.read()
            first.ask("info name")
            first.write(b"half a li")
            first.read(b"half a li\x1b[K")
        second = self.terminal()
        self.assertRegex(second.read(), rb"\AQEMU [0-9.]* monitor .*\r\n\(qemu\) \Z")
        second.write(b"\x1b[A")
        self.assertEqual(second.read(b"\x1b[K"), b"info name\x1b[K")
        second.write(b"\x15")
        second.read(b"\x1b[K")
        self.assertEqual(second.ask("info history"), "0: 'info name'\r\n1: 'info history'\r\n")

    def complete(self, terminal, text):
        """The line after a tab, as the history has it behind "zz", and the words that were listed."""
        terminal.write(text.encode() + b"\t\x01zz \rinfo history\r")
        shown = terminal.read(b"'info history'\r\n" + PROMPT).decode()
        before, after = shown.split("unknown command: 'zz'")
        words = before.split("\r\n", 1)[1].split("(qemu) ")[0].split() if "(qemu)" in before else []
        return re.findall(r": 'zz (.*)'\r", after)[-1], words

    def test_completion(self):
        self.start("-object", "memory-backend-ram,id=spare,size=1M", *VM, base=PC)
        terminal = self.terminal()
        terminal.read()
        for text, line, words in [
                ("inf", "info ", []),
                ("st", "stop ", []),
                ("info mem", "info mem", ["memdev", "memory-devices", "memory_size_summary"]),
                ("help info st", "help info status ", []),
                ("? qo", "? qom-", ["qom-get", "qom-list", "qom-set"]),
                ("nosuch ", "nosuch ", []),
                ("device_add virtio-m", "device_add virtio-mem", ["virtio-mem", "virtio-mem-pci"]),
                ("device_del ", "device_del vm0 ", []),
                ("object_add mem", "object_add memory-backend-",
                 ["memory-backend-file", "memory-backend-memfd", "memory-backend-ram"]),
                ("object_del s", "object_del spare ", []),
                ("qom-list /mac", "qom-list /machine/", []),
                ("qom-get /machine/peripheral/v", "qom-get /machine/peripheral/vm0/", []),
                ("qom-get vm0 requ", "qom-get vm0 requested-size ", []),
                ("qom-set -j vm0 requ", "qom-set -j vm0 requested-size ", []),
                ("info qom-tree /obj", "info qom-tree /objects/", []),
                ('qom-get "vm', 'qom-get "vm', [])]:
            with self.subTest(text=text):
                self.assertEqual(self.complete(terminal, text), (line, words))

    def test_quit_ends_the_connection(self):
        self.start(*VM)
        terminal = self.terminal()
        terminal.read()
        terminal.write(b"quit\rinfo status\r")
        shown = terminal.read(None)
        self.assertTrue(shown.endswith(b"quit\x1b[K\r\n"), shown)
        self.assertEqual(self.emu.wait(), 0)

    def test_several_monitors(self):
        self.start(*VM, "-chardev", "socket,id=c,path=second,server=on,wait=off",
                   "-mon", "chardev=c,mode=readline")
        first = self.terminal()
        second = self.enterContext(Terminal(self.emu.path("second")))
        for terminal in (first, second):
            terminal.read()
        self.assertEqual(first.ask("stop"), "")
        self.assertEqual(second.ask("info status"), "VM status: paused\r\n")
        self.assertEqual(second.ask("info history"), "0: 'info status'\r\n1: 'info history'\r\n")

    def test_on_stdio(self):
        for option in (["-monitor", "stdio"],
                       ["-chardev", "stdio,id=c", "-mon", "chardev=c"]):
            with self.subTest(option=option):
                ended = run(*Q35, *option, stdin=b"info status\nquit\n")
                self.assertEqual((ended.status, ended.err), (0, ""))
                self.assertIn("\r\nVM status: running\r\n(qemu) ", ended.out)

    def test_on_a_pty(self):
        self.start("-monitor", "pty", *VM)
        name = re.fullmatch(r"char device redirected to (\S+) \(label compat_monitor\d\)\n",
                            self.emu.process.stdout.readline().decode())[1]
        terminal = self.enterContext(Terminal(fd=os.open(name, os.O_RDWR | os.O_NOCTTY)))
        terminal.read()
        self.assertEqual(terminal.ask("info status"), "VM status: running\r\n")

    def test_none(self):
        self.start(*VM, "-monitor", "none")
        self.assertEqual(len(self.hmp("info chardev").splitlines()), 2)


class Hostile(HmpCase):
    """Nothing that is typed ends the emulator, or keeps QMP from answering."""

    def test_bytes(self):
        self.start(*VM)
        terminal = self.terminal()
        terminal.read()
        for keys in (bytes(range(256)) * 4, b"\x1b[" + b"9" * 5000 + b"~", b"\x1b" * 999,
                     b"\t" * 50, b"qom-get \xff\xfe x", b"qom-list \xc3", b"stop \xff",
                     b"\xff" * 50 + b"\t", b'"' * 100 + b"\t", b"\\" * 100, b"a\0b",
                     b"qom-get " + b'"x" ' * 300, b"x " * 999, b"device_add " + b"a=b," * 500,
                     b"object_add " + b"{" * 3000, b"qom-set -j vm0 requested-size " + b"[" * 3000,
                     b"info " * 500, b"help " * 500, b"info qom-tree " + b"/" * 3000,
                     b"info qom-tree " + b"/machine/.." * 90 + b"\t"):
            with self.subTest(keys=keys[:30]):
                terminal.type(keys)
        self.assertIn("not valid UTF-8", terminal.type(b"qom-list \xc3").decode(errors="replace"))
        self.assertEqual(self.hmp("info status"), "VM status: running\n")

    def test_a_line_too_long(self):
        self.start(*VM)
        terminal = self.terminal()
        terminal.read()
        shown = terminal.type(b"x" * 6000)
        self.assertIn(b"\r\nunknown command: '" + b"x" * 4095 + b"'\r\n", shown)

    def test_a_client_that_does_not_read(self):
        """Its keys wait; others are served, and what it is owed stays bounded."""
        self.start(*VM)
        terminal = self.terminal()
        terminal.sock.setblocking(False)
        sent = 0
        deadline = time.monotonic() + 10
        while select.select([], [terminal.sock], [], 1)[1]:
            self.assertLess(time.monotonic(), deadline, f"{sent} bytes were taken")
            sent += terminal.sock.send(b"info mtree\r" * 100)
        self.assertEqual(self.hmp("info status"), "VM status: running\n")
        with open(f"/proc/{self.emu.process.pid}/status", encoding="ascii") as status:
            resident = int(re.search(r"VmRSS:\s*(\d+) kB", status.read())[1])
        self.assertLess(resident, 400 << 10)

    def test_clients_that_leave(self):
        self.start(*VM)
        for keys in (b"info st", b"\x1b[", b"info mtree\r" * 50, b"qom-get \"", b"\t", b""):
            for _ in range(5):
                with Terminal(self.emu.path("hmp")) as terminal:
                    terminal.write(keys)
        terminal = self.terminal()
        self.assertTrue(terminal.read().endswith(PROMPT))
        self.assertEqual(terminal.ask("info status"), "VM status: running\r\n")

    def test_random_lines(self):
        """Pieces of lines in any order; over both ways, the same answer."""
        self.start(*VM)
        rng = random.Random(1)
        pieces = ["info", "help", "qom-get", "qom-set", "-j", "vm0", "requested-size", '"', "\\",
                  "-f", "mtree", "qom-tree", "/machine", "/", "{", "}", "object_add", "device_add",
                  "memory-backend-ram", ",", "=", "id=", "?", "1", "é", "pci", "status"]
        terminal = self.terminal()
        terminal.read()
        for _ in range(300):
            line = "".join(rng.choice(pieces) + rng.choice(["", " ", " ", " "])
                           for _ in range(rng.randint(1, 6)))
            with self.subTest(line=line):
                self.assertEqual(self.hmp(line), terminal.ask(line).replace("\r\n", "\n"))

    def test_signals_restore_nothing_wrong(self):
        self.start(*VM)
        self.terminal().read()
        self.emu.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.emu.wait(), 0)

UART, LSR = 0x3f8, 0x3fd
DATA_READY, BREAK = 0x01, 0x10


class Multiplexer(TestCase):
    """A serial port and a monitor on one terminal: mon:SPEC, mux=on."""

    def start(self, *args):
        self.emu = self.emulator(*args, qtest=True)
        self.qmp = self.emu.monitor()
        return self.enterContext(Terminal(self.emu.path("line")))

    def port(self, address):
        return int(self.emu.qtest(f"inb {address:#x}").split()[1], 0)

    def guest_writes(self, text):
        for byte in text:
            self.emu.qtest(f"outb {UART:#x} {byte:#x}")

    def guest_reads(self):
        deadline = time.monotonic() + TIMEOUT
        while not self.port(LSR) & DATA_READY:
            self.assertLess(time.monotonic(), deadline, "nothing came")
        return self.port(UART)

    def check_both(self, terminal):
        """The serial port comes first; Ctrl-a c goes there and back."""
        terminal.write(b"x")
        self.assertEqual(self.guest_reads(), ord("x"))
        self.guest_writes(b"hello")
        self.assertEqual(terminal.read(b"hello"), b"hello")
        terminal.write(b"\x01c")
        self.assertIn(b"monitor - type 'help' for more information\r\n" + PROMPT, terminal.read())
        self.assertEqual(terminal.ask("info status"), "VM status: paused (prelaunch)\r\n")
        self.guest_writes(b"!")
        self.assertEqual(terminal.read(b"!"), b"!")
        terminal.write(b"info st\x01c")
        terminal.read(b"\r\n")
        terminal.write(b"\x01\x01")
        self.assertEqual(self.guest_reads(), 1)
        terminal.write(b"\x01c")
        terminal.read(PROMPT)
        self.assertEqual(terminal.ask("info name"), "")     # not "info stinfo name"

    def test_mon_prefix(self):
        terminal = self.start("-S", "-serial", "mon:unix:line,server=on,wait=off")
        self.check_both(terminal)
        self.assertEqual(
            sorted((c["label"], c["filename"].split(":")[0], c["frontend-open"])
                   for c in self.qmp.cmd("query-chardev") if c["label"].startswith("serial")),
            [("serial0", "mux", True), ("serial0-base", "unix", True)])

    def test_mux_option(self):
        self.check_both(self.start(
            "-S", "-chardev", "socket,id=c,path=line,server=on,wait=off,mux=on",
            "-mon", "chardev=c", "-serial", "chardev:c"))

    def test_break(self):
        terminal = self.start("-serial", "mon:unix:line,server=on,wait=off")
        terminal.write(b"\x01b")
        deadline = time.monotonic() + TIMEOUT
        while not (status := self.port(LSR)) & BREAK:
            self.assertLess(time.monotonic(), deadline)
        self.assertTrue(status & DATA_READY)
        self.assertFalse(self.port(LSR) & BREAK)
        self.assertEqual(self.port(UART), 0)

    def test_exit(self):
        terminal = self.start("-no-shutdown", "-serial", "mon:unix:line,server=on,wait=off")
        terminal.write(b"\x01x")
        self.assertIn(b"QEMU: Terminated\n\r", terminal.read(None))
        self.assertEqual(self.emu.wait(), 0)

    def test_a_new_client_begins_anew(self):
        terminal = self.start("-S", "-serial", "mon:unix:line,server=on,wait=off")
        terminal.write(b"\x01c")
        terminal.read()
        terminal.close()
        terminal = self.enterContext(Terminal(self.emu.path("line")))
        self.assertIn(b"type 'help'", terminal.read())      # the monitor still has the focus
        self.assertEqual(terminal.ask("info name"), "")

    def test_nographic(self):
        """Its default: nothing of the monitor until it is asked for, and ^C is the guest's."""
        base = [word for word in PC if word != "-nodefaults"]
        master, slave = os.openpty()
        process = subprocess.Popen([BINARY, *base, "-nographic"], stdin=slave, stdout=slave,
                                   stderr=slave)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        os.close(slave)
        terminal = self.enterContext(Terminal(fd=master))
        deadline = time.monotonic() + TIMEOUT
        while termios.tcgetattr(master)[3] & termios.ECHO:
            self.assertLess(time.monotonic(), deadline)
        terminal.write(b"\x03\x01c")
        terminal.read()
        self.assertEqual(terminal.ask("info name"), "")
        terminal.write(b"\x01x")
        terminal.read(b"QEMU: Terminated\r\n\r")
        self.assertEqual(process.wait(TIMEOUT), 0)
