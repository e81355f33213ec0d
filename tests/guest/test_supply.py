# SPDX-License-Identifier: GPL-2.0-or-later
"""The host has no page left for what a guest has plugged: the machine stops when the guest wants one,
and goes on where it was when there is room; a guest that wants none goes on all the time."""

import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20
PLUGGED = 512 * MB
IDLE_SECONDS = 6.0      # longer than a vCPU may stand before the machine is stopped
POOL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


class Supply(shared.GuestTestCase):
    def setUp(self):
        super().setUp()
        if self.host.kind != "nested":
            self.skipTest("mounts, and changes the pool of huge pages: only in a host of its own")
        if shared.is_stock():
            self.skipTest("stock leaves the guest hanging and says nothing")

    def start(self, backend):
        emulator, guest = guests.start(self.host, [
            self.host.resource("emulator"), "-accel", "kvm", "-nodefaults", "-machine", "q35",
            "-m", "512M,maxmem=4G", "-object", f"{backend},id=mem0,size=1G",
            "-device", "virtio-mem-pci,id=vm0,memdev=mem0",
            "-kernel", self.host.resource("kernel"), "-initrd", self.host.resource("initrd"),
            "-append", guests.CONTROL])
        self.addCleanup(emulator.close)
        # Not before it has booted: programs that start want some of it.
        emulator.qmp.set(guests.DEVICE_PATH, "requested-size", PLUGGED)
        self.assert_size(emulator, PLUGGED)
        return emulator, guest

    def assert_goes_on(self, emulator):
        """For longer than it takes to find out, though nothing is left."""
        names = [e["event"] for e in emulator.qmp.events_for(IDLE_SECONDS)]
        self.assertEqual(set(names) - {"MEMORY_DEVICE_SIZE_CHANGE", "RESUME"}, set())
        self.assertEqual(emulator.qmp.cmd("query-status")["status"], "running")
        self.assertIn("'mem0'", emulator.process.stderr)
        self.assertIn("may run out of memory", emulator.process.stderr)

    def assert_stops(self, emulator):
        event = emulator.qmp.wait_event("MEMORY_BACKEND_EXHAUSTED", 20.0)[1]["data"]
        emulator.qmp.wait_event("STOP", 5.0)
        status = emulator.qmp.cmd("query-status")
        self.assertEqual((status["status"], status["memory-shortage"]), ("io-error", event))
        self.assertEqual(event["backend"], "mem0")
        self.assertGreater(event["missing"], 128 * MB)
        print(f"# {event}", flush=True)
        return event

    def assert_write_stops_and_goes_on(self, emulator, guest, make_room):
        """The guest writes until nothing is left; with room it goes on, and has lost nothing."""
        guest.send("memtool hold a %d 1" % (96 * MB))
        event = self.assert_stops(emulator)
        make_room()
        emulator.qmp.cmd("cont")
        guest._read_until(rb"@reply %d " % guest.last_id, 60.0, "end of writing")
        self.assertEqual(guest.verify("a"), 96 * MB)
        self.assertEqual(emulator.qmp.cmd("query-status"), {"running": True, "status": "running"})
        return event

    def test_full_file_system(self):
        self.host.check("mkdir -p /run/small; mount -t tmpfs -o size=64M none /run/small")
        self.addCleanup(self.host.shell, "umount -l /run/small")
        emulator, guest = self.start("memory-backend-file,share=on,mem-path=/run/small/mem")
        self.host.shell("dd if=/dev/zero of=/run/small/rest bs=64k")
        self.assert_goes_on(emulator)
        self.host.check("rm /run/small/rest")
        event = self.assert_write_stops_and_goes_on(
            emulator, guest, lambda: self.host.check("mount -o remount,size=600M /run/small"))
        self.assertEqual(event["path"], "/run/small/mem")

    def test_empty_pool(self):
        self.host.check(f"echo 0 > {POOL}")
        self.addCleanup(self.host.shell, f"echo 0 > {POOL}")
        emulator, guest = self.start("memory-backend-memfd,hugetlb=on,hugetlbsize=2M,reserve=off")
        self.assert_write_stops_and_goes_on(
            emulator, guest, lambda: self.host.check(f"echo 200 > {POOL}"))
        # Interrupts off and a hlt that nothing ends: the one vCPU stands where it is.
        guest.send("busybox halt -f")
        time.sleep(2)
        self.host.check(f"echo 0 > {POOL}")
        self.assert_goes_on(emulator)


if __name__ == "__main__":
    unittest.main()
