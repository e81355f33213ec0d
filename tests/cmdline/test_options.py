# SPDX-License-Identifier: GPL-2.0-or-later
"""What each option does, seen from outside: by QMP, in the file system, on the other end of a character
device, and in the lists that help prints."""

import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import termios
import time
import unittest

from cmdline.emulator import BASE, BINARY, Monitor, Q35, TestCase, run

UART = 0x3f8
LSR = UART + 5


def process_name(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def alive(pid):
    """Running, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(what, timeout=5.0):
    deadline = time.monotonic() + timeout
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Help(TestCase):
    def test_version_and_help(self):
        self.assertHelp(run("-version"), "QEMU emulator version ")
        self.assertHelp(run("--version"), "QEMU emulator version ")
        ended = run("-help")
        self.assertHelp(ended, "usage: ")
        self.assertEqual(ended.out, run("-h").out)
        for option in ("device", "object", "machine", "accel", "m", "numa", "smp", "cpu", "kernel",
                       "initrd", "append", "serial", "chardev", "qmp", "mon", "monitor", "qtest",
                       "qtest-log", "display", "nographic", "nodefaults", "no-user-config",
                       "no-reboot", "no-shutdown", "S", "name", "uuid", "pidfile", "daemonize",
                       "version", "help", "global"):
            self.assertRegex(ended.out, rf"(?m)^-{option}\b", option)
        self.assertLessEqual(max(map(len, ended.out.splitlines())), 100)

    def test_machines(self):
        ended = run("-machine", "help")
        self.assertHelp(ended, "Supported machines are:")
        machines = dict(line.split(None, 1) for line in ended.out.splitlines()[1:])
        self.assertIn("alias of pc-q35-10.2", machines["q35"])
        self.assertIn("alias of pc-i440fx-10.2", machines["pc"])
        self.assertEqual(1, sum(text.endswith("(default)") for text in machines.values()))
        for name, text in machines.items():
            version = re.search(r"-(\d+)\.(\d+)$", name)
            if version:
                old = tuple(map(int, version.groups())) <= (8, 0)
                self.assertEqual("(deprecated)" in text, old, f"{name}: {text}")
        self.assertEqual(run("-M", "help").out, ended.out)
        self.assertHelp(run("-machine", "q35,help"), "memory-backend=<")

    def test_a_deprecated_machine_warns(self):
        emulator = self.emulator("-machine", "pc-q35-7.2", base=BASE)
        monitor = emulator.monitor()
        self.assertIn("warning: Machine type 'pc-q35-7.2' is deprecated", emulator.stderr())
        self.assertEqual(monitor.cmd("qom-get", path="/machine", property="type"),
                         "pc-q35-7.2-machine")

    def test_lists(self):
        ended = run("-device", "help")
        self.assertHelp(ended, 'name "virtio-mem-pci", bus PCI')
        for name in re.findall(r'^name "([^"]+)"', ended.out, re.MULTILINE):
            self.assertHelp(run("-device", f"{name},help"), f"{name} options:")
        self.assertEqual(run("-device", "?").out, ended.out)
        ended = run("-object", "help")
        for name in ("memory-backend-ram", "memory-backend-memfd", "memory-backend-file"):
            self.assertHelp(ended, f"  {name}\n")
            self.assertHelp(run("-object", f"{name},help"), "  size=<int>", "  reserve=<bool>")
        self.assertHelp(run("-cpu", "help"), "qemu64", "max", "host")
        self.assertEqual(run("-accel", "help").out.splitlines()[1:], ["kvm", "qtest", "tcg"])
        self.assertHelp(run("-chardev", "help"), "socket", "stdio", "file", "pty", "null")
        self.assertHelp(run("-display", "help"), "none")

    def test_device_help_tells_types_and_defaults(self):
        out = run("-device", "virtio-mem-pci,help").out
        for line in (r"block-size=<size>", r"requested-size=<size>", r"memaddr=<uint64>",
                     r"node=<uint32> .*\(default: 0\)", r"prealloc=<bool> .*\(default: false\)",
                     r"unplugged-inaccessible=<OnOffAuto> .*on/off/auto",
                     r"memdev=<link<memory-backend>>", r"addr=<int32>"):
            self.assertRegex(out, rf"(?m)^  {line}")


class Machine(TestCase):
    def test_parts_that_are_there_or_not(self):
        there = dict.fromkeys(("acpi", "pic", "pit"), ("on", ("on", "auto"), "off"))
        there["i8042"] = (True, ("on",), "off")
        absent = dict.fromkeys(("hpet", "nvdimm", "sata", "smbus"), (False, ("off",), "on"))
        absent.update(dict.fromkeys(("smm", "vmport"), ("off", ("off", "auto"), "on")))
        for name, (value, accepted, refused) in {**there, **absent}.items():
            for given in accepted:
                monitor = self.emulator("-machine", f"q35,{name}={given}", base=BASE).monitor()
                self.assertEqual(value, monitor.cmd("qom-get", path="/machine", property=name))
            self.assertRefused(run(*BASE, "-machine", f"q35,{name}={refused}"),
                               f"{name}={refused} is not supported")
            self.assertRefused(run(*BASE, "-machine", f"pc,{name}=maybe"), name)
        self.assertRefused(run(*BASE, "-machine", "none,hpet=off"), "hpet")

    def test_forms_of_machine_options(self):
        for arguments in (["-machine", "q35"], ["-M", "q35"], ["-machine", "type=q35"],
                          ["--machine", "q35"], ["-machine", "pc", "-machine", "q35"]):
            with self.subTest(arguments):
                monitor = self.emulator(*arguments, base=BASE).monitor()
                self.assertEqual(monitor.cmd("qom-get", path="/machine", property="type"),
                                 "pc-q35-10.2-machine")
        monitor = self.emulator(base=BASE).monitor()
        self.assertEqual(monitor.cmd("qom-get", path="/machine", property="type"),
                         "pc-i440fx-10.2-machine")

    def test_memory(self):
        for arguments, size, maximum in (
                ([], 128, 128), (["-m", "256"], 256, 256), (["-m", "1G"], 1024, 1024),
                (["-m", "size=1G,maxmem=2G,slots=1"], 1024, 2048), (["-m", "0"], 128, 128),
                (["-m", "512M,slots=4,maxmem=1.5G"], 512, 1536),
                (["-machine", "memory.size=64M,memory.max-size=1G,memory.slots=1"], 64, 1024),
                (["-m", "64", "-m", "maxmem=1G,slots=2"], 64, 1024),
                # as stock's, it tells the maximum only where there are slots
                (["-m", "1G,maxmem=2G"], 1024, 1024)):
            with self.subTest(arguments):
                monitor = self.emulator(*arguments).monitor()
                self.assertEqual(monitor.cmd("query-memory-size-summary")["base-memory"],
                                 size << 20)
                config = monitor.cmd("qom-get", path="/machine", property="memory")
                self.assertEqual((config["size"], config.get("max-size", config["size"])),
                                 (size << 20, maximum << 20))

    def test_memory_backend(self):
        monitor = self.emulator("-machine", "memory-backend=a", "-object",
                                "memory-backend-memfd,id=a,size=96M").monitor()
        self.assertEqual(monitor.cmd("query-memory-size-summary")["base-memory"], 96 << 20)
        self.assertEqual(monitor.cmd("qom-get", path="/machine", property="memory-backend"),
                         "/objects/a")

    def test_smp(self):
        for text, want in (("3", (3, 3)), ("cpus=2,maxcpus=4", (2, 4)),
                           ("4,sockets=2,cores=2", (4, 4)), ("sockets=2,cores=2,threads=2", (8, 8))):
            with self.subTest(text):
                monitor = self.emulator("-smp", text).monitor()
                smp = monitor.cmd("qom-get", path="/machine", property="smp")
                self.assertEqual((smp["cpus"], smp["max-cpus" if "max-cpus" in smp else "maxcpus"]),
                                 want)
                children = monitor.cmd("qom-list", path="/machine/unattached")
                self.assertEqual(sum("x86_64-cpu" in c["type"] for c in children), want[0])

    def test_cpu(self):
        for text, kind, features in (
                ("qemu64", "qemu64", {}), ("max", "max", {}),
                ("qemu64,+x2apic", "qemu64", {"x2apic": True}),
                ("qemu64,x2apic=on,-sse3", "qemu64", {"x2apic": True, "sse3": False, "pni": False}),
                ("qemu64,+sse4_1", "qemu64", {"sse4.1": True, "sse4-1": True}),
                ("qemu64,svm=off", "qemu64", {"svm": False})):
            with self.subTest(text):
                monitor = self.emulator("-cpu", text).monitor()
                path = "/machine/unattached/device[0]"
                self.assertEqual(monitor.cmd("qom-get", path=path, property="type"),
                                 f"{kind}-x86_64-cpu")
                for name, value in features.items():
                    self.assertEqual(monitor.cmd("qom-get", path=path, property=name), value)

    def test_accelerators_are_tried_in_order(self):
        base = ["-display", "none", "-nodefaults"]
        for arguments in (["-accel", "foo", "-accel", "qtest"], ["-machine", "accel=foo:qtest"]):
            with self.subTest(arguments):
                emulator = self.emulator(*arguments, base=base)
                emulator.monitor()
                self.assertIn("invalid accelerator foo", emulator.stderr())
                self.assertIn("falling back to qtest", emulator.stderr())

    @unittest.skipIf(os.path.exists("/dev/kvm"), "there is a /dev/kvm")
    def test_fall_back_from_kvm(self):
        emulator = self.emulator("-accel", "kvm", "-accel", "qtest",
                                 base=["-display", "none", "-nodefaults"])
        monitor = emulator.monitor()
        self.assertIn("falling back to qtest", emulator.stderr())
        self.assertEqual(monitor.cmd("query-kvm"), {"enabled": False, "present": True})


class Objects(TestCase):
    def test_key_value_and_json(self):
        emulator = self.emulator(
            "-m", "256M,maxmem=8G",
            "-object", '{"qom-type":"memory-backend-ram","id":"a","size":1073741824,"share":true}',
            "-object", "memory-backend-ram,id=b,size=1G",
            "-device", '{"driver":"virtio-mem-pci","id":"va","memdev":"a",'
                       '"requested-size":67108864}',
            "-device", "virtio-mem-pci,id=vb,memdev=b,requested-size=64M,addr=0x7")
        monitor = emulator.monitor()
        self.assertTrue(monitor.cmd("qom-get", path="/objects/a", property="share"))
        self.assertFalse(monitor.cmd("qom-get", path="/objects/b", property="share"))
        self.assertEqual([d["data"]["id"] for d in monitor.cmd("query-memory-devices")],
                         ["va", "vb"])
        for device in ("va", "vb"):
            self.assertEqual(64 << 20, monitor.cmd(
                "qom-get", path=f"/machine/peripheral/{device}", property="requested-size"))
        self.assertEqual(7 << 3, monitor.cmd("qom-get", path="vb", property="addr"))

    def block_size(self, *arguments, path="/machine/peripheral/v0"):
        emulator = self.emulator("-m", "256M,maxmem=8G", "-object",
                                 "memory-backend-ram,id=m0,size=1G", *arguments)
        return emulator.monitor().cmd("qom-get", path=path, property="block-size")

    def test_global(self):
        device = ["-device", "virtio-mem-pci,id=v0,memdev=m0"]
        for form in (["-global", "virtio-mem.block-size=8M"],
                     ["-global", "driver=virtio-mem,property=block-size,value=8M"],
                     ["-global", "virtio-mem-pci.block-size=8M"],
                     ["-global", "virtio-mem.block-size=4M",
                      "-global", "virtio-mem.block-size=8M"]):
            with self.subTest(form):
                self.assertEqual(self.block_size(*form, *device), 8 << 20)
        self.assertEqual(self.block_size(*device), 2 << 20)
        self.assertEqual(16 << 20, self.block_size(
            "-global", "virtio-mem.block-size=8M", "-device",
            "virtio-mem-pci,id=v0,memdev=m0,block-size=16M"))

    def test_global_wins_over_the_machine_version(self):
        """Machine 6.2 says unplugged-inaccessible=off, the type says on."""
        arguments = ["-m", "256M,maxmem=8G", "-object", "memory-backend-ram,id=m0,size=1G"]
        device = "virtio-mem-pci,id=v0,memdev=m0"
        old = ["-accel", "qtest", "-display", "none", "-nodefaults", "-machine", "pc-q35-6.2"]
        force = ["-global", "virtio-mem.unplugged-inaccessible=on"]
        for base, more, text, want in ((Q35, [], "", "on"), (old, [], "", "off"),
                                       (old, force, "", "on"),
                                       (old, force, ",unplugged-inaccessible=off", "off")):
            with self.subTest((base[-1], more, text)):
                emulator = self.emulator(*arguments, *more, "-device", device + text, base=base)
                self.assertEqual(want, emulator.monitor().cmd(
                    "qom-get", path="v0", property="unplugged-inaccessible"))

    def test_global_for_what_does_not_exist_warns(self):
        emulator = self.emulator("-global", "nosuch.prop=1")
        emulator.monitor()
        self.assertIn("warning: global nosuch.prop has invalid class name", emulator.stderr())

    def test_bad_global_value_is_an_error(self):
        self.assertRefused(run(*Q35, "-m", "256M,maxmem=4G", "-object",
                               "memory-backend-ram,id=m0,size=1G", "-global",
                               "virtio-mem.block-size=3M", "-device", "virtio-mem-pci,memdev=m0"),
                           "block-size")
        self.assertRefused(run(*Q35, "-m", "256M,maxmem=4G", "-object",
                               "memory-backend-ram,id=m0,size=1G", "-global",
                               "virtio-mem.nosuch=3", "-device", "virtio-mem-pci,memdev=m0"),
                           "virtio-mem.nosuch=3")


class Identity(TestCase):
    def test_name_and_uuid(self):
        emulator = self.emulator("-name", "guest=a guest,process=emu-test", "-uuid",
                                 "12345678-9abc-def0-1234-56789abcdef0")
        monitor = emulator.monitor()
        self.assertEqual(monitor.cmd("query-name"), {"name": "a guest"})
        self.assertEqual(monitor.cmd("query-uuid"),
                         {"UUID": "12345678-9abc-def0-1234-56789abcdef0"})
        self.assertEqual(process_name(emulator.process.pid), "emu-test")

    def test_no_name_and_uuid(self):
        monitor = self.emulator().monitor()
        self.assertEqual(monitor.cmd("query-name"), {})
        self.assertEqual(monitor.cmd("query-uuid"),
                         {"UUID": "00000000-0000-0000-0000-000000000000"})


class Process(TestCase):
    def test_pidfile(self):
        emulator = self.emulator("-pidfile", "pid")
        emulator.monitor()
        path = emulator.path("pid")
        with open(path, "r+", encoding="ascii") as file:
            self.assertEqual(file.read(), f"{emulator.process.pid}\n")
            with self.assertRaises(OSError):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        emulator.process.send_signal(signal.SIGTERM)
        self.assertEqual(emulator.wait(), 0)
        self.assertFalse(os.path.exists(path))
        self.assertFalse(os.path.exists(emulator.path("qmp0")))
        self.assertIn("terminating on signal 15 from pid", emulator.stderr())

    def test_stale_pidfile_and_socket_are_replaced(self):
        with socket.socket(socket.AF_UNIX) as stale:
            emulator = self.emulator(files={"pid": b"99999999 and more than that\n"}, monitors=0)
            stale_path = emulator.path("again")
            stale.bind(stale_path)
        second = self.emulator("-pidfile", emulator.path("pid"), "-qmp",
                               f"unix:{stale_path},server=on,wait=off", monitors=0)
        Monitor(stale_path).close()
        with open(emulator.path("pid"), encoding="ascii") as file:
            self.assertEqual(file.read(), f"{second.process.pid}\n")

    def start_daemon(self, *arguments):
        """Ends when the parent ends; the daemon's pid is in the pid file."""
        emulator = self.emulator("-daemonize", "-pidfile", "pid", *arguments)
        return emulator, emulator.wait()

    def test_daemonize(self):
        emulator, status = self.start_daemon("-serial", "file:serial")
        self.assertEqual(status, 0, emulator.stderr())
        # ready: the pid file is written and the monitor answers, without waiting for either
        with open(emulator.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.addCleanup(lambda: alive(pid) and os.kill(pid, signal.SIGKILL))
        self.assertNotEqual(pid, emulator.process.pid)
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(emulator.path("qmp0"))
        sock.close()
        self.assertEqual(os.getsid(pid) != os.getsid(0), True)
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        self.assertEqual([os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)],
                         ["/dev/null"] * 3)
        emulator.monitor().cmd("quit")
        self.assertTrue(wait_until(lambda: not alive(pid)))
        self.assertEqual(sorted(os.listdir(emulator.folder)), ["serial", "stderr"])

    def test_the_parent_ends_when_the_daemon_is_ready(self):
        """Not before: here the start waits for a client."""
        emulator = self.emulator("-daemonize", "-pidfile", "pid", "-serial", "unix:sock,server=on")
        self.assertTrue(wait_until(lambda: os.path.exists(emulator.path("sock"))))
        with self.assertRaises(subprocess.TimeoutExpired):
            emulator.wait(0.3)
        with open(emulator.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(emulator.path("sock"))
            self.assertEqual(emulator.wait(), 0)
            emulator.monitor().cmd("quit")
        self.assertTrue(wait_until(lambda: not alive(pid)))

    def test_the_parent_fails_when_the_daemon_is_killed(self):
        emulator = self.emulator("-daemonize", "-pidfile", "pid", "-serial", "unix:sock,server=on")
        self.assertTrue(wait_until(lambda: os.path.exists(emulator.path("sock"))))
        with open(emulator.path("pid"), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)
        self.assertEqual(emulator.wait(), 1)

    def test_daemon_with_relative_paths_removes_them(self):
        emulator, status = self.start_daemon("-qmp", "unix:relative,server=on,wait=off")
        self.assertEqual(status, 0, emulator.stderr())
        with open(emulator.path("pid"), encoding="ascii") as file:
            pid = int(file.read())
        self.assertTrue(os.path.exists(emulator.path("relative")))
        os.kill(pid, signal.SIGTERM)
        self.assertTrue(wait_until(lambda: not alive(pid)))
        self.assertEqual(os.listdir(emulator.folder), ["stderr"])

    def test_daemonize_reports_the_child_s_error(self):
        ended = run(*Q35, "-daemonize", "-pidfile", "pid", "-qmp", "unix:q,server=on,wait=off",
                    "-device", "foo")
        self.assertRefused(ended, "-device foo: 'foo' is not a valid device model name")
        ended = run(*Q35, "-daemonize", "-pidfile", "/nonexistent/pid")
        self.assertRefused(ended, "/nonexistent/pid")

    def test_daemonize_has_no_terminal(self):
        for arguments in (["-serial", "stdio"], ["-qmp", "stdio"],
                          ["-chardev", "stdio,id=a"], ["-qtest", "stdio"]):
            with self.subTest(arguments):
                self.assertRefused(run(*Q35, "-daemonize", *arguments), "-daemonize")

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            emulator = self.emulator()
            monitor = emulator.monitor()
            emulator.process.send_signal(number)
            self.assertEqual(monitor.event("SHUTDOWN")["data"],
                             {"guest": False, "reason": "host-signal"})
            self.assertEqual(emulator.wait(), 0)

    def test_no_user_config_and_nodefaults(self):
        monitor = self.emulator("-no-user-config").monitor()
        self.assertEqual([c["label"] for c in monitor.cmd("query-chardev")], ["compat_monitor0"])


class StartAndEnd(TestCase):
    def test_stopped_at_start(self):
        monitor = self.emulator("-S").monitor()
        status = monitor.cmd("query-status")
        self.assertEqual((status["running"], status["status"]), (False, "prelaunch"))
        monitor.cmd("cont")
        monitor.event("RESUME")
        status = monitor.cmd("query-status")
        self.assertEqual((status["running"], status["status"]), (True, "running"))

    # the guest's ways out, taken by qtest: S5 in the power management block, the reset register
    def power_off(self, emulator):
        emulator.qtest("outl 0xcf8 0x8000f840")
        emulator.qtest("outl 0xcfc 0x601")
        emulator.qtest("outl 0xcf8 0x8000f844")
        emulator.qtest("outb 0xcfc 0x80")
        return emulator.qtest("outw 0x604 0x2000")

    def test_guest_powers_off(self):
        emulator = self.emulator(qtest=True)
        monitor = emulator.monitor()
        self.power_off(emulator)
        self.assertEqual(monitor.event("SHUTDOWN")["data"],
                         {"guest": True, "reason": "guest-shutdown"})
        self.assertEqual(emulator.wait(), 0)
        self.assertEqual(sorted(os.listdir(emulator.folder)), ["stderr"])

    def test_no_shutdown(self):
        emulator = self.emulator("-no-shutdown", qtest=True)
        monitor = emulator.monitor()
        self.power_off(emulator)
        self.assertEqual(monitor.event("SHUTDOWN")["data"],
                         {"guest": True, "reason": "guest-shutdown"})
        monitor.event("STOP")
        self.assertEqual(monitor.cmd("query-status")["status"], "shutdown")
        self.assertIn("Resetting the Virtual Machine is required",
                      monitor.ask("cont")["error"]["desc"])
        monitor.cmd("system_reset")
        monitor.event("RESET")
        monitor.cmd("cont")
        self.assertEqual(monitor.cmd("query-status")["status"], "running")
        monitor.cmd("quit")
        self.assertEqual(monitor.event("SHUTDOWN")["data"]["reason"], "host-qmp-quit")
        self.assertEqual(emulator.wait(), 0)

    def test_guest_reboots(self):
        emulator = self.emulator(qtest=True)
        monitor = emulator.monitor()
        emulator.qtest("outb 0xcf9 0x6")
        self.assertEqual(monitor.event("RESET")["data"], {"guest": True, "reason": "guest-reset"})
        emulator.qtest("outb 0x64 0xfe")
        self.assertEqual(monitor.event("RESET")["data"], {"guest": True, "reason": "guest-reset"})
        self.assertEqual(monitor.cmd("query-status")["status"], "running")

    def test_no_reboot(self):
        for port, value in (("0xcf9", "0x6"), ("0x64", "0xfe")):
            emulator = self.emulator("-no-reboot", qtest=True)
            monitor = emulator.monitor()
            emulator.qtest(f"outb {port} {value}")
            self.assertEqual(monitor.event("SHUTDOWN")["data"],
                             {"guest": True, "reason": "guest-reset"})
            self.assertEqual(emulator.wait(), 0)

    def test_no_reboot_and_no_shutdown(self):
        emulator = self.emulator("-no-reboot", "-no-shutdown")
        monitor = emulator.monitor()
        monitor.cmd("system_reset")
        self.assertEqual(monitor.event("SHUTDOWN")["data"],
                         {"guest": False, "reason": "host-qmp-system-reset"})
        self.assertEqual(monitor.cmd("query-status")["status"], "shutdown")


class CharacterDevices(TestCase):
    def put(self, emulator, text):
        for byte in text.encode():
            emulator.qtest(f"outb {UART:#x} {byte:#x}")

    def get(self, emulator, count):
        """That many bytes from the serial port; they may take a while to come."""
        text = b""
        for _ in range(count):
            self.assertTrue(wait_until(
                lambda: int(emulator.qtest(f"inb {LSR:#x}").split()[1], 0) & 1), text)
            text += bytes([int(emulator.qtest(f"inb {UART:#x}").split()[1], 0)])
        return text.decode()

    def test_file(self):
        for arguments in (["-serial", "file:out"],
                          ["-chardev", "file,id=a,path=out", "-serial", "chardev:a"]):
            emulator = self.emulator(*arguments, qtest=True)
            emulator.monitor()
            self.put(emulator, "hello")
            with open(emulator.path("out"), "rb") as file:
                self.assertEqual(file.read(), b"hello")

    def test_null(self):
        emulator = self.emulator("-serial", "null", "-serial", "none", qtest=True)
        monitor = emulator.monitor()
        self.put(emulator, "hello")
        self.assertEqual({c["label"]: c["filename"] for c in monitor.cmd("query-chardev")
                          if c["label"].startswith("serial")}, {"serial0": "null"})

    def test_unix_socket(self):
        for arguments in (["-serial", "unix:sock,server=on,wait=off"],
                          ["-serial", "unix:sock,server,nowait"],
                          ["-chardev", "socket,id=serial0,path=sock,server=on,wait=off",
                           "-serial", "chardev:serial0"]):
            with self.subTest(arguments):
                emulator = self.emulator(*arguments, qtest=True)
                monitor = emulator.monitor()
                for _ in range(2):          # clients come and go
                    with socket.socket(socket.AF_UNIX) as client:
                        client.settimeout(5)
                        client.connect(emulator.path("sock"))
                        client.sendall(b"ping")
                        self.assertEqual(self.get(emulator, 4), "ping")
                        self.put(emulator, "pong")
                        self.assertEqual(client.recv(4, socket.MSG_WAITALL), b"pong")
                chardev = next(c for c in monitor.cmd("query-chardev") if c["label"] == "serial0")
                self.assertTrue(chardev["frontend-open"])

    def test_server_that_waits(self):
        """Nothing goes on before a client is there."""
        emulator = self.emulator("-serial", "unix:sock,server=on")
        self.assertTrue(wait_until(lambda: os.path.exists(emulator.path("sock"))))
        self.assertTrue(wait_until(
            lambda: "waiting for connection on: " in emulator.stderr()), emulator.stderr())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(emulator.path("sock"))
            emulator.monitor()

    def test_unix_client(self):
        with socket.socket(socket.AF_UNIX) as server:
            folder = self.emulator(monitors=0).folder
            server.bind(folder + "/listen")
            server.listen(1)
            emulator = self.emulator("-serial", f"unix:{folder}/listen", qtest=True)
            emulator.monitor()
            peer, _ = server.accept()
            with peer:
                self.put(emulator, "x")
                self.assertEqual(peer.recv(1), b"x")

    def test_pty(self):
        emulator = self.emulator("-serial", "pty", qtest=True)
        monitor = emulator.monitor()
        chardev = next(c for c in monitor.cmd("query-chardev") if c["label"] == "serial0")
        self.assertRegex(chardev["filename"], r"^pty:/dev/pts/\d+$")
        path = chardev["filename"][4:]
        line = emulator.process.stdout.readline().decode()
        self.assertIn(f"char device redirected to {path} (label serial0)",
                      line + emulator.stderr())
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(fd, b"ping")
            self.assertEqual(self.get(emulator, 4), "ping")
            self.put(emulator, "pong\n")
            answer = b""
            while len(answer) < 5:      # a serial port sends byte by byte
                self.assertTrue(select.select([fd], [], [], 5)[0], answer)
                answer += os.read(fd, 5)
            self.assertEqual(answer, b"pong\n")
        finally:
            os.close(fd)

    def run_on_stdio(self, *arguments):
        """On a terminal of its own: returns process, master side."""
        master, slave = os.openpty()
        self.terminal_before = termios.tcgetattr(slave)
        process = subprocess.Popen([BINARY, *BASE, *arguments], stdin=slave, stdout=slave,
                                   stderr=slave)
        self.addCleanup(lambda: (process.poll() is None and process.kill(), process.wait(),
                                 os.close(master), os.close(slave)))
        return process, master, slave

    def test_stdio_gives_the_terminal_back(self):
        process, master, slave = self.run_on_stdio("-serial", "stdio")
        before = self.terminal_before
        self.assertTrue(wait_until(lambda: not termios.tcgetattr(slave)[3] & termios.ECHO))
        time.sleep(0.3)     # until its signal handlers are there
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(5), 0)
        self.assertTrue(before[3] & termios.ECHO)
        self.assertEqual(termios.tcgetattr(slave), before)
        self.assertIn(b"terminating on signal 15", os.read(master, 4096))

    def test_nographic(self):
        """The first serial port on stdio, unless -nodefaults or -serial say otherwise."""
        for arguments, raw in ((["-nographic"], True), (["-nographic", "-serial", "null"], False)):
            base = [a for a in BASE if a != "-nodefaults"]
            master, slave = os.openpty()
            process = subprocess.Popen([BINARY, *base, *arguments], stdin=slave, stdout=slave,
                                       stderr=slave)
            try:
                changed = wait_until(lambda: not termios.tcgetattr(slave)[3] & termios.ECHO,
                                     5 if raw else 0.3)
                self.assertEqual(changed, raw, arguments)
            finally:
                process.terminate()
                process.wait(5)
                os.close(master)
                os.close(slave)

    def test_qmp_on_stdio(self):
        ended = run(*Q35, "-qmp", "stdio", stdin=b'{"execute":"qmp_capabilities"}\n'
                    b'{"execute":"query-name","id":1}\n{"execute":"quit"}\n')
        self.assertEqual((ended.status, ended.err), (0, ""), ended)
        self.assertIn('{"return": {}, "id": 1}', ended.out)

    def test_mon_and_pretty(self):
        emulator = self.emulator("-chardev", "socket,id=c,path=mon,server=on,wait=off", "-mon",
                                 "chardev=c,mode=control,pretty=on", monitors=0)
        self.assertTrue(wait_until(lambda: os.path.exists(emulator.path("mon"))))
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(emulator.path("mon"))
            text = b""
            while text.count(b"{") == 0 or text.count(b"{") != text.count(b"}"):
                text += client.recv(4096)
            self.assertIn(b'\n    "QMP": {\n', text)

    def test_qtest_log(self):
        emulator = self.emulator("-qtest-log", "log", qtest=True)
        emulator.monitor()
        emulator.qtest("inb 0x70")
        with open(emulator.path("log"), encoding="ascii") as file:
            text = file.read()
        self.assertIn("inb 0x70", text)
        self.assertRegex(text, r"(?m)^\[S .*\] OK 0x")


if __name__ == "__main__":
    unittest.main()
