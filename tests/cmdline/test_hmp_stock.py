# SPDX-License-Identifier: GPL-2.0-or-later
"""The same lines and the same keys to this human monitor and to stock QEMU 7.2's, with the same devices
and the same machine version. Each answer is to be the same, byte by byte; what legitimately differs is
taken out by the functions here that say so."""

import re
import unittest

from cmdline.emulator import BINARY, Emulator, STOCK, TestCase
from cmdline.terminal import Terminal

DEVICES = [
    "-display", "none", "-nodefaults", "-S",
    "-m", "512M,maxmem=4G", "-smp", "2", "-name", "foo",
    "-uuid", "12345678-1234-1234-1234-123456789abc",
    "-object", "memory-backend-ram,id=m0,size=1G",
    "-object", "memory-backend-memfd,id=m1,size=512M,share=on",
    "-device", "virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M,addr=3.0",
    "-device", "virtio-mem-pci,memdev=m1,memaddr=0x180000000,block-size=4M,node=0,addr=4.0",
    "-chardev", "null,id=nul", "-monitor", "unix:hmp,server=on,wait=off"]
VM0 = "/machine/peripheral/vm0"

# Answers that are the same as they stand.
SAME = [
    "info memory-devices", "info memory_size_summary", "info status", "info numa", "info kvm",
    "info name", "info uuid", "info history", "info qom-tree /objects", "info qom-tree /nosuch",
    'info qom-tree ""', "info qom-tree m0", "info qom-tree /machine/peripheral-anon/x",
    "", "  ", "foo", "  foo bar", "INFO", "inf status", "info stat", "info nosuch", "info  nosuch x",
    "info info", "/i", "stop/1", "stop x", "  stop x", "s x", "c x", "stop /1", "stop;c", '"stop"',
    "??", "é",
    "info status x", " info  status ", "info\vstatus", "info status -x", "info version x",
    "info qtree x", "info qom-tree vm0 x", "info mtree -x", "info mtree -f -f", "info mtree -fo",
    "info mtree f", "info mtree -o -f", "info mtree -D -f", "info mtree - f", "quit x", "q x",
    "help nosuch", "help info nosuch", "help a b", "? -x", "system_reset x", "system_powerdown x",
    "device_add", "device_add a=b", "device_add nosuch", "device_add nosuch,id=a", "device_add ,",
    "device_add driver=", "device_add nosuch,help", "device_add virtio-mem-pci foo",
    "device_add device", "device_add mch", "device_del", "device_del nosuch", "device_del a b",
    "object_add", "object_add x", "object_add memory-backend-ram", "object_add id=m,size=3",
    "object_add memory-backend-ram,id=9,size=1M", "object_add memory-backend-ram,id=m9,size=x",
    "object_add memory-backend-ram,id=m9", "object_add memory-backend-ram,id=m0,size=1M",
    "object_add {", "object_del", "object_del a b", "object_del nosuch", "object_del m0",
    "object_add memory-backend-ram,id=m5,size=8M", "qom-get /objects/m5 size", "object_del m5",
    'object_add {"qom-type":"memory-backend-ram","id":"m6","size":1048576}', "object_del m6",
    "qom-get", "qom-get vm0", "qom-get vm0 ", "qom-get nosuch a", 'qom-get "" a', "qom-get vm0 bogus",
    'qom-get vm0 "a\\nb"', "qom-get vm0 'size'", "qom-get vm0 memdev", "qom-get vm0 realized",
    "qom-get vm0 type", "qom-get vm0 requested-size", 'qom-get "vm0"  "size" ',
    "qom-get vm0 virtio-backend", "qom-get /objects/m0 host-nodes", "qom-get m0 policy",
    "qom-get vm0 size x", "qom-get / type",
    "qom-set", "qom-set vm0 size", "qom-set nosuch a b", 'qom-set "" a b', "qom-set vm0 foo 1",
    "qom-set vm0 type 1", "qom-set vm0 requested-size 128M", "qom-get vm0 requested-size",
    "qom-set vm0 requested-size 1", "qom-set -j vm0 requested-size 67108864", "qom-set -jx",
    "qom-set -x a b c", "qom-set -j", "qom-set -j vm0", "qom-set -j vm0 requested-size {",
    "qom-set -j vm0 requested-size xx", "qom-set -j nosuch a 1", "qom-get vm0 requested-size",
    "qom-set m0 merge off", "qom-get m0 merge", "qom-set m0 merge xx", "qom-set -j m0 merge true",
    "qom-set vm0 requested-size xx", "qom-set vm0 requested-size 128M extra",
    'qom-set vm0 requested-size "64M"', "qom-set vm0 requested-size -1",
    "qom-set vm0 requested-size 99999999999E",
    "object_add memory-backend-ram,id=m7,size=1M,host-nodes.0=0",
    "object_add memory-backend-ram,=x",
    "qom-list", "qom-list nosuch", 'qom-list ""',
]

