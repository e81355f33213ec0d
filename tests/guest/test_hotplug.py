# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtio-mem device, with its memory backend, comes to a running guest, grows and shrinks it, is not
given back while the guest uses it, goes, and comes again: on pc and on q35 behind a root port, by ACPI
and, on a machine version that knows no better, by the port's own registers."""

import time
import unittest

from . import guest as guests
from . import qmp, shared

MB = 1 << 20
PLUGGED = 256 * MB
PORT = ("-device", "pcie-root-port,id=rp0,chassis=1,slot=1")
STILL_PLUGGED = ("virtio-mem device cannot get unplugged while some of its memory is still plugged")
IN_USE = "object 'mem0' is in use, can not be deleted"
EJECT_SECONDS = 30.0      # a native slot lets the operator change his mind for 5


class Hotplug(shared.GuestTestCase):
    def plug(self, emulator, bus):
        emulator.qmp.cmd("object-add", qom_type="memory-backend-memfd", id="mem0", size=1024 * MB)
        emulator.qmp.cmd("device_add", driver="virtio-mem-pci", id="vm0", memdev="mem0", bus=bus,
                         unplugged_inaccessible="on")

    def assert_refused(self, emulator, words, command, **arguments):
        with self.assertRaises(qmp.QMPError) as caught:
            emulator.qmp.cmd(command, **arguments)
        self.assertEqual(caught.exception.desc, words)

    def assert_online(self, guest, size):
        deadline = time.monotonic() + 20
        while guest.movable_bytes() != size and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(guest.movable_bytes(), size, "bytes that the guest has online")

    def nb_memory_functions(self, guest):
        return int(guest.check("cat /sys/bus/pci/devices/*/device | grep -c 0x1058 || true"))

    def grow(self, emulator, guest):
        emulator.qmp.set(guests.DEVICE_PATH, "requested-size", PLUGGED)
        self.assert_size(emulator, PLUGGED)
        self.assert_online(guest, PLUGGED)
        self.assertEqual(guest.hold("hot", 64 * MB, 3), 64 * MB, "bytes read back")
        guest.release("hot")

    def shrink(self, emulator):
        emulator.qmp.set(guests.DEVICE_PATH, "requested-size", 0)
        self.assert_size(emulator, 0)

    def unplug(self, emulator, guest):
        emulator.qmp.cmd("device_del", id="vm0")
        child = emulator.qmp.wait_event("DEVICE_DELETED", EJECT_SECONDS)[1]["data"]
        self.assertEqual(child, {"path": guests.DEVICE_PATH + "/virtio-backend"})
        device = emulator.qmp.wait_event("DEVICE_DELETED", 5)[1]["data"]
        self.assertEqual(device, {"device": "vm0", "path": guests.DEVICE_PATH})
        self.assertEqual(emulator.qmp.cmd("query-memory-devices"), [])
        self.assertEqual(self.nb_memory_functions(guest), 0, "PCI functions in the guest")
        emulator.qmp.cmd("object-del", id="mem0")

    def check(self, machine, bus, extra=(), again=True):
        emulator, guest = self.boot(machine=machine, device=None, extra=extra)
        self.assertEqual(self.nb_memory_functions(guest), 0, "PCI functions in the guest")
        self.plug(emulator, bus)
        self.grow(emulator, guest)
        self.assert_refused(emulator, STILL_PLUGGED, "device_del", id="vm0")
        self.assert_refused(emulator, IN_USE, "object-del", id="mem0")
        self.shrink(emulator)
        self.unplug(emulator, guest)
        if again:
            self.check_again(emulator, guest, bus)
        guest.send("poweroff -f")
        self.assert_powered_off(emulator)

    def check_again(self, emulator, guest, bus):
        """With a reset meanwhile, after which the device is as if it had been there from the start."""
        self.plug(emulator, bus)
        self.grow(emulator, guest)
        emulator.qmp.cmd("system_reset")
        emulator.qmp.wait_event("RESET", 10)
        guest.wait_ready()
        self.assert_size(emulator, PLUGGED)
        self.assert_online(guest, PLUGGED)
        self.shrink(emulator)
        self.unplug(emulator, guest)

    def test_pc(self):
        self.check("pc", "pci.0")

    def test_q35_root_port(self):
        self.check("q35", "rp0", PORT)

    def test_q35_native_slot(self):
        self.check("pc-q35-6.0", "rp0", PORT, again=False)


if __name__ == "__main__":
    unittest.main()
