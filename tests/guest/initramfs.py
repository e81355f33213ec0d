# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the two initramfs: the guest's (busybox, memtool, virtio_mem and what it needs) and the
nested host's (busybox, agent, KVM). Written as an uncompressed newc archive (kernel documentation,
"initramfs buffer format"), because an emulated processor takes longer to inflate than to copy."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUSYBOX = "/bin/busybox"
GUEST_MODULES = ["virtio_pci", "virtio_mem", "button", "evdev"]
HOST_MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "kvm-amd"]
APPLETS = """acpid base64 basename cat chmod cp cttyhack cut date dd df dmesg echo env find free grep
 head hexdump id insmod kill ln ls lsmod mkdir mknod more mount mv nproc poweroff ps readlink reboot
 rm sed seq setsid sh sleep sort stat stty sync tail test time timeout top touch tr true umount uname
 uptime vi wc xargs""".split()


class Archive:
    """A newc archive that grows in memory."""

    def __init__(self):
        self.parts = []
        self.nb_inodes = 0
        self.folders = set()

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self.nb_inodes += 1
        name = name.lstrip("/").encode() + b"\0"
        fields = (self.nb_inodes, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
        for part in (header, data):
            self.parts.append(part + bytes(-len(part) % 4))

    def folder(self, name):
        for parent in reversed(pathlib.PurePosixPath(name).parents):
            if str(parent) != "/" and str(parent) not in self.folders:
                self.folder(str(parent))
        if name not in self.folders:
            self.folders.add(name)
            self._entry(name, 0o040755)

    def file(self, name, data, mode=0o755):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, 0o100000 | mode, data)

    def link(self, name, target):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, 0o120777, target.encode())

    def device(self, name, major, minor):
        self.folder(str(pathlib.PurePosixPath(name).parent))
        self._entry(name, 0o020600, device=(major, minor))

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def write_if_changed(path, data):
    """Leaves the file's time alone when nothing changed, so that what is made of it stays fresh."""
    path = pathlib.Path(path)
    if path.exists() and path.read_bytes() == data:
        return path
    new = path.with_name(f"{path.name}.new-{os.getpid()}")
    new.write_bytes(data)
    new.rename(path)
    return path


def static_program(cache, name):
    """Compiles NAME.c of this folder to a static program in the cache, if it is out of date."""
    source, program = HERE / f"{name}.c", pathlib.Path(cache) / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        new = program.with_name(f"{name}.new-{os.getpid()}")
        subprocess.run([os.environ.get("CC", "cc"), "-static", "-O2", "-Wall", "-Wextra",
                        "-o", str(new), str(source)], check=True)
        new.rename(program)
    return program


def _base(init, kernel, modules):
    archive = Archive()
    for folder in ("/dev", "/proc", "/sys", "/tmp", "/etc", "/modules"):
        archive.folder(folder)
    archive.device("/dev/console", 5, 1)
    archive.file("/bin/busybox", pathlib.Path(BUSYBOX).read_bytes())
    for applet in APPLETS:
        archive.link(f"/bin/{applet}", "busybox")
    archive.file("/init", (HERE / init).read_bytes())
    order = kernel.module_order(modules)
    for name in order:
        archive.file(f"/modules/{name}.ko", kernel.module_data(name), 0o644)
    archive.file("/modules/order", "".join(f"{name}\n" for name in order).encode(), 0o644)
    return archive


def guest(cache, kernel, name):
    archive = _base("guest-init.sh", kernel, GUEST_MODULES)
    archive.file("/bin/memtool", static_program(cache, "memtool").read_bytes())
    archive.file("/etc/acpi/PWRF/00000080", b"#!/bin/sh\nexec poweroff -f\n")
    return write_if_changed(pathlib.Path(cache) / name, archive.bytes())


def nested_host(cache, kernel):
    archive = _base("host-init.sh", kernel, HOST_MODULES)
    archive.file("/bin/agent", static_program(cache, "agent").read_bytes())
    for name in ("lib", "lib64", "usr", "opt"):
        archive.link(f"/{name}", f"/img/{name}")
    archive.folder("/img")
    archive.folder("/run")
    return write_if_changed(pathlib.Path(cache) / "nested-host.cpio", archive.bytes())
