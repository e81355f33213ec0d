# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of QMP: scripts of requests, each sent to both machines in turn, each reply a cell. A request is
(command, arguments), a JSON value that is sent as it is, or bytes that are no JSON.

A script with a command that this emulator does not have yet is skipped, and says so."""

import json

from differential import since
from differential.outcome import normalize
from differential.pair import Pair, compare_replies

MACHINE = ("-machine pc-q35-7.2 -m 512M,maxmem=4G,slots=2 -smp 2 -name foo,process=bar"
           " -uuid 12345678-1234-1234-1234-123456789abc"
           " -object memory-backend-ram,id=m0,size=1G"
           " -object memory-backend-memfd,id=m1,size=512M,share=on"
           " -object memory-backend-ram,id=m2,size=128M"
           " -device virtio-mem-pci,id=vm0,memdev=m0,requested-size=64M"
           " -device virtio-mem-pci,memdev=m1,memaddr=0x180000000,block-size=4M,node=0"
           " -chardev null,id=nul")
VM0 = "/machine/peripheral/vm0"
WRONG = ("foo", {"a": 1}, None, [1], -1)

QUERIES = ("query-status", "query-memory-devices", "query-memory-size-summary", "query-name",
           "query-uuid", "query-kvm", "query-target", "query-memdev", "query-hotpluggable-cpus",
           "query-cpus-fast", "query-acpi-ospm-status", "query-block", "query-named-block-nodes",
           "query-blockstats", "query-jobs", "query-iothreads", "query-current-machine")
DEVICE_PROPERTIES = (
    "requested-size", "size", "block-size", "memdev", "memaddr", "node", "prealloc",
    "unplugged-inaccessible", "type", "realized", "hotplugged", "hotpluggable", "parent_bus",
    "addr", "multifunction", "event_idx", "indirect_desc", "queue_reset", "virtio-backend",
    "virtio-bus", "bus master container[0]", "nosuch", "")
BACKEND_PROPERTIES = (
    "size", "share", "prealloc", "merge", "dump", "reserve", "policy", "host-nodes",
    "prealloc-threads", "hugetlb", "hugetlbsize", "seal", "x-use-canonical-path-for-ramblock-id",
    "type", "nosuch")
MACHINE_PROPERTIES = ("type", "memory", "memory-backend", "append", "kernel", "initrd", "usb",
                      "mem-merge", "dump-guest-core", "smp", "nosuch")
PATHS = ("", "/", "machine", "vm0", "m0", "peripheral/vm0", "/machine/peripheral",
         "/machine/peripheral/", "//machine", "/machine//peripheral", "/nosuch", "nosuch",
         "/machine/peripheral-anon", "/machine/peripheral-anon/device[0]",
         VM0 + "/virtio-backend", VM0 + "/virtio-bus", "device[0]", "pci.0",
         "/machine/unattached", "/machine/unattached/device[0]", "/objects")


def get(path, name):
    return ("qom-get", {"path": path, "property": name})


def put(path, name, value):
    return ("qom-set", {"path": path, "property": name, "value": value})


def watch_requested_size(value):
    return [put(VM0, "requested-size", value), get(VM0, "requested-size"),
            ("query-memory-devices", {})]


SCRIPTS = {
    "queries": [*((name, {}) for name in QUERIES), ("nosuch", {}), ("", {})],
    "queries/arguments": [*((name, {"x": 1}) for name in QUERIES)],
    "queries/lists": [
        ("query-block", {}), ("query-named-block-nodes", {"flat": True}),
        ("query-named-block-nodes", {"flat": 1}), ("query-blockstats", {"query-nodes": True}),
        ("query-blockstats", {"query-nodes": "on"}), ("query-pci", {"x": 1}),
        ("query-command-line-options", {"option": "nosuch"}),
        ("query-command-line-options", {"option": 5}),
        ("query-command-line-options", {"option": "device"})],
    "cpu models": [
        ("query-cpu-model-expansion", arguments) for arguments in (
            {}, {"type": "full"}, {"type": "full", "model": {}}, {"type": "full", "model": 5},
            {"type": "half", "model": {"name": "max"}}, {"type": 5, "model": {"name": "max"}},
            *({"type": kind, "model": {"name": name, "props": props}} for kind in ("full", "static")
              for name, props in (("nosuch", {}), ("qemu64", {"nosuch": 1}), ("", {}),
                                  ("qemu64", {"sse2": "x"}), ("qemu64", {"vendor": "x"}),
                                  ("qemu64", {"family": -1}), ("qemu64-x86_64-cpu", {}))))],
    "run state": [step for name in ("stop", "cont", "cont", "stop", "stop", "system_reset",
                                    "system_powerdown", "cont", "system_reset", "stop")
                  for step in ((name, {}), ("query-status", {}))],
    "device/get": [get(VM0, name) for name in DEVICE_PROPERTIES],
    "device/set": [put(VM0, name, value) for name in DEVICE_PROPERTIES for value in WRONG
                   # what stock does with a device taken out of its slot is not asked
                   if name != "realized" or not isinstance(value, str)],
    "device/requested-size": [step for value in
                              (128 << 20, 1, 3 << 20, 2 << 30, 1 << 63, (1 << 64) - 1, "128M", 1.5,
                               True, [], 0, 64 << 20) for step in watch_requested_size(value)],
    "backend/get": [get(f"/objects/{backend}", name) for backend in ("m0", "m1")
                    for name in BACKEND_PROPERTIES],
    "backend/set": [put(f"/objects/{backend}", name, value) for backend in ("m0", "m1")
                    for name in BACKEND_PROPERTIES for value in ({}, "foo", None, -1, 1.5)
                    # neither a list nor the time for one: which comes first
                    if name != "host-nodes"],
    "backend/merge and dump": [step for name in ("merge", "dump") for value in (False, True, "on")
                               for step in (put("/objects/m1", name, value),
                                            get("/objects/m1", name))],
    "machine/get": [get("/machine", name) for name in MACHINE_PROPERTIES],
    "paths/get": [get(path, "type") for path in PATHS],
    "paths/list": [("qom-list", {"path": path}) for path in ("/nosuch", "nosuch", "device[0]",
                                                             "/machine/peripheral-anon")],
    "paths/set": [put(path, "type", "x") for path in PATHS],
    "qom arguments": [(command, arguments) for command in ("qom-get", "qom-set") for arguments in
                      ({"path": 5, "property": "x"}, {"path": "/"}, {"property": "x"}, {},
                       {"path": "/", "property": "type", "foo": 1})],
    "types": [
        *((command, arguments)
          for command in ("device-list-properties", "qom-list-properties")
          for arguments in ({}, {"typename": 5}, {"typename": "x", "y": 1},
                            {"typename": "nosuch"}, {"typename": "interface"},
                            {"typename": "memory-device"}, {"typename": ""})),
        *(("device-list-properties", {"typename": name})
          for name in ("object", "pci-device", "device", "virtio-mem-pci-base",
                       "pc-q35-7.2-machine", "memory-backend-ram", "memory-backend-file",
                       "memory-backend-memfd")),
        ("qom-list-types", {"implements": 5}), ("qom-list-types", {"abstract": "x"}),
    ],
    "preconfig is over": [("x-exit-preconfig", {}), ("x-exit-preconfig", {"x": 1}),
                          ("set-numa-node", {"type": "node"}),
                          ("set-numa-node", {"type": "dist", "src": 0, "dst": 1, "val": 20})],
    "requests": [
        {}, {"execute": 5}, {"arguments": {}}, {"execute": "stop", "arguments": 5},
        {"execute": "stop", "foo": 1}, {"execute": "stop", "arguments": {"x": 1}},
        {"execute": "query-status", "id": {"a": [1, None]}}, {"execute": "nosuch", "id": 5},
        {"id": 5}, 5, "x", [], None, True, 1.5, {"execute": None},
        {"execute": "query-status", "control": {}}, {"execute": "qmp_capabilities"},
        {"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}},
        {"execute": "quit", "arguments": {"x": 1}}, {"execute": "query-status", "id": None},
        {"execute": "stop", "arguments": None},
        {"exec-oob": "query-status"}, {"exec-oob": "nosuch", "execute": "stop"},
    ],
    "malformed": [
        b"}", b"]", b"{]", b"[}", b'{"execute" "stop"}', b'{"execute": "stop",}', b"foo", b"{foo}",
        b"{1:2}", b"{[]:2}", b"\xff", b'{"a\x01b":1}', b"{'execute':'query-name'}",
        b'{"execute":"stop","execute":"stop"}',
        b'{"execute":"query-name","id":18446744073709551615}',
        b'{"execute":"query-name","id":-9223372036854775809}',
        b'{"execute":"query-name","id":"\\u0000"}', b'{"execute":"query-name","id":"\\ud800"}',
        b'{"execute":"query-name","id":"\xc3\xa9\\u00e9"}', b"tru", b"01", b"-", b"1.", b"%d",
        b"{'execute': %s}", b"\x00", b'{"execute":"query-name","id":1.0}',
        b'{"execute":"query-name","id":0.1}', b'{"execute":"query-name","id":1e3}',
        b'{"execute":"query-name"}{"execute":"query-name"}', b"1 2", b'["\\x"]', b'["a" "b"]',
        b'["\xc0\xaf"]', b"[" * 1025 + b"\xff"],
    "object-add": [
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o1", "size": 1 << 20}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o1", "size": 1 << 20}),
        get("/objects/o1", "size"), get("/objects/o1", "share"),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2"}),
        ("object-add", {"qom-type": "memory-backend-ram", "size": 1 << 20}),
        ("object-add", {"id": "o2"}), ("object-add", {}),
        ("object-add", {"qom-type": "nosuch", "id": "o2"}),
        ("object-add", {"qom-type": "memory-backend", "id": "o2"}),
        ("object-add", {"qom-type": "virtio-mem", "id": "o2"}),
        ("object-add", {"qom-type": 5, "id": "o2"}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "9", "size": 4096}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": 9, "size": 4096}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": "1M"}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": 0}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": 4096, "x": 1}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": 4096, "props": {}}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": 4096,
                        "share": "on"}),
        ("object-add", {"qom-type": "memory-backend-ram", "id": "o2", "size": 4096,
                        "policy": "foo"}),
        ("object-add", {"qom-type": "memory-backend-file", "id": "o2", "size": 4096}),
        ("object-add", {"qom-type": "memory-backend-file", "id": "o2", "size": 4096,
                        "mem-path": "/nonexistent/x"}),
        ("object-add", {"qom-type": "memory-backend-memfd", "id": "o3", "size": 1 << 20,
                        "seal": False}),
        get("/objects/o3", "seal"), get("/objects/o3", "share"), get("/objects/o2", "size"),
        ("object-del", {"id": "o1"}), ("object-del", {"id": "o1"}), ("object-del", {"id": "o3"}),
        ("object-del", {"id": "m0"}), ("object-del", {}), ("object-del", {"id": 5}),
        ("object-del", {"id": ""}), ("object-del", {"id": "/objects/m2"}),
        ("object-del", {"id": "m2", "x": 1}),
    ],
    "human-monitor-command": [
        ("human-monitor-command", {"command-line": line}) for line in (
            "", "info nosuch", "nosuch", "info status", "info name", "info uuid",
            "info memory-devices", "info memdev", "info memory_size_summary", "info kvm",
            "qom-get", "qom-get /machine/peripheral/vm0 requested-size", "qom-get /nosuch x",
            "qom-set /machine/peripheral/vm0 requested-size 3M", "qom-set /nosuch x 1",
            "qom-set /machine/peripheral/vm0 requested-size 32M",
            "qom-list /machine/peripheral", "qom-list /nosuch", "device_add", "device_add nosuch",
            "device_add virtio-mem-pci,memdev=nosuch", "device_del", "device_del nosuch",
            "object_add", "object_add nosuch,id=a", "object_add memory-backend-ram,id=h,size=1M",
            "object_add memory-backend-ram,id=h,size=1M", "object_del", "object_del nosuch",
            "object_del h", "object_del m0", "system_reset x", "stop", "info status", "cont x",
            "info status x", "help nosuch", "system_reset")
    ] + [("human-monitor-command", arguments) for arguments in (
        {}, {"command-line": 5}, {"command-line": "info status", "cpu-index": 99},
        {"command-line": "info status", "x": 1})],
    "device_add": [
        ("device_add", {}), ("device_add", {"driver": "nosuch"}), ("device_add", {"driver": 5}),
        ("device_add", {"driver": "virtio-mem-pci"}),
        ("device_add", {"driver": "virtio-mem-pci", "memdev": "nosuch"}),
        ("device_add", {"driver": "virtio-mem-pci", "memdev": "m2", "bus": "nosuch"}),
        ("device_add", {"driver": "virtio-mem-pci", "memdev": "m2", "id": "vm0"}),
        ("device_add", {"driver": "virtio-mem-pci", "memdev": "m2", "nosuch": 1}),
        ("device_add", {"driver": "virtio-mem-pci", "memdev": "m2", "id": "vm9"}),
        ("device_add", {"driver": "pci-device"}), ("device_add", {"driver": "mch"}),
        ("device_del", {}), ("device_del", {"id": 5}), ("device_del", {"id": "nosuch"}),
        ("device_del", {"id": "vm0"}), ("device_del", {"id": "/machine/peripheral/vm0"}),
        ("device_del", {"id": ""}), ("device_del", {"id": "vm0", "x": 1}),
        ("query-memory-devices", {}),
    ],
}


def describe(step):
    if isinstance(step, tuple):
        return " ".join([step[0], json.dumps(step[1])]) if step[1] else step[0]
    return repr(step)[:70] if isinstance(step, bytes) else json.dumps(step)


def words_of(step):
    """What of a request a message may name."""
    if isinstance(step, bytes):
        return []
    if isinstance(step, dict):
        return [step.get("execute")] if isinstance(step.get("execute"), str) else []
    if not isinstance(step, tuple):
        return []
    words = [step[0], *step[1]]
    return words + [json.dumps(v) if not isinstance(v, str) else v for v in step[1].values()]


def run_step(pair, step):
    if isinstance(step, bytes):
        return pair.send_raw(step)
    if isinstance(step, tuple):
        return since.forget(step[0], *pair.ask(step[0], **step[1]))
    command = step.get("execute") if isinstance(step, dict) else None
    return since.forget(command, *pair.send(step))


def commands_needed(steps):
    return {step[0] for step in steps if isinstance(step, tuple) and step[0] not in ("nosuch", "")}


def results(wanted):
    """Yields (name, differences or the reason why it is skipped)."""
    if not any(wanted(f"qmp/{name}/") for name in SCRIPTS):
        return
    with Pair(MACHINE.split()) as pair:
        have = [{c["name"] for c in reply["return"]} for reply in pair.ask("query-commands")]
        for name, steps in SCRIPTS.items():
            if not wanted(f"qmp/{name}/"):
                continue
            for i, step in enumerate(steps):
                cell = f"qmp/{name}/{i} {describe(step)}"
                if isinstance(step, tuple) and step[0] in have[1] - have[0]:
                    yield cell, f"{step[0]} is not here yet"
                    continue
                ours, stock = run_step(pair, step)
                if isinstance(step, bytes):
                    yield cell, ([] if ours == stock else
                                 [("answer", f"ours  {ours}\nstock {stock}")])
                else:
                    yield cell, compare_replies(normalize(ours), normalize(stock),
                                                words_of(step))
            ours, stock = pair.events()
            yield f"qmp/{name}/events", [] if ours == stock else [("events", f"ours  {ours}\n"
                                                                             f"stock {stock}")]
