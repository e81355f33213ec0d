# SPDX-License-Identifier: GPL-2.0-or-later
"""What the emulator refuses to start with: exit status 1, one error on stderr that names the culprit,
nothing left behind. Each row gives the arguments behind BASE and what stderr has to say."""

import os
import socket
import unittest

from cmdline.emulator import Emulator, Q35, TestCase, run

RAM1G = ["-object", "memory-backend-ram,id=m0,size=1G,reserve=off"]
MAXMEM = ["-m", "512M,maxmem=4G"]
READY = Q35 + MAXMEM + RAM1G       # for a device on memdev=m0


def fake_kernel(version=0x20c, init_size=16 << 20, payload=64 << 10):
    """The head of a bzImage by the boot protocol, with nothing behind it that would run."""
    image = bytearray(512 * 2 + payload)
    image[0x1f1] = 1                                            # setup_sects
    image[0x1fe:0x200] = b"\x55\xaa"
    image[0x202:0x206] = b"HdrS"
    image[0x206:0x208] = version.to_bytes(2, "little")
    image[0x211] = 1                                            # LOADED_HIGH
    image[0x22c:0x230] = (0x7fffffff).to_bytes(4, "little")     # initrd_addr_max
    image[0x230:0x234] = (0x200000).to_bytes(4, "little")       # kernel_alignment
    image[0x234] = 1                                            # relocatable
    image[0x236:0x238] = (3).to_bytes(2, "little")              # 64-bit, above 4 GiB
    image[0x238:0x23c] = (2047).to_bytes(4, "little")           # cmdline_size
    image[0x258:0x260] = (0x1000000).to_bytes(8, "little")      # pref_address
    image[0x260:0x264] = init_size.to_bytes(4, "little")
    return bytes(image)


