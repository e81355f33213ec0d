# SPDX-License-Identifier: GPL-2.0-or-later
"""An emulator whose KVM is stand-in-preload.so: machine() starts one, whose vCPUs do what is written into its
page (stand-in.h has the same layout, with the meaning of each member)."""

import ctypes
import mmap
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from cmdline import emulator  # noqa: E402
from cmdline.test_boot import fake_kernel  # noqa: E402

PRELOAD = os.environ.get("KVM_STAND_IN_PRELOAD", "")
HALT, SPIN, WALK, RANDOM, SCRIPT, EFAULT, UNKNOWN_EXIT = range(7)
NB_VCPUS, NB_TARGETS, NB_ACCESSES = 4, 32, 64


class Target(ctypes.Structure):
    _fields_ = [("base", ctypes.c_uint64), ("size", ctypes.c_uint32), ("is_port", ctypes.c_uint32)]


class Access(ctypes.Structure):
    _fields_ = [("addr", ctypes.c_uint64), ("value", ctypes.c_uint64), ("size", ctypes.c_uint32),
                ("is_port", ctypes.c_uint32), ("is_write", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32)]


class Vcpu(ctypes.Structure):
    _fields_ = [("mode", ctypes.c_uint32), ("seed", ctypes.c_uint32), ("rip", ctypes.c_uint64),
                ("nb_runs", ctypes.c_uint64), ("nb_exits", ctypes.c_uint64),
                ("script_next", ctypes.c_uint32), ("script_size", ctypes.c_uint32),
                ("script", Access * NB_ACCESSES)]


class Page(ctypes.Structure):
    _fields_ = [("nb_targets", ctypes.c_uint32), ("physical_bits", ctypes.c_uint32),
                ("slot_limit", ctypes.c_uint64), ("nb_slots", ctypes.c_uint32),
                ("smm", ctypes.c_uint32), ("targets", Target * NB_TARGETS),
                ("vcpus", Vcpu * NB_VCPUS)]


class Machine(emulator.Emulator):
    """Started with -accel kvm and a kernel that no processor reads; `set_up` gets the page before."""

    def __init__(self, *args, set_up=lambda page: None, accel="kvm", **how):
        self.file = tempfile.NamedTemporaryFile(prefix="kvm-stand-in-")
        self.file.truncate(ctypes.sizeof(Page))
        self.page = Page.from_buffer(mmap.mmap(self.file.fileno(), ctypes.sizeof(Page)))
        set_up(self.page)
        how.setdefault("base", ["-accel", accel, "-display", "none", "-nodefaults", "-kernel",
                                "vmlinuz"])
        how.setdefault("files", {"vmlinuz": fake_kernel()})
        # Only the emulator is to have it, not what starts it.
        how["wrapper"] = [*how.get("wrapper", ()), "env", f"LD_PRELOAD={PRELOAD}",
                          f"KVM_STAND_IN={self.file.name}"]
        super().__init__(*args, **how)

    def free_in_tmpfs(self):
        """Bytes left in the file system that a wrapper mounted at `tmpfs`."""
        fs = os.statvfs(f"/proc/{self.process.pid}/root{self.path('tmpfs')}")
        return fs.f_bfree * fs.f_frsize

    def __exit__(self, *what):
        super().__exit__(*what)
        self.file.close()


class TestCase(emulator.TestCase):
    def machine(self, *args, **how):
        """One that ends with the test."""
        return self.enterContext(Machine(*args, **how))
