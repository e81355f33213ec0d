#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the examples of the documentation, as they stand there.

A code block's qemu-system-x86_64 command is started (on the qtest accelerator instead of kvm, with a
stand-in for the kernel, which no vCPU will run), and the scripts/qmp commands that follow are sent to
it. The other scripts that are named must exist and take the options that are named. Prints TAP; the
emulator is QEMU_SYSTEM of the environment."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from guest import tap  # noqa: E402

EMULATOR = os.environ.get("QEMU_SYSTEM", str(ROOT / "build" / "qemu-system-x86_64"))
PAGES = [ROOT / "README.md"] + sorted((ROOT / "docs").rglob("*.rst"))


def blocks(page):
    """The code blocks of a page, dedented."""
    text = page.read_text()
    if page.suffix == ".md":
        return re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    found = re.findall(r"^\.\. code-block:: shell\n\n((?: {3}.*\n|\n)+)", text, re.M)
    return [re.sub(r"^ {3}", "", block, flags=re.M) for block in found]


def commands(page):
    """The command lines of a page, in order, with continuation lines joined."""
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True) if re.match(r"((build/)?qemu-|scripts/)", line) else []
            if words:
                yield words


def load_script(path):
    """A program of scripts/ as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def fake_kernel(path):
    """A bzImage as far as a loader looks: setup header 2.15, 64-bit entry, nothing behind it."""
    image = bytearray(512 * 2 + 8192)
    struct.pack_into("<B", image, 0x1F1, 1)                      # setup_sects
    struct.pack_into("<H", image, 0x1FE, 0xAA55)                 # boot_flag
    struct.pack_into("<I", image, 0x202, 0x53726448)             # "HdrS"
    struct.pack_into("<H", image, 0x206, 0x020F)                 # version
    struct.pack_into("<B", image, 0x211, 1)                      # loadflags: LOADED_HIGH
    struct.pack_into("<I", image, 0x22C, 0x7FFFFFFF)             # initrd_addr_max
    struct.pack_into("<I", image, 0x230, 0x200000)               # kernel_alignment
    struct.pack_into("<B", image, 0x234, 1)                      # relocatable_kernel
    struct.pack_into("<H", image, 0x236, 1)                      # xloadflags: XLF_KERNEL_64
    struct.pack_into("<I", image, 0x238, 2047)                   # cmdline_size
    struct.pack_into("<Q", image, 0x258, 0x1000000)              # pref_address
    struct.pack_into("<I", image, 0x260, 0x100000)               # init_size
    path.write_bytes(image)


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.cwd = pathlib.Path(self.folder.name)
        (self.cwd / "build" / "guest").mkdir(parents=True)
        for folder in (self.cwd, self.cwd / "build" / "guest"):
            fake_kernel(folder / "vmlinuz")
            (folder / "initrd.img").write_bytes(b"\0" * 4096)
        self.emulator = None
        self.addCleanup(self.stop)

    def stop(self):
        if self.emulator:
            self.emulator.send_signal(signal.SIGTERM)
            _, errors = self.emulator.communicate(timeout=10)
            self.assertEqual(self.emulator.returncode, 0, errors)
            self.emulator = None

    def start(self, words):
        self.stop()
        words = ["qtest" if w == "kvm" and words[i - 1] == "-accel" else w
                 for i, w in enumerate(words)]
        self.emulator = subprocess.Popen([EMULATOR] + words[1:], cwd=self.cwd, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)
        sockets = re.findall(r"unix:([^, ]+)", " ".join(words))
        deadline = time.monotonic() + 10
        while not all((self.cwd / s).exists() for s in sockets):
            self.assertIsNone(self.emulator.poll(), "the emulator has gone")
            self.assertLess(time.monotonic(), deadline, "no socket within 10 s")
            time.sleep(0.01)

    def run_qmp(self, words):
        self.assertIsNotNone(self.emulator, f"{words[0]} stands before any emulator's example")
        done = subprocess.run([str(ROOT / words[0])] + words[1:], cwd=self.cwd, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def check_script(self, words):
        program = ROOT / words[0]
        self.assertTrue(os.access(program, os.X_OK), f"{words[0]} cannot be run")
        text = subprocess.run([str(program), "--help"], text=True, stdout=subprocess.PIPE,
                              check=True, timeout=30).stdout
        for option in (w for w in words[1:] if w.startswith("-")):
            self.assertIn(option, text)

    def run_page(self, page):
        nb = 0
        for words in commands(page):
            nb += 1
            with self.subTest(command=" ".join(words)):
                if words[0] in ("scripts/qmp", "scripts/virtio-mem-map"):
                    self.run_qmp(words)
                elif words[0].startswith("scripts/"):
                    self.check_script(words)
                else:
                    self.start(words)
        return nb

    def test_readme(self):
        self.assertGreaterEqual(self.run_page(ROOT / "README.md"), 4)

    def test_virtio_mem(self):
        page = ROOT / "docs" / "system" / "devices" / "virtio-mem.rst"
        self.assertGreaterEqual(self.run_page(page), 7)
        self.assertEqual((self.cwd / "vm0.png").read_bytes()[:4], b"\x89PNG")
        self.assertIn("vm0: 0 of 2 GiB plugged, 1 GiB requested",
                      self.run_qmp(["scripts/virtio-mem-map", "qmp.sock"]))
        self.assertIn("1073741824", self.run_qmp(["scripts/qmp", "qmp.sock",
                                                  "query-memory-devices"]))

    def test_hotplug(self):
        self.assertEqual(self.run_page(ROOT / "docs" / "system" / "hotplug.rst"), 6)
        self.assertIn("rp0", self.run_qmp(["scripts/qmp", "qmp.sock", "qom-list",
                                           "path=/machine/peripheral"]))

    def test_monitor(self):
        self.assertGreaterEqual(self.run_page(ROOT / "docs" / "system" / "monitor.rst"), 3)
        self.assertIn("1073741824", self.run_qmp(["scripts/qmp", "qmp.sock",
                                                  "query-memory-devices"]))

    def test_other_pages(self):
        own_test = ("README.md", "virtio-mem.rst", "hotplug.rst", "monitor.rst")
        for page in PAGES:
            if page.name not in own_test:
                self.run_page(page)


if __name__ == "__main__":
    sys.exit(0 if tap.run(unittest.defaultTestLoader.loadTestsFromTestCase(Examples)) else 1)
