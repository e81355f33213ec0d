# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that does not fit: what is said names the need, what is free, what alignment costs and a value that
would do, and with that value the same command line starts. And no size of the command line wraps round."""

import re

from cmdline.emulator import Q35, TestCase, run

# 2^64 - 1 and what is near it and near 2^63; what wraps when 512 MiB, 4 GiB or a window are added.
HUGE = ["18446744073709551615", "18446744073709547520", "18446744073709543424",
        "18446744073707454464", "18446744073172680704", "18446744072635809792",
        "18446744069414584320", "0xfffffff000000000", "9223372036854775807", "9223372036854775808",
        "9223372036317904896", "0x7fffffffc0000000", "15E", "16E", "17592186044416M"]
RAM = "-object", "memory-backend-ram,id=m,size=1G"


def device(name, size, props=""):
    return ["-object", f"memory-backend-ram,id=m{name},size={size},reserve=off", "-device",
            f"virtio-mem-pci,id=vm{name},memdev=m{name}{props}"]


def start(*args):
    """Starts, and ends at once."""
    return run(*Q35, *args, "-S", "-monitor", "stdio", stdin=b"quit\n")


class Room(TestCase):
    def refused(self, args, said, advice):
        """The error, all of whose parts are `said`; then `advice`'s first group, put in by its second
        argument, makes it start."""
        ended = run(*Q35, *args)
        self.assertRefused(ended, *said)
        pattern, put = advice
        value = re.search(pattern, ended.err)
        self.assertTrue(value, ended.err)
        better = start(*put(value[1], args))
        self.assertEqual((better.status, better.err), (0, ""), f"{value[1]}: {better}")

    @staticmethod
    def with_maxmem(value, args):
        return [re.sub(r"maxmem=[^,]*", f"maxmem={value}", arg) for arg in args]

    MAXMEM = (r"; maxmem=(\w+) would do", with_maxmem)

    def test_not_enough_space(self):
        self.refused(["-m", "512M,maxmem=2G", *device(0, "1G"), *device(1, "1G")],
                     ["not enough space", ": 1 GiB are needed at a multiple of 2 MiB, 512 MiB are free"],
                     self.MAXMEM)
        self.refused(["-m", "512M,maxmem=768M", *device(0, "300M")],
                     [": 300 MiB are needed at a multiple of 2 MiB, 256 MiB are free; maxmem=812M"],
                     self.MAXMEM)
        self.refused(["-m", "512M,maxmem=2G,slots=1", *device(0, "1G"), *device(1, "2G")],
                     ["2 GiB are needed", "1536 MiB are free"], self.MAXMEM)

    def test_alignment_costs(self):
        self.refused(["-m", "512M,maxmem=1152M", *device(0, "128M"),
                      *device(1, "512M", ",block-size=512M")],
                     [": 512 MiB are needed at a multiple of 512 MiB, 512 MiB are free, alignment "
                      "costs 384 MiB; maxmem=1536M"], self.MAXMEM)
        self.refused(["-m", "512M,maxmem=1536M", *device(0, "128M", ",memaddr=0x118000000"),
                      *device(1, "768M")],
                     ["fragmented", "768 MiB are needed at a multiple of 2 MiB, 896 MiB are free "
                      "(512 MiB in one piece)"], self.MAXMEM)

    def test_size_of_backend(self):
        for size, props, said, values in (
                ("1025M", "", ": 1025 MiB is none of 2 MiB", ("1G", "1026M")),
                ("1G", ",block-size=2G", ": 1 GiB is none of 2 GiB", ("2G",)),
                ("1100M", ",block-size=64M", ": 1100 MiB is none of 64 MiB", ("1088M", "1152M"))):
            ended = run(*Q35, "-m", "512M,maxmem=8G", *device(0, size, props))
            self.assertRefused(ended, said + "; size=" + " or size=".join(values) + " would do")
            for value in values:
                better = start("-m", "512M,maxmem=8G", *device(0, value, props))
                self.assertEqual(better.status, 0, better)

    def test_address(self):
        def put(value, args):
            return [re.sub(r"memaddr=\w+$", f"memaddr={value}", arg) for arg in args]

        for addr, said in (("0x100000001", "aligned to 0x200000 bytes (2 MiB)"), ("0x1000", "aligned"),
                           ("0x200000", "can't add"), ("0x100000000", "id='vm0'"),
                           ("0xffffffffffe00000", "can't add")):
            self.refused(["-m", "512M,maxmem=4G", *device(0, "128M"),
                          *device(1, "1G", f",memaddr={addr}")], [said],
                         (r"; memaddr=(0x108000000) would do", put))

    def test_address_limit(self):
        def more_bits(value, args):
            return [re.sub(r"phys-bits=\d+", f"phys-bits={value}", arg) for arg in args]

        for args in (["-m", "512M,maxmem=100G", "-cpu", "qemu64,phys-bits=36"],
                     ["-m", "512M,maxmem=100G,slots=3", "-cpu", "qemu64,phys-bits=36"],
                     ["-m", "512M,maxmem=1000G", "-cpu", "qemu64,phys-bits=40"],
                     ["-m", "512M,maxmem=3T", "-cpu", "qemu64,phys-bits=41"]):
            said = ["phys-bits too low", "the CPU addresses", "a window of 32 GiB for PCI"]
            self.refused(args, said, self.MAXMEM)
            self.refused(args, said, (r"-cpu \.\.\.,phys-bits=(\d+)", more_bits))

    def test_the_cause_comes_first(self):
        """59.6G is no whole number of pages either, but whole pages would not help."""
        args = ["-m", "512M,maxmem=59.6G", "-cpu", "qemu64,phys-bits=36"]
        self.refused(args, ["phys-bits too low (36): the CPU addresses 64 GiB, and 96 GiB are needed"],
                     self.MAXMEM)
        ended = run(*Q35, *args)
        self.assertNotIn("multiple", ended.err)
        args[-1] = "qemu64,phys-bits=40"
        self.refused(args, ["maximum memory size must by aligned to multiple of 4096 bytes"],
                     (r"maxmem=(\d+) would do", self.with_maxmem))
        self.refused(args, [], (r"whole number of MiB \((\d+M)\)", self.with_maxmem))

    def test_largest_maxmem_is_the_largest(self):
        ended = run(*Q35, "-m", "512M,maxmem=100G", "-cpu", "qemu64,phys-bits=36")
        largest = int(re.search(r"maxmem=(\d+)M would do", ended.err)[1])
        more = run(*Q35, "-m", f"512M,maxmem={largest + 1}M", "-cpu", "qemu64,phys-bits=36")
        self.assertRefused(more, "phys-bits too low")


class Wrap(TestCase):
    def test_sizes(self):
        """No crash, nothing accepted, and the value or what it is of is named."""
        boot = ["-m", "512M,maxmem=4G"]
        vm = lambda props: [*boot, *RAM, "-device", f"virtio-mem-pci,memdev=m,{props}"]
        for name, args in {
                "maxmem": lambda v: ["-m", f"512M,maxmem={v}"],
                "maxmem, slots": lambda v: ["-m", f"512M,slots=256,maxmem={v}"],
                "maxmem, a device": lambda v: ["-m", f"512M,maxmem={v}", *RAM, "-device",
                                               "virtio-mem-pci,memdev=m"],
                "maxmem, 6G": lambda v: ["-m", f"6G,maxmem={v}"],
                "max-size": lambda v: ["-machine", f"memory.size=512M,memory.max-size={v}"],
                "slots": lambda v: ["-m", f"512M,maxmem=4G,slots={v}"],
                "size": lambda v: ["-m", v],
                "memory.size": lambda v: ["-machine", f"memory.size={v}"],
                "hole": lambda v: [*boot, "-global", f"q35-pcihost.pci-hole64-size={v}"],
                "memaddr": lambda v: vm(f"memaddr={v}"),
                "block-size": lambda v: vm(f"block-size={v}"),
                "ram": lambda v: ["-object", f"memory-backend-ram,id=n,size={v}"],
                "noreserve": lambda v: ["-object", f"memory-backend-ram,id=n,reserve=off,size={v}"],
                "shared": lambda v: ["-object", f"memory-backend-ram,id=n,share=on,size={v}"],
                "memfd": lambda v: ["-object", f"memory-backend-memfd,id=n,size={v}"],
                "file": lambda v: ["-object", f"memory-backend-file,id=n,mem-path=.,size={v}"],
                "align": lambda v: ["-object", "memory-backend-file,id=n,mem-path=.,size=64M,"
                                    f"align={v}"],
                "hugetlbsize": lambda v: ["-object", "memory-backend-memfd,id=n,size=64M,hugetlb=on,"
                                          f"hugetlbsize={v}"],
                "numa mem": lambda v: ["-numa", f"node,mem={v}"]}.items():
            for value in HUGE:
                with self.subTest(of=name, value=value):
                    ended = run(*Q35, *args(value))
                    self.assertRefused(ended)
                    self.assertRegex(ended.err, r"(?i)size|memory|memaddr|address|align|slots|mem")
                    self.assertNotIn("must be equal to or larger than page size", ended.err)

    def test_requested_size(self):
        """More than there is only gives a warning, as in stock QEMU; all of the device is usable then."""
        for value in ("15E", "18446744073707454464", "0x7fffffffffe00000"):
            emulator = self.emulator("-m", "512M,maxmem=4G", *RAM, "-device",
                                     f"virtio-mem-pci,id=vm0,memdev=m,requested-size={value}")
            monitor = emulator.monitor()
            report = monitor.cmd("x-query-virtio-mem", id="vm0")[0]
            self.assertEqual(report["usable-region-size"], 1 << 30)
