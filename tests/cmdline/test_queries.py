# SPDX-License-Identifier: GPL-2.0-or-later
"""What clients ask first: the buses of PCI, CPU models, options, and what there is none of. Runs on this
emulator, and on stock QEMU where QTEST_STOCK_BINARY is set, but for commands and members that are newer than
its 7.2. That all answers are as the schemas say is in test_qmp.py and tests/differential/schema.py."""

import re
import unittest

from cmdline.emulator import BINARY, STOCK, TestCase, run

BASE = ["-accel", "tcg" if STOCK else "qtest", "-display", "none", "-nodefaults", "-S"]
NEWER = "newer than stock's 7.2"
# The root port's MSI-X and virtio's interrupts by MSI-X are of different places there.
PORTS = ["-m", "512M,maxmem=2G", "-object", "memory-backend-ram,id=m,size=512M",
         "-device", "pcie-root-port,id=rp,addr=1.0,chassis=1",
         "-device", "pcie-root-port,id=rq,addr=2.0,chassis=2",
         "-device", "virtio-mem-pci,id=vm0,memdev=m,bus=rp" + ("" if STOCK else ",vectors=0")]


class QueriesCase(TestCase):
    def machine(self, *args, name="q35", **how):
        return self.emulator(*args, base=[*BASE, "-machine", name], binary=STOCK or BINARY, **how)


class Nothing(QueriesCase):
    """A true answer about what there is none of is an empty list."""

    def test_empty(self):
        for name in ("q35", "none"):
            monitor = self.machine(name=name).monitor()
            for command, arguments in (
                    ("query-block", {}), ("query-named-block-nodes", {}),
                    ("query-named-block-nodes", {"flat": True}), ("query-blockstats", {}),
                    ("query-blockstats", {"query_nodes": True}), ("query-jobs", {}),
                    ("query-iothreads", {})):
                self.assertEqual(monitor.cmd(command, **arguments), [], command)
            self.assertIn("error", monitor.ask("query-block", x=1))
            self.assertIn("error", monitor.ask("query-blockstats", query_nodes="on"))


class Machine(QueriesCase):
    def test_current_machine(self):
        """No firmware, no suspend to RAM: stock's pc and q35 have it, and none has not."""
        for name, wakes in (("q35", bool(STOCK)), ("pc", bool(STOCK)), ("none", False)):
            monitor = self.machine(name=name).monitor()
            self.assertEqual(monitor.cmd("query-current-machine"), {"wakeup-suspend-support": wakes})

    @unittest.skipIf(STOCK, NEWER)
    def test_accelerators(self):
        monitor = self.machine().monitor()
        answer = monitor.cmd("query-accelerators")
        self.assertEqual(answer["enabled"], "qtest")
        listed = run("-accel", "help").out.splitlines()[1:]
        self.assertEqual(answer["present"], listed)
        self.assertIn("kvm", answer["present"])


class Qom(QueriesCase):
    @unittest.skipIf(STOCK, NEWER)
    def test_list_get(self):
        """The same as qom-list and qom-get of each."""
        monitor = self.machine(*PORTS).monitor()
        paths = ["/machine", "vm0", "/objects/m", "/machine/peripheral/vm0/virtio-backend", "vm0"]
        answer = monitor.cmd("qom-list-get", paths=paths)
        self.assertEqual(len(answer), len(paths))
        self.assertEqual(*[[p for p in answer[i]["properties"] if p["name"] != "x-report"]
                           for i in (1, 4)])
        for path, element in zip(paths, answer):
            self.assertEqual(set(element), {"properties"})
            self.assertEqual([{"name": p["name"], "type": p["type"]} for p in element["properties"]],
                             monitor.cmd("qom-list", path=path))
            for prop in element["properties"]:
                if prop["name"] == "x-report":
                    continue        # tells the time
                reply = monitor.ask("qom-get", path=path, property=prop["name"])
                self.assertEqual(("value", prop.get("value")) if "value" in prop else "error",
                                 ("value", reply["return"]) if "return" in reply else "error", prop)
        self.assertEqual(monitor.cmd("qom-list-get", paths=[]), [])

    @unittest.skipIf(STOCK, NEWER)
    def test_list_get_errors(self):
        """One path that names nothing fails all, in the words of qom-list."""
        monitor = self.machine(*PORTS).monitor()
        for path in ("/nosuch", "", "virtio-backend/nosuch"):
            self.assertEqual(monitor.ask("qom-list-get", paths=["/machine", path])["error"],
                             monitor.ask("qom-list", path=path)["error"])
        for paths in ("/machine", [1], None, {}):
            self.assertIn("Invalid parameter type",
                          monitor.ask("qom-list-get", paths=paths)["error"]["desc"])