class BadInput(TestCase):
    def check_rows(self, rows, base=(), files=None):
        for arguments, parts in rows:
            with self.subTest(" ".join(arguments)[:100]):
                self.assertRefused(run(*base, *arguments, files=files), *parts)

    def test_unknown_names(self):
        self.check_rows([
            (["-foo"], ["-foo: invalid option"]),
            (["--foo"], ["--foo: invalid option"]),
            (["-vnc", ":1"], ["-vnc: invalid option"]),
            (["disk.img"], ["disk.img", "disk images"]),
            (["-m"], ["-m: requires an argument"]),
            (["-machine", "foo"], ['"foo"', "-machine help"]),
            (["-machine", "q35,foo=on"], ["machine.foo' not found"]),
            (["-machine", "q35,foo=on,help=no"], ["foo"]),
            (["-cpu", "foo"], ["CPU model 'foo'"]),
            (["-cpu", "qemu64,foo=on"], ["qemu64-x86_64-cpu.foo' not found"]),
            (["-cpu", "qemu64,+foo"], ["qemu64-x86_64-cpu.foo' not found"]),
            (["-cpu", "qemu64,+realized"], ["'+realized'", "not a CPU feature"]),
            (["-cpu", "qemu64,-realized"], ["'-realized'", "not a CPU feature"]),
            (["-cpu", "max,avx=off,+apic_id"], ["'+apic_id'", "not a CPU feature"]),
            (["-cpu", "qemu64,realized=on"], ["apic-id"]),
            (["-device", "foo"], ["-device foo: 'foo' is not a valid device model name"]),
            (["-device", "virtio-mem"], ["-device virtio-mem: "]),
            (["-device", "pci-device"], ["non-abstract device type"]),
            (["-device", "memory-backend-ram"], ["'memory-backend-ram' is not a valid device"]),
            (["-device", "foo,help"], ["Device 'foo' not found"]),
            (["-device", "virtio-mem-pci,foo=1"], ["'virtio-mem-pci.foo' not found"]),
            (["-device", "virtio-mem-pci,bus=nope,memdev=m0"], ["Bus 'nope' not found"]),
            (["-device", '{"driver":"virtio-mem-pci","foo":1}'],
             ["'virtio-mem-pci.foo' not found"]),
            (["-device", '{"driver":"virtio-mem-pci"'], ["JSON parse error"]),
            (["-device", '{"driver":5}'], ["'driver', expected: string"]),
            (["-device", ""], ["'driver' is missing"]),
            (["-object", "foo,id=a"], ["does not accept value 'foo'"]),
            (["-object", "virtio-mem-pci,id=a"], ["does not accept value 'virtio-mem-pci'"]),
            (["-object", "memory-backend-ram,id=a,size=1M,foo=1"], ["Invalid parameter 'foo'"]),
            (["-object", "memory-backend-ram,size=1M"], ["'id' is missing"]),
            (["-object", "memory-backend-ram,id=9m,size=1M"], ["'id' expects an identifier"]),
            (["-object", '{"qom-type":"memory-backend-ram","id":"a","size":"1M"}'],
             ["'size' expects uint64"]),
            (["-object", '{"id":"a"}'], ["'qom-type' is missing"]),
            (["-smp", "foo=1"], ["smp.foo"]),
            (["-smp", "0"], ["greater than zero"]),
            (["-smp", "3,sockets=2"], ["sockets (2)", "maxcpus (3)"]),
            (["-smp", "4,maxcpus=2"], ["maxcpus"]),
            (["-smp", "1000"], ["1000", "255"]),
            (["-name", "a,bar=1"], ["-name a,bar=1: Invalid parameter 'bar'"]),
            (["-uuid", "123"], ["-uuid 123: failed to parse UUID"]),
            (["-global", "foo"], ["-global foo: 'foo' is neither"]),
            (["-global", "driver=a,value=b"], ["'driver', 'property', and 'value' are required"]),
            (["-display", "gtk"], ["Display 'gtk' is not available"]),
            (["-display", "foo"], ["does not accept value 'foo'"]),
            (["-monitor", "foo"], ["-monitor foo: 'foo' is not a valid char driver"]),
            (["-monitor", "vc"], ["-monitor vc: ", "virtual console", "-monitor stdio"]),
            (["-serial", "foo"], ["-serial foo: 'foo' is not a valid char driver"]),
            (["-serial", "mon:foo"], ["-serial mon:foo: 'foo' is not a valid char driver"]),
            (["-monitor", "mon:stdio"], ["which only -serial can do", "'stdio'"]),
            (["-serial", "null"] * 5, ["at most 4 serial ports"]),
            (["-chardev", "foo,id=a"], ["'foo' is not a valid char driver name"]),
            (["-chardev", "null"], ["no id specified"]),
            (["-chardev", "null,id=a,foo=1"], ["Invalid parameter 'foo'"]),
            (["-chardev", "null,id=a", "-chardev", "null,id=a"], ["Duplicate ID 'a'"]),
            (["-mon", "chardev=a,mode=control"], ['"a" not found']),
            (["-mon", "chardev=a"], ['"a" not found']),
            (["-chardev", "null,id=a", "-mon", "chardev=a,mode=readline,pretty=on"],
             ["'pretty' is not compatible with HMP monitors"]),
            (["-chardev", "null,id=a", "-mon", "chardev=a", "-mon", "chardev=a"],
             ["Device 'a' is in use"]),
            (["-chardev", "null,id=a", "-serial", "chardev:a", "-serial", "chardev:a"], ["'a'"]),
        ], base=Q35)

    def test_memory_devices(self):
        device = "virtio-mem-pci,memdev=m0"
        self.check_rows([
            (["-device", "virtio-mem-pci"], ["'memdev' property must be set"]),
            (["-device", "virtio-mem-pci,memdev=nope"], ["'nope' not found"]),
            (["-device", device, "-device", device + ",id=b"], ["id=b: ", "busy memdev: m0"]),
            (["-device", device + ",requested-size=3M"], ["'requested-size'", "(0x200000)"]),
            (["-device", device + ",requested-size=x"], ["'requested-size' expects size"]),
            (["-device", device + ",block-size=3M"], ["'block-size'", "power of two"]),
            (["-device", device + ",block-size=4k"], ["'block-size'", "0x100000"]),
            (["-device", device + ",block-size=2G"], ["block-size=2G: ", "0x80000000"]),
            (["-device", device + ",memaddr=0x140000001"], ["aligned to 0x200000"]),
            (["-device", device + ",memaddr=0x100000"], ["0x100000"]),
            (["-device", device + ",node=3"], ["'node'", "'3'"]),
            (["-device", device + ",size=1G"], ["'virtio-mem.size' is not writable"]),
            (["-device", device + ",prealloc=maybe"], ["'prealloc' expects 'on' or 'off'"]),
            (["-device", device + ",unplugged-inaccessible=x"], ["unplugged-inaccessible", "'x'"]),
            (["-object", "memory-backend-ram,id=m1,size=1025K", "-device",
              "virtio-mem-pci,memdev=m1"], ["backend memory size", "0x200000"]),
            (["-object", "memory-backend-ram,id=m1,size=2G,reserve=off", "-device",
              device + ",memaddr=0x140000000", "-device",
              "virtio-mem-pci,memdev=m1,memaddr=0x160000000"], ["memdev=m1", "0x160000000"]),
        ], base=READY)
        self.check_rows([
            (["-device", device], ["maxmem"]),
            (["-m", "512M,maxmem=1G", "-device", device], ["not enough space", "0x20000000"]),
            (["-m", "512M,maxmem=512M", "-device", device], ["maxmem"]),
        ], base=Q35 + RAM1G)

    def test_memory_sizes(self):
        self.check_rows([
            (["-m", "512M,maxmem=256M"], ["maxmem", "0x10000000", "0x20000000"]),
            (["-m", "512M,maxmem=4G,slots=x"], ["'slots' expects a number"]),
            (["-m", "512M,maxmem=4G,slots=1000"], ["slots: 1000"]),
            (["-m", "512M,maxmem=4G,foo=1"], ["Invalid parameter 'foo'"]),
            (["-m", "x"], ["-m x: Parameter 'size' expects"]),
            (["-m", "-1"], ["-m -1: "]),
            (["-m", "16E"], ["-m 16E: "]),
        ], base=Q35)

    def test_backends(self):
        sealed = "memory-backend-memfd,id=a,size=1M"
        self.check_rows([
            (["-object", "memory-backend-ram,id=a"], ["'size' is missing"]),
            (["-object", "memory-backend-ram,id=a,size=0"], ["'size'", "'0'"]),
            (["-object", "memory-backend-ram,id=a,size=1M,share=maybe"], ["'share' expects"]),
            (["-object", "memory-backend-ram,id=a,size=1M"] * 2, ["'a'"]),
            (["-object", "memory-backend-ram,id=a,size=1M,host-nodes=99,policy=bind"], ["NUMA"]),
            (["-object", "memory-backend-ram,id=a,size=1M,policy=foo"], ["policy", "'foo'"]),
            (["-object", "memory-backend-file,id=a,size=1M"], ["'mem-path' is missing"]),
            (["-object", "memory-backend-file,id=a,size=1M,mem-path=/nonexistent/x"],
             ["/nonexistent/x", "No such file"]),
            (["-object", sealed + ",hugetlb=on,hugetlbsize=3M"], ["power of 2"]),
            (["-object", sealed + ",hugetlbsize=2M"], ["hugetlb"]),
            (["-machine", "memory-backend=nope"], ["nope"]),
            (["-machine", "memory-backend=a", "-m", "2M", "-object",
              "memory-backend-ram,id=a,size=1M"], ["size of the memory backend"]),
        ], base=Q35)

    def test_kernel_and_initrd(self):
        files = {"text": b"hello\n", "zeros": 100000, "empty": 0, "kernel": fake_kernel(),
                 "old": fake_kernel(version=0x200), "huge": fake_kernel(init_size=1 << 30),
                 "initrd": b"x" * 1000, "big": 700 << 20, "cut": fake_kernel()[:700]}
        self.check_rows([
            (["-kernel", "nope"], ["'nope'", "No such file"]),
            (["-kernel", "text"], ["'text' is not a Linux bzImage"]),
            (["-kernel", "zeros"], ["'zeros' is not a Linux bzImage"]),
            (["-kernel", "empty"], ["'empty'"]),
            (["-kernel", "cut"], ["'cut'"]),
            (["-kernel", "old"], ["'old'"]),
            (["-kernel", "."], ["'.'"]),
            (["-kernel", "huge"], ["'huge'", "RAM"]),
            (["-kernel", "kernel", "-initrd", "nope"], ["'nope'", "No such file"]),
            (["-kernel", "kernel", "-initrd", "big"], ["'big'"]),
            (["-kernel", "kernel", "-m", "8M"], ["kernel"]),
            (["-kernel", "kernel", "-append", "x" * 5000], ["command line", "2047"]),
            (["-initrd", "initrd"], ["-kernel"]),
            (["-append", "quiet"], ["-kernel"]),
        ], base=Q35 + ["-m", "512M"], files=files)

    @unittest.skipIf(os.path.exists("/dev/kvm"), "there is a /dev/kvm")
    def test_no_kvm(self):
        hint = ["/dev/kvm", "modprobe"]
        base = ["-display", "none", "-nodefaults"]
        self.check_rows([
            ([], hint),
            (["-accel", "kvm"], ["-accel kvm: failed to initialize kvm", *hint]),
            (["-machine", "q35,accel=kvm"], hint),
            (["-machine", "q35,accel=kvm:foo"], [*hint, "invalid accelerator foo"]),
            (["-accel", "kvm", "-accel", "foo"], [*hint, "invalid accelerator foo"]),
        ], base=base)

    def test_accelerators(self):
        self.check_rows([
            (["-accel", "foo"], ["-accel foo: invalid accelerator foo"]),
            (["-accel", "qtest,foo=1"], ["-accel qtest,foo=1: ", "qtest-accel.foo"]),
            (["-accel", ""], ["-accel"]),
            (["-machine", "q35,accel=qtest", "-accel", "qtest"], ["incompatible"]),
            (["-machine", "q35,accel="], ["accelerator"]),
        ], base=["-display", "none", "-nodefaults"])

    def test_sockets_and_files(self):
        self.check_rows([
            (["-qmp", "unix:/nonexistent/a,server=on,wait=off"],
             ["-qmp", "Failed to bind socket to /nonexistent/a", "No such file"]),
            (["-qmp", "unix:file,server=on,wait=off"], ["Failed to bind socket to file"]),
            (["-qmp", "unix:" + "a" * 200 + ",server=on,wait=off"], ["is too long"]),
            (["-qmp", "unix:,server=on,wait=off"], ["path"]),
            (["-qmp", "unix:nope"], ["Failed to connect to 'nope'", "No such file"]),
            (["-qmp", "unix:q,server=maybe"], ["'server'"]),
            (["-qtest", "unix:/nonexistent/a,server=on,wait=off"], ["-qtest", "/nonexistent/a"]),
            (["-qtest", "unix:qt,server=on,wait=off", "-qtest-log", "/nonexistent/a"],
             ["/nonexistent/a"]),
            (["-serial", "unix:/nonexistent/a,server=on,wait=off"], ["/nonexistent/a"]),
            (["-serial", "file:/nonexistent/a"], ["/nonexistent/a"]),
            (["-chardev", "file,id=a,path=/nonexistent/a"], ["/nonexistent/a"]),
            (["-chardev", "socket,id=a"], ["'path', 'fd' or 'host'"]),
            (["-chardev", "stdio,id=a", "-qmp", "stdio"], ["cannot use stdio"]),
            (["-pidfile", "/nonexistent/p"], ["PID file", "/nonexistent/p"]),
        ], base=Q35, files={"file": b"not a socket"})

    def test_nothing_left_behind(self):
        """What was made before the error is gone: sockets, the pid file."""
        for culprit in (["-device", "foo"], ["-device", "virtio-mem-pci"],
                        ["-object", "memory-backend-ram,id=a,size=0"], ["-machine", "foo=1"],
                        ["-qmp", "unix:/nonexistent/a,server=on,wait=off"],
                        ["-kernel", "nope"], ["-cpu", "qemu64,foo=on"]):
            with self.subTest(" ".join(culprit)):
                self.assertRefused(run(
                    *Q35, "-pidfile", "pid", "-qmp", "unix:one,server=on,wait=off", "-serial",
                    "unix:two,server=on,wait=off", "-chardev",
                    "socket,id=c,path=three,server=on,wait=off", "-qtest",
                    "unix:four,server=on,wait=off", *culprit))

    def test_another_process_has_the_pidfile(self):
        with Emulator("-pidfile", "pid") as first:
            first.monitor()
            with open(first.path("pid"), encoding="ascii") as file:
                text = file.read()
            self.assertRefused(run(*Q35, "-pidfile", first.path("pid")), "pid", "lock")
            with open(first.path("pid"), encoding="ascii") as file:
                self.assertEqual(file.read(), text)


