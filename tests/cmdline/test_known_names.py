# SPDX-License-Identifier: GPL-2.0-or-later
"""A name that QEMU has and this program does not is told apart from a typing error, wherever a name is taken:
options, machines, devices, objects, commands of both monitors, character devices, CPU models, accelerators."""

import json
import re
import subprocess

from cmdline.emulator import BASE, Q35, TestCase, run

STOCK = "/usr/bin/qemu-system-x86_64"
KNOWN = "QEMU has the {} '{}'; it is out of scope here: "
# What takes a name of each kind: the arguments for it, and what the error is to hold.
KINDS = {
    "option": (lambda name: [f"-{name}", "x"], "-{}: invalid option"),
    "machine": (lambda name: ["-machine", name], 'unsupported machine type: "{}"'),
    "device": (lambda name: ["-machine", "q35", "-device", name],
               "'{}' is not a valid device model name"),
    "object type": (lambda name: ["-machine", "q35", "-object", f"{name},id=a"],
                    "does not accept value '{}'"),
    "character device": (lambda name: ["-machine", "q35", "-chardev", f"{name},id=a"],
                         "'{}' is not a valid char driver name"),
    "CPU model": (lambda name: ["-machine", "q35", "-cpu", name], "unable to find CPU model '{}'"),
    "accelerator": (lambda name: ["-machine", f"q35,accel={name}"], "invalid accelerator {}"),
}
NAMES = {
    "option": ["vga", "netdev", "drive", "bios", "incoming", "usb", "vnc", "hda", "hdb", "smbios"],
    "machine": ["microvm", "pc-i440fx-4.2", "pc-q35-5.0", "isapc", "xenfv"],
    "device": ["pc-dimm", "vfio-pci", "nvdimm", "virtio-net-pci", "e1000", "VGA", "usb-tablet",
               "virtio-balloon-pci", "pxb-pcie", "intel-iommu", "virtio-blk-pci"],
    "object type": ["iothread", "rng-random", "secret", "throttle-group", "tls-creds-x509"],
    "character device": ["pipe", "udp", "ringbuf", "spicevmc"],
    "CPU model": ["EPYC", "Skylake-Client-v1", "Opteron_G1", "Haswell"],
    "accelerator": ["hvf", "whpx", "xen"],
}
COMMANDS = ["migrate", "blockdev-add", "netdev_add", "balloon", "query-migrate", "chardev-add",
            "dump-guest-memory", "inject-nmi", "snapshot-save", "query-vnc"]
HMP = ["migrate tcp:x:1", "savevm", "info network", "info block", "drive_add x", "sendkey a", "balloon 5",
       "info migrate"]


class KnownNames(TestCase):
    def test_command_line(self):
        for kind, names in NAMES.items():
            args, said = KINDS[kind]
            for name in names:
                with self.subTest(kind=kind, name=name):
                    base = BASE[2:] if kind == "accelerator" else BASE
                    ended = run(*base, *args(name))
                    self.assertRefused(ended, said.format(name), KNOWN.format(kind, name))

    def test_typing_errors(self):
        for kind, names in NAMES.items():
            args, said = KINDS[kind]
            for name in (names[0] + "x", names[1][:-1] + "_", "x" + names[-1], "nonsense"):
                with self.subTest(kind=kind, name=name):
                    base = BASE[2:] if kind == "accelerator" else BASE
                    ended = run(*base, *args(name))
                    self.assertRefused(ended, said.format(name))
                    self.assertNotIn("QEMU has", ended.err)

    def test_other_ways_in(self):
        for args in (["-machine", "microvm,help"], ["-device", "pc-dimm,help"],
                     ["-device", '{"driver":"pc-dimm"}'], ["--vga", "std"], ["-serial", "udp:h:1"],
                     ["-qmp", "pipe:x"], ["-monitor", "telnet:127.0.0.1:1,server=on"],
                     ["-object", '{"qom-type":"iothread","id":"a"}']):
            with self.subTest(args):
                self.assertRefused(run(*Q35, *args), "; it is out of scope here: ")

    def test_monitors(self):
        monitor = self.emulator().monitor()
        for command in COMMANDS:
            error = monitor.ask(command)["error"]
            self.assertEqual(error["class"], "CommandNotFound")
            self.assertIn(KNOWN.format("command", command), error["desc"])
            error = monitor.ask(command + "x")["error"]
            self.assertEqual(error["desc"], f"The command {command}x has not been found")
        for line in HMP:
            out = monitor.cmd("human-monitor-command", command_line=line)
            self.assertIn("unknown command: ", out)
            self.assertIn("it is out of scope here: ", out)
        self.assertEqual(monitor.cmd("human-monitor-command", command_line="migratee"),
                         "unknown command: 'migratee'\r\n")
        for command, args in (("device_add", {"driver": "pc-dimm", "id": "a"}),
                              ("object-add", {"qom-type": "iothread", "id": "a"})):
            monitor.send({"execute": command, "arguments": args})
            self.assertIn("QEMU has", monitor.recv()["error"]["desc"])

    def stock(self, *args):
        try:
            return subprocess.run([STOCK, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  timeout=30, check=False).stdout.decode()
        except FileNotFoundError:
            self.skipTest("stock QEMU is not installed")

    def test_all_that_stock_lists(self):
        """Each name is either taken here, or known as QEMU's."""
        table = self.table()
        ours = lambda option, pattern: set(re.findall(pattern, run(*BASE, option, "help").out, re.M))
        for kind, option, pattern in (
                ("DEVICE", "-device", r'^name "([^"]+)"'), ("OBJECT", "-object", r"^  (\S+)"),
                ("MACHINE", "-machine", r"^([a-z]\S*\d|isapc|microvm|x-remote) "),
                ("CPU", "-cpu", r"^x86 (\S+)")):
            names = set(re.findall(pattern, self.stock(option, "help"), re.M))
            self.assertGreater(len(names), 30, kind)
            missing = {name for name in names - ours(option, pattern) - table[kind]
                       if not name.endswith("-x86_64-cpu")}
            self.assertEqual(missing, set(), kind)

    def test_commands_that_stock_lists(self):
        script = "".join(json.dumps({"execute": name})
                         for name in ("qmp_capabilities", "query-commands", "quit"))
        done = subprocess.run([STOCK, "-machine", "none", "-S", "-display", "none", "-nodefaults",
                               "-accel", "tcg", "-qmp", "stdio"], input=script.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30,
                              check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        names = {c["name"] for line in lines for c in line.get("return", [])
                 if isinstance(line.get("return"), list)}
        monitor = self.emulator().monitor()
        ours = {c["name"] for c in monitor.cmd("query-commands")}
        self.assertGreater(len(names), 100)
        self.assertEqual(names - ours - self.table()["COMMAND"], set())

    @staticmethod
    def table():
        """The names of util/known-names.c by kind."""
        path = __file__.rsplit("/", 3)[0] + "/util/known-names.c"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found = {}
        for kind, names in re.findall(r"\{ QEMU_NAME_(\w+), WHY_\w+,\s*((?:\"[^\"]*\"\s*)+)\}", text):
            found.setdefault(kind, set()).update("".join(re.findall(r'"([^"]*)"', names)).split())
        return found
