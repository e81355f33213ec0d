# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own kernels, downloaded with apt-get and unpacked, never installed: this release's cloud
kernel, and Debian 11's 5.10, whose virtio_mem driver does not know UNPLUGGED_INACCESSIBLE. The latter
comes with an apt state of its own, so that the system's sources stay as they are."""

import os
import pathlib
import re
import shutil
import subprocess

META_PACKAGE = "linux-image-cloud-amd64"
LEGACY_SUITE = "bullseye"
LEGACY_SOURCE = ("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                 "http://deb.debian.org/debian {suite} main\n")
DOWNLOAD_SECONDS = 600


class Unavailable(Exception):
    """Something that only the network can give is not to be had; the text says what and why."""


class Kernel:
    """An unpacked kernel: `image` (a bzImage), `release`, and its modules with their needs."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        images = sorted(self.root.glob("boot/vmlinuz-*"))
        if not images:
            raise Unavailable(f"no kernel in {self.root}/boot")
        self.image = images[-1]
        self.release = self.image.name.split("-", 1)[1]
        bases = [b for b in (self.root / "lib/modules" / self.release,
                             self.root / "usr/lib/modules" / self.release) if b.is_dir()]
        self._files = {p.name.split(".ko")[0].replace("-", "_"): p
                       for base in bases for p in base.rglob("*.ko*")}

    def module_data(self, name):
        path = self._files.get(name.replace("-", "_"))
        if path is None:
            raise Unavailable(f"kernel {self.release} has no module '{name}'")
        unpack = {".xz": ["xz", "-dc"], ".zst": ["zstd", "-dcq"], ".gz": ["gzip", "-dc"]}
        if path.suffix in unpack:
            return subprocess.run(unpack[path.suffix] + [str(path)], check=True,
                                  stdout=subprocess.PIPE).stdout
        return path.read_bytes()

    def module_order(self, names):
        """The modules and all that they need, each after what it needs."""
        order = []

        def add(name):
            name = name.replace("-", "_")
            if name in order:
                return
            found = re.search(rb"\0depends=([^\0]*)\0", self.module_data(name))
            for need in (found.group(1).decode().split(",") if found else []):
                if need:
                    add(need)
            order.append(name)

        for name in names:
            add(name)
        return order


def _apt(tool, options, *arguments, cwd=None):
    if os.geteuid() == 0:
        options = options + ["-o", "APT::Sandbox::User=root"]
    try:
        run = subprocess.run([tool, "-q", *options, *arguments], cwd=cwd, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, timeout=DOWNLOAD_SECONDS,
                             env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError:
        raise Unavailable(f"{tool} not found: the guest's kernel comes from Debian's archive")
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{tool} {arguments[0]} took over {DOWNLOAD_SECONDS} s")
    if run.returncode:
        why = [line for line in run.stderr.splitlines() if line.startswith("E:")]
        raise Unavailable(f"{tool} {' '.join(arguments)}: {(why or ['failed'])[0]}")
    return run.stdout


def _real_package(options):
    """The package with the kernel in it, which the meta package depends on."""
    for line in _apt("apt-cache", options, "depends", META_PACKAGE).splitlines():
        found = re.match(r"\s*Depends:\s*(linux-image-\S+)", line)
        if found:
            return found.group(1)
    raise Unavailable(f"apt knows no package '{META_PACKAGE}': is Debian's archive configured?")


def _fetch(root, options):
    """Downloads and unpacks into `root`, which appears only when it is complete."""
    package = _real_package(options)
    work = pathlib.Path(f"{root}.new-{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        _apt("apt-get", options, "download", package, cwd=work)
        archives = list(work.glob("*.deb"))
        if not archives:
            raise Unavailable(f"apt-get download {package} left no file")
        subprocess.run(["dpkg-deb", "-x", str(archives[0]), str(work / "tree")], check=True)
        shutil.rmtree(root, ignore_errors=True)
        (work / "tree").rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Kernel(root)


def _cached(root):
    try:
        return Kernel(root)
    except Unavailable:
        return None


def current(cache):
    """This release's cloud kernel; the one in the cache is reused."""
    root = pathlib.Path(cache) / "kernel"
    kernel = _cached(root)
    if kernel:
        return kernel
    try:
        return _fetch(root, [])
    except Unavailable:
        # Package lists that are absent or out of date: refresh them once, where we may.
        become = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if become and not shutil.which("sudo"):
            raise
        subprocess.run([*become, "apt-get", "-qq", "update"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return _fetch(root, [])


def legacy(cache):
    """Debian 11's 5.10 cloud kernel. Raises Unavailable where it cannot be fetched."""
    cache = pathlib.Path(cache)
    kernel = _cached(cache / "kernel-legacy")
    if kernel:
        return kernel
    state = cache / "apt-legacy"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "sources.list").write_text(LEGACY_SOURCE.format(suite=LEGACY_SUITE))
    options = [part for option in (f"Dir::State::Lists={state}/lists",
                                   f"Dir::Etc::SourceList={state}/sources.list",
                                   "Dir::Etc::SourceParts=/dev/null",
                                   f"Dir::Cache={state}/cache",
                                   "Acquire::Retries=2", "Acquire::http::Timeout=20")
               for part in ("-o", option)]
    _apt("apt-get", options, "update")
    return _fetch(cache / "kernel-legacy", options)
