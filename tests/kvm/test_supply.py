# SPDX-License-Identifier: GPL-2.0-or-later
"""A backend's file system has nothing left, and a vCPU stands still: the machine stops and says why. One that
moves, halts or makes accesses goes on, and so does a machine whose memory is all there."""

import os
import subprocess
import time
import unittest

from . import stand_in

MB = 1 << 20
# A file system of 16 MiB in a mount namespace of the emulator's own.
IN_TMPFS = ["unshare", "--mount", "--map-root-user", "sh", "-c",
            'mount -t tmpfs -o size=16M none tmpfs && exec "$@"', "sh"]
SPARSE = ["-m", "64M,maxmem=4G", "-object", "memory-backend-file,id=mem0,size=1G,share=on,mem-path=tmpfs/mem",
          "-device", "virtio-mem-pci,id=vm0,memdev=mem0"]
WHOLE = ["-m", "64M", "-machine", "memory-backend=mem0",
         "-object", "memory-backend-file,id=mem0,size=64M,share=on,mem-path=tmpfs/mem"]


def can_mount():
    """Namespaces may be forbidden."""
    return subprocess.run(["unshare", "--mount", "--map-root-user", "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(can_mount(), "no namespace to mount a file system in")
class Supply(stand_in.TestCase):
    def start(self, mode, *args, memory=WHOLE):
        """The first vCPU does `mode`; the others halt."""
        def set_up(page):
            page.vcpus[0].mode = mode
            page.vcpus[0].rip = 0x1000
            page.vcpus[0].seed = 1
            page.targets[0] = stand_in.Target(0x3F8, 8, 1)
            page.nb_targets = 1

        vm = self.machine("-machine", "pc", *memory, *args, set_up=set_up, wrapper=IN_TMPFS,
                          folders=["tmpfs"])
        return vm, vm.monitor()

    def fill(self, vm):
        """Takes the rest of the file system, whose mount only the emulator sees."""
        path = f"/proc/{vm.process.pid}/root{vm.path('tmpfs/rest')}"
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, vm.free_in_tmpfs())
        return path

    def goes_on(self, mode):
        vm, qmp = self.start(mode)
        self.fill(vm)
        time.sleep(7)
        self.assertEqual(qmp.cmd("query-status"), {"running": True, "status": "running"})
        self.assertEqual([e["event"] for e in qmp.events if e["event"] != "RESUME"], [])

    def test_stands_still(self):
        vm, qmp = self.start(stand_in.SPIN)
        rest = self.fill(vm)
        event = qmp.event("MEMORY_BACKEND_EXHAUSTED", 15)["data"]
        self.assertEqual(event["backend"], "mem0")
        self.assertTrue(event["path"].endswith("tmpfs/mem"), event)
        self.assertGreater(event["missing"], 40 * MB)
        qmp.event("STOP")
        status = qmp.cmd("query-status")
        self.assertEqual((status["status"], status["memory-shortage"]), ("io-error", event))
        self.assertIn("MiB of what is plugged have none", vm.stderr())
        # Once more in vain, then with room.
        qmp.cmd("cont")
        self.assertNotIn("memory-shortage", qmp.cmd("query-status"))
        qmp.event("MEMORY_BACKEND_EXHAUSTED", 15)
        os.unlink(rest)
        qmp.cmd("cont")
        time.sleep(5)
        self.assertEqual(qmp.cmd("query-status")["status"], "running")

    def test_moves(self):
        self.goes_on(stand_in.WALK)

    def test_halts(self):
        self.goes_on(stand_in.HALT)

    def test_makes_accesses(self):
        self.goes_on(stand_in.RANDOM)

    def test_fault_tells(self):
        vm, qmp = self.start(stand_in.EFAULT, "-S")
        self.fill(vm)
        qmp.cmd("cont")
        qmp.event("MEMORY_BACKEND_EXHAUSTED")
        qmp.event("STOP")
        self.assertEqual(qmp.cmd("query-status")["status"], "io-error")

    def test_fault_with_room(self):
        """Then nobody knows what was missing."""
        vm, qmp = self.start(stand_in.EFAULT, "-S", memory=["-m", "64M"])
        qmp.cmd("cont")
        qmp.event("STOP")
        self.assertEqual(qmp.cmd("query-status"), {"running": False, "status": "internal-error"})
        self.assertIn("kvm run failed Bad address", vm.stderr())

    def test_all_is_there(self):
        """A vCPU may stand where it likes when the full file system has given all that is wanted."""
        vm, qmp = self.start(stand_in.SPIN, memory=[
            "-m", "8M", "-machine", "memory-backend=mem0", "-object",
            "memory-backend-file,id=mem0,size=8M,share=on,prealloc=on,mem-path=tmpfs/mem"])
        self.fill(vm)
        time.sleep(6)
        self.assertEqual(qmp.cmd("query-status")["status"], "running")

    def test_nothing_is_plugged(self):
        vm, qmp = self.start(stand_in.SPIN, memory=SPARSE)
        self.fill(vm)
        time.sleep(6)
        self.assertEqual(qmp.cmd("query-status")["status"], "running")
