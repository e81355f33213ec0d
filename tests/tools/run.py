#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of tools/virtio-mem-map against a monitor that answers to order: what it prints, what it
draws, how it fails. Prints TAP; the program is VIRTIO_MEM_MAP of the environment. (Against a real
machine virtio-mem-test tries it.)"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from guest import tap  # noqa: E402
from tools import png  # noqa: E402
from tools.fake_qmp import MIB, FakeMonitor, report, timestamp  # noqa: E402

PROGRAM = os.environ.get("VIRTIO_MEM_MAP", str(ROOT / "build" / "tools" / "virtio-mem-map"))

# the colours and the place of the map, as tools/virtio-mem-map/picture.c has them
TOUCHED, UNTOUCHED, UNPLUGGED, HATCH = 0xc4320a, 0xf5c542, 0xd5dade, 0xd0d5da
MARGIN, MAP_X, WIDTH = 24, 24 + 180, 996


class MapTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / "qmp.sock"

    def monitor(self, *reports, **options):
        monitor = FakeMonitor(self.socket, list(reports), **options)
        self.addCleanup(monitor.close)
        return monitor

    def run_map(self, *args, status=0):
        done = subprocess.run([PROGRAM, str(self.socket), *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status:
            self.assertTrue(done.stderr.startswith("virtio-mem-map: "), done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            return done.stderr
        self.assertEqual(done.stderr, "")
        return done.stdout

    def draw(self, *args):
        path = self.folder / "map.png"
        self.run_map("--png", str(path), *args)
        image = png.Image(path)
        self.assertEqual(image.width, WIDTH)
        return image


class Text(MapTest):
    def test_diagnosis_first(self):
        self.monitor(report(nb_blocks=512, plugged=range(128), touched=range(3), requested=64,
                            state="idle", diagnosis="the guest has not asked"))
        lines = self.run_map().splitlines()
        self.assertEqual(lines[0], "vm0: 256 MiB of 1 GiB plugged, 128 MiB requested: idle")
        self.assertEqual(lines[1].strip(), "the guest has not asked")

    def test_facts(self):
        self.monitor(report(nb_blocks=512, plugged=range(128), touched=range(3), usable=200))
        out = self.run_map()
        for words in ("driver       running; offered acpi-pxm, unplugged-inaccessible; "
                      "acknowledged acpi-pxm, unplugged-inaccessible",
                      "at 0x100000000, node 0, backend /objects/mem0, blocks of 2 MiB, usable now: "
                      "400 MiB", "3 of 128 plugged blocks (the host holds 6 MiB at most)"):
            self.assertIn(words, out)
        self.assertRegex(out, r"requested    6\d s ago\n")
        self.assertRegex(out, r"last change  3\d s ago\n")
        self.assertRegex(out, r"plug +3 +0 +0 +0   3\d s ago\n")
        self.assertRegex(out, r"state +0 +0 +0 +0   never\n")
        self.assertNotIn("last refused", out)
        self.assertNotIn("stale", out)
        self.assertNotIn("lost", out)

    def test_loss(self):
        self.monitor(report(**{"guest-loss": {"size": 128 << 20, "unit": 128 << 20,
                                              "memaddr": 0x140000000}}))
        self.assertIn("lost         128 MiB of the region are in no whole unit of 128 MiB, as Linux uses "
                      "them: memaddr=0x140000000 would lose less\n", self.run_map())

    def test_loss_by_size(self):
        self.monitor(report(**{"guest-loss": {"size": 64 << 20, "unit": 128 << 20}}))
        self.assertIn("lost         64 MiB of the region are in no whole unit of 128 MiB, as Linux uses "
                      "them\n", self.run_map())

    def test_fits(self):
        self.monitor(report(fits={"pattern": "not-online", "evidence": "nothing was written",
                                  "advice": "bring it online"}))
        self.assertIn("requested\n  this fits not-online: nothing was written\n"
                      "  what to do: bring it online\n\n", self.run_map())

    def test_stale(self):
        self.monitor(report(stale=True))
        self.assertIn("stale        the host has failed to take back", self.run_map())

    def test_refusal(self):
        self.monitor(report(**{"last-refused": {
            "type": "plug", "result": "busy", "addr": 0x140000000, "nb-blocks": 7,
            "reason": "host-memory", "detail": "the host cannot", "time": timestamp(7300)}}))
        self.assertIn("last refused: plug of 7 blocks at 0x140000000, busy: the host cannot "
                      "(2 h ago)", self.run_map())

    def test_address_beyond_int64(self):
        """A guest may name any address; QMP has it as a number that JSON libraries trip over."""
        self.monitor(report(**{"last-refused": {
            "type": "plug", "result": "error", "addr": 1 << 63, "nb-blocks": 1,
            "reason": "outside-region", "detail": "its blocks", "time": timestamp(1)}}))
        self.assertIn("at 0x8000000000000000, error", self.run_map())

    def test_map(self):
        self.monitor(report(nb_blocks=70, plugged=[0, 1, 2, 5, 64], touched=[1, 64], usable=68))
        rows = [line for line in self.run_map().splitlines() if "|" in line]
        self.assertEqual(rows, ["  0x000100000000 |=#=..=" + "." * 58 + "|",
                                "  0x000108000000 |#...  |"])

    def test_map_of_many(self):
        self.monitor(report(nb_blocks=4096, plugged=range(0, 1024), touched=[4, 5, 6, 7, 8]))
        rows = [line for line in self.run_map().splitlines() if "|" in line]
        self.assertEqual(len(rows), 16)
        self.assertTrue(rows[0].endswith("|=#+" + "=" * 61 + "|"), rows[0])
        self.assertTrue(rows[15].endswith("|" + "." * 64 + "|"), rows[15])

    def test_untold(self):
        self.monitor(report(plugged=range(8), touched=None))
        out = self.run_map()
        self.assertIn("touched      unknown: the host does not tell what it holds: Permission", out)
        self.assertIn("|" + "=" * 8 + "." * 56 + "|", out)

    def test_several(self):
        self.monitor(report("vm0"), report("vm1", nb_blocks=32))
        out = self.run_map()
        self.assertIn("vm0: 0 of 128 MiB plugged", out)
        self.assertIn("\n\nvm1: 0 of 64 MiB plugged", out)
        self.assertNotIn("vm0", self.run_map("--id", "vm1"))


class Parts(MapTest):
    def test_joined(self):
        plugged = [*range(10, 90), *range(100, 101), *range(150, 200)]
        whole = report(nb_blocks=256, plugged=plugged, touched=plugged[::3])
        monitor = self.monitor(whole, part_blocks=60)
        self.assertEqual(json.loads(self.run_map("--json"))[0], whole)
        self.assertEqual([a.get("first-block") for c, a in monitor.commands[1:]],
                         [None, 60, 120, 180, 240])

    def test_no_progress(self):
        self.monitor(report(), part_blocks=0)
        self.assertIn("does not end", self.run_map(status=2))


class Nonsense(MapTest):
    """What no emulator of ours says is refused, not drawn."""

    def test_refused(self):
        wild = report(plugged=[1, 2])
        wild["block-map"]["plugged"] = [{"first": 60, "nb": 5}]
        back = report(plugged=[1, 2])
        back["block-map"]["touched"]["ranges"] = [{"first": 9, "nb": 1}, {"first": 3, "nb": 1}]
        for i, bad in enumerate((report(**{"block-size": 0}), report(**{"max-size": 0}),
                                 report(**{"usable-region-size": 1 << 40}), wild, back)):
            with self.subTest(i=i):
                self.socket = self.folder / f"{i}.sock"
                self.monitor(bad)
                self.assertIn("contradicts itself", self.run_map(status=2))


class Picture(MapTest):
    def test_a_cell_a_block(self):
        self.monitor(report(nb_blocks=64, plugged=[0, 1, 17], touched=[1], usable=48))
        image = self.draw()
        map_y = image.height - MARGIN - 4 * 40
        cell = {(0, 0): UNTOUCHED, (1, 0): TOUCHED, (2, 0): UNPLUGGED, (15, 0): UNPLUGGED,
                (0, 1): UNPLUGGED, (1, 1): UNTOUCHED, (15, 2): UNPLUGGED}
        for (column, row), color in cell.items():
            x, y = MAP_X + column * 40, map_y + row * 40
            for pixel in ((x, y), (x + 19, y + 19), (x + 37, y + 37)):
                self.assertEqual(image.pixel(*pixel), color, (column, row, pixel))
            self.assertEqual(image.pixel(x + 38, y + 19), 0xffffff)
        hatched = {image.pixel(MAP_X + x, map_y + 3 * 40 + 10) for x in range(38)}
        self.assertEqual(hatched, {HATCH, 0xf1f3f5})
        self.assertEqual(image.pixel(MAP_X + 16 * 40 + 5, map_y + 5), 0xffffff)

    def test_bar(self):
        """To scale: 1/8 touched, to 1/4 plugged, requested 1/2, usable 3/4."""
        self.monitor(report(nb_blocks=64, plugged=range(16), touched=range(8), requested=32,
                            usable=48))
        image = self.draw()
        inner = WIDTH - 2 * MARGIN
        bar_y = next(y for y in range(image.height) if image.pixel(MARGIN, y) == TOUCHED)
        for part, color in ((1 / 16, TOUCHED), (3 / 16, UNTOUCHED), (3 / 8, UNPLUGGED),
                            (5 / 8, UNPLUGGED)):
            self.assertEqual(image.pixel(MARGIN + int(inner * part), bar_y + 15), color, part)
        self.assertEqual(image.pixel(MARGIN + inner // 2, bar_y + 15), 0x1f2328)
        self.assertIn(image.pixel(MARGIN + inner * 7 // 8, bar_y + 15), (HATCH, 0xf1f3f5))

    def test_many_blocks(self):
        """512 Ki blocks, 64 in a cell: colours between those of the states; one block is seen."""
        plugged = [*range(0, 64 * 100), 64 * 200]
        self.monitor(report(nb_blocks=512 << 10, plugged=plugged, touched=[*range(0, 64), 64 * 50]))
        image = self.draw()
        map_y = image.height - MARGIN - 64 * 6

        def cell(i):
            return image.pixel(MAP_X + i % 128 * 6 + 2, map_y + i // 128 * 6 + 2)

        self.assertEqual(cell(0), TOUCHED)
        self.assertEqual(cell(1), UNTOUCHED)
        self.assertEqual(cell(150), UNPLUGGED)
        for i, low, high in ((50, UNTOUCHED, TOUCHED), (200, UNPLUGGED, UNTOUCHED)):
            self.assertNotIn(cell(i), (low, high))
            for shift in (0, 8, 16):
                a, b, c = (v >> shift & 0xff for v in (low, cell(i), high))
                self.assertTrue(min(a, c) <= b <= max(a, c), (i, shift))
                self.assertGreaterEqual(abs(b - a), abs(c - a) * 0.25, (i, shift))
        self.assertLess(image.height, 1000)

    def test_sizes(self):
        """Whatever the number of blocks, the map has a sensible size and all its cells."""
        for nb in (1, 3, 100, 1023, 2048, 100000, 1 << 20):
            with self.subTest(nb=nb):
                self.socket = self.folder / f"{nb}.sock"
                self.monitor(report(nb_blocks=nb, plugged=[nb - 1], touched=[nb - 1]))
                image = self.draw()
                self.assertLess(image.height, 1000)
                self.assertTrue(image.has(TOUCHED))

    def test_long_words(self):
        self.monitor(report("a-device-with-a-very-long-name-of-more-than-eighty-letters-" * 2,
                            diagnosis="a long story " * 30 + "x" * 200))
        image = self.draw()
        self.assertLess(image.height, 1200)
        self.assertEqual({image.pixel(x, y) for x in (0, MARGIN - 1, WIDTH - 1)
                          for y in range(image.height)} - {0xffffff, 0x1f2328}, set())

    def test_needs_one_device(self):
        self.monitor(report("vm0"), report("vm1"))
        self.assertIn("choose with --id (vm0, vm1)", self.run_map("--png", "x.png", status=2))
        self.draw("--id", "vm1")

    def test_cannot_write(self):
        self.monitor(report())
        path = str(self.folder / "no" / "map.png")
        done = subprocess.run([PROGRAM, str(self.socket), "--png", path], timeout=60, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"cannot write '{path}': No such file", done.stderr)


class Errors(MapTest):
    def test_no_socket(self):
        text = self.run_map(status=2)
        self.assertIn("No such file or directory", text)
        self.assertIn("-qmp unix:PATH,server=on,wait=off", text)

    def test_nobody_listens(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left_behind:
            left_behind.bind(str(self.socket))
        self.assertIn("nobody listens", self.run_map(status=2))

    def test_not_qmp(self):
        self.monitor(report(), greeting=b"SSH-2.0-OpenSSH\r\n")
        text = self.run_map(status=2)
        self.assertIn("is not a QMP monitor (it says \"SSH-2.0-OpenSSH\")", text)

    def test_not_our_machine(self):
        self.monitor(report(), knows_command=False)
        self.assertIn("does not know x-query-virtio-mem: it is QEMU 10.2.0 elastic-memory",
                      self.run_map(status=2))

    def test_no_device(self):
        self.monitor()
        self.assertIn("no virtio-mem device", self.run_map(status=1))

    def test_unknown_device(self):
        self.monitor(report("vm0"), report("vm1"))
        text = self.run_map("--id", "vm7", status=1)
        self.assertIn("Device 'vm7' not found; virtio-mem devices of the machine: vm0, vm1", text)

    def test_usage(self):
        for args in ([], ["a", "b"], ["--nonesuch", "a"]):
            done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn("--help", done.stderr)


if __name__ == "__main__":
    sys.exit(0 if tap.run(unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules[__name__])) else 1)
