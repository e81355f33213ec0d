# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with two NUMA nodes, each with boot memory from a backend of its own, a vCPU and a virtio-mem
device: what is plugged appears on the device's node and nowhere else, though the firmware's tables put
the whole device memory area on the last node. With numa=off Linux has one node, and everything is there."""

import re
import time
import unittest

from . import guest as guests
from . import shared

MB = 1 << 20
FOLLOW_SECONDS = 20.0


class Numa(shared.GuestTestCase):
    def boot_nodes(self, machine, append=guests.CONTROL):
        """Node 0: 320 MiB and vm0; node 1: 192 MiB and vm1."""
        argv = [self.host.resource("emulator"), "-accel", "kvm", "-nodefaults",
                "-machine", machine, "-m", "512M,maxmem=4G", "-smp", "2,sockets=2",
                "-object", "memory-backend-ram,id=n0,size=320M",
                "-object", "memory-backend-memfd,id=n1,size=192M",
                "-numa", "node,nodeid=0,memdev=n0", "-numa", "node,nodeid=1,memdev=n1",
                "-numa", "cpu,node-id=0,socket-id=0", "-numa", "cpu,node-id=1,socket-id=1",
                "-numa", "dist,src=0,dst=1,val=25",
                "-object", "memory-backend-ram,id=mem0,size=1G,reserve=off",
                "-object", "memory-backend-memfd,id=mem1,size=1G",
                "-device", "virtio-mem-pci,id=vm0,memdev=mem0,node=0,unplugged-inaccessible=on",
                "-device", "virtio-mem-pci,id=vm1,memdev=mem1,node=1,block-size=4M,"
                           "unplugged-inaccessible=on",
                "-kernel", self.host.resource("kernel"), "-initrd", self.host.resource("initrd"),
                "-append", append]
        emulator, guest = guests.start(self.host, argv)
        self.addCleanup(emulator.close)
        return emulator, guest

    def node_totals(self, guest):
        """MemTotal of each node that the guest has, in bytes."""
        text = guest.check("cat /sys/devices/system/node/node*/meminfo | grep MemTotal")
        return {int(node): int(kib) * 1024
                for node, kib in re.findall(r"Node (\d+) MemTotal:\s+(\d+) kB", text)}

    def zones(self, guest, count):
        """{node: {zone: bytes}}, of what /proc/zoneinfo counts as "present" or "managed"."""
        text = guest.check(f"grep -E '^Node|{count}' /proc/zoneinfo")
        found = {}
        for node, zone, pages in re.findall(
                rf"Node (\d+), zone +(\w+)\n +{count} +(\d+)", text):
            found.setdefault(int(node), {})[zone] = int(pages) * 4096
        return found

    def movable(self, guest):
        """Of each node; managed, as blocks of which only a part is plugged are present."""
        return {node: zones["Movable"] for node, zones in self.zones(guest, "managed").items()}

    def resize(self, emulator, guest, sizes, expected):
        """Requests sizes of vm0 and vm1 at once and waits until each node's memory has moved by
        `expected`, from self.base on."""
        for device, size in enumerate(sizes):
            emulator.qmp.set(f"/machine/peripheral/vm{device}", "requested-size", size)
        deadline = time.monotonic() + FOLLOW_SECONDS
        while True:
            totals = self.node_totals(guest)
            moved = {node: total - self.base[node] for node, total in totals.items()}
            plugged = [emulator.qmp.get(f"/machine/peripheral/vm{d}", "size") for d in (0, 1)]
            if (moved == expected and plugged == list(sizes)) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        self.assertEqual(plugged, list(sizes), "plugged by vm0 and vm1")
        self.assertEqual(moved, expected, "how far each node's MemTotal has moved")

    def check_firmware(self, guest):
        """Nodes, their CPUs and distances are as the command line says."""
        self.assertEqual(guest.check("cat /sys/devices/system/node/online").strip(), "0-1")
        cpus = [guest.check(f"cat /sys/devices/system/node/node{n}/cpulist").strip()
                for n in (0, 1)]
        self.assertEqual(cpus, ["0", "1"])
        distances = [guest.check(f"cat /sys/devices/system/node/node{n}/distance").split()
                     for n in (0, 1)]
        self.assertEqual(distances, [["10", "25"], ["25", "10"]])
        # Missing are page 0, what is between 640 KiB and 1 MiB, and what a firmware keeps for tables.
        present = self.zones(guest, "present")
        self.assertLess(abs(320 * MB - sum(present[0].values())), MB)
        self.assertLess(abs(192 * MB - sum(present[1].values())), MB)

    def check_nodes(self, machine):
        emulator, guest = self.boot_nodes(machine)
        self.base = self.node_totals(guest)
        self.check_firmware(guest)
        self.assertEqual([d["data"]["node"] for d in emulator.qmp.cmd("query-memory-devices")],
                         [0, 1])

        self.resize(emulator, guest, (0, 256 * MB), {0: 0, 1: 256 * MB})
        self.assertEqual(self.movable(guest), {0: 0, 1: 256 * MB})
        self.resize(emulator, guest, (128 * MB, 128 * MB), {0: 128 * MB, 1: 128 * MB})
        self.assertEqual(self.movable(guest), {0: 128 * MB, 1: 128 * MB})
        self.resize(emulator, guest, (384 * MB, 0), {0: 384 * MB, 1: 0})
        self.assertEqual(guest.hold("numa", 256 * MB, 3), 256 * MB, "bytes read back")
        guest.release("numa")
        self.resize(emulator, guest, (0, 0), {0: 0, 1: 0})
        guest.send("poweroff -f")
        self.assert_powered_off(emulator)

    def test_q35(self):
        self.check_nodes("q35")

    def test_pc(self):
        self.check_nodes("pc")

    def test_guest_without_numa(self):
        """The driver does not translate the node then."""
        emulator, guest = self.boot_nodes("q35", guests.CONTROL + " numa=off")
        self.base = self.node_totals(guest)
        self.assertEqual(list(self.base), [0])
        self.resize(emulator, guest, (128 * MB, 256 * MB), {0: 384 * MB})


if __name__ == "__main__":
    unittest.main()
