# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory backends by their effect: what the kernel says of the mapping that they made, as the machine's RAM
and as a device's memory. VmFlags are those of proc(5), "/proc/[pid]/smaps"; the policy is the second field
of /proc/[pid]/numa_maps. Runs on this emulator, and on stock QEMU where QTEST_STOCK_BINARY is set."""

import fcntl
import os
import re
import unittest

from cmdline.emulator import BINARY, STOCK, TestCase

SIZE = 112 << 20        # of nothing else in the process
RAM = "memory-backend-ram"
MEMFD = "memory-backend-memfd"
FILE = "memory-backend-file,mem-path=/dev/shm"
EVERY_KIND = (RAM, f"{RAM},share=on", MEMFD, f"{MEMFD},share=off", FILE, f"{FILE},share=on")
START = ["-display", "none", "-nodefaults", "-S"]
ACCEL = ["-accel", "tcg" if STOCK else "qtest"]


def is_shared(backend):
    return "share=on" in backend or backend.startswith(MEMFD) and "share=off" not in backend


def mappings(pid):
    """Those of SIZE: smaps' lines by key, with `start` and `perms`, and `policy` of numa_maps."""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ", line)
            if head:
                start, end = int(head[1], 16), int(head[2], 16)
                current = {"start": start, "size": end - start, "perms": head[3]}
                found.append(current)
            else:
                key, value = line.split(":", 1)
                current[key] = value.strip()
    with open(f"/proc/{pid}/numa_maps", encoding="utf-8") as file:
        policies = dict(line.split()[:2] for line in file)
    for mapping in found:
        mapping["policy"] = policies.get(f"{mapping['start']:x}")
    return [m for m in found if m["size"] == SIZE]


