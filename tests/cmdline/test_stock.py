# SPDX-License-Identifier: GPL-2.0-or-later
"""The same questions to this emulator and to stock QEMU 7.2 with the same devices and the same machine
version: the answers are to be the same. Where they are not, and are not meant to be, the reason stands
here: DIFFERENT for answers, NOT_HERE and NOT_THERE for names that only one of the two has."""

import re
import unittest

from cmdline.emulator import BINARY, Emulator, STOCK, TestCase, run

MACHINE = ["-display", "none", "-nodefaults", "-machine", "pc-q35-7.2", "-S"]
DEVICES = [
    "-m", "512M,maxmem=4G,slots=2", "-smp", "2", "-name", "foo,process=bar",
    "-uuid", "12345678-1234-1234-1234-123456789abc",
    "-object", "memory-backend-ram,id=m0,size=1G",
    "-object", "memory-backend-memfd,id=m1,size=512M,share=on",
    "-device", "virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M",
    "-device", "virtio-mem-pci,memdev=m1,memaddr=0x180000000,block-size=4M,node=0",
    "-chardev", "null,id=nul"]
VM0 = "/machine/peripheral/vm0"

# Names in lists of stock's that are not here.
NOT_HERE = {
    # no option ROMs, no legacy or transitional device, no packed ring, no IOMMU, no failover, no ATS
    "rombar", "romfile", "romsize", "disable-legacy", "disable-modern", "packed", "iommu_platform",
    "failover_pair_id", "ats", "aer", "acpi-index", "page-per-vq", "modern-pio-notify",
    # bits that the modern transport always or never has
    "any_layout", "notify_on_empty", "use-disabled-flag", "use-started",
    # for migration from machines older than any here
    "migrate-extra", "virtio-pci-bus-master-bug-migration", "legacy-addr", "legacy-memdev",
    # needs thread contexts
    "prealloc-context",
    # the guest's serial port wakes nothing
    "wakeup",
    # no /chardevs: character devices are no QOM objects here
    "chardevs",
}
NOT_HERE_PATTERN = re.compile(r"x-(ats|pcie|disable|ignore)-|virtio-pci-\w+-virtio-mem|"
                              r"virtio-pci-notify-pio")

# Names in lists here that are not stock's of 7.2: vectors came with MSI-X in 10.0; regions of the
# transport do not carry the device's name.
NOT_THERE = {"vectors", "virtio-pci-common[0]", "virtio-pci-device[0]", "virtio-pci-isr[0]",
             "virtio-pci-notify[0]",
             # since 8.0, since 8.2, and ours for machine versions to come
             "x-early-migration", "dynamic-memslots", "x-unplugged-inaccessible-required"}


def drop(value, *path):
    """Removes the member at the path, if it is there; "*" is every element."""
    for i, step in enumerate(path):
        if step == "*":
            for element in value if isinstance(value, list) else value.values():
                drop(element, *path[i + 1:])
            return
        if not isinstance(value, (dict, list)) or (isinstance(value, dict) and step not in value):
            return
        if i == len(path) - 1:
            del value[step]
            return
        value = value[step]


