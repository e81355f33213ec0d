# SPDX-License-Identifier: GPL-2.0-or-later
"""-numa, node= of memory devices and -machine memory-backend=: what is refused, with which words, and what is
taken with a warning. What comes of it is in tests/qtest/numa-test.c. Runs on this emulator, and on stock
QEMU where QTEST_STOCK_BINARY is set; then the firmware tables of both are compared, too."""

import os
import struct
import tempfile
import time
import unittest

from cmdline.emulator import BINARY, Emulator, STOCK, TestCase, run
from cmdline.test_bad_input import fake_kernel

START = ["-accel", "tcg" if STOCK else "qtest", "-display", "none", "-nodefaults", "-S",
         "-machine", "q35"]
TWO = ["-m", "128M", "-object", "memory-backend-ram,id=m0,size=64M",
       "-object", "memory-backend-ram,id=m1,size=64M"]
NODES = [*TWO, "-numa", "node,memdev=m0", "-numa", "node,memdev=m1"]
VIRTIO_MEM = ["-object", "memory-backend-ram,id=v,size=256M", "-device", "virtio-mem-pci,memdev=v"]


def numa(*options):
    return [word for option in options for word in ("-numa", option)]


class Refused(TestCase):
    def check_rows(self, rows, base=()):
        """Each: arguments, and what stderr says, first on ours and then on stock if that differs."""
        for arguments, *words in rows:
            with self.subTest(" ".join(arguments)):
                ended = run(*START, *base, *arguments, binary=STOCK or BINARY)
                self.assertEqual((ended.status, ended.out), (1, ""), ended)
                self.assertIn(words[-1 if STOCK else 0], ended.err)

    def check_options(self, rows, base=TWO):
        """Each: one -numa, or several of which the error names the last; words as above."""
        for options, *words in rows:
            options = [options] if isinstance(options, str) else options
            self.check_rows([(numa(*options), *(f"-numa {options[-1]}: {w}" for w in words))], base)

    def test_syntax(self):
        self.check_options([
            ("foo", "Parameter 'type' does not accept value 'foo'"),
            ("nodeid=0", "Parameter 'type' is missing"),
            ("node,foo=1", "Invalid parameter 'foo'"),
            ("cpu,memdev=m0", "Invalid parameter 'memdev'"),
            ("node,nodeid=x", "Parameter 'nodeid' expects a uint64 value"),
            ("node,nodeid=-1", "Parameter 'nodeid' expects a uint64 value"),
            ("node,nodeid=65536", "Parameter 'nodeid' expects uint16_t"),
            ("node,cpus=a", "Parameter 'cpus' expects a uint64 value or range"),
            ("node,cpus=3-1", "Parameter 'cpus' expects a uint64 value or range"),
            ("node,cpus=0-", "Parameter 'cpus' expects a uint64 value or range"),
            ("node,mem=x", "Parameter 'mem' expects a size value"),
            ("cpu,node-id=x", "Parameter 'node-id' expects an int64 value"),
            ("dist,src=0,dst=1,val=256", "Parameter 'val' expects uint8_t"),
            ("dist,src=0,dst=1", "Parameter 'val' is missing"),
            ("dist,src=128,dst=1,val=20", "Parameter 'src' expects an integer between 0 and 127"),
        ])
        # stock takes no JSON here either
        self.check_rows([(numa('{"type":"node"}'), "Parameter 'type' does not accept value '{")])

    def test_not_supported(self):
        self.check_options([
            ("node,mem=64M", "Parameter -numa node,mem is not supported by this machine type"),
            ("node,memdev=m0,initiator=0", "'initiator' is not supported",
             "ACPI Heterogeneous Memory Attribute Table (HMAT) is disabled"),
            ("hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5",
             "'hmat-lb' is not supported", "ACPI Heterogeneous"),
            ("hmat-cache,node-id=0,size=10K,level=1,associativity=direct,policy=write-back,line=8",
             "'hmat-cache' is not supported", "ACPI Heterogeneous"),
            ("cpu,node-id=0,cluster-id=0", "cluster-id is not supported", "Invalid node-id=0"),
        ])
        self.check_rows([
            (["-machine", "pc-q35-5.1", *TWO, *numa("node,mem=128M")], "Use -numa node,memdev"),
            (["-machine", "pc-i440fx-5.1", *TWO, *numa("node,mem=128M")], "is not supported by"),
            (["-machine", "none", *numa("node")], "NUMA is not supported by this machine-type"),
        ])

    def test_nodes(self):
        self.check_options([
            ("node,memdev=m0,mem=64M", "numa configuration should use either mem= or memdev=,"),
            ("node,memdev=nope", "memdev=nope is"),
            ("node,nodeid=128,memdev=m0", "Max number of NUMA nodes reached: 128"),
            (("node,memdev=m0", "node,nodeid=0,memdev=m1"), "Duplicate NUMA nodeid: 0"),
            (("node",) * 129, "Max number of NUMA nodes reached: 128"),
        ])
        total = "total memory for NUMA nodes (%s) should equal RAM size (0x8000000)"
        self.check_rows([
            (numa("node"), total % "0x0"),
            (numa("node,memdev=m0"), total % "0x4000000"),
            (numa("node,memdev=m0", "node,memdev=m0"),
             "memory backend m0 can't be used multiple times."),
            (numa("node,nodeid=2,memdev=m0", "node,nodeid=0,memdev=m1"),
             "numa: Node ID missing: 1"),
            (numa("node,nodeid=1,memdev=m0", "node,nodeid=2,memdev=m1"),
             "numa: Node ID missing: 0"),
        ], TWO)

    def test_cpus(self):
        smp = ["-smp", "4,sockets=2"]
        self.check_options([
            ("node,cpus=4", "CPU index (4) should be smaller than maxcpus (4)"),
            (("node,cpus=0-1", "node,cpus=1-2"), "CPU is already assigned to node-id: 0"),
        ], [*TWO, *smp])
        self.check_options([
            ("cpu,node-id=2,socket-id=0", "Invalid node-id=2, NUMA node must be defined with"),
            ("cpu,socket-id=0", "Missing mandatory node-id property"),
            ("cpu,node-id=0,socket-id=2", "no match found"),
            ("cpu,node-id=0,core-id=2", "no match found"),
            ("cpu,node-id=0,die-id=0", "die-id is not supported"),
            (("cpu,node-id=0,socket-id=0", "cpu,node-id=1,socket-id=0"),
             "CPU is already assigned to node-id: 0"),
        ], [*NODES, *smp])

    def test_distances(self):
        missing = "Source/Destination NUMA node is missing."
        self.check_options([
            ("dist,src=0,dst=1,val=9", "NUMA distance (9) is invalid, it shouldn't be less than 10"),
            ("dist,src=0,dst=0,val=11", "Local distance of node 0 should be 10."),
            ("dist,src=0,dst=2,val=20", missing),
            ("dist,src=2,dst=0,val=20", missing),
        ], NODES)
        self.check_rows([
            (numa("dist,src=0,dst=1,val=20", "node"), missing),
            ([*NODES, *numa("node", "dist,src=0,dst=1,val=20", "dist,src=0,dst=2,val=20")],
             "The distance between node 1 and 2 is missing"),
            ([*NODES, *numa("node", "dist,src=0,dst=1,val=20", "dist,src=0,dst=2,val=20",
                            "dist,src=1,dst=2,val=20", "dist,src=2,dst=1,val=21")],
             "At least one asymmetrical pair of distances is given"),
        ])

    def test_node_of_device(self):
        """One node is there for memory devices without -numa, too."""
        maxmem = ["-m", "128M,maxmem=4G"]
        for options, nodes in ((maxmem, 1), ([*maxmem[:1], maxmem[1] + ",slots=1"], 1),
                               ([*NODES, *maxmem], 2)):
            device = VIRTIO_MEM[:-1] + [f"{VIRTIO_MEM[-1]},node={nodes}"]
            self.check_rows([([*options, *device], f"'node' property has value '{nodes}', which")])

    def test_memory_backend(self):
        ram = ["-machine", "q35,memory-backend=m", "-object", "memory-backend-ram,id=m,size=128M"]
        self.check_rows([
            ([*ram, "-m", "64M"], "Machine memory size does not match the size of the memory"),
            ([*ram, *numa("node,memdev=m")], "'-machine memory-backend' and '-numa memdev' "
             "properties are mutually exclusive"),
            ([*ram, *numa("node")], "total memory for NUMA nodes (0x0)"),
            (["-machine", "q35,memory-backend=x"], "'x'"),
            ([*NODES, "-m", "128M,maxmem=1G", "-device", "virtio-mem-pci,memdev=m0"],
             "busy memdev: m0"),
        ])


