# SPDX-License-Identifier: GPL-2.0-or-later
"""What only shows where there is a KVM: a machine without -kernel is refused before a vCPU runs, at
start and by QMP's cont, and a user who may not open /dev/kvm is told what to do."""

import re
import unittest

from . import host as hosts
from . import shared

BASE = "-display none -nodefaults -machine q35"


class Refusals(shared.GuestTestCase):
    def setUp(self):
        super().setUp()
        if shared.is_stock():
            self.skipTest("stock QEMU has a firmware")
        self.emulator = self.host.resource("emulator")

    def refused(self, options, prefix=""):
        """Its one line on stderr, after exit status 1."""
        status, output = self.host.shell(f"{prefix} {self.emulator} {options}")
        self.assertEqual(status, 1, output)
        self.assertEqual(len(output.strip().splitlines()), 1, output)
        return output

    def test_without_kernel(self):
        pid = self.host.new_path("pid")
        for accel in ("", "-accel kvm"):
            self.assertIn("-kernel", self.refused(f"{BASE} {accel} -pidfile {pid}"))
            status, _ = self.host.shell(f"test -e {pid}")
            self.assertEqual(status, 1, "the pid file was left behind")

    def test_cont_without_kernel(self):
        argv = [self.emulator, *BASE.split(), "-S"]
        emulator = hosts.Emulator(self.host, argv)
        self.addCleanup(emulator.close)
        with self.assertRaisesRegex(Exception, "-kernel"):
            emulator.qmp.cmd("cont")
        self.assertEqual(emulator.qmp.cmd("query-status")["status"], "prelaunch")
        self.assertTrue(emulator.qmp.cmd("query-kvm")["enabled"])

    def test_beyond_the_processor(self):
        """What KVM would refuse as a memory slot is told at start: here a guest's CPU has more
        address bits than the host's."""
        _, text = self.host.shell("grep -m1 'address sizes' /proc/cpuinfo")
        bits = int(re.search(r"(\d+) bits physical", text).group(1))
        if bits > 45:
            self.skipTest(f"a host of {bits} bits: more than -m may ask for")
        options = f"-accel kvm -m 512M,maxmem={1 << bits} -cpu qemu64,phys-bits={bits + 2}"
        status, text = self.host.shell(f"{self.emulator} {BASE} {options}")
        self.assertEqual(status, 1, text)
        self.assertIn(f"with {bits} bits: lower 'maxmem' by ", text)

    def test_no_permission(self):
        """As a user who may not open it: busybox changes to nobody and becomes the emulator."""
        if self.host.kind != "nested":
            self.skipTest("only the nested host is sure to have a /dev/kvm of root's alone")
        self.host.check("chmod 600 /dev/kvm; mkdir -p /etc; echo n:x:65534:65534::/:/bin/sh "
                        ">> /etc/passwd; echo n:x:65534: >> /etc/group")
        nobody = "busybox start-stop-daemon -S -p /run/no-such-pid -c n:n -x"
        text = self.refused(f"-- {BASE} -accel kvm", prefix=nobody)
        self.assertIn("/dev/kvm", text)
        self.assertIn("group 'kvm'", text)


if __name__ == "__main__":
    unittest.main()