class Pci(QueriesCase):
    """Configuration registers are written over qtest; their layout is PCI's."""

    def write(self, emulator, bus, slot, register, value, size):
        address = 0x80000000 | bus << 16 | slot << 11 | register & 0xfc
        emulator.qtest(f"outl 0xcf8 {address:#x}")
        emulator.qtest(f"out{size} {0xcfc + register % 4:#x} {value:#x}")

    def slots(self, monitor):
        root, = monitor.cmd("query-pci")
        self.assertEqual(root["bus"], 0)
        return {(d["slot"], d["function"]): d for d in root["devices"]}

    def test_none(self):
        self.assertEqual(self.machine(name="none").monitor().cmd("query-pci"), [])

    def test_boards(self):
        """The functions of the boards, before a guest has touched them."""
        for name, slot, vendor, device, isa in (("q35", 31, 0x8086, 0x29c0, 0x2918),
                                                ("pc", 1, 0x8086, 0x1237, 0x7000)):
            slots = self.slots(self.machine(name=name).monitor())
            self.assertEqual(slots[0, 0], {
                "bus": 0, "slot": 0, "function": 0, "irq_pin": 0, "qdev_id": "", "regions": [],
                "class_info": {"class": 0x600, "desc": "Host bridge"},
                "id": {"vendor": vendor, "device": device, "subsystem-vendor": 0x1af4,
                       "subsystem": 0x1100}})
            self.assertEqual(slots[slot, 0]["class_info"], {"class": 0x601, "desc": "ISA bridge"})
            self.assertEqual(slots[slot, 0]["id"]["device"], isa)

    def test_unnumbered_bus(self):
        """What is behind a bridge without a number nobody can see."""
        bridge = self.slots(self.machine(*PORTS).monitor())[1, 0]["pci_bridge"]
        self.assertEqual(bridge, {"bus": {
            "number": 0, "secondary": 0, "subordinate": 0,
            "io_range": {"base": 0xf000, "limit": 0xfff},
            "memory_range": {"base": 0xfff00000, "limit": 0xfffff},
            "prefetchable_range": {"base": 0xfff00000, "limit": 0xfffff}}})

    def test_bridges(self):
        emulator = self.machine(*PORTS, qtest=True)
        monitor = emulator.monitor()
        for bus, slot, register, value, size in (
                (0, 1, 0x18, 0x010100, "l"), (0, 2, 0x18, 0x030200, "l"),        # bus numbers
                (0, 1, 0x1c, 0x2010, "w"), (0, 1, 0x20, 0xe010e000, "l"),        # windows
                (0, 1, 0x24, 0x00110001, "l"), (0, 1, 0x28, 8, "l"), (0, 1, 0x2c, 9, "l"),
                (0, 1, 0x10, 0xfe000000, "l"), (0, 1, 0x04, 7, "w"), (0, 1, 0x3c, 11, "b"),
                (1, 0, 0x20, 0xc, "l"), (1, 0, 0x24, 8, "l"), (1, 0, 0x04, 6, "w")):
            self.write(emulator, bus, slot, register, value, size)
        slots = self.slots(monitor)
        self.assertEqual(slots[1, 0], {
            "bus": 0, "slot": 1, "function": 0, "qdev_id": "rp", "irq": 11, "irq_pin": 1,
            "class_info": {"class": 0x604, "desc": "PCI bridge"},
            "id": {"vendor": 0x1b36, "device": 0xc},
            "regions": [{"bar": 0, "type": "memory", "size": 4096, "address": 0xfe000000,
                         "prefetch": False, "mem_type_64": False}],
            "pci_bridge": {
                "bus": {"number": 0, "secondary": 1, "subordinate": 1,
                        "io_range": {"base": 0x1000, "limit": 0x2fff},
                        "memory_range": {"base": 0xe0000000, "limit": 0xe01fffff},
                        "prefetchable_range": {"base": 0x800000000, "limit": 0x9001fffff}},
                "devices": [{
                    "bus": 1, "slot": 0, "function": 0, "qdev_id": "vm0", "irq": 0, "irq_pin": 1,
                    "class_info": {"class": 0xff},
                    "id": {"vendor": 0x1af4, "device": 0x1058, "subsystem-vendor": 0x1af4,
                           "subsystem": 0x1100},
                    "regions": [{"bar": 4, "type": "memory", "size": 0x4000,
                                 "address": 0x800000000, "prefetch": True,
                                 "mem_type_64": True}]}]}})
        self.assertEqual(slots[2, 0]["pci_bridge"]["devices"], [])
        self.assertEqual(slots[2, 0]["pci_bridge"]["bus"]["subordinate"], 3)
        self.assertEqual(slots[2, 0]["regions"][0]["address"], -1)


