# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP as a client meets it: the protocol's rules, every command with its answer and its errors, events,
several monitors, and that the schema tells the truth."""

import time
import unittest

from cmdline import sweep
from cmdline.emulator import BASE, Emulator, TestCase

VM = ["-m", "512M,maxmem=8G", "-name", "guest", "-object", "memory-backend-ram,id=m0,size=1G",
      "-object", "memory-backend-ram,id=m1,size=512M", "-device",
      "virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M", "-device",
      "virtio-mem-pci,memdev=m1,memaddr=0x180000000"]
VM0 = sweep.VM0


class Protocol(TestCase):
    def test_greeting(self):
        monitor = self.emulator().monitor(negotiate=False)
        qmp = monitor.greeting["QMP"]
        self.assertEqual(set(monitor.greeting), {"QMP"})
        self.assertEqual(set(qmp), {"version", "capabilities"})
        self.assertEqual(qmp["capabilities"], [])
        self.assertEqual(set(qmp["version"]), {"qemu", "package"})
        self.assertEqual(set(qmp["version"]["qemu"]), {"major", "minor", "micro"})
        monitor.cmd("qmp_capabilities")
        self.assertEqual(monitor.cmd("query-version"), qmp["version"])

    def test_negotiation(self):
        emulator = self.emulator()
        monitor = emulator.monitor(negotiate=False)
        for command in ("query-status", "nosuch", "quit"):
            self.assertEqual(monitor.ask(command)["error"], {
                "class": "CommandNotFound",
                "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"})
        self.assertEqual(monitor.ask("qmp_capabilities", enable=["oob"])["error"], {
            "class": "GenericError", "desc": "QMP capability 'oob' is not available"})
        self.assertEqual(monitor.ask("qmp_capabilities", enable=["foo"])["error"]["class"],
                         "GenericError")
        self.assertEqual(monitor.ask("qmp_capabilities", enable=[]), {"return": {}})
        self.assertEqual(monitor.ask("qmp_capabilities")["error"], {
            "class": "CommandNotFound",
            "desc": "Capabilities negotiation is already complete, command ignored"})
        monitor.cmd("query-status")
        monitor.close()
        # the next client has to negotiate anew
        monitor = emulator.monitor(negotiate=False)
        self.assertIn("QMP", monitor.greeting)
        self.assertEqual(monitor.ask("query-status")["error"]["class"], "CommandNotFound")

    def test_id_comes_back(self):
        monitor = self.emulator().monitor()
        for value in (0, "a", "é\u20ac\U0001f600", None, True, 1.5, [1, {"a": []}], {"b": {}},
                      18446744073709551615, -9223372036854775808, "\\\"\n\t\x7f", ""):
            monitor.send({"execute": "query-name", "id": value})
            self.assertEqual(monitor.recv(), {"return": {}, "id": value})
            monitor.send({"execute": "nosuch", "id": value})
            reply = monitor.recv()
            self.assertEqual((reply["id"], reply["error"]["class"]), (value, "CommandNotFound"))
        monitor.send({"id": 5})
        self.assertEqual(monitor.recv()["id"], 5)

    def test_pipelined(self):
        """A thousand commands in one write are answered in their order."""
        monitor = self.emulator().monitor()
        monitor.send(*({"execute": "query-status" if i % 3 else "nosuch", "id": i}
                       for i in range(1000)))
        for i in range(1000):
            reply = monitor.recv()
            self.assertEqual(reply["id"], i)
            self.assertEqual("return" in reply, bool(i % 3))

    def test_without_separators(self):
        monitor = self.emulator().monitor()
        monitor.send_raw(b'{"execute":"query-name","id":1}{"execute":"query-name","id":2}\r\n\t '
                         b'{ "id" : 3 , "execute" : "query-name" }')
        self.assertEqual([monitor.recv()["id"] for _ in range(3)], [1, 2, 3])

    def test_split_byte_by_byte(self):
        monitor = self.emulator().monitor()
        for byte in '{"execute": "query-name", "id": "é"}\n'.encode():
            monitor.send_raw(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(monitor.recv(), {"return": {}, "id": "é"})

    def test_single_quotes(self):
        monitor = self.emulator().monitor()
        monitor.send_raw(b"{'execute': 'query-name', 'id': 'it\\'s'}\n")
        self.assertEqual(monitor.recv(), {"return": {}, "id": "it's"})

    def test_malformed(self):
        """Each gives an error of class GenericError; the next message is understood."""
        monitor = self.emulator().monitor()
        for text, what in (
                (b"}", "expecting value"), (b"]", "expecting value"), (b"{]", "expecting value"),
                (b"{5:1}", "key is not a string"), (b"{foo}", "invalid keyword 'foo'"),
                (b"foo", "invalid keyword 'foo'"), (b'{"a" 1}', "missing :"),
                (b'{"a":1,}', "expecting value"), (b'["a" "b"]', "expected separator in list"),
                (b'{"a":1 "b":2}', "expected separator in dict"),
                (b'{"execute":"stop","execute":"stop"}', "duplicate key"),
                (b'["\\ud800"]', "not a valid Unicode character"), (b'["\\x"]', "escape"),
                (b'["\xc0\xaf"]', "invalid UTF-8"), (b'{"id":1e400}', "too large")):
            with self.subTest(text):
                monitor.send_raw(text + b"\n")
                error = monitor.recv()["error"]
                self.assertEqual(error["class"], "GenericError")
                self.assertIn("JSON parse error, ", error["desc"])
                self.assertIn(what, error["desc"])
                self.assertEqual(monitor.cmd("query-name"), {})
        self.assertTrue(monitor.nothing_more())

    def test_resynchronization(self):
        """A byte that can be in no JSON text ends what came before it, however deep that is."""
        monitor = self.emulator().monitor()
        for text in (b'{"execute": ', b"[[[[[[{", b'"half a string', b'{"a": tru', b"[1, 2"):
            with self.subTest(text):
                monitor.send_raw(text + b"\xff\n")
                self.assertIn("stray", monitor.recv()["error"]["desc"])
                self.assertEqual(monitor.cmd("query-name"), {})

    def test_wrong_requests(self):
        monitor = self.emulator().monitor()
        for request, desc in (
                ([], "QMP input must be a JSON object"), (5, "QMP input must be a JSON object"),
                ("stop", "QMP input must be a JSON object"), ({}, "QMP input lacks member"),
                (None, "QMP input must be a JSON object"),
                ({"execute": 5}, "'execute' must be a string"),
                ({"execute": "stop", "arguments": 5}, "'arguments' must be an object"),
                ({"execute": "stop", "arguments": None}, "'arguments' must be an object"),
                ({"execute": "stop", "foo": 1}, "'foo' is unexpected"),
                ({"exec-oob": "stop"}, "'exec-oob' is unexpected"),
                ({"execute": "stop", "arguments": {"x": 1}}, "Parameter 'x' is unexpected"),
                ({"execute": "qom-get"}, "Parameter 'path' is missing"),
                ({"execute": "qom-get", "arguments": {"path": 1, "property": "x"}},
                 "Invalid parameter type for 'path', expected: string"),
                ({"execute": "qom-list-types", "arguments": {"abstract": "yes"}},
                 "Invalid parameter type for 'abstract', expected: boolean")):
            with self.subTest(request):
                monitor.send(request)
                error = monitor.recv()["error"]
                self.assertEqual(error["class"], "GenericError")
                self.assertIn(desc, error["desc"])
        for name in ("nosuch", "", "Stop", "query_status", "migratee"):
            self.assertEqual(monitor.ask(name)["error"], {
                "class": "CommandNotFound", "desc": f"The command {name} has not been found"})
        self.assertEqual(monitor.cmd("query-status")["status"], "running")

    def test_several_monitors(self):
        """Each negotiates and counts for itself; events go to all that have negotiated."""
        emulator = self.emulator(monitors=3)
        first, second = emulator.monitor(0), emulator.monitor(1)
        third = emulator.monitor(2, negotiate=False)
        for i in range(50):
            first.send({"execute": "query-name", "id": f"a{i}"})
            second.send({"execute": "query-status", "id": f"b{i}"})
        for i in range(50):
            self.assertEqual(first.recv()["id"], f"a{i}")
            self.assertEqual(second.recv()["id"], f"b{i}")
        first.cmd("stop")
        first.event("STOP")
        second.event("STOP")
        self.assertEqual(second.cmd("query-status")["status"], "paused")
        self.assertIn("error", third.ask("query-status"))
        self.assertEqual(third.events, [])
        third.cmd("qmp_capabilities")
        second.cmd("cont")
        for monitor in (first, second, third):
            monitor.event("RESUME")
        second.close()
        self.assertEqual(first.cmd("query-status")["status"], "running")
        self.assertEqual(len(first.cmd("query-chardev")), 3)
        third.cmd("quit")
        for monitor in (first, third):
            monitor.event("SHUTDOWN")
            self.assertIsNone(monitor.recv_any())
        self.assertEqual(emulator.wait(), 0)


class Commands(TestCase):
    def test_run_state(self):
        monitor = self.emulator().monitor()
        self.assertTrue(monitor.nothing_more())
        monitor.cmd("stop")
        event = monitor.event("STOP")
        self.assertEqual(set(event), {"timestamp", "event"})
        self.assertAlmostEqual(event["timestamp"]["seconds"], time.time(), delta=10)
        self.assertLess(event["timestamp"]["microseconds"], 1000000)
        self.assertEqual(monitor.cmd("query-status"),
                         {"running": False, "status": "paused"})
        monitor.cmd("stop")
        self.assertTrue(monitor.nothing_more(), monitor.events)
        monitor.cmd("cont")
        monitor.event("RESUME")
        monitor.cmd("cont")
        self.assertTrue(monitor.nothing_more(), monitor.events)
        monitor.cmd("system_powerdown")
        monitor.event("POWERDOWN")
        monitor.cmd("system_reset")
        self.assertEqual(monitor.event("RESET")["data"],
                         {"guest": False, "reason": "host-qmp-system-reset"})
        self.assertTrue(monitor.nothing_more(), monitor.events)

    def test_reset_while_paused(self):
        monitor = self.emulator().monitor()
        monitor.cmd("stop")
        monitor.event("STOP")
        monitor.cmd("system_reset")
        monitor.event("RESET")
        self.assertEqual(monitor.cmd("query-status")["status"], "prelaunch")

    def test_quit(self):
        emulator = self.emulator()
        monitor = emulator.monitor()
        self.assertEqual(monitor.ask("quit"), {"return": {}})
        self.assertEqual(monitor.event("SHUTDOWN")["data"],
                         {"guest": False, "reason": "host-qmp-quit"})
        self.assertIsNone(monitor.recv_any())
        self.assertEqual(emulator.wait(), 0)

    def test_memory_devices(self):
        monitor = self.emulator(*VM).monitor()
        self.assertEqual(monitor.cmd("query-memory-devices"), [
            {"type": "virtio-mem", "data": {
                "id": "vm0", "memaddr": 0x100000000, "requested-size": 64 << 20, "size": 0,
                "max-size": 1 << 30, "block-size": 2 << 20, "node": 0, "memdev": "/objects/m0"}},
            {"type": "virtio-mem", "data": {
                "memaddr": 0x180000000, "requested-size": 0, "size": 0, "max-size": 512 << 20,
                "block-size": 2 << 20, "node": 0, "memdev": "/objects/m1"}}])
        self.assertEqual(monitor.cmd("query-memory-size-summary"),
                         {"base-memory": 512 << 20, "plugged-memory": 0})

    def test_requested_size(self):
        monitor = self.emulator(*VM).monitor()
        for value in (0, 2 << 20, 1 << 30):
            monitor.cmd("qom-set", path=VM0, property="requested-size", value=value)
            self.assertEqual(monitor.cmd("qom-get", path=VM0, property="requested-size"), value)
        for value, text in (((1 << 30) + (2 << 20), "cannot exceed"), (1 << 20, "multiples"),
                            (1 << 63, "cannot exceed"), (-1, "requested-size"),
                            ("64M", "requested-size"), (1.5, "requested-size"),
                            (None, "requested-size"), ([1], "requested-size"), (True, "size")):
            with self.subTest(value):
                reply = monitor.ask("qom-set", path=VM0, property="requested-size", value=value)
                self.assertEqual(reply["error"]["class"], "GenericError")
                self.assertIn(text, reply["error"]["desc"])
                self.assertEqual(monitor.cmd("qom-get", path=VM0, property="requested-size"),
                                 1 << 30)
        for name in ("size", "block-size", "memdev", "memaddr", "node", "unplugged-inaccessible"):
            self.assertIn("error", monitor.ask("qom-set", path=VM0, property=name, value=0), name)

    def test_machines(self):
        machines = {m["name"]: m for m in self.emulator().monitor().cmd("query-machines")}
        for kind, alias in (("q35", "q35"), ("i440fx", "pc")):
            for version in ("5.1", "5.2", "6.0", "6.1", "6.2", "7.0", "7.1", "7.2", "8.0", "8.1",
                            "8.2", "9.0", "9.1", "9.2", "10.0", "10.1", "10.2"):
                machine = machines.pop(f"pc-{kind}-{version}")
                old = tuple(map(int, version.split("."))) <= (8, 0)
                self.assertEqual(machine["deprecated"], old)
                self.assertEqual(machine.get("alias"), alias if version == "10.2" else None)
                self.assertEqual(machine["default-ram-id"], "pc.ram")
                self.assertIs(machine["acpi"], True)
                self.assertEqual(machine.get("is-default", False),
                                 (kind, version) == ("i440fx", "10.2"))
        self.assertIs(machines.pop("none")["acpi"], False)

    def test_paths(self):
        """A canonical path, a partial one, an ambiguous one, and what is no path at all."""
        monitor = self.emulator(*VM).monitor()
        for path in ("/machine/peripheral/vm0", "vm0", "peripheral/vm0", "/machine/peripheral/vm0/"):
            self.assertEqual(monitor.cmd("qom-get", path=path, property="type"), "virtio-mem-pci")
        self.assertEqual(monitor.cmd("qom-get", path="/objects/m0", property="type"),
                         "memory-backend-ram")
        self.assertEqual(monitor.cmd("qom-get", path=VM0, property="memdev"), "/objects/m0")
        for path in ("", "/nosuch", "nosuch", "/machine/nosuch/vm0", "device[0]", "/" * 10000 + "x",
                     "x/" * 10000, "/objects/m0/type"):
            for command, more in (("qom-get", {"property": "type"}),
                                  ("qom-set", {"property": "type", "value": 1})):
                error = monitor.ask(command, path=path, **more)["error"]
                self.assertEqual(error["class"], "DeviceNotFound")
                self.assertIn("not found", error["desc"])
        self.assertIn("ambiguous", monitor.ask("qom-list", path="device[0]")["error"]["desc"])
        self.assertEqual(monitor.ask("qom-list", path="/nosuch")["error"]["class"],
                         "DeviceNotFound")
        self.assertEqual(monitor.ask("qom-get", path=VM0, property="nosuch")["error"], {
            "class": "GenericError", "desc": "Property 'virtio-mem-pci.nosuch' not found"})

    def test_everything_in_the_tree_can_be_read(self):
        """qom-list of every object, qom-get of every property: an answer or an error, no end."""
        monitor = self.emulator(*VM, "-chardev", "null,id=c", "-serial", "chardev:c").monitor()
        objects, todo, read = 0, ["/"], 0
        while todo:
            path = todo.pop()
            objects += 1
            for prop in monitor.cmd("qom-list", path=path):
                child = f"{path.rstrip('/')}/{prop['name']}"
                reply = monitor.ask("qom-get", path=path, property=prop["name"])
                self.assertTrue("return" in reply or "error" in reply)
                read += "return" in reply
                if prop["type"].startswith("child<"):
                    self.assertEqual(reply["return"], child)
                    todo.append(child)
        self.assertGreater(objects, 50)
        self.assertGreater(read, 400)

    def test_everything_in_the_tree_survives_a_bad_value(self):
        """A value of a wrong type for every property; links and children stay as they were."""
        monitor = self.emulator(*VM).monitor()
        todo = ["/"]
        while todo:
            path = todo.pop()
            for prop in monitor.cmd("qom-list", path=path):
                if prop["type"].startswith("child<"):
                    todo.append(f"{path.rstrip('/')}/{prop['name']}")
                for value in ({"a": 1}, [], -1.5):
                    self.assertIn("error", monitor.ask("qom-set", path=path, property=prop["name"],
                                                       value=value), (path, prop, value))

    def test_types_and_their_properties(self):
        """Every type can be asked for its properties, any number of times."""
        monitor = self.emulator().monitor()
        types = monitor.cmd("qom-list-types", abstract=True)
        concrete = {t["name"] for t in monitor.cmd("qom-list-types")}
        self.assertEqual(concrete, {t["name"] for t in types if not t.get("abstract")})
        names = {t["name"] for t in types}
        for info in types:
            self.assertIn(info.get("parent", "object"), names | {"object", "interface"})
            for _ in range(2):
                reply = monitor.ask("qom-list-properties", typename=info["name"])
                if "error" not in reply:
                    self.assertIn("type", {p["name"] for p in reply["return"]})
            monitor.ask("device-list-properties", typename=info["name"])
        self.assertLess(len(monitor.cmd("qom-list-types", implements="memory-backend")), 4)
        self.assertEqual({t["name"] for t in monitor.cmd("qom-list-types",
                                                         implements="memory-device")},
                         {"virtio-mem-pci"})
        self.assertEqual(monitor.cmd("qom-list-types", implements="nosuch"), [])
        for command in ("qom-list-properties", "device-list-properties"):
            self.assertEqual(monitor.ask(command, typename="nosuch")["error"]["class"],
                             "DeviceNotFound")
        for name in ("virtio-mem-pci-base", "memory-backend-ram", "memory-device"):
            self.assertEqual(monitor.ask("device-list-properties", typename=name)["error"], {
                "class": "GenericError",
                "desc": "Parameter 'typename' expects a non-abstract device type"})

    def test_device_list_properties(self):
        props = {p["name"]: p for p in self.emulator().monitor().cmd(
            "device-list-properties", typename="virtio-mem-pci")}
        self.assertEqual(props["node"], {"name": "node", "type": "uint32", "default-value": 0})
        self.assertEqual(props["prealloc"]["default-value"], False)
        self.assertEqual(props["memdev"]["type"], "link<memory-backend>")
        self.assertEqual(props["unplugged-inaccessible"]["default-value"], "on")
        for internal in ("type", "realized", "hotplugged", "hotpluggable", "parent_bus"):
            self.assertNotIn(internal, props)

    def test_small_facts(self):
        monitor = self.emulator(base=BASE).monitor()
        self.assertEqual(monitor.cmd("query-kvm"), {"enabled": False, "present": True})
        self.assertEqual(monitor.cmd("query-target"), {"arch": "x86_64"})
        self.assertEqual(monitor.cmd("query-chardev")[0]["label"], "compat_monitor0")


class Schema(TestCase):
    @classmethod
    def setUpClass(cls):
        with Emulator() as emulator:
            monitor = emulator.monitor()
            cls.schema = monitor.cmd("query-qmp-schema")
            cls.commands = {c["name"] for c in monitor.cmd("query-commands")}
        cls.entities = {e["name"]: e for e in cls.schema}

    def of_kind(self, kind):
        return {e["name"]: e for e in self.schema if e["meta-type"] == kind}

    def test_commands_are_those_of_query_commands(self):
        self.assertEqual(set(self.of_kind("command")), self.commands)
        for name in ("qmp_capabilities", "query-version", "query-status", "stop", "cont", "quit",
                     "system_reset", "system_powerdown", "qom-list", "qom-get", "qom-set",
                     "qom-list-types", "qom-list-properties", "device-list-properties",
                     "query-memory-devices", "query-memory-size-summary", "query-machines",
                     "query-qmp-schema", "query-commands"):
            self.assertIn(name, self.commands)

    def test_events(self):
        self.assertEqual(set(self.of_kind("event")), {
            "STOP", "RESUME", "RESET", "SHUTDOWN", "POWERDOWN", "MEMORY_DEVICE_SIZE_CHANGE",
            "DEVICE_DELETED", "MEMORY_BACKEND_EXHAUSTED"})

    def test_names_resolve(self):
        """Every type that is referred to is there, once."""
        self.assertEqual(len(self.entities), len(self.schema))

        def refer(name):
            self.assertIn(name, self.entities)

        for entity in self.schema:
            for key in ("arg-type", "ret-type", "element-type"):
                if key in entity:
                    refer(entity[key])
            if entity["meta-type"] in ("object", "alternate"):
                for member in entity["members"]:
                    refer(member["type"])
                for variant in entity.get("variants", []):
                    refer(variant["type"])

    def check_value(self, value, name, where):
        """The value is of the type; nothing is there that the schema does not know."""
        self.assertEqual(list(sweep.mismatches(self.entities, value, name, where)), [])

    # (machine, query) that is an error.
    ERRORS = {("none", "query-hotpluggable-cpus")}
    # What this machine refuses: nothing can be plugged on its bus, and it is made.
    REFUSED = {"device_add": ({"driver": "virtio-mem-pci"}, "does not support hot"),
               "device_del": ({"id": "vm0"}, "does not support hot"),
               "x-exit-preconfig": ({}, "only before machine initialization"),
               "set-numa-node": (sweep.ARGUMENTS["set-numa-node"], "only before the machine")}

    def test_every_command_answers_what_its_schema_says(self):
        emulator = self.emulator(*VM)
        monitor = emulator.monitor()
        for name, entity in sorted(self.of_kind("command").items()):
            if name in ("qmp_capabilities", "quit"):
                continue
            if name in self.REFUSED:
                arguments, why = self.REFUSED[name]
                self.check_value(arguments, entity["arg-type"], name)
                self.assertIn(why, monitor.ask(name, **arguments)["error"]["desc"])
                continue
            value = monitor.cmd(name, **sweep.ARGUMENTS.get(name, {}))
            self.check_value(sweep.ARGUMENTS.get(name, {}), entity["arg-type"], name)
            self.check_value(value, entity["ret-type"], name)
            required = [m["name"] for m in self.entities[entity["arg-type"]]["members"]
                        if "default" not in m]
            for member in required:
                arguments = dict(sweep.ARGUMENTS[name])
                del arguments[member]
                self.assertEqual(monitor.ask(name, **arguments)["error"]["desc"],
                                 f"Parameter '{member}' is missing")
        monitor.cmd("quit")
        monitor.event("SHUTDOWN")
        for event in monitor.events:
            entity = self.of_kind("event")[event["event"]]
            self.check_value(event.get("data", {}), entity["arg-type"], event["event"])
        self.assertEqual(emulator.wait(), 0)

    def test_queries_of_other_machines(self):
        """What there is nothing of, or much of: a machine without anything, and one with many devices."""
        for machine in (["-machine", "none"], ["-machine", "pc"],
                        ["-machine", "q35", "-smp", "4", "-device", "pcie-root-port,id=rp0",
                         "-object", "memory-backend-ram,id=m0,size=64M", "-m", "64M,maxmem=1G",
                         "-device", "virtio-mem-pci,id=vm0,memdev=m0,bus=rp0",
                         "-numa", "node,memdev=ram", "-object", "memory-backend-ram,id=ram,size=64M",
                         "-serial", "null"]):
            monitor = self.emulator(*machine, base=BASE).monitor()
            for name, entity in sorted(self.of_kind("command").items()):
                if not name.startswith("query-"):
                    continue
                reply = monitor.ask(name, **sweep.ARGUMENTS.get(name, {}))
                if "error" in reply:
                    self.assertIn((machine[1], name), self.ERRORS, reply)
                else:
                    self.check_value(reply["return"], entity["ret-type"], name)

    def test_schema_hides_internal_names(self):
        """Clients must not depend on names of types: they are numbers."""
        for entity in self.schema:
            if entity["meta-type"] in ("enum", "object", "alternate"):
                self.assertRegex(entity["name"], r"^\d+$")
            elif entity["meta-type"] == "array":
                self.assertRegex(entity["name"], r"^\[.*\]$")


if __name__ == "__main__":
    unittest.main()
