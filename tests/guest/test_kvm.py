# SPDX-License-Identifier: GPL-2.0-or-later
"""What KVM runs: the programs of a few instructions (tests/unit/test-kvm-smoke.c) in the host that
the guests run in (a nested one has a KVM with SMM, the machine that builds often has one without, or
none), and a kernel on the host's own CPU model."""

import re
import unittest

from . import shared


class Programs(shared.GuestTestCase):
    def test_programs(self):
        shared.require(self, "kvm-programs", "tests/unit/test-kvm-smoke is not built")
        status, output = self.host.shell(self.host.resource("kvm-programs") + " --tap", timeout=300)
        for line in output.splitlines():
            print(f"# {line}", flush=True)
        self.assertEqual(status, 0, "exit status")
        passed = re.findall(r"^ok \d+ (\S+)$", output, re.M)
        self.assertIn("/kvm/smi", passed)
        if self.host.kind == "nested":
            self.assertEqual(re.findall(r"^ok .*# SKIP.*$", output, re.M), [], "tests skipped")


class HostCpu(shared.GuestTestCase):
    """A guest of -cpu host: Linux finds the host's vector units with their state, and boots."""

    WANTED = {"sse4_2", "xsave", "xsaveopt", "avx", "avx2", "fsgsbase", "erms", "rep_good"}

    @staticmethod
    def flags(text):
        return set(re.search(r"^flags\s*:(.*)$", text, re.M).group(1).split())

    def test_flags(self):
        if shared.is_stock():
            self.skipTest("of our CPU model")
        here = self.flags(self.host.check("cat /proc/cpuinfo"))
        _, guest = self.boot(extra=["-cpu", "host"])
        there = self.flags(guest.check("cat /proc/cpuinfo"))
        self.assertEqual(here & self.WANTED - there, set(), "flags that the guest lacks")
        self.assertEqual(there & {"avx", "avx2"} - here, set(), "flags that only the guest has")


if __name__ == "__main__":
    unittest.main()
