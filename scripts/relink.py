# SPDX-License-Identifier: GPL-2.0-or-later
"""A build directory whose programs can be linked anew with some objects of hw/ compiled otherwise:
from changed sources (mutate-virtio-mem) or with further options (check-coverage). One file takes a
second that way, and neither the tree nor the build directory is changed."""

import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
EMULATOR = "qemu-system-x86_64"
LIBRARY = "libhw.a"


def run(argv, **options):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options)


def must(argv, **options):
    done = run(argv, **options)
    if done.returncode:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {shlex.join(str(a) for a in argv)} failed:\n"
                 f"{done.stdout[-2000:]}")
    return done.stdout


class Build:
    """folder is made and brought up to date first; targets are the programs to be linked anew."""

    def __init__(self, folder, targets):
        self.folder = folder.resolve()
        if not (self.folder / "build.ninja").exists():
            must(["meson", "setup", self.folder, ROOT])
        must(["ninja", "-C", self.folder])
        self.commands = {}      # output: words of the command that makes it
        text = must(["ninja", "-C", self.folder, "-t", "commands"] + targets)
        for line in text.splitlines():
            words = shlex.split(line)
            if "-o" in words:
                self.commands[words[words.index("-o") + 1]] = words

    @staticmethod
    def object_name(name):
        return f"{LIBRARY}.p/{name.replace('/', '_')}.o"

    def compile(self, name, source, output, options=()):
        """Compiles source as the tree's file name would be; None, or what the compiler says."""
        kept, skip = [], False
        for word in self.commands[self.object_name(name)]:
            # what depends on what is noted for the build directory alone
            if not skip and word not in ("-MD", "-MQ", "-MF"):
                kept.append(word)
            skip = word in ("-MQ", "-MF")
        kept[kept.index("-o") + 1] = output
        kept[kept.index("-c") + 1] = source
        done = run(kept + ["-O0", "-w"] + list(options), cwd=self.folder)
        return done.stdout[-500:] if done.returncode else None

    def link(self, target, changed, folder, options=()):
        """Links target into folder, with changed (name: object) in the place of its objects."""
        instead = {self.object_name(name): path for name, path in changed.items()}
        names = [n for n in self.commands if n.startswith(f"{LIBRARY}.p/")]
        archive = folder / LIBRARY
        archive.unlink(missing_ok=True)
        must(["ar", "cr", archive] + [instead.get(n, self.folder / n) for n in names])
        output = folder / pathlib.Path(target).name
        words = [archive if w == LIBRARY else w for w in self.commands[target]]
        words[words.index("-o") + 1] = output
        must(words + list(options), cwd=self.folder)
        return output
