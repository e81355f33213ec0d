# SPDX-License-Identifier: GPL-2.0-or-later
"""Two vCPUs touch every register at random on threads of their own, while monitors stop, reset, resize, plug and
unplug. In the thread sanitizer's build a race ends in a report and an exit status that is not 0."""

import random
import re

from . import stand_in

# Ports with registers: keyboard, serial, RTC, PCI configuration, ACPI's hotplug, PM timer.
PORTS = [(0x60, 5), (0x3F8, 8), (0x70, 2), (0xCF8, 1), (0xCFC, 4), (0xAE00, 0x18), (0x608, 4)]
ECAM = 0xB0000000
DEVICES = ["-machine", "q35", "-smp", "2", "-m", "256M,slots=4,maxmem=4G",
           "-device", "pcie-root-port,id=rp0,addr=3,chassis=1",
           "-object", "memory-backend-ram,id=mem0,size=1G",
           "-object", "memory-backend-ram,id=mem1,size=256M",
           "-device", "virtio-mem-pci,id=vm0,memdev=mem0,addr=4",
           "-chardev", "null,id=c0", "-serial", "chardev:c0"]


def add_target(page, base, size, is_port=False):
    page.targets[page.nb_targets] = stand_in.Target(base, size, is_port)
    page.nb_targets += 1


def aim_everywhere(page):
    for base, size in PORTS:
        add_target(page, base, size, True)
    for slot in (0, 3, 4, 31):
        add_target(page, ECAM + (slot << 15), 0x1000)


class Threads(stand_in.TestCase):
    def set_up(self, page):
        aim_everywhere(page)
        for i, vcpu in enumerate(page.vcpus):
            vcpu.seed = 4711 + i
            vcpu.mode = stand_in.RANDOM

    def aim_at_bars(self, vm, qmp):
        """Where the code that stands in for firmware has put them, seen before any vCPU moves them."""
        tree = qmp.cmd("human-monitor-command", command_line="info mtree")
        for first, last in set(re.findall(r"^ *([0-9a-f]{16})-([0-9a-f]{16}) .*: virtio-(?:pci|mem)-",
                                          tree, re.M)):
            base, size = int(first, 16), int(last, 16) - int(first, 16) + 1
            if base and size <= 1 << 20:
                add_target(vm.page, base, size)

    def test_vcpus_against_monitors(self):
        vm = self.machine(*DEVICES, "-S", "-no-shutdown", monitors=2, set_up=self.set_up)
        qmp, other = vm.monitor(), vm.monitor(1)
        self.aim_at_bars(vm, qmp)
        self.assertGreater(vm.page.nb_targets, len(PORTS) + 4)
        qmp.cmd("cont")
        rng = random.Random(1)
        plugged = False
        for _ in range(2000):
            what = rng.randrange(8)
            if what == 0:
                qmp.cmd("stop")
                before = [v.nb_exits for v in vm.page.vcpus]
                other.cmd("query-memory-devices")
                self.assertEqual([v.nb_exits for v in vm.page.vcpus], before)
                qmp.ask("cont")
            elif what == 1:
                other.ask("qom-set", path="/machine/peripheral/vm0", property="requested-size",
                          value=rng.randrange(9) << 27)
            elif what == 2:
                other.cmd("query-memory-devices")
            elif what == 3 and rng.randrange(4) == 0:
                qmp.cmd("system_reset")
            elif what == 4:
                answer = qmp.ask("device_del", id="vm1") if plugged else qmp.ask(
                    "device_add", driver="virtio-mem-pci", id="vm1", memdev="mem1", bus="rp0")
                plugged = "return" in answer or "error" in answer and plugged
            else:
                other.cmd("human-monitor-command", command_line="info mtree")
        self.assertTrue(all(v.nb_exits > 100 for v in list(vm.page.vcpus)[:2]),
                        [v.nb_exits for v in vm.page.vcpus])
        qmp.send({"execute": "quit"})
        self.assertEqual(vm.wait(60), 0, vm.stderr())
        self.assertNotIn("ThreadSanitizer", vm.stderr())

    def test_what_is_written_arrives(self):
        """The stand-in's accesses are real: the scratch register of the serial port keeps its byte."""
        def set_up(page):
            vcpu = page.vcpus[0]
            vcpu.mode = stand_in.SCRIPT
            vcpu.script[0] = stand_in.Access(0x3FF, 0x5A, 1, 1, 1)
            vcpu.script[1] = stand_in.Access(0x3FF, 0, 1, 1, 0)
            vcpu.script_size = 2

        vm = self.machine("-machine", "pc", "-chardev", "null,id=c0", "-serial", "chardev:c0",
                          set_up=set_up)
        qmp = vm.monitor()
        for _ in range(1000):
            if vm.page.vcpus[0].script_next == 2:
                break
            qmp.cmd("query-name")
        self.assertEqual(vm.page.vcpus[0].script[1].value, 0x5A)