class BadQmp(TestCase):
    def test_over_64_mib(self):
        """A message may be as long as that; not a byte is kept of a longer one."""
        monitor = self.emulator().monitor()
        monitor.send_raw(b'{"execute":"query-name","id":"' + b"a" * (65 << 20))
        self.assertEqual(monitor.recv(), {"error": {
            "class": "GenericError", "desc": "JSON token size limit exceeded"}})
        monitor.send_raw(b'"}\n')
        self.assertEqual(self.resync(monitor), "in step")

    def test_too_many_tokens_and_levels(self):
        monitor = self.emulator().monitor()
        monitor.send_raw(b"[" * 5000)
        self.assertIn("nesting", monitor.recv()["error"]["desc"])
        self.assertEqual(self.resync(monitor), "in step")
        monitor.send_raw(b"[" + b"0," * (1 << 20))
        self.assertIn("token count", monitor.recv()["error"]["desc"])
        self.assertEqual(self.resync(monitor), "in step")

    def resync(self, monitor):
        """A byte that can be in no JSON ends what is unfinished; errors up to it are skipped."""
        monitor.send_raw(b'\xff\n{"execute":"query-name","id":"in step"}\n')
        while True:
            reply = monitor.recv()
            if reply is None or "id" in reply:
                return reply and reply["id"]

    def test_client_leaves_in_the_middle(self):
        """Its half message is not the next client's beginning."""
        emulator = self.emulator()
        monitor = emulator.monitor()
        monitor.send_raw(b'{"execute":"query-name","id":"')
        monitor.close()
        monitor = emulator.monitor()
        self.assertEqual(self.resync(monitor), "in step")

    def test_flood_without_reading(self):
        """A client that sends and never reads stops being read; another is served meanwhile."""
        emulator = self.emulator(monitors=2)
        flood = emulator.monitor(0)
        flood.sock.settimeout(0.5)
        request = b'{"execute":"query-qmp-schema"}\n' * 1000
        with self.assertRaises((TimeoutError, socket.timeout)):
            for _ in range(1000):
                flood.send_raw(request)
        other = emulator.monitor(1)
        self.assertEqual(other.cmd("query-status")["status"], "running")
        with open(f"/proc/{emulator.process.pid}/statm", encoding="ascii") as file:
            self.assertLess(int(file.read().split()[1]) * 4096, 200 << 20)


if __name__ == "__main__":
    unittest.main()
