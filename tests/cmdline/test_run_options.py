# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that harnesses pass to every machine: accelerator lists, sound, messages, configuration files,
-preconfig, -run-with. Runs on this emulator, and on stock QEMU where QTEST_STOCK_BINARY is set, but for what
its 7.2 does not have."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from cmdline.emulator import BINARY, Monitor, STOCK, TIMEOUT, TestCase, run

PROGRAM = STOCK or BINARY
ACCEL = ["-accel", "tcg" if STOCK else "qtest"]
PLAIN = ["-display", "none", "-nodefaults"]
NONE = [*ACCEL, *PLAIN, "-machine", "none"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z "
OURS_ONLY = unittest.skipIf(STOCK, "not in stock's 7.2")


def end(*args, **how):
    return run(*args, binary=PROGRAM, **how)


class RunCase(TestCase):
    def start(self, *args, **how):
        return self.emulator(*args, base=PLAIN, binary=PROGRAM, **how)

    def starts(self, *args, **how):
        """It does, and answers; what it wrote on stderr."""
        emulator = self.start(*args, **how)
        emulator.monitor().cmd("quit")
        self.assertEqual(emulator.wait(), 0)
        return emulator.stderr()

    def refused(self, ended, *parts):
        self.assertEqual(ended.status, 1, ended)
        for part in parts:
            self.assertIn(part, ended.err)


class Accelerators(RunCase):
    def kvm(self, *args):
        """(is KVM enabled?, stderr) of a machine that starts."""
        emulator = self.start(*args)
        monitor = emulator.monitor()
        enabled = monitor.cmd("query-kvm")["enabled"]
        monitor.cmd("quit")
        emulator.wait()
        return enabled, emulator.stderr()

    def test_lists_that_end_in_tcg(self):
        """The last that works is used; what came before says why it does not."""
        for args, words in ((["-machine", "none,accel=nosuch:tcg"],
                             ["invalid accelerator nosuch", "falling back to tcg"]),
                            (["-machine", "none", "-accel", "nosuch", "-accel", "tcg"],
                             ["-accel nosuch: invalid accelerator nosuch", "falling back to tcg"]),
                            (["-machine", "none,accel=tcg"], []),
                            (["-machine", "none", "-accel", "tcg"], [])):
            enabled, err = self.kvm(*args)
            self.assertFalse(enabled)
            for word in words:
                self.assertIn(word, err)
            self.assertEqual(len(err.splitlines()), len(words), err)

    def test_lists_are_no_name(self):
        for name in ("kvm:tcg", "tcg:kvm", "a:b", "tcg:"):
            self.refused(end("-machine", "none", "-accel", name, *PLAIN),
                         f"-accel {name}: invalid accelerator {name}")
        self.refused(end("-machine", "none,accel=a:b", *PLAIN), "invalid accelerator a",
                     "invalid accelerator b")

    def test_enable_kvm(self):
        """It is -machine accel=kvm: the last of these counts, and it does not go with -accel."""
        enabled, err = self.kvm("-machine", "none", "-enable-kvm", "-machine", "accel=tcg")
        self.assertEqual((enabled, err), (False, ""))
        self.refused(end("-enable-kvm", *NONE), 'The -accel and "-machine accel=" options')
        for args in (["-enable-kvm"], ["-machine", "accel=tcg", "-enable-kvm"]):
            if os.access("/dev/kvm", os.R_OK | os.W_OK):
                self.assertTrue(self.kvm("-machine", "none", *args)[0])
            else:
                self.refused(end("-machine", "none", *args, *PLAIN), "failed to initialize kvm")

    def test_kvm_or_tcg(self):
        """The list that clients probe with answers on any host."""
        for args in (["-machine", "none,accel=kvm:tcg"],
                     ["-machine", "none", "-accel", "kvm", "-accel", "tcg"]):
            enabled, err = self.kvm(*args)
            self.assertEqual(not enabled, "falling back to tcg" in err, err)

    @unittest.skipIf(os.geteuid(), "only root can run a program as somebody who has no KVM")
    def test_no_kvm(self):
        """A user who may not open /dev/kvm gets tcg from the list, and is told why."""
        if not os.path.exists("/dev/kvm") or os.stat("/dev/kvm").st_mode & 0o006:
            self.skipTest("there is no /dev/kvm, or it is everybody's")
        requests = b'{"execute":"qmp_capabilities"}{"execute":"query-kvm","id":1}{"execute":"quit"}'
        with tempfile.TemporaryDirectory(prefix="cmdline-") as folder:
            os.chmod(folder, 0o755)
            program = PROGRAM if STOCK else shutil.copy(PROGRAM, folder)
            for args in (["-machine", "none,accel=kvm:tcg"],
                         ["-machine", "none", "-accel", "kvm", "-accel", "tcg"]):
                done = subprocess.run([program, *PLAIN, *args, "-qmp", "stdio"], input=requests,
                                      capture_output=True, timeout=TIMEOUT, check=False, user=65534,
                                      group=65534, extra_groups=[], cwd="/")
                self.assertEqual(done.returncode, 0, done)
                self.assertIn(b"failed to initialize kvm: ", done.stderr)
                self.assertIn(b"falling back to tcg", done.stderr)
                self.assertRegex(done.stdout, rb'"enabled": false')

    @unittest.skipIf(STOCK, "about a program that does not translate guest code")
    def test_tcg_runs_nothing(self):
        """With CPUs: refused where they would have to run, at start or by cont."""
        why = "accelerator tcg cannot run CPUs here"
        for machine in ("pc", "q35"):
            self.assertRefused(run("-machine", machine, "-accel", "tcg", *PLAIN), why)
            monitor = self.start("-machine", machine, "-accel", "tcg", "-S").monitor()
            self.assertEqual(monitor.cmd("query-accelerators")["enabled"], "tcg")
            self.assertIn(why, monitor.ask("cont")["error"]["desc"])
            self.assertEqual(monitor.cmd("query-status"), {"running": False, "status": "prelaunch"})
            self.assertEqual(len(monitor.cmd("query-cpus-fast")), 1)
        monitor = self.start("-machine", "none", "-accel", "tcg").monitor()
        self.assertEqual(monitor.cmd("query-status")["status"], "running")
        self.assertRefused(run("-machine", "q35", "-accel", "tcg", "-cpu", "host", "-S", *PLAIN),
                           "CPU model 'host' requires KVM")


class Sound(RunCase):
    def test_none(self):
        for args in (["-audiodev", "none,id=a"], ["-audiodev", "driver=none,id=a"],
                     ["-audiodev", '{"id":"audio1","driver":"none"}'],
                     ["-audiodev", "none,id=a", "-audiodev", "none,id=b"]):
            self.assertEqual(self.starts(*ACCEL, "-machine", "none", *args), "", args)

    @OURS_ONLY
    def test_without_a_device(self):
        """What 7.2 wants a model of a sound device for, or an id."""
        for args in (["-audio", "none"], ["-audio", "driver=none"], ["-audiodev", "driver=none"],
                     ["-audio", "none", "-audio", "none"]):
            self.assertEqual(self.starts(*ACCEL, "-machine", "none", *args), "", args)

    def test_refused(self):
        for value, what in (("id=a", "Parameter 'driver' is missing"),
                            ("none,id=a,foo=1", "Parameter 'foo' is unexpected"),
                            ('{"id":"audio1"}', "Parameter 'driver' is missing"),
                            ('{"driver":"none","id":"a","foo":1}', "Parameter 'foo' is unexpected"),
                            ('{"driver":5,"id":"a"}', "Invalid parameter type for 'driver'")):
            self.refused(end(*NONE, "-audiodev", value), f"-audiodev {value}: {what}")

    @OURS_ONLY
    def test_no_other_driver(self):
        for option in ("-audiodev", "-audio"):
            self.assertRefused(run(*NONE, option, "pa"), "Audio driver 'pa' is not available")
            self.assertHelp(run(option, "help"), "Available audio drivers:\nnone\n")
        self.assertRefused(run(*NONE, "-audio", "none,model=hda"), "Parameter 'model' is unexpected")


class Messages(RunCase):
    def test_timestamp(self):
        """The time is now's, of errors and of warnings."""
        before = time.time()
        err = end(*NONE, "-msg", "timestamp=on", "-device", "nosuch").err
        found = re.fullmatch(TIME + r"qemu-system-x86_64: -device nosuch: .*\n", err)
        self.assertTrue(found, err)
        told = time.mktime(time.strptime(err[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        self.assertTrue(before - 2 < told < time.time() + 2, (before, err))
        err = self.starts(*ACCEL, "-msg", "timestamp=on", "-machine",
                          "pc-q35-2.4" if STOCK else "pc-q35-6.0", "-smp", "2",
                          "-numa", "node,cpus=0,memdev=m", "-m", "16M",
                          "-object", "memory-backend-ram,id=m,size=16M", "-S")
        self.assertIn("warning: CPU(s) not present in any NUMA nodes", err)
        for line in err.splitlines():
            self.assertRegex(line, "^" + TIME + "qemu-system-x86_64: warning: ")

    def test_off(self):
        for args in (["-msg", "timestamp=off"], ["-msg", "timestamp=on", "-msg", "timestamp=off"], []):
            self.assertRegex(end(*NONE, *args, "-device", "nosuch").err, "^qemu-system-x86_64: -dev")

    def test_guest_name(self):
        for args, prefix in ((["-name", "web", "-msg", "guest-name=on"], "web "),
                             (["-name", "web", "-msg", "guest-name=on,timestamp=on"], TIME + "web "),
                             (["-name", "web"], "")):
            self.assertRegex(end(*NONE, *args, "-device", "nosuch").err,
                             f"^{prefix}qemu-system-x86_64: -device nosuch: ")

    def test_refused(self):
        for value, what in (("timestamp=maybe", "Parameter 'timestamp' expects 'on' or 'off'"),
                            ("foo=1", "Invalid parameter 'foo'")):
            self.refused(end(*NONE, "-msg", value), f"-msg {value}: {what}")

    def test_a_monitor_gets_no_time(self):
        monitor = self.start(*ACCEL, "-machine", "none", "-msg", "timestamp=on").monitor()
        text = monitor.cmd("human-monitor-command", command_line="device_add nosuch")
        self.assertEqual(text, "Error: 'nosuch' is not a valid device model name\r\n")


class Daemon(RunCase):
    def test_nographic(self):
        """With -nodefaults nothing is on stdio, so that nothing is missed."""
        self.refused(end(*ACCEL, "-machine", "none", "-nographic", "-daemonize"),
                     "-nographic cannot be used with -daemonize")
        for args in (["-serial", "stdio"], ["-monitor", "stdio"]):
            self.refused(end(*NONE, "-nographic", "-daemonize", *args),
                         f"{' '.join(args)}: cannot use stdio with -daemonize")
        emulator = self.start(*ACCEL, "-machine", "none", "-nographic", "-daemonize", "-pidfile", "pid")
        self.assertEqual(emulator.wait(), 0)
        monitor = emulator.monitor()
        self.assertEqual(monitor.cmd("query-status")["running"], True)
        monitor.cmd("quit")


@OURS_ONLY
class RunWith(RunCase):
    PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[2:])
print(child.pid, flush=True)
sys.stdin.read()
"""

    def test_ends_with_its_parent(self):
        """The parent dies by SIGKILL; the emulator ends as by SIGTERM and leaves no pid file."""
        for value, ends in (("on", True), ("off", False)):
            folder = self.start(*NONE).folder
            path, pidfile = os.path.join(folder, "s"), os.path.join(folder, "p")
            parent = subprocess.Popen(
                [sys.executable, "-c", self.PARENT, "-", BINARY, *NONE, "-run-with",
                 f"exit-with-parent={value}", "-qmp", f"unix:{path},server=on,wait=off",
                 "-pidfile", pidfile], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            pid = int(parent.stdout.readline())
            try:
                monitor = Monitor(path)
                self.assertTrue(os.path.exists(pidfile))
                parent.kill()
                parent.wait()
                if ends:
                    self.assertEqual(monitor.event("SHUTDOWN")["data"]["reason"], "host-signal")
                    self.assertIsNone(monitor.recv_any())
                    deadline = time.monotonic() + TIMEOUT
                    while os.path.exists(pidfile) and time.monotonic() < deadline:
                        time.sleep(0.01)
                    self.assertFalse(os.path.exists(pidfile))
                else:
                    time.sleep(0.2)
                    self.assertEqual(monitor.cmd("query-status")["running"], True)
                monitor.close()
            finally:
                parent.kill()
                parent.wait()
                parent.stdin.close()
                parent.stdout.close()
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def test_refused(self):
        for value, what in (("exit-with-parent=x", "Parameter 'exit-with-parent' expects 'on' or"),
                            ("chroot=/", "Invalid parameter 'chroot'"),
                            ("user=nobody", "Invalid parameter 'user'")):
            self.assertRefused(run(*NONE, "-run-with", value), f"-run-with {value}: {what}")
        self.assertRefused(run(*NONE, "-run-with", "exit-with-parent=on", "-daemonize"),
                           "cannot be used with -daemonize")


class ReadConfig(RunCase):
    MACHINE = b"""
# a machine with a device

[machine]
  type = "q35"
[memory]
  size = "256"
  maxmem = "4G"
[smp-opts]
  cpus = "2"
[name]
  guest = "a,b=c"
[chardev "c"]
  backend = "null"
[object "m0"]
  qom-type = "memory-backend-ram"
  size = "1G"
[global]
  driver = "virtio-mem-pci"
  property = "block-size"
  value = "4M"
[device "vm0"]
\tdriver = "virtio-mem-pci"
  memdev  =  "m0"
"""

    def config(self, text, *args):
        return end(*ACCEL, *PLAIN, "-readconfig", "f.cfg", *args, files={"f.cfg": text})

    def test_machine(self):
        emulator = self.start(*ACCEL, "-S", "-readconfig", "f.cfg", files={"f.cfg": self.MACHINE})
        monitor = emulator.monitor()
        self.assertRegex(monitor.cmd("qom-get", path="/machine", property="type"), "q35")
        self.assertEqual(monitor.cmd("query-name"), {"name": "a,b=c"})
        self.assertEqual(len(monitor.cmd("query-cpus-fast")), 2)
        self.assertEqual(monitor.cmd("query-memory-size-summary")["base-memory"], 256 << 20)
        self.assertIn("c", {c["label"] for c in monitor.cmd("query-chardev")})
        device, = monitor.cmd("query-memory-devices")
        self.assertEqual((device["data"]["id"], device["data"]["block-size"]), ("vm0", 4 << 20))

    def test_order(self):
        """A file stands where its option stands: what comes later wins."""
        for args, machine in ((["-readconfig", "f.cfg", "-machine", "none"], "none-machine"),
                              (["-machine", "pc", "-readconfig", "f.cfg"], "q35")):
            emulator = self.start(*ACCEL, "-S", *args,
                                  files={"f.cfg": b'[machine]\n type = "q35"\n'})
            self.assertIn(machine, emulator.monitor().cmd("qom-get", path="/machine",
                                                          property="type"))

    def test_errors(self):
        """File and line are told, of the line that is wrong or of the section's last."""
        for text, line, what in (
                (b'driver = "x"\n', 1, "no group defined"),
                (b'\n[device "x"]\n driver = "nosuch"\n\n', 3,
                 "'nosuch' is not a valid device model name"),
                (b'[memory]\n foo = "1"\n', 2, "Invalid parameter 'foo'"),
                (b'[chardev "c"]\n backend = "null"\n foo = "null"\n', 3, "Invalid parameter 'foo'"),
                (b'[object "m0"]\n size = "1M"\n', 2, "Parameter 'qom-type' is missing"),
                (b'[device]\r\n driver = "nosuch"\r\n', 2, "'nosuch' is not a valid device")):
            ended = self.config(text, "-machine", "none")
            self.refused(ended, f"qemu-system-x86_64:f.cfg:{line}: ", what)
        self.refused(self.config(b'[nosuch]\n a = "b"\n', "-machine", "none"),
                     "There is no option group 'nosuch'")

    @OURS_ONLY
    def test_syntax(self):
        """Anything that is no section and no assignment is an error with its line."""
        for text in (b"[machine\n", b"[]\n", b'["x"]\n', b"[machine] x\n", b"[machine]\nfoo\n",
                     b"[machine]\ntype = q35\n", b'[machine]\ntype = "q35\n', b'[machine]\n= "x"\n',
                     b'[machine]\na b = "x"\n', b'[machine]\ntype = "q35" x\n',
                     b'[machine]\nty,pe = "q35"\n', b"x\n" * 1000):
            with self.subTest(text):
                self.assertRefused(self.config(text), "qemu-system-x86_64:f.cfg:", "parse error")
        self.assertRefused(self.config(b"\xff\n"), "-readconfig f.cfg: Cannot read config file: it is "
                           "not valid UTF-8")
        self.assertRefused(self.config(b"[machine]\n\0"), "not valid UTF-8")
        self.assertRefused(self.config(b'[machine]\ntype = "a\xc3"\n'), "not valid UTF-8")
        self.assertRefused(run(*NONE, "-readconfig", "/dev/zero"), "larger than 1 MiB")

    def test_files(self):
        for name, what in (("nosuch", "Could not open 'nosuch': No such file"),
                           ("/", "Cannot read config file: Is a directory")):
            self.refused(end(*NONE, "-readconfig", name), f"-readconfig {name}: {what}")
        self.assertEqual(self.starts(*ACCEL, "-machine", "none", "-readconfig", "/dev/null"), "")


class Preconfig(RunCase):
    PC = [*ACCEL, "-machine", "q35", "-m", "512M", "-smp", "2", "-preconfig"]
    LATE = "The command '%s' is permitted only after machine initialization has completed"

    def test_nodes(self):
        """Backends and nodes by QMP, then the machine has them."""
        monitor = self.start(*self.PC, "-S").monitor()
        self.assertEqual(monitor.cmd("query-status")["status"], "prelaunch")
        for name in ("a", "b"):
            monitor.cmd("object-add", qom_type="memory-backend-ram", id=name, size=256 << 20)
        monitor.cmd("set-numa-node", type="node", nodeid=0, memdev="a", cpus=[0])
        monitor.cmd("set-numa-node", type="node", nodeid=1, memdev="b")
        monitor.cmd("set-numa-node", type="cpu", node_id=1, socket_id=0, core_id=1, thread_id=0)
        monitor.cmd("set-numa-node", type="dist", src=0, dst=1, val=30)
        places = {c["props"]["core-id"]: c["props"] for c in monitor.cmd("query-hotpluggable-cpus")}
        self.assertEqual([places[i]["node-id"] for i in (0, 1)], [0, 1])
        self.assertNotIn("error", monitor.ask("x-exit-preconfig"))
        self.assertEqual(monitor.cmd("query-status")["status"], "prelaunch")
        self.assertEqual(monitor.cmd("human-monitor-command", command_line="info numa"), "\r\n".join((
            "2 nodes", "node 0 cpus: 0", "node 0 size: 256 MB", "node 0 plugged: 0 MB",
            "node 1 cpus: 1", "node 1 size: 256 MB", "node 1 plugged: 0 MB", "")))
        self.assertEqual(monitor.ask("x-exit-preconfig")["error"]["desc"],
                         "The command is permitted only before machine initialization")
        self.assertEqual(monitor.ask("set-numa-node", type="node")["error"]["desc"],
                         "The command is permitted only before the machine has been created")

    def test_what_waits_for_the_machine(self):
        """Commands about a machine that is not there are refused by name, and later work."""
        monitor = self.start(*self.PC, "-S").monitor()
        late = ["stop", "cont", "query-cpus-fast", "query-pci", "query-kvm", "system_reset",
                "query-memory-devices", "query-current-machine", "query-cpu-definitions",
                "query-memory-size-summary", "query-machines", "query-target"]
        for name in [*late, "device_add", "device_del", "human-monitor-command"]:
            self.assertEqual(monitor.ask(name)["error"], {"class": "GenericError",
                                                          "desc": self.LATE % name})
        for name in ("query-version", "query-commands", "query-qmp-schema", "query-name",
                     "query-uuid", "query-iothreads", "query-block", "query-memdev", "query-chardev",
                     "query-command-line-options", "query-hotpluggable-cpus", "qom-list-types"):
            monitor.cmd(name)
        self.assertIn("q35", monitor.cmd("qom-get", path="/machine", property="type"))
        self.assertEqual(monitor.ask("nosuch")["error"]["class"], "CommandNotFound")
        monitor.cmd("x-exit-preconfig")
        for name in late:
            self.assertIn("return", monitor.ask(name), name)

    def test_runs_after_it(self):
        """Without -S, and with what the command line asks for besides."""
        for machine in ("none", "q35"):
            monitor = self.start(*ACCEL, "-machine", machine, "-preconfig").monitor()
            self.assertEqual(monitor.cmd("query-status")["running"], False)
            monitor.cmd("x-exit-preconfig")
            self.assertEqual(monitor.cmd("query-status")["status"], "running")

    def test_errors_of_nodes(self):
        """What is refused changes nothing."""
        monitor = self.start(*self.PC, "-S").monitor()
        for arguments, what in (
                ({}, "'type' is missing"), ({"type": "foo"}, "does not accept value 'foo'"),
                ({"type": "node", "nodeid": 1, "foo": 1}, "'foo' is unexpected"),
                ({"type": "node", "nodeid": "1"}, "nodeid"), ({"type": "node", "mem": "x"}, "mem"),
                ({"type": "node", "nodeid": 70000}, "nodeid"),
                ({"type": "node", "memdev": "nosuch"}, "memdev=nosuch"),
                ({"type": "node", "cpus": [0, 99]}, "CPU index (99) should be smaller than maxcpus"),
                ({"type": "cpu", "node_id": 0, "socket_id": 0}, "Invalid node-id=0"),
                ({"type": "dist", "src": 0, "dst": 1, "val": 20}, "NUMA node is missing")):
            with self.subTest(arguments):
                self.assertIn(what, monitor.ask("set-numa-node", **arguments)["error"]["desc"])
        if not STOCK:       # which keeps the first of [0, 99]
            self.assertEqual([c["props"].get("node-id")
                              for c in monitor.cmd("query-hotpluggable-cpus")], [None, None])
            monitor.cmd("x-exit-preconfig")

    def test_a_nodes_backend_stays(self):
        if STOCK:
            self.skipTest("stock takes it away from the node")
        monitor = self.start(*self.PC, "-S").monitor()
        monitor.cmd("object-add", qom_type="memory-backend-ram", id="a", size=512 << 20)
        monitor.cmd("set-numa-node", type="node", memdev="a")
        self.assertIn("in use", monitor.ask("object-del", id="a")["error"]["desc"])
        monitor.cmd("x-exit-preconfig")
        self.assertEqual(monitor.cmd("query-memdev")[0]["id"], "a")

    def test_a_machine_that_cannot_be_made(self):
        """The process ends with its message, as it would at start."""
        for args in (["-device", "virtio-mem-pci,memdev=nosuch"],
                     ["-device", "pcie-root-port,bus=nosuch"]):
            emulator = self.start(*self.PC, "-S", *args)
            monitor = emulator.monitor()
            monitor.send({"execute": "x-exit-preconfig"})
            self.assertEqual(emulator.wait(), 1)
            self.assertIn(f"-device {args[1]}: ", emulator.stderr())

    def test_quit_and_signals(self):
        emulator = self.start(*self.PC)
        emulator.monitor().cmd("quit")
        self.assertEqual(emulator.wait(), 0)
        emulator = self.start(*self.PC)
        emulator.monitor()
        emulator.process.send_signal(signal.SIGTERM)
        self.assertEqual(emulator.wait(), 0)

    @OURS_ONLY
    def test_a_human_monitor_waits(self):
        """It says nothing until there is a machine to talk about."""
        emulator = self.start(*self.PC, "-S", "-chardev", "socket,id=h,path=hmp,server=on,wait=off",
                              "-mon", "chardev=h")
        monitor = emulator.monitor()
        monitor.cmd("query-status")
        human = self.enterContext(socket.socket(socket.AF_UNIX))
        human.settimeout(0.3)
        human.connect(emulator.path("hmp"))
        with self.assertRaises(TimeoutError):
            human.recv(100)
        monitor.cmd("x-exit-preconfig")
        human.settimeout(TIMEOUT)
        self.assertIn(b"QEMU", human.recv(100))


if __name__ == "__main__":
    unittest.main()