class CpuModels(QueriesCase):
    def expand(self, monitor, kind, name, props=None):
        model = {"name": name} if props is None else {"name": name, "props": props}
        return monitor.ask("query-cpu-model-expansion", type=kind, model=model)

    def test_definitions(self):
        monitor = self.machine(name="none").monitor()
        models = {m["name"]: m for m in monitor.cmd("query-cpu-definitions")}
        for name, safe, static, missing in (("max", False, False, []), ("host", False, False, ["kvm"]),
                                            ("base", True, True, []), ("qemu64", True, False, [])):
            expected = {"name": name, "typename": f"{name}-x86_64-cpu", "migration-safe": safe,
                        "static": static, "unavailable-features": missing, "deprecated": False}
            model = dict(models[name])
            model.pop("alias-of", None)         # stock's versions of models
            self.assertEqual(model, expected)
        if not STOCK:
            self.assertEqual(set(models), {"max", "host", "base", "qemu64"})

    def test_full(self):
        """The model, its features and its other properties."""
        monitor = self.machine(name="none").monitor()
        model = self.expand(monitor, "full", "qemu64")["return"]["model"]
        self.assertEqual(model["name"], "qemu64")
        for name, value in (("sse2", True), ("x2apic", False), ("lm", True), ("svm", True),
                            ("family", 15), ("model", 107), ("min-level", 13), ("level", 13),
                            ("sse3", True), ("pni", True), ("check", True), ("vendor", "AuthenticAMD"),
                            ("model-id", "QEMU Virtual CPU version 2.5+"), ("phys-bits", 0)):
            self.assertEqual(model["props"][name], value, name)
        if STOCK:
            return      # does not take all of its own answer
        props = model["props"]
        again = self.expand(monitor, "full", "qemu64", props)["return"]["model"]
        self.assertEqual(again["props"], props)

    def test_static(self):
        """Of the model that never changes, with features by their first name and who it says it is."""
        monitor = self.machine(name="none").monitor()
        model = self.expand(monitor, "static", "qemu64")["return"]["model"]
        self.assertEqual(model["name"], "base")
        for name, value in (("sse2", True), ("x2apic", False), ("family", 15), ("model", 107),
                            ("min-level", 13), ("min-xlevel", 0x8000000a)):
            self.assertEqual(model["props"][name], value, name)
        for name in ("sse3", "check", "phys-bits", "level", "realized"):
            self.assertNotIn(name, model["props"])

    def test_static_makes_the_same_cpu(self):
        monitor = self.machine(name="none").monitor()
        model = self.expand(monitor, "static", "qemu64", {"popcnt": True, "svm": False})
        model = model["return"]["model"]
        option = ",".join([model["name"], *(
            f"{name}={'on' if value is True else 'off' if value is False else value}"
            for name, value in model["props"].items())])
        cpus = []
        for cpu in (option, "qemu64,popcnt=on,svm=off"):
            asked = self.machine("-cpu", cpu).monitor()
            path = asked.cmd("query-cpus-fast")[0]["qom-path"]
            cpus.append({name: asked.cmd("qom-get", path=path, property=name)
                         for name in [*model["props"], "level", "xlevel"]})
        self.assertEqual(*cpus)
        self.assertTrue(cpus[0]["popcnt"])

    def test_properties_are_applied(self):
        monitor = self.machine(name="none").monitor()
        for name, value in (("x2apic", True), ("sse2", False), ("stepping", 3),
                            ("model-id", "mine")):
            for kind in ("full", "static"):
                model = self.expand(monitor, kind, "qemu64", {name: value})["return"]["model"]
                self.assertEqual(model["props"][name], value)

    def test_errors(self):
        monitor = self.machine(name="none").monitor()
        for name, props, desc in (
                ("nosuch", None, "CPU model 'nosuch' not found"), ("", None, "CPU model '' not found"),
                ("qemu64-x86_64-cpu", None, "CPU model 'qemu64-x86_64-cpu' not found"),
                ("qemu64", {"nosuch": True}, "Property 'qemu64-x86_64-cpu.nosuch' not found"),
                ("qemu64", {"x2apic": "maybe"}, "Invalid parameter type for 'x2apic'"),
                ("qemu64", {"vendor": "x"}, "vendor")):
            for kind in ("full", "static"):
                error = self.expand(monitor, kind, name, props)["error"]
                self.assertEqual(error["class"], "GenericError")
                self.assertIn(desc, error["desc"])
        self.assertIn("error", self.expand(monitor, "half", "qemu64"))

    @unittest.skipIf(STOCK, "stock lets the first two pass, and expands what it cannot run")
    def test_what_stock_swallows(self):
        monitor = self.machine(name="none").monitor()
        for name, props, desc in (
                ("qemu64", 5, "Invalid parameter type for 'props', expected: object"),
                ("qemu64", [], "Invalid parameter type for 'props', expected: object"),
                ("host", None, "CPU model 'host' requires KVM"),
                ("qemu64", {"realized": True, "apic-id": 0}, "realized")):
            self.assertIn(desc, self.expand(monitor, "full", name, props)["error"]["desc"])
        self.assertEqual(monitor.cmd("query-cpus-fast"), [])


