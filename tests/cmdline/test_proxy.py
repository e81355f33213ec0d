# SPDX-License-Identifier: GPL-2.0-or-later
"""Properties of virtio-mem-pci that are the PCI function's, the proxy's and the virtio core's: what they
read back, what is refused and with which words. Their effect on the guest is tested over qtest
(tests/qtest/virtio-mem-test-transport.c and -packed.c). test_proxy_stock.py compares with stock."""

import unittest

from cmdline.emulator import BINARY, Emulator, TestCase, run

MACHINE = ["-display", "none", "-nodefaults", "-machine", "pc-q35-7.2", "-S"]
MEMORY = ["-m", "128M,maxmem=4G"]
PATH = "/machine/peripheral"

# Properties of stock 7.2's that are absent here: docs/system/devices/virtio-mem.rst says why.
ABSENT = (
    "acpi-index=1", "aer=off", "any_layout=on", "ats=off", "failover_pair_id=x",
    "migrate-extra=on", "modern-pio-notify=off", "notify_on_empty=on", "rombar=0", "romfile=",
    "romsize=65536", "use-disabled-flag=on", "use-started=on",
    "virtio-pci-bus-master-bug-migration=off", "x-ats-page-aligned=on",
    "x-disable-legacy-check=off", "x-disable-pcie=off", "x-ignore-backend-features=off",
    "x-pcie-deverr-init=on", "x-pcie-extcap-init=on", "x-pcie-flr-init=on",
    "x-pcie-lnkctl-init=on", "x-pcie-lnksta-dllla=on", "x-pcie-pm-init=on",
)

# Settings and what each property reads as then. The slot is filled in.
READ_BACK = (
    ("addr={slot:x}", "addr", lambda slot: slot << 3),
    ("addr={slot:02x}", "addr", lambda slot: slot << 3),
    ("addr=0x{slot:x}", "addr", lambda slot: slot << 3),
    ("addr={slot:x}.0", "addr", lambda slot: slot << 3),
    ("addr={slot:x}.1", "addr", lambda slot: slot << 3 | 1),
    ("addr=0x{slot:x}.0x7", "addr", lambda slot: slot << 3 | 7),
    ("addr={slot:x},multifunction=on", "multifunction", True),
    ("addr={slot:x},multifunction=off", "multifunction", False),
    ("addr={slot:x}", "multifunction", False),
    ("addr={slot:x},bus=pcie.0", "parent_bus", "/machine/q35/pcie.0"),
    ("addr={slot:x}", "disable-legacy", "on"),
    ("addr={slot:x},disable-legacy=on", "disable-legacy", "on"),
    ("addr={slot:x},disable-legacy=auto", "disable-legacy", "on"),
    ("addr={slot:x},disable-modern=off", "disable-modern", False),
    ("addr={slot:x}", "page-per-vq", False),
    ("addr={slot:x},page-per-vq=on", "page-per-vq", True),
    ("addr={slot:x}", "packed", False),
    ("addr={slot:x},packed=on", "packed", True),
    ("addr={slot:x}", "iommu_platform", False),
    ("addr={slot:x},iommu_platform=on", "iommu_platform", True),
    ("addr={slot:x}", "event_idx", True),
    ("addr={slot:x},event_idx=off", "event_idx", False),
    ("addr={slot:x},indirect_desc=off", "indirect_desc", False),
    ("addr={slot:x},queue_reset=off", "queue_reset", False),
)

def device(props, name="v", memdev="m"):
    return ["-object", f"memory-backend-ram,id={memdev},size=2M",
            "-device", f"virtio-mem-pci,id={name},memdev={memdev},{props}"]


def read_back_options():
    options = list(MEMORY)
    for i, (props, _, _) in enumerate(READ_BACK):
        options += device(props.format(slot=i + 2), f"v{i}", f"m{i}")
    return options


def check_read_back(test, binary, accel):
    with Emulator(*read_back_options(), binary=binary,
                  base=["-accel", accel, *MACHINE]) as emulator:
        monitor = emulator.monitor()
        for i, (props, name, value) in enumerate(READ_BACK):
            if callable(value):
                value = value(i + 2)
            with test.subTest(f"{props} {name}"):
                answer = monitor.ask("qom-get", path=f"{PATH}/v{i}", property=name)
                test.assertEqual(answer.get("return"), value, answer)
        answer = monitor.ask("qom-set", path=f"{PATH}/v0", property="page-per-vq", value=True)
        test.assertIn("after it was realized", answer["error"]["desc"])


class Proxy(TestCase):
    def test_read_back(self):
        check_read_back(self, BINARY, "qtest")

    def test_absent(self):
        for setting in ABSENT:
            name = setting.split("=")[0]
            with self.subTest(setting):
                ended = run("-accel", "qtest", *MACHINE, *MEMORY, *device(setting), binary=BINARY)
                self.assertEqual(ended.status, 1, ended)
                self.assertIn(f"Property 'virtio-mem-pci.{name}' not found", ended.err)

    def test_no_legacy_interface(self):
        # stock 7.2 takes these, and makes a modern device all the same
        for setting, words in (("disable-legacy=off", "'disable-legacy' cannot be 'off'"),
                               ("disable-modern=on", "'disable-modern' cannot be 'on'")):
            ended = run("-accel", "qtest", *MACHINE, *MEMORY, *device(setting), binary=BINARY)
            self.assertEqual(ended.status, 1, ended)
            self.assertIn(words, ended.err)

    def test_globals(self):
        for driver in ("virtio-mem-pci", "virtio-pci"):
            with Emulator("-global", f"{driver}.page-per-vq=on", "-global",
                          "virtio-device.packed=on", *MEMORY, *device("addr=4"),
                          *device("addr=5,page-per-vq=off,packed=off", "w", "n"), binary=BINARY,
                          base=["-accel", "qtest", *MACHINE]) as emulator:
                monitor = emulator.monitor()
                for name in ("page-per-vq", "packed"):
                    for path, value in ((f"{PATH}/v", True), (f"{PATH}/w", False)):
                        self.assertEqual(value, monitor.cmd("qom-get", path=path, property=name))


if __name__ == "__main__":
    unittest.main()
