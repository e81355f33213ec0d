# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of the documentation do in a Debian guest what they promise: after an example's commands the
guest itself has all the memory that was requested. Each command line is taken as it stands there, but for the
files' places and the sockets; each scripts/qmp and scripts/virtio-mem-map is run. And the README's commands
work one after the other in a fresh clone."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from . import host as hosts
from . import guest as guests
from . import shared

ROOT = shared.ROOT
PAGES = [ROOT / "README.md"] + sorted((ROOT / "docs" / "system").rglob("*.rst"))
# Made anew by hosts.Emulator, or of no meaning in a test.
LEFT_OUT = ("-serial", "-display", "-qmp", "-monitor")
ADDED = "quiet panic=-1 guest.control"


def load(path):
    """A program of this tree as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def examples():
    """(page, emulator's words, list of words of the scripts that follow) that boot with an initrd."""
    sys.path.insert(0, str(ROOT / "tests" / "docs"))
    commands = load(ROOT / "tests" / "docs" / "test_examples.py").commands
    for page in PAGES:
        example = None
        for words in commands(page):
            if words[0].endswith("qemu-system-x86_64"):
                if example:
                    yield example
                example = (page, words, []) if "-initrd" in words else None
            elif example and words[0] in ("scripts/qmp", "scripts/virtio-mem-map"):
                example[2].append(words)
        if example:
            yield example


class Examples(shared.GuestTestCase):
    def start(self, words):
        """The example's machine, its control loop running; Debian's kernel and the tests' initramfs."""
        argv = [self.host.resource("emulator")]
        pairs = iter(words[1:])
        for word in pairs:
            if word in LEFT_OUT:
                next(pairs)
            elif word in ("-kernel", "-initrd"):
                next(pairs)
                argv += [word, self.host.resource(word[1:])]
            elif word == "-append":
                argv += [word, f"{next(pairs)} {ADDED}"]
            else:
                argv.append(word)
        emulator, guest = guests.start(self.host, argv)
        self.addCleanup(emulator.close)
        return emulator, guest

    def requested(self, forward):
        devices = subprocess.run([str(ROOT / "scripts" / "qmp"), forward, "query-memory-devices"],
                                 stdout=subprocess.PIPE, check=True, text=True).stdout
        sizes = lambda name: sum(map(int, re.findall(rf'"{name}": (\d+)', devices)))
        return sizes("requested-size"), sizes("size")

    def wait_memory(self, guest, before, path):
        """Waits until the guest has what is requested; how much that is."""
        deadline = time.monotonic() + 30
        while True:
            requested, size = self.requested(path)
            grown = guest.mem_total() - before
            if requested == size == grown:
                return requested
            self.assertLess(time.monotonic(), deadline, f"{requested} bytes are requested, {size} "
                            f"plugged, and MemTotal has grown by {grown}")
            time.sleep(0.2)

    def test_memory_comes(self):
        run_guest = load(ROOT / "scripts" / "run-guest")
        nb = 0
        for page, words, scripts in examples():
            nb += 1
            with self.subTest(page=page.name, command=" ".join(words)), \
                    tempfile.TemporaryDirectory() as folder:
                emulator, guest = self.start(words)
                before = guest.mem_total() - emulator_size(emulator)
                emulator.qmp.close()        # the monitor is the example's now
                emulator.qmp = None
                path = pathlib.Path(folder, "qmp.sock")
                run_guest.Forward(path, self.host, emulator.qmp_path)
                most = self.wait_memory(guest, before, str(path))
                for script in scripts:
                    done = subprocess.run([str(ROOT / script[0]), *script[1:]], cwd=folder,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                          text=True, timeout=60, check=False)
                    self.assertEqual(done.returncode, 0, f"{script}: {done.stdout}")
                    most = max(most, self.wait_memory(guest, before, str(path)))
                self.assertGreater(most, 0, "the example asks for no memory")
                emulator.close()
        self.assertGreaterEqual(nb, 5)


def emulator_size(emulator):
    """What is plugged already, and the guest has."""
    return sum(d["data"]["size"] for d in emulator.qmp.cmd("query-memory-devices"))


class FreshClone(unittest.TestCase):
    """The README's commands, in their order."""

    def setUp(self):
        shared.host()       # or skipped
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.clone = pathlib.Path(folder.name, "clone")
        names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=True,
                               stdout=subprocess.PIPE).stdout.decode().split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (self.clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.clone / name)
        # The kernel is the same package, fetched before; all else is made there.
        shutil.copytree(shared.cache_path() / "kernel", self.clone / "build" / "guest" / "kernel",
                        symlinks=True)

    def run_in_clone(self, words, timeout=600):
        done = subprocess.run(words, cwd=self.clone, stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{words}:\n{done.stdout[-3000:]}")
        return done.stdout

    def test_readme(self):
        commands = list(load(ROOT / "tests" / "docs" / "test_examples.py").commands(
            ROOT / "README.md"))
        self.assertEqual([words[0] for words in commands],
                         ["scripts/run-guest", "scripts/run-tests", "build/qemu-system-x86_64",
                          "scripts/qmp", "scripts/virtio-mem-map"])
        walk = self.run_in_clone(commands[0])
        self.assertRegex(walk, r"(?m)^ *0 MiB +0 MiB .* ok$")
        self.run_in_clone([*commands[1], "--help"])     # all of it would run this test again
        for option in ("-kernel", "-initrd"):
            path = self.clone / commands[2][commands[2].index(option) + 1]
            self.assertTrue(path.is_file(), f"{path} is not there after scripts/run-guest")
        self.start_machine(commands[2])
        for words in commands[3:]:
            self.run_in_clone(words, 60)
        self.assertEqual((self.clone / "map.png").read_bytes()[:4], b"\x89PNG")

    def start_machine(self, words):
        """As it stands where KVM is usable; else what the README says to use there instead."""
        if hosts.kvm_usable() is not None:
            words = ["scripts/run-guest", "--interactive", "--qmp", "qmp.sock"]
        process = subprocess.Popen(words, cwd=self.clone, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + 240
        while not (self.clone / "qmp.sock").exists():
            self.assertIsNone(process.poll(), f"{words} has ended")
            self.assertLess(time.monotonic(), deadline, "no QMP socket")
            time.sleep(0.1)
        time.sleep(1)


if __name__ == "__main__":
    unittest.main()