@unittest.skipUnless(STOCK, "no stock QEMU (QTEST_STOCK_BINARY)")
class Stock(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.running = [Emulator(*DEVICES, binary=BINARY, base=["-accel", "qtest", *MACHINE]),
                       Emulator(*DEVICES, binary=STOCK, base=["-accel", "tcg", *MACHINE])]
        cls.monitors = [e.monitor() for e in cls.running]

    @classmethod
    def tearDownClass(cls):
        for emulator in cls.running:
            emulator.__exit__()

    def both(self, command, **arguments):
        return [m.ask(command, **arguments) for m in self.monitors]

    def same(self, command, ignore=(), **arguments):
        """Both answer alike but for the paths in `ignore`. Returns the answer."""
        ours, stock = self.both(command, **arguments)
        for path in ignore:
            for answer in (ours, stock):
                drop(answer, "return", *path)
        with self.subTest(f"{command} {arguments}"):
            self.assertEqual(ours, stock)
        return ours

    def same_list(self, command, ignore=(), **arguments):
        """Lists of things with names: the same names but for those that are known to differ, and
        what both have is alike but for the members in `ignore`: (name, member)."""
        answers = self.both(command, **arguments)
        with self.subTest(f"{command} {arguments}"):
            ours, stock = [{e["name"]: e for e in a["return"]} for a in answers]
            self.assertEqual(set(ours) - set(stock) - NOT_THERE, set())
            missing = {n for n in set(stock) - set(ours) - NOT_HERE
                       if not NOT_HERE_PATTERN.match(n)}
            self.assertEqual(missing, set())
            for name in set(ours) & set(stock):
                for key, member in ignore:
                    if key == name:
                        drop(ours[name], member)
                        drop(stock[name], member)
                self.assertEqual(ours[name], stock[name])

    def test_queries(self):
        for command in ("query-status", "query-memory-devices", "query-memory-size-summary",
                        "query-name", "query-uuid", "query-kvm", "query-target", "nosuch"):
            self.same(command)
        ours, stock = self.both("query-version")     # another program of another version
        self.assertEqual(sorted(ours["return"]), sorted(stock["return"]))
        self.assertEqual(sorted(ours["return"]["qemu"]), sorted(stock["return"]["qemu"]))
        ours, stock = [sorted(a["return"], key=lambda c: c["label"])
                       for a in self.both("query-chardev")]
        for chardevs in (ours, stock):              # each has its own directory
            drop(chardevs, 0, "filename")
        self.assertEqual(ours, stock)

    def test_run_state(self):
        for command in ("stop", "cont", "cont", "stop", "stop", "system_reset", "system_powerdown"):
            self.same(command)
            self.same("query-status")
        for monitor in self.monitors:
            monitor.cmd("query-name")
        events = [[(e["event"], e.get("data")) for e in m.events] for m in self.monitors]
        self.assertEqual(events[0], events[1])
        self.assertEqual([name for name, _ in events[0]], ["RESUME", "STOP", "RESET", "POWERDOWN"])

    def test_commands_are_stock_s(self):
        ours, stock = [{c["name"] for c in a["return"]} for a in self.both("query-commands")]
        self.assertEqual(ours - stock, set())

    def signature(self, schema, command):
        """Arguments and results of a command as names and JSON types, to a depth of five."""
        entities = {e["name"]: e for e in schema}

        def describe(name, depth=5):
            entity = entities[name]
            kind = entity["meta-type"]
            if kind == "builtin":
                return "int" if entity["json-type"] == "number" else entity["json-type"]
            if kind == "enum":
                return "enum"
            if kind == "array":
                return [describe(entity["element-type"], depth)]
            if kind == "alternate" or not depth:
                return kind
            members = {m["name"]: (describe(m["type"], depth - 1), "default" in m)
                       for m in entity["members"]}
            if entity.get("tag") == "target":
                return members      # other architectures have other members
            for variant in entity.get("variants", []):
                if entity["tag"] == "qom-type" and \
                        not re.fullmatch("memory-backend-(ram|memfd|file)", variant["case"]):
                    continue    # no other objects can be made here
                members[variant["case"]] = describe(variant["type"], depth - 1)
            return members

        entity = entities[command]
        return describe(entity["arg-type"]), describe(entity["ret-type"])

    # Members that this emulator does not have, with why.
    UNKNOWN_MEMBERS = {
        "oob", "values", "features",                # out of band; deprecated form of enumerations
        "dimm", "nvdimm", "virtio-pmem", "sgx-epc",  # other memory devices
        "cluster-id",                               # a level of CPUs that no PC has
        "acpi",                                     # came after 7.2 or is not there
        "prealloc-context",                         # needs thread contexts
    }

    def without_unknown(self, value, ours):
        """`value`, stock's, without what only stock has."""
        if isinstance(value, dict):
            return {k: self.without_unknown(v, (ours or {}).get(k)) for k, v in value.items()
                    if k in (ours or {}) or k not in self.UNKNOWN_MEMBERS}
        if isinstance(value, (list, tuple)) and ours is not None:
            return type(value)(self.without_unknown(v, o) for v, o in zip(value, ours))
        return value

    def test_schema_of_each_command(self):
        schemas = [a["return"] for a in self.both("query-qmp-schema")]
        for command in [c["name"] for c in self.monitors[0].cmd("query-commands")]:
            if command == "query-qmp-schema":
                continue        # recursive, and its values list is deprecated
            with self.subTest(command):
                ours, stock = [self.signature(s, command) for s in schemas]
                self.assertEqual(ours, self.without_unknown(stock, ours))

    def test_schema_of_each_event(self):
        schemas = [{e["name"]: e for e in a["return"]} for a in self.both("query-qmp-schema")]
        for name, event in schemas[0].items():
            if event["meta-type"] == "event":
                data = [{m["name"]: "default" in m for m in s[s[name]["arg-type"]]["members"]}
                        for s in schemas]
                self.assertEqual(data[0], data[1], name)

    def test_properties_of_the_device(self):
        values = ("foo", {"a": 1}, None)
        for name in ("requested-size", "size", "block-size", "memdev", "memaddr", "node",
                     "prealloc", "unplugged-inaccessible", "type", "realized", "hotplugged",
                     "hotpluggable", "parent_bus", "addr", "multifunction", "event_idx",
                     "indirect_desc", "class", "virtio-backend", "virtio-bus",
                     "bus master container[0]", "nosuch"):
            self.same("qom-get", path=VM0, property=name)
            for value in values:
                if name != "realized" or value != "foo":
                    self.same("qom-set", path=VM0, property=name, value=value)
            self.same("qom-get", path=VM0, property=name)

    def test_requested_size(self):
        # not -1: stock takes it for 2^64-1 and then refuses that; here it is no size
        for value in (128 << 20, 1, 3 << 20, 2 << 30, 1 << 63, "128M", 1.5, True, [], 0, 64 << 20):
            self.same("qom-set", path=VM0, property="requested-size", value=value)
            self.same("qom-get", path=VM0, property="requested-size")
            self.same("query-memory-devices")

    def test_backends(self):
        for path in ("/objects/m0", "/objects/m1"):
            for name in ("size", "share", "prealloc", "merge", "dump", "reserve", "policy",
                         "host-nodes", "prealloc-threads", "hugetlb", "hugetlbsize", "seal",
                         "x-use-canonical-path-for-ramblock-id", "type"):
                self.same("qom-get", path=path, property=name)
                if name != "host-nodes":    # neither a list nor the time for one: which comes first
                    self.same("qom-set", path=path, property=name, value={})
            self.same_list("qom-list", path=path)

    def test_machine(self):
        for name in ("type", "memory", "memory-backend", "append", "kernel", "initrd", "usb",
                     "mem-merge", "dump-guest-core", "nosuch"):
            self.same("qom-get", path="/machine", property=name)
        self.same("qom-get", ignore=[("clusters",)], path="/machine", property="smp")

    def test_paths(self):
        for path in ("", "/", "machine", "vm0", "m0", "peripheral/vm0", "/machine/peripheral",
                     "/machine/peripheral/", "//machine", "/machine//peripheral", "/nosuch",
                     "nosuch", "/machine/peripheral-anon", "/machine/peripheral-anon/device[0]",
                     VM0 + "/virtio-backend", VM0 + "/virtio-bus", "device[0]", "pci.0",
                     "/machine/unattached", "/machine/unattached/device[0]", "/objects"):
            self.same("qom-get", path=path, property="type")
        for path in ("", "/", "/objects", "/machine/peripheral", "/machine/peripheral-anon", VM0,
                     VM0 + "/virtio-backend", VM0 + "/virtio-bus", "m0"):
            if "return" in self.both("qom-list", path=path)[1]:
                self.same_list("qom-list", path=path)
            else:
                self.same("qom-list", path=path)
        for path in ("/nosuch", "nosuch", "device[0]"):
            self.same("qom-list", path=path)
        for arguments in ({"path": 5, "property": "x"}, {"path": "/"}, {"property": "x"},
                          {"path": "/", "property": "type", "foo": 1}):
            self.same("qom-get", **arguments)
            self.same("qom-set", **arguments)

    def test_types(self):
        # the type's own default changed in 8.1; 7.2's machine version says what 7.2's type does
        changed = [("unplugged-inaccessible", "default-value")]
        for name in ("virtio-mem-pci", "virtio-mem", "memory-backend-ram", "memory-backend-file",
                     "memory-backend-memfd"):
            self.same_list("qom-list-properties", typename=name)
            if name.startswith("virtio"):
                self.same_list("device-list-properties", changed, typename=name)
            else:
                self.same("device-list-properties", typename=name)
        for name in ("nosuch", "object", "pci-device", "memory-device", "interface", "device",
                     "virtio-mem-pci-base", "pc-q35-7.2-machine", "q35-pcihost-nosuch"):
            self.same("device-list-properties", typename=name)
        for name in ("nosuch", "memory-device", "interface"):
            self.same("qom-list-properties", typename=name)
        for arguments in ({}, {"typename": 5}, {"typename": "x", "y": 1}):
            self.same("device-list-properties", **arguments)
            self.same("qom-list-properties", **arguments)
        for implements in ("memory-backend", "virtio-mem-pci", "nosuch", "virtio-mem"):
            for abstract in (False, True):
                ours, stock = [sorted(a["return"], key=lambda t: t["name"]) for a in
                               self.both("qom-list-types", implements=implements,
                                         abstract=abstract)]
                self.assertEqual(ours, stock)
        self.same("qom-list-types", implements=5)

    def test_machines(self):
        ours, stock = [{m["name"]: m for m in a["return"]} for a in self.both("query-machines")]
        for name in set(ours) & set(stock):
            for machines in (ours, stock):
                # 7.2 is not the newest here, and old by 10.2's rules; vCPUs cannot be added, and
                # have 8-bit APIC IDs
                for member in ("alias", "is-default", "deprecated", "hotpluggable-cpus", "cpu-max"):
                    drop(machines[name], member)
            self.assertEqual(ours[name], stock[name])
        self.assertEqual(len(set(ours) & set(stock)), 17)      # 5.1 to 7.2 of each, and none

    def test_requests(self):
        for request in (
                {}, {"execute": 5}, {"arguments": {}}, {"execute": "stop", "arguments": 5},
                {"execute": "stop", "foo": 1}, {"execute": "stop", "arguments": {"x": 1}},
                {"execute": "query-status", "id": {"a": [1, None]}}, {"execute": "nosuch", "id": 5},
                {"id": 5}, 5, "x", [], None, True, 1.5, {"execute": None},
                {"execute": "query-status", "control": {}}, {"execute": "qmp_capabilities"},
                {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}},
                {"execute": "quit", "arguments": {"x": 1}}, {"execute": "query-status", "id": None},
                {"execute": "stop", "arguments": None}):
            with self.subTest(request):
                for monitor in self.monitors:
                    monitor.send(request)
                ours, stock = [m.recv() for m in self.monitors]
                self.assertEqual(ours, stock)

    def test_malformed(self):
        for text in (b"}", b"]", b"{]", b"[}", b'{"execute" "stop"}', b'{"execute": "stop",}',
                     b"foo", b"{foo}", b"{1:2}", b"{[]:2}", b"\xff", b'{"a\x01b":1}',
                     b"{'execute':'query-name'}", b'{"execute":"stop","execute":"stop"}',
                     b'{"execute":"query-name","id":18446744073709551615}',
                     b'{"execute":"query-name","id":-9223372036854775809}',
                     b'{"execute":"query-name","id":"\\u0000"}',
                     b'{"execute":"query-name","id":"\\ud800"}',
                     b'{"execute":"query-name","id":"\xc3\xa9\\u00e9"}', b"tru", b"01", b"-", b"1.",
                     b"%d", b"{'execute': %s}", b"\x00", b'{"execute":"query-name","id":1.0}',
                     b'{"execute":"query-name","id":0.1}', b'{"execute":"query-name","id":1e3}',
                     b'{"execute":"query-name"}{"execute":"query-name"}', b"1 2", b'["\\x"]',
                     b'["a" "b"]', b'["\xc0\xaf"]', b"[" * 1025 + b"\xff"):
            with self.subTest(text):
                answers = []
                for monitor in self.monitors:
                    monitor.send_raw(text + b'\n{"execute":"query-name","id":"sync"}\n')
                    replies = [monitor.recv()]
                    while replies[-1].get("id") != "sync":
                        replies.append(monitor.recv())
                    answers.append(replies)
                self.assertEqual(answers[0], answers[1])

    def test_help(self):
        """Every line of ours is one of stock's, but where names or defaults are younger than 7.2."""
        newer = re.compile(r"  (vectors|unplugged-inaccessible|dynamic-memslots|x-early-migration|"
                           r"x-unplugged-inaccessible-required)=|.*\b(q35|pc|i440fx)\b")
        for option in (["-device", "virtio-mem-pci,help"], ["-object", "memory-backend-ram,help"],
                       ["-object", "memory-backend-file,help"],
                       ["-object", "memory-backend-memfd,help"], ["-device", "help"],
                       ["-machine", "help"]):
            with self.subTest(option):
                ours = run(*option, binary=BINARY).out.splitlines()
                stock = run(*option, binary=STOCK).out.splitlines()
                self.assertGreater(len(ours), 5)
                self.assertEqual([l for l in ours if l not in stock and not newer.match(l)], [])

    # Command lines that both refuse with the same words. The first line: hints may differ. Not in
    # the list is what 7.2 takes without a word and this emulator refuses: requested-size above the
    # backend's, hugetlbsize without hugetlb, "-device nosuch,help".
    COMMAND_LINES = (
        ["-foo"], ["-m"], ["-device", "foo"], ["-device", "pci-device"], ["-m", "x"],
        ["-m", "512M,maxmem=256M"], ["-m", "512M,maxmem=4G,slots=x"],
        ["-m", "512M,maxmem=4G,foo=1"],
        ["-device", "virtio-mem-pci"], ["-device", "virtio-mem-pci,memdev=m9"],
        ["-device", "virtio-mem-pci,foo=1"], ["-device", "virtio-mem-pci,bus=foo"],
        ["-device", "virtio-mem-pci,memdev=m0,id=vm0"],
        ["-device", '{"driver":"foo"}'], ["-device", '{"driver":"foo"'],
        ["-device", "virtio-mem-pci,memdev=m0,block-size=3M"],
        ["-device", "virtio-mem-pci,memdev=m8,requested-size=3M"],
        ["-device", "virtio-mem-pci,memdev=m8,requested-size=x"],
        ["-device", "virtio-mem-pci,memdev=m8,block-size=4k"],
        ["-device", "virtio-mem-pci,memdev=m8,block-size=3M"],
        ["-device", "virtio-mem-pci,memdev=m8,node=3"],
        ["-device", "virtio-mem-pci,memdev=m8,prealloc=maybe"],
        ["-device", "virtio-mem-pci,memdev=m8,unplugged-inaccessible=x"],
        ["-device", "virtio-mem-pci,memdev=m8,memaddr=0x100000"],
        ["-device", "virtio-mem-pci,memdev=m8,memaddr=0x1c0000001"],
        ["-device", "virtio-mem-pci,memdev=m8,memaddr=0x180000000"],
        ["-device", "virtio-mem-pci,memdev=m8,addr=0x99"],
        ["-device", "virtio-mem-pci,memdev=m8,addr=1"],
        ["-object", "foo,id=a"], ["-object", "memory-backend-ram,id=a"],
        ["-object", "memory-backend-ram,size=1M"], ["-object", "memory-backend-ram,id=9,size=1M"],
        ["-object", "memory-backend-ram,id=a,size=1M,foo=1"],
        ["-object", "memory-backend-ram,id=a,size=0"],
        ["-object", "memory-backend-ram,id=a,size=1M,share=maybe"],
        ["-object", "memory-backend-ram,id=a,size=1M,policy=foo"],
        ["-object", "memory-backend-file,id=a,size=1M"],
        ["-object", "memory-backend-file,id=a,size=1M,mem-path=/nonexistent/x"],
        ["-object", '{"qom-type":"memory-backend-ram","id":"a","size":"1M"}'],
        ["-name", "a,bar=1"], ["-uuid", "1"], ["-cpu", "foo"], ["-cpu", "qemu64,foo=on"],
        ["-cpu", "qemu64,+foo"], ["-machine", "foo=on"], ["-machine", "memory-backend=m9"],
        ["-chardev", "foo,id=a"], ["-chardev", "null"], ["-chardev", "null,id=a,foo=1"],
        ["-chardev", "null,id=nul"], ["-mon", "chardev=a,mode=control"],
        ["-chardev", "socket,id=a,path=/nonexistent/a,server=on,wait=off"],
        ["-qmp", "unix:/nonexistent/a,server=on,wait=off"], ["-qmp", "unix:/nonexistent/a"],
        ["-serial", "foo"], ["-pidfile", "/nonexistent/a"], ["-display", "foo"],
        ["-smp", "4,maxcpus=2"],
    )

    # Where the words differ: in words of a later version, or in telling which option it was.
    OTHER_WORDS = {
        "-device virtio-mem-pci,memdev=m0,id=vm0",
        "-device virtio-mem-pci,memdev=m8,node=3",
        "-object memory-backend-ram,id=a,size=0",
        "-object memory-backend-file,id=a,size=1M,mem-path=/nonexistent/x",
    }

    def test_refusals(self):
        devices = [*DEVICES, "-object", "memory-backend-ram,id=m8,size=1G,reserve=off"]
        for arguments in self.COMMAND_LINES:
            # the options come before the devices, unless they need them
            line = [*devices, *arguments]
            with self.subTest(" ".join(arguments)):
                ours = run("-accel", "qtest", *MACHINE, *line, binary=BINARY)
                stock = run("-accel", "tcg", *MACHINE, *line, binary=STOCK)
                self.assertEqual((ours.status, stock.status), (1, 1), (ours, stock))
                first = [re.sub(r"^qemu-system-x86_64: warning: .*\n", "", e.err, flags=re.M)
                         .split("\n")[0] for e in (ours, stock)]
                first[0] = re.sub(r" \(it accepts: .*\)$", "", first[0])   # stock does not tell
                if " ".join(arguments) not in self.OTHER_WORDS:
                    self.assertEqual(first[0], first[1])


if __name__ == "__main__":
    unittest.main()
