# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of a few instructions (tests/unit/test-kvm-smoke.c) in the host that the guests run
in: a nested one has a KVM with SMM, the machine that builds often has one without, or none."""

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


if __name__ == "__main__":
    unittest.main()
