# SPDX-License-Identifier: GPL-2.0-or-later
"""What an object does at its end is done at the end of the program, whatever ends it: of a file with
discard-data=on no block is left, in whatever place its memory was. On stock QEMU, too, where
QTEST_STOCK_BINARY is set."""

import os
import signal
import time
import unittest

from cmdline.emulator import BINARY, STOCK, TestCase

MIB = 1 << 20
Q35 = ["-display", "none", "-nodefaults", "-S", "-machine",
       "q35,accel=" + ("tcg" if STOCK else "qtest")]
BACKEND = "memory-backend-file,id=m,mem-path=m,share=on,prealloc=on"
# Where the memory of the file is; its size.
PLACES = {
    "unused": ["-object", f"{BACKEND},size=64M"],
    "boot": ["-object", f"{BACKEND},size=64M", "-m", "64M", "-machine", "memory-backend=m"],
    "numa": ["-object", f"{BACKEND},size=64M", "-m", "64M", "-numa", "node,memdev=m"],
    "device": ["-object", f"{BACKEND},size=64M".replace(",prealloc=on", ""), "-m", "64M,maxmem=1G",
               "-device", "virtio-mem-pci,memdev=m"],
}


def quit_by_qmp(emulator, monitor):
    monitor.ask("quit")


def quit_by_hmp(emulator, monitor):
    monitor.ask("human-monitor-command", command_line="quit")


def power_off(emulator, monitor):
    """The guest does: S5 in the power management block of q35."""
    monitor.cmd("cont")
    emulator.qtest("outl 0xcf8 0x8000f840")
    emulator.qtest("outl 0xcfc 0x601")
    emulator.qtest("outl 0xcf8 0x8000f844")
    emulator.qtest("outb 0xcfc 0x80")
    emulator.qtest("outw 0x604 0x2000")


WAYS = {"quit": quit_by_qmp, "hmp-quit": quit_by_hmp, "guest": power_off,
        **{s.name: lambda emulator, monitor, s=s: emulator.process.send_signal(s)
           for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}}


class AtExit(TestCase):
    def end(self, way, args):
        """Blocks of the file before and after, and its size after."""
        emulator = self.emulator(*Q35, *args, binary=STOCK or BINARY, base=[], qtest=True)
        monitor = emulator.monitor()
        with open(emulator.path("m"), "rb+") as file:
            file.write(b"x" * MIB)
        before = os.stat(emulator.path("m")).st_blocks
        WAYS[way](emulator, monitor)
        self.assertEqual(emulator.wait(), 0, emulator.stderr())
        after = os.stat(emulator.path("m"))
        return before, after.st_blocks, after.st_size

    def test_discard_data(self):
        for place, args in PLACES.items():
            for way in WAYS:
                if STOCK and way == "guest":
                    continue    # where its processors run, firmware is in the way
                with self.subTest(place=place, way=way):
                    args = [arg.replace("share=on", "share=on,discard-data=on") for arg in args]
                    before, after, size = self.end(way, args)
                    self.assertGreater(before, 0)
                    self.assertEqual((after, size), (0, 64 * MIB))

    def test_no_discard_data(self):
        for place, args in PLACES.items():
            before, after, size = self.end("quit", args)
            self.assertEqual((after, size), (before, 64 * MIB), place)

    def test_private(self):
        """What the process wrote was never in the file, whose contents are kept."""
        args = [arg.replace("share=on", "share=off,discard-data=on") for arg in PLACES["boot"]]
        before, after, size = self.end("quit", args)
        self.assertGreaterEqual(after, before)
        self.assertEqual(size, 64 * MIB)

    @unittest.skipIf(STOCK, "of no interest")
    def test_nothing_is_done_for_the_others(self):
        """Half a terabyte of which nobody asked anything at its end costs no time."""
        emulator = self.emulator(*Q35, "-m", "64M,maxmem=600G", "-object",
                                 "memory-backend-memfd,id=m,size=512G,reserve=off", "-device",
                                 "virtio-mem-pci,memdev=m", base=[])
        monitor = emulator.monitor()
        start = time.monotonic()
        monitor.ask("quit")
        self.assertEqual(emulator.wait(), 0)
        self.assertLess(time.monotonic() - start, 0.5)


@unittest.skipIf(STOCK, "beyond stock: it has a virtual clock only where it was built with one")
class EndOfLongCommands(TestCase):
    """A qtest command that would take years does not keep a signal waiting."""

    def ends(self, *lines):
        emulator = self.emulator(*Q35, "-m", "64M", base=[], qtest=True)
        emulator.monitor()
        for line in lines[:-1]:
            self.assertEqual(emulator.qtest(line), "OK")
        emulator.qtest("endianness")
        emulator.qtest_socket.sendall(lines[-1].encode() + b"\n")
        time.sleep(0.2)
        emulator.process.terminate()
        self.assertEqual(emulator.wait(5), 0)
        self.assertIn("terminating on signal 15", emulator.stderr())

    def test_clock(self):
        """The timer interrupts each microsecond on the way."""
        self.ends("outb 0x43 0x34", "outb 0x40 0x2", "outb 0x40 0x0",
                  "clock_set 9223372036854775807")

    def test_answer_that_nobody_reads(self):
        self.ends("read 0 0x1000000")

    def test_memset(self):
        self.ends("memset 0x100000000 0x10000000000 0x1")
