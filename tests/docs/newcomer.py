#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A newcomer's commands: the README's, in their order, in a fresh clone in which nothing has been built but
by scripts/run-guest. The guest is left out (tests/guest runs it all with one): no vCPU runs, and files stand
in for the kernel and initramfs that run-guest puts where the README's command line takes them from."""

import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import test_examples
from test_examples import ROOT, commands, fake_kernel, load_script, tap


class Newcomer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.clone = pathlib.Path(folder.name, "clone")
        listing = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=False,
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if listing.returncode:
            self.skipTest("this is no git repository")
        for name in filter(None, listing.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.clone / name)

    def run_in_clone(self, words):
        done = subprocess.run(words, cwd=self.clone, stdin=subprocess.DEVNULL, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{words}:\n{done.stdout[-3000:]}")

    def start(self, words):
        words = ["qtest" if word == "kvm" else word for word in words]
        process = subprocess.Popen(words, cwd=self.clone, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        def stop():
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 0, errors)

        self.addCleanup(stop)
        deadline = time.monotonic() + 10
        while not (self.clone / "qmp.sock").exists():
            self.assertLess(time.monotonic(), deadline, "no QMP socket within 10 s")
            time.sleep(0.01)

    def test_readme(self):
        todo = list(commands(ROOT / "README.md"))
        self.assertEqual([words[0] for words in todo],
                         ["scripts/run-guest", "scripts/run-tests", "build/qemu-system-x86_64",
                          "scripts/qmp", "scripts/virtio-mem-map"])
        script = load_script(self.clone / "scripts" / "run-guest")
        script.build()
        image, initrd = self.clone / "image", self.clone / "initramfs"
        fake_kernel(image)
        initrd.write_bytes(b"\0" * 4096)
        (self.clone / "build" / "guest").mkdir()
        script.link_resources(self.clone / "build" / "guest", image, initrd)
        self.run_in_clone([*todo[1], "--help"])
        self.start(todo[2])
        for words in todo[3:]:
            self.run_in_clone(words)
        self.assertEqual((self.clone / "map.png").read_bytes()[:4], b"\x89PNG")


if __name__ == "__main__":
    sys.exit(0 if tap.run(unittest.defaultTestLoader.loadTestsFromTestCase(Newcomer)) else 1)
