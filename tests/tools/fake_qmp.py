# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP monitor that answers x-query-virtio-mem with reports made to order."""

import json
import socket
import threading
import time

MIB = 1 << 20
GREETING = {"QMP": {"version": {"qemu": {"major": 10, "minor": 2, "micro": 0},
                                "package": "elastic-memory"}, "capabilities": []}}


def ranges(blocks):
    """[{"first", "nb"}] of a sorted list of blocks."""
    result = []
    for block in blocks:
        if result and result[-1]["first"] + result[-1]["nb"] == block:
            result[-1]["nb"] += 1
        else:
            result.append({"first": block, "nb": 1})
    return result


def timestamp(ago):
    now = time.time() - ago
    return {"seconds": int(now), "microseconds": int(now % 1 * 1e6)}


def report(name="vm0", nb_blocks=64, plugged=(), touched=(), requested=None, usable=None,
           block_size=2 * MIB, **more):
    """A report; touched None: the host does not tell. Part of the members may be overridden."""
    plugged = sorted(plugged)
    counts = {"ack": 0, "nack": 0, "busy": 0, "error": 0}
    block_map = {"first": 0, "nb": nb_blocks, "plugged": ranges(plugged),
                 "plugged-blocks": len(plugged)}
    if touched is None:
        block_map["touched-error"] = "the host does not tell what it holds: Permission denied"
    else:
        block_map["touched"] = {"ranges": ranges(sorted(touched)), "touched-blocks": len(touched),
                                "untouched-blocks": len(plugged) - len(touched)}
    return {
        "id": name, "qom-path": f"/machine/peripheral/{name}", "memdev": "/objects/mem0",
        "memaddr": 0x100000000, "node": 0, "block-size": block_size,
        "requested-size": (len(plugged) if requested is None else requested) * block_size,
        "size": len(plugged) * block_size,
        "usable-region-size": (nb_blocks if usable is None else usable) * block_size,
        "max-size": nb_blocks * block_size, "state": "reached",
        "diagnosis": "the guest has plugged what is requested",
        "requested-time": timestamp(60), "last-change": timestamp(30), "driver": "running",
        "offered-features": ["acpi-pxm", "unplugged-inaccessible"],
        "acknowledged-features": ["acpi-pxm", "unplugged-inaccessible"],
        "stale": False,
        "requests": {"plug": {**counts, "ack": 3, "last": timestamp(30)}, "unplug": counts,
                     "unplug-all": counts, "state": counts, "broken": 0},
        "block-map": block_map, **more}


def part(whole, first, size):
    """The report with the blocks [first, first + size) of its map only."""
    def cut(entries):
        result = []
        for entry in entries:
            low = max(entry["first"], first)
            high = min(entry["first"] + entry["nb"], first + size)
            if low < high:
                result.append({"first": low, "nb": high - low})
        return result

    def count(entries):
        return sum(entry["nb"] for entry in entries)

    block_map = whole["block-map"]
    size = min(size, block_map["nb"] - first)
    plugged = cut(block_map["plugged"])
    touched = cut(block_map["touched"]["ranges"])
    return {**whole, "block-map": {
        "first": first, "nb": size, "plugged": plugged, "plugged-blocks": count(plugged),
        "touched": {"ranges": touched, "touched-blocks": count(touched),
                    "untouched-blocks": count(plugged) - count(touched)}}}


class FakeMonitor:
    """Listens at @path; reports is a list of them, part_blocks splits their maps up. greeting:
    bytes that are sent instead of the greeting of QMP."""

    def __init__(self, path, reports, part_blocks=None, greeting=None, knows_command=True):
        self.reports, self.part_blocks = reports, part_blocks
        self.greeting, self.knows_command = greeting, knows_command
        self.commands = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(str(path))
        self.sock.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        """Not before the thread has ended: it might accept at the next socket of that number."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.sock.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.greeting or json.dumps(GREETING).encode() + b"\r\n")
                for line in connection.makefile("rb"):
                    connection.sendall(json.dumps(self.answer(json.loads(line))).encode()
                                       + b"\r\n")

    def answer(self, request):
        arguments = request.get("arguments", {})
        self.commands.append((request["execute"], arguments))
        if request["execute"] == "qmp_capabilities":
            return {"return": {}}
        if not self.knows_command:
            return {"error": {"class": "CommandNotFound", "desc": "The command has not been found"}}
        name = arguments.get("id")
        found = [r for r in self.reports if name in (None, r["id"], r["qom-path"])]
        if name is not None and not found:
            return {"error": {"class": "DeviceNotFound", "desc": f"Device '{name}' not found"}}
        if self.part_blocks is not None:
            first = arguments.get("first-block", 0)
            found = [part(r, first, self.part_blocks) for r in found]
        return {"return": found}