class Taken(TestCase):
    def warnings(self, *arguments):
        with Emulator(*arguments, base=START, binary=STOCK or BINARY) as emulator:
            emulator.monitor().cmd("query-memdev")
            return emulator.stderr()

    def test_without_a_word(self):
        for arguments in (
                NODES, [*numa("node,memdev=m0", "node,memdev=m1"), *TWO],
                [*TWO, *numa("type=node,nodeid=1,memdev=m0", "node,memdev=/objects/m1,nodeid=0")],
                [*TWO, "-smp", "4", *numa("node,memdev=m0,cpus=0-1,cpus=3", "node,cpus=2",
                                          "node,memdev=m1")],
                [*NODES, "-smp", "1,maxcpus=2,sockets=2", *numa(
                    "cpu,node-id=1,socket-id=0", "cpu,node-id=0,socket-id=1,core-id=0")],
                [*NODES, *numa("dist,src=0,dst=1,val=254", "dist,src=1,dst=0,val=30",
                               "dist,src=0,dst=0,val=10")],
                [*NODES, "-m", "128M,maxmem=1G", *VIRTIO_MEM[:-1], VIRTIO_MEM[-1] + ",node=1"]):
            with self.subTest(" ".join(arguments)):
                self.assertEqual(self.warnings(*arguments), "")

    def test_cpus_left_over(self):
        said = self.warnings(*TWO, "-smp", "2,maxcpus=4,sockets=2", *numa(
            "node,memdev=m0,cpus=0", "node,memdev=m1,cpus=2"))
        self.assertIn("warning: CPU(s) not present in any NUMA nodes: CPU 1 [socket-id: 0, "
                      "core-id: 1, thread-id: 0], CPU 3 [socket-id: 1, core-id: 1, thread-id: 0]\n",
                      said)
        said = self.warnings(*NODES, "-smp", "2,dies=2",
                             *numa("cpu,node-id=1,die-id=1"))
        self.assertIn("CPU 0 [socket-id: 0, die-id: 0, core-id: 0, thread-id: 0]\n", said)