# Keys, as they are typed; what the terminal shows is compared.
KEYS = [
    b"", b"info name", b"info name\r\ninfo uuid\n", b"  info  status ", b"foo\rbar\r",
    b"abc\x01X\x05Y\x02\x04\x08\x17", b"foo bar baz\x17\x17", b"foo bar\x1b[D\x1b[D\x17\x17",
    b"abc\x1b[1~\x1b[3~\x1b[4~\x7f", b"abc def\x1b[D\x1b[D\x04\x04\x04", b"abc   \x17y",
    b"abc\x1bOHx\x1bOFy", b"abc\x1b[D\x0c\x1b[C", b"\x0c", b"a\x1bbc\x1b\x1bd", b"abc\x1b\r",
    b"\x9b1~x\x9b4~y", b"\xff\xfe\xc3\xa9\x08", b"a\x1b[1;5Db", b"a\x1b[200~b\x1b[Zc\x1b[[Ad",
    b"\x02\x03\x06\x07\x0f\x12\x14\x16\x18\x19\x1a\x1c", b"ab\0c", b"x" * 300,
    b"one\rtwo\rthree\r\x1b[A\x1b[A\x1b[A\x1b[B", b"two\r\x1b[A\x1b[A\x1b[A\x1b[E\x1b[F",
    b"tw\x1b[A\x1b[B", b"tw\x1b[Ax", b"\x1bOA\x1bOB\x1b[H",
    # The completed line is wiped where it would say something else there.
    b"info qt\t\x17\x17", b"info qtree \t\x17\x17", b"info stop\t", b"qom-ge\t",
    b"info memory-\t", b"qom\t", b"cont\t", b"nosuch\t", b"nosuch \t", b"stop \t", b"device_a\t",
    b"object_add memory\t", b"object_add memory-backend-r\t", b"object_del \t", b"object_del m\t",
    b"object_del nosuch\t", b"device_del \t\x17", b"device_add virtio-mem-p\t",
    b"help device_d\t\x17\x17", b"help info mt\t\x17\x17\x17", b"info qom-\t\x17\x17",
    b"system_re\t", b"st\x1b[D\x1b[C\x7f\x7fqom-\x1b[D\t",
]


def no_threads(text):
    return re.sub(r"thread_id=\d+", "thread_id=N", text)


def no_device_numbers(text):
    """Devices that are left out have numbers in /machine/unattached at stock's."""
    return re.sub(r"(/unattached/device)\[\d+\]", r"\1[N]", text)


def sections(text, pattern):
    """The text from each line that matches to the next such line."""
    return [part for part in re.split(f"(?m)^(?={pattern})", text) if part.strip()]


