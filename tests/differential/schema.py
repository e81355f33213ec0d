# SPDX-License-Identifier: GPL-2.0-or-later
"""QMP's schema, and answers by it. For every command and event that both have: arguments and return values
are of the same types ('only ours NAME', 'only stock NAME'; a mandatory member differs as 'mandatory only
ours NAME', which nothing but since.py can allow); and what each query of ours returns is what *stock's*
schema says of that command, with since.py's differences taken out."""

from cmdline import sweep
from differential import since
from differential.pair import Pair
from differential.scripts import MACHINE

# What the answers are asked of: many things, and nothing.
MACHINES = (MACHINE + " -device pcie-root-port,id=rp0,chassis=1,slot=1", "-machine none",
            MACHINE.replace("pc-q35-7.2", "pc-i440fx-7.2"))


def members_of(schema, entity):
    """Members and variants by name: (its type's name, is it mandatory?)."""
    members = {m["name"]: (m["type"], "default" not in m) for m in entity["members"]}
    members.update((v["case"], (v["type"], False)) for v in entity.get("variants", []))
    return members


def compare_objects(schemas, entities, where, seen):
    ours, stock = [members_of(*pair) for pair in zip(schemas, entities)]
    for name in sorted(set(ours) | set(stock)):
        path = f"{where}.{name}"
        if name in ours and name in stock:
            if ours[name][1] != stock[name][1]:
                yield f"mandatory of {name}", path
            yield from compare_types(schemas, (ours[name][0], stock[name][0]), path, seen)
        else:
            side, has = ("ours", ours) if name in ours else ("stock", stock)
            yield f"{'mandatory ' if has[name][1] else ''}only {side} {name}", path


def kind_of(entity):
    kind = entity["meta-type"]
    if kind == "builtin":
        return "int" if entity["json-type"] == "number" else entity["json-type"]
    return kind


def compare_types(schemas, names, where, seen=()):
    """Differences of two types as (aspect, path)."""
    if names in seen:
        return
    seen += (names,)
    ours, stock = entities = [schema[name] for schema, name in zip(schemas, names)]
    if kind_of(ours) != kind_of(stock):
        yield f"type of {where.rpartition('.')[2]}", where
    elif kind_of(ours) == "array":
        yield from compare_types(schemas, (ours["element-type"], stock["element-type"]), where, seen)
    elif kind_of(ours) == "object":
        yield from compare_objects(schemas, entities, where, seen)


def is_since(name, aspect, path, used):
    """since.py says so of this difference."""
    key = (name, path)
    what = since.MEMBERS.get(key, (None,))[0]
    if what and f"only {'ours' if what == since.CAME else 'stock'} " in f"{aspect} ":
        used.add(key)
        return True
    return False


def compare_entity(schemas, name, used):
    entities = [schema[name] for schema in schemas]
    for member, where in (("arg-type", "arguments"), ("ret-type", "return")):
        if member in entities[0] or member in entities[1]:
            names = tuple(entity[member] for entity in entities)
            for aspect, path in compare_types(schemas, names, where):
                if not is_since(name, aspect, path, used):
                    yield aspect, path


def compare_schemas(schemas):
    used = set()
    for kind in ("command", "event"):
        ours, stock = [{name for name, entity in schema.items() if entity["meta-type"] == kind}
                       for schema in schemas]
        yield f"schema/{kind}s", [(f"only ours {name}", "") for name in sorted(ours - stock)]
        for name in sorted(ours & stock - {"query-qmp-schema"}):
            yield f"schema/{name}", list(compare_entity(schemas, name, used))
    for key, (what, version) in since.MEMBERS.items():
        yield f"since/{key[0]} {key[1]}", [] if key in used else [
            ("stale", f"{what} in {version}, but there is no such difference")]


def compare_answers(pair, schemas):
    """Our answers, by stock's schema."""
    for name in sorted(schemas[0]):
        if not name.startswith("query-") or schemas[1].get(name, {}).get("meta-type") != "command":
            continue
        reply = pair.monitors[0].ask(name, **sweep.ARGUMENTS.get(name, {}))
        if "error" in reply:
            stock = pair.monitors[1].ask(name, **sweep.ARGUMENTS.get(name, {}))
            yield name, [] if "error" in stock else [("outcome", str(reply))]
            continue
        found = sweep.mismatches(schemas[1], reply["return"], schemas[1][name]["ret-type"], "return")
        yield name, [(f"{text}: {where}", "") for where, text in found
                     if (name, where) not in since.MEMBERS]


def results(wanted):
    if not any(wanted(prefix) for prefix in ("schema/", "since/", "answer/")):
        return
    for i, line in enumerate(MACHINES):
        with Pair(line.split()) as pair:
            schemas = [{e["name"]: e for e in reply["return"]}
                       for reply in pair.ask("query-qmp-schema")]
            if not i:
                yield from compare_schemas(schemas)
            for name, differences in compare_answers(pair, schemas):
                yield f"answer/{line.split()[1]}/{name}", differences