class CommandLine(QueriesCase):
    def options(self):
        monitor = self.machine(name="none").monitor()
        return {o["option"]: {p["name"]: p["type"] for p in o["parameters"]}
                for o in monitor.cmd("query-command-line-options")}

    def test_options(self):
        options = self.options()
        self.assertEqual(options["memory"], {"size": "size", "slots": "number", "maxmem": "size"})
        self.assertEqual(options["global"], {"driver": "string", "property": "string",
                                             "value": "string"})
        self.assertEqual(options["name"], {"guest": "string", "process": "string",
                                           "debug-threads": "boolean"})
        self.assertEqual(options["mon"], {"chardev": "string", "mode": "string", "pretty": "boolean"})
        for name in ("device", "object", "numa", "accel"):
            self.assertEqual(options[name], {})
        for name, kind in (("type", "string"), ("accel", "string"), ("kernel", "string"),
                           ("mem-merge", "boolean"), ("append", "string")):
            self.assertEqual(options["machine"][name], kind)
        for name, kind in (("backend", "string"), ("path", "string"), ("server", "boolean"),
                           ("wait", "boolean"), ("mux", "boolean"), ("append", "boolean")):
            self.assertEqual(options["chardev"][name], kind)
        self.assertLess({"cpus", "maxcpus", "sockets", "dies", "cores", "threads"} - {"cpus"},
                        set(options["smp-opts"]))

    def test_one_option(self):
        monitor = self.machine(name="none").monitor()
        answer = monitor.cmd("query-command-line-options", option="memory")
        self.assertEqual([o["option"] for o in answer], ["memory"])
        for name in ("nosuch", "m", "memor"):
            self.assertEqual(monitor.ask("query-command-line-options", option=name)["error"], {
                "class": "GenericError", "desc": f"invalid option name: {name}"})

    @unittest.skipIf(STOCK, "about our own table")
    def test_the_list_is_what_the_parser_takes(self):
        """Each listed parameter is known to its option, and no other is."""
        spelled = {"memory": "m", "smp-opts": "smp"}
        for option, parameters in self.options().items():
            if option in ("machine", "chardev") or not parameters:
                continue        # their parameters depend on the machine, or backend
            for name in [*parameters, "nosuch"]:
                err = run("-chardev", "null,id=c", f"-{spelled.get(option, option)}",
                          f"{'chardev=c,' if option == 'mon' else ''}{name}=\1", "-machine", "q35",
                          "-accel", "qtest", "-nodefaults", "-device", "nosuch").err
                self.assertNotEqual(err, "")
                unknown = re.search(f"parameter '(smp.)?{name}'|'{name}' is unexpected", err, re.I)
                told = bool(unknown) and not re.search("expects|accept", err)
                self.assertEqual(told, name == "nosuch", err)


if __name__ == "__main__":
    unittest.main()
