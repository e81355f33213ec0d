# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether what a command returns is what a schema says: query-qmp-schema's answer of the emulator itself
(test_qmp.py) or of stock QEMU (tests/differential/schema.py). And what to ask commands that need arguments."""

VM0 = "/machine/peripheral/vm0"

# Of a machine with a virtio-mem device vm0.
ARGUMENTS = {
    "human-monitor-command": {"command-line": "info status"},
    "qom-get": {"path": VM0, "property": "type"}, "qom-list": {"path": "/machine"},
    "qom-set": {"path": VM0, "property": "requested-size", "value": 0},
    "qom-list-get": {"paths": [VM0, "/objects"]},
    "query-cpu-model-expansion": {"type": "full", "model": {"name": "max"}},
    "set-numa-node": {"type": "node", "nodeid": 0},
    "qom-list-properties": {"typename": "virtio-mem-pci"},
    "device-list-properties": {"typename": "virtio-mem-pci"},
    "object-add": {"qom-type": "memory-backend-ram", "id": "m9", "size": 1 << 20},
    "object-del": {"id": "m9"},
}

JSON_TYPES = {"string": str, "number": (int, float), "int": int, "boolean": bool,
              "null": type(None), "object": dict, "array": list, "value": object}


def members_of(entities, entity, value):
    """Members of an object type by name; those of the variant that the value's tag chooses, too."""
    members = {m["name"]: m for m in entity["members"]}
    if "tag" in entity and isinstance(value, dict):
        for variant in entity["variants"]:
            if variant["case"] == value.get(entity["tag"]):
                members.update((m["name"], m) for m in entities[variant["type"]]["members"])
    return members


def mismatches(entities, value, name, where):
    """Yields (where, text) for each thing of the value that is not of type `name`: a mandatory member that
    is missing, one that the schema does not know, a value of another type."""
    entity = entities[name]
    kind = entity["meta-type"]
    if kind == "builtin":
        json_type = JSON_TYPES[entity["json-type"]]
        if not isinstance(value, json_type) or isinstance(value, bool) and json_type is int:
            yield where, f"{value!r} is no {entity['json-type']}"
    elif kind == "enum":
        if value not in [m["name"] for m in entity["members"]]:
            yield where, f"{value!r} is no value of the enumeration"
    elif kind == "array":
        if not isinstance(value, list):
            yield where, f"{value!r} is no list"
            return
        for element in value:
            yield from mismatches(entities, element, entity["element-type"], where)
    elif kind == "alternate":
        if all(list(mismatches(entities, value, m["type"], where)) for m in entity["members"]):
            yield where, f"{value!r} is of no branch"
    elif not isinstance(value, dict):
        yield where, f"{value!r} is no object"
    else:
        members = members_of(entities, entity, value)
        for member in members.values():
            if "default" not in member and member["name"] not in value:
                yield f"{where}.{member['name']}", "mandatory, and missing"
        for key, item in value.items():
            if key not in members:
                yield f"{where}.{key}", "not in the schema"
            else:
                yield from mismatches(entities, item, members[key]["type"], f"{where}.{key}")