def find_tables(memory, signatures):
    """Tables with a right checksum, by signature, without their headers."""
    found = {}
    for signature in signatures:
        at = memory.find(signature)
        while at >= 0:
            length, = struct.unpack_from("<I", memory, at + 4)
            table = memory[at:at + length]
            if 36 <= length < 65536 and sum(table) % 256 == 0:
                found[signature] = table[36:]
            at = memory.find(signature, at + 1)
    return found


@unittest.skipUnless(STOCK, "no stock QEMU (QTEST_STOCK_BINARY)")
class Tables(TestCase):
    """SRAT and SLIT are those that stock's firmware finds. A MADT is there when all are."""

    SIGNATURES = (b"SRAT", b"SLIT", b"APIC")

    def save(self, emulator, start, size):
        path = emulator.path("memory")
        emulator.open_monitors[0].cmd("pmemsave", val=start, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()

    def stock_tables(self, below_4g, arguments):
        """The firmware puts them into the last MiB of RAM below 4 GiB."""
        with Emulator(*arguments, binary=STOCK, base=["-accel", "tcg", *START[2:5]]) as emulator:
            emulator.monitor()
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                tables = find_tables(self.save(emulator, below_4g - (1 << 20), 1 << 20),
                                     self.SIGNATURES)
                if b"APIC" in tables:
                    return tables
                time.sleep(0.2)
        self.fail("stock's firmware has left no tables")

    def our_tables(self, arguments):
        """The boot stub puts them below 1 MiB."""
        with tempfile.TemporaryDirectory() as folder:
            kernel = os.path.join(folder, "kernel")
            with open(kernel, "wb") as file:
                file.write(fake_kernel())
            with Emulator(*arguments, "-kernel", kernel, qtest=True,
                          base=["-accel", "qtest", *START[2:5]]) as emulator:
                emulator.monitor()
                answer = emulator.qtest("read 0xe0000 0x20000")
        return find_tables(bytes.fromhex(answer.split("0x")[1]), self.SIGNATURES)

    def compare(self, below_4g, *arguments):
        ours, stock = self.our_tables(arguments), self.stock_tables(below_4g, arguments)
        self.assertEqual(set(ours), set(stock))
        for signature in set(ours) - {b"APIC"}:
            self.assertEqual(ours[signature].hex(), stock[signature].hex(), signature)
        return set(ours)

    def test_default_node(self):
        tables = self.compare(128 << 20, "-machine", "pc-i440fx-7.2", "-smp", "3,sockets=3",
                              "-m", "128M,maxmem=4G,slots=3")
        self.assertEqual(tables, {b"SRAT", b"APIC"})

    def test_nodes(self):
        tables = self.compare(
            2 << 30, "-machine", "pc-q35-7.2", "-smp", "2,maxcpus=6,sockets=3",
            "-m", "3G,maxmem=8G",
            "-object", "memory-backend-ram,id=m0,size=2560M,reserve=off",
            "-object", "memory-backend-ram,id=m1,size=512M,reserve=off",
            *numa("node,memdev=m0", "node", "node,memdev=m1", "dist,src=0,dst=1,val=20",
                  "dist,src=0,dst=2,val=30", "dist,src=1,dst=2,val=40"))
        self.assertEqual(tables, {b"SRAT", b"SLIT", b"APIC"})

    def test_none(self):
        self.assertEqual(self.compare(128 << 20, "-machine", "pc-q35-7.2", "-m", "128M"),
                         {b"APIC"})


if __name__ == "__main__":
    unittest.main()
