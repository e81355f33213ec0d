# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists that tell what there is: properties of types and objects, types, machines, and the schema of QMP.
What both have must be alike; a name that only one has is a difference 'only ours NAME' or 'only stock
NAME'."""

import json

from differential.pair import Pair
from differential.scripts import MACHINE, VM0

# (command, arguments)
NAMED_LISTS = [
    *(("qom-list-properties", {"typename": name}) for name in (
        "virtio-mem-pci", "virtio-mem", "memory-backend-ram", "memory-backend-file",
        "memory-backend-memfd")),
    *(("device-list-properties", {"typename": name}) for name in (
        "virtio-mem-pci", "virtio-mem", "pcie-root-port")),
    *(("qom-list", {"path": path}) for path in (
        "/", "/objects", "/machine/peripheral", "/machine/peripheral-anon", VM0,
        VM0 + "/virtio-backend", VM0 + "/virtio-bus", "/objects/m0", "/objects/m1", "m0")),
    *(("qom-list-types", {"implements": implements, "abstract": abstract})
      for implements in ("memory-backend", "virtio-mem-pci", "nosuch", "virtio-mem")
      for abstract in (False, True)),
]
MACHINE_LISTS = [("qom-list-properties", {"typename": "pc-q35-7.2-machine"}),
                 ("query-machines", {})]


def compare_named(ours, stock):
    mine, theirs = [{element["name"]: element for element in reply["return"]}
                    for reply in (ours, stock)]
    for name in sorted(set(mine) - set(theirs)):
        yield f"only ours {name}", json.dumps(mine[name])
    for name in sorted(set(theirs) - set(mine)):
        yield f"only stock {name}", json.dumps(theirs[name])
    for name in sorted(set(mine) & set(theirs)):
        for member in sorted(set(mine[name]) | set(theirs[name])):
            values = [element.get(member) for element in (mine[name], theirs[name])]
            if values[0] != values[1]:
                yield f"{member} of {name}", f"ours {values[0]}, stock {values[1]}"


def describe_type(entities, name, depth=5):
    """A type of the schema as names and JSON types."""
    entity = entities[name]
    kind = entity["meta-type"]
    if kind == "builtin":
        return "int" if entity["json-type"] == "number" else entity["json-type"]
    if kind == "array":
        return [describe_type(entities, entity["element-type"], depth)]
    if kind in ("enum", "alternate") or not depth:
        return kind
    members = {m["name"]: (describe_type(entities, m["type"], depth - 1), "default" in m)
               for m in entity["members"]}
    for variant in entity.get("variants", []):
        members[variant["case"]] = describe_type(entities, variant["type"], depth - 1)
    return members


def compare_types(ours, stock, where=""):
    """Differences between two described types, by member."""
    if isinstance(ours, (list, tuple)) and isinstance(stock, (list, tuple)):
        for mine, theirs in zip(ours, stock):
            yield from compare_types(mine, theirs, where)
    elif isinstance(ours, dict) and isinstance(stock, dict):
        for name in sorted(set(ours) | set(stock)):
            if name not in stock:
                yield f"only ours {name}", where
            elif name not in ours:
                yield f"only stock {name}", where
            else:
                yield from compare_types(ours[name], stock[name], f"{where}.{name}")
    elif ours != stock:
        yield f"type of {where}", f"ours {ours}, stock {stock}"


def compare_schemas(pair):
    schemas = [{e["name"]: e for e in reply["return"]} for reply in pair.ask("query-qmp-schema")]
    commands = [{c["name"] for c in reply["return"]} for reply in pair.ask("query-commands")]
    yield "schema/commands", [(f"only ours {name}", "") for name in
                              sorted(commands[0] - commands[1])]
    for name in sorted(commands[0] & commands[1] - {"query-qmp-schema"}):
        entities = [schema[name] for schema in schemas]
        differences = []
        for member in ("arg-type", "ret-type"):
            types = [describe_type(schema, entity[member])
                     for schema, entity in zip(schemas, entities)]
            differences += compare_types(*types, where=member)
        yield f"schema/{name}", differences
    for name, event in schemas[0].items():
        if event["meta-type"] == "event" and name not in schemas[1]:
            yield f"schema/event {name}", [(f"only ours {name}", "")]
        elif event["meta-type"] == "event":
            types = [describe_type(schema, schema[name]["arg-type"]) for schema in schemas]
            yield f"schema/event {name}", list(compare_types(*types, where="data"))


def list_results(pair):
    for command, arguments in NAMED_LISTS:
        name = " ".join([command, *map(str, arguments.values())])
        ours, stock = pair.ask(command, **arguments)
        if "error" in ours or "error" in stock:
            yield f"list/{name}", [("outcome", f"ours {ours}, stock {stock}")]
        else:
            yield f"list/{name}", list(compare_named(ours, stock))
    for command, arguments in MACHINE_LISTS:
        ours, stock = pair.ask(command, **arguments)
        name = " ".join([command, *map(str, arguments.values())])
        yield f"list/{name}", list(compare_named(ours, stock))
    ours, stock = [sorted(reply["return"], key=lambda c: c["label"])
                   for reply in pair.ask("query-chardev")]
    for chardevs in (ours, stock):
        for chardev in chardevs:        # each has a directory of its own
            chardev.pop("filename")
    yield "list/query-chardev", [] if ours == stock else [("answer", f"ours {ours}\nstock {stock}")]


def results(wanted):
    if not wanted("list/") and not wanted("schema/"):
        return
    with Pair(MACHINE.split()) as pair:
        yield from list_results(pair)
        yield from compare_schemas(pair)