class Backends(TestCase):
    def mapping(self, backend, role, *more):
        """The one mapping of the backend, with role "boot" or "device"."""
        place = {
            "boot": ["-machine", "q35,memory-backend=m"],
            "node": ["-machine", "q35", "-m", "112M", "-numa", "node,memdev=m"],
            "device": ["-machine", "q35", "-m", "64M,maxmem=1G",
                       "-device", "virtio-mem-pci,memdev=m,block-size=2M"],
        }[role]
        emulator = self.emulator(base=[*ACCEL, *START, *place, *more,
                                       "-object", f"{backend},id=m,size={SIZE}"],
                                 binary=STOCK or BINARY)
        emulator.monitor().cmd("query-status")
        found = mappings(emulator.process.pid)
        self.assertEqual(len(found), 1, f"{backend}, {role}")
        emulator.__exit__()
        return found[0]

    def check(self, backend, role, *more, flags="", no_flags="", policy="default", rss=0):
        with self.subTest(f"{backend} as {role} {' '.join(more)}"):
            mapping = self.mapping(backend, role, *more)
            vm_flags = mapping["VmFlags"].split()
            self.assertEqual(mapping["perms"], "rw-s" if is_shared(backend) else "rw-p")
            self.assertEqual("sh" in vm_flags, is_shared(backend), vm_flags)
            for flag in flags.split():
                self.assertIn(flag, vm_flags)
            for flag in no_flags.split():
                self.assertNotIn(flag, vm_flags)
            self.assertEqual(mapping["policy"], policy)
            self.assertEqual(mapping["Rss"], f"{rss >> 10} kB")

    def each(self, *more, backends=EVERY_KIND, roles=("boot", "device"), **expected):
        for backend in backends:
            for role in roles:
                self.check(backend + "".join(f",{m}" for m in more), role, **expected)

    def test_defaults(self):
        """Dumped, reserved, merged where that can be, untouched, of huge pages if possible."""
        private = [b for b in EVERY_KIND if not is_shared(b)]
        shared = [b for b in EVERY_KIND if is_shared(b)]
        self.each(backends=private, flags="mg hg ac", no_flags="dd nr ht")
        # merging and reserving are about private memory: a shared one is the file's
        self.each(backends=shared, flags="hg", no_flags="mg dd nr ht")
        self.each(backends=[RAM], roles=["node"], flags="mg hg ac", no_flags="dd nr ht")

    def test_dump(self):
        self.each("dump=off", flags="dd")

    def test_dump_of_machine(self):
        self.check(RAM, "boot", "-machine", "dump-guest-core=off", flags="dd")
        if not STOCK:   # 7.2 leaves it out of dumps whatever the backend says
            self.check(RAM + ",dump=on", "boot", "-machine", "dump-guest-core=off", no_flags="dd")

    def test_merge_of_machine(self):
        self.check(RAM, "boot", "-machine", "mem-merge=off", no_flags="mg")
        self.check(RAM + ",merge=on", "device", "-machine", "mem-merge=off", flags="mg")

    @unittest.skipIf(STOCK, "stock 7.2 leaves memory mergeable whatever the backend says")
    def test_merge(self):
        self.each("merge=off", backends=[RAM, FILE], no_flags="mg")

    def test_reserve(self):
        self.each("reserve=off", flags="nr", no_flags="ac")

    def test_policy(self):
        for policy, shown in (("bind", "bind:0"), ("preferred", "prefer:0"),
                              ("interleave", "interleave:0")):
            self.each("host-nodes=0", f"policy={policy}", backends=(RAM, MEMFD), policy=shown)
        self.each("host-nodes=0", "policy=bind", backends=(f"{RAM},share=on", FILE),
                  roles=("node",), policy="bind:0")

    def test_prealloc(self):
        self.each("prealloc=on", roles=["boot"], rss=SIZE)
        self.each("prealloc=on", "prealloc-threads=3", "host-nodes=0", "policy=bind",
                  backends=[MEMFD], roles=["node"], rss=SIZE, policy="bind:0")

    def test_align(self):
        for align in (16 << 20, 1 << 30):
            mapping = self.mapping(f"{FILE},align={align}", "boot")
            self.assertEqual(mapping["start"] % align, 0)

    def test_file(self):
        """Shared: what is written is in the file; private: it is not."""
        for share in ("on", "off"):
            emulator = self.emulator(qtest=True, binary=STOCK or BINARY, base=[
                *ACCEL, *START, "-machine", "q35,memory-backend=m", "-object",
                f"memory-backend-file,id=m,size=16M,mem-path=ram,share={share}"])
            emulator.monitor()
            self.assertEqual(os.path.getsize(emulator.path("ram")), 16 << 20)
            self.assertEqual(emulator.qtest("write 0x200000 4 0x01020304"), "OK")
            with open(emulator.path("ram"), "rb") as file:
                file.seek(0x200000)
                self.assertEqual(file.read(4), bytes([1, 2, 3, 4] if share == "on" else [0] * 4))

    def test_memfd_seals(self):
        """F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW; see fcntl(2)."""
        for option, seals in (("", 7), (",seal=off", 1)):
            emulator = self.emulator(binary=STOCK or BINARY, base=[
                *ACCEL, *START, "-machine", "q35,memory-backend=m", "-object",
                f"{MEMFD},id=m,size={SIZE}{option}"])
            emulator.monitor()
            self.assertEqual(self.seals(emulator.process.pid), seals)

    def seals(self, pid):
        folder = f"/proc/{pid}/fd"
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if "memory-backend-memfd" in os.readlink(path):
                with open(path, "rb") as file:
                    return fcntl.fcntl(file, fcntl.F_GET_SEALS)
        self.fail("no memfd")

    def test_hugetlb(self):
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
                  encoding="ascii") as file:
            if int(file.read()) < SIZE >> 21:
                self.skipTest(f"needs {SIZE >> 21} free huge pages of 2 MiB")
        for role in ("boot", "node", "device"):
            mapping = self.mapping(f"{MEMFD},hugetlb=on,hugetlbsize=2M", role)
            self.assertIn("ht", mapping["VmFlags"].split())
            self.assertEqual(mapping["KernelPageSize"], "2048 kB")


if __name__ == "__main__":
    unittest.main()