@unittest.skipUnless(STOCK, "no stock QEMU (QTEST_STOCK_BINARY)")
class HmpStock(TestCase):
    maxDiff = 10000
    machine = "pc-q35-7.2"

    @classmethod
    def setUpClass(cls):
        machine = ["-machine", cls.machine]
        cls.running = [Emulator(*DEVICES, binary=BINARY, base=["-accel", "qtest", *machine]),
                       Emulator(*DEVICES, binary=STOCK, base=["-accel", "tcg", *machine])]
        cls.monitors = [e.monitor() for e in cls.running]

    @classmethod
    def tearDownClass(cls):
        for emulator in cls.running:
            emulator.__exit__()

    def both(self, line):
        answers = [m.cmd("human-monitor-command", command_line=line) for m in self.monitors]
        for answer in answers:
            self.assertNotRegex(answer, r"(?<!\r)\n")
        return [answer.replace("\r\n", "\n") for answer in answers]

    def test_answers(self):
        for line in SAME:
            with self.subTest(line=line):
                ours, stock = self.both(line)
                self.assertEqual(ours, stock)

    def test_answers_but_for_what_must_differ(self):
        ours, stock = map(no_threads, self.both("info cpus"))
        self.assertEqual(ours, stock)
        ours, stock = (sorted(sections(text, "memory backend")) for text in self.both("info memdev"))
        self.assertEqual([part.strip("\n") for part in ours], [part.strip("\n") for part in stock])
        ours, stock = self.both("info chardev")
        self.assertIn("nul: filename=null\n", ours)
        self.assertEqual(re.sub(r"unix:\S*/", "unix:", "".join(sorted(ours.splitlines(True)))),
                         re.sub(r"unix:\S*/", "unix:", "".join(sorted(stock.splitlines(True)))))
        for line in ("help info qtree", "help stop", "help qom-set", "? help", "help help x"):
            ours, stock = (text.split(" -- ")[0] for text in self.both(line))
            self.assertEqual(ours, stock)   # the texts behind are our own
        ours, stock = (set(text.splitlines()) for text in self.both("qom-list /objects"))
        self.assertEqual(ours, stock)

    def test_pci(self):
        """Each function that is here says the same; left out are IDE, AHCI and SMBus."""
        ours, stock = (sections(text, "  Bus") for text in self.both("info pci"))
        left_out = [part for part in stock if part not in ours]
        self.assertEqual([part for part in stock if part in ours], ours)
        for part in left_out:
            self.assertRegex(part, r"    (SATA controller|SMBus|IDE controller): ")

    def test_qom_tree(self):
        """What is here stands at the same place there, in the same order."""
        ours, stock = (no_device_numbers(text).splitlines() for text in self.both("info qom-tree"))
        self.assertEqual(ours[0], stock[0])
        for path in (VM0, "/machine/peripheral-anon"):
            # Regions of the transport do not carry the device's name; it is modern only.
            ours, stock = (re.sub(r"-virtio-mem(?=\[)", "", text)
                           for text in self.both(f"info qom-tree {path}"))
            self.assertEqual(ours, re.sub(r" */virtio-pci-notify-pio.*\n", "", stock))

    # Regions that are not stock's: there is no firmware; ICH9 has this one at a fixed place.
    NOT_THERE = re.compile(r"\): (alias isa-bios|pc\.rom|pc\.bios|lpc-rcrb-mmio)\b")

    def check_regions(self, ours, stock):
        """Lines of ours are stock's, in stock's order."""
        ours = [line for line in ours.splitlines() if not self.NOT_THERE.search(line)]
        stock = stock.splitlines()
        here = set(ours)
        self.assertEqual(ours, [line for line in stock if line in here])

    def test_mtree(self):
        for flags in ("", " -D"):
            parts = [{part.split("\n")[0]: part for part in sections(text, r"\S")}
                     for text in self.both("info mtree" + flags)]
            for name, ours in parts[0].items():
                with self.subTest(flags=flags, name=name):
                    self.assertIn(name, parts[1])
                    self.check_regions(ours, parts[1][name])
                    self.assertTrue(ours.endswith("\n\n") or name == "address-space: cpu-memory-0")

    def test_mtree_flat(self):
        ours, stock = self.both("info mtree -f")
        for text in (ours, stock):
            self.assertRegex(text, r'\AFlatView #0\n( AS "[^"]+", root: .*\n)+'
                             r" Root memory region: .*\n")
        ram = [re.findall(r"  .* \(prio 0, ram\): m[01].*\n", text)[:2] for text in (ours, stock)]
        self.assertEqual(*ram)
        for text in (ours, stock):
            self.assertIn(" Root memory region: (none)\n  No rendered FlatView\n\n", text)

    def test_mtree_owners(self):
        ours, stock = (set(no_device_numbers(text).splitlines())
                       for text in self.both("info mtree -o"))
        for pattern in (r": m0 owner:", r": m1 owner:", r": bus master container owner:{dev id=vm0}",
                        r": ioapic owner:", r": pit owner:", r": io parent:", r": system parent:",
                        r": device-memory owner:"):
            lines = [[line for line in text if re.search(pattern, line)] for text in (ours, stock)]
            self.assertTrue(lines[0], pattern)
            self.assertEqual(sorted(lines[0]), sorted(lines[1]))

    # Properties that came after 7.2, are only ours, or are the object's and not the type's there.
    NEW = re.compile(r" (vectors|x-early-migration|dynamic-memslots|x-unplugged-inaccessible-required|"
                     r"disable_s[34]|s4_val|acpi-pci-hotplug-with-bridge-support|"
                     r"x-keep-pci-slot-hpc) = ")

    def test_qtree(self):
        """Each line of a device is one of stock's for that device."""
        def devices(text):
            found = {}
            for part in sections(text, r" *(?:dev|bus): "):
                head, *lines = part.splitlines()
                found.setdefault(head, []).append(lines)
            return found

        ours, stock = map(devices, self.both("info qtree"))
        for head, parts in ours.items():
            with self.subTest(head=head):
                self.assertIn(head, stock)
                there = {line for lines in stock[head] for line in lines}
                for lines in parts:
                    self.assertEqual([line for line in lines
                                      if line not in there and not self.NEW.search(line)], [])
        vm0 = '      dev: virtio-mem-pci, id "vm0"'
        self.assertEqual(ours[vm0][0][-2:], stock[vm0][0][-2:])

    def test_terminal(self):
        terminals = [self.enterContext(Terminal(e.path("hmp"))) for e in self.running]
        greetings = [re.sub(rb"QEMU \S+", b"QEMU V", t.read()) for t in terminals]
        self.assertEqual(*greetings)
        for keys in KEYS:
            with self.subTest(keys=keys):
                ours, stock = (t.type(keys) for t in terminals)
                self.assertEqual(ours, stock)


@unittest.skipUnless(STOCK, "no stock QEMU (QTEST_STOCK_BINARY)")
class HmpStockPc(HmpStock):
    machine = "pc-i440fx-7.2"
