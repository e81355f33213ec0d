#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make C from the QMP schema (qapi/README.rst describes the schema's form).

usage: qapi-gen.py OUTDIR SCHEMA.json...

For each module M: qapi-types-M.h, qapi-visit-M.h, qapi-events-M.h, qapi-commands-M.h; for all of
them qapi-builtin-types.h, qapi-types.c, qapi-visit.c, qapi-events.c, qapi-commands.c and
qapi-introspect.c. Run by meson; every mistake in the schema ends it with a message.
"""

import json
import os
import re
import sys

BUILTINS = {  # name: (C type, JSON type)
    'str': ('char *', 'string'), 'any': ('json_t *', 'value'), 'bool': ('bool', 'boolean'),
    'number': ('double', 'number'), 'int': ('int64_t', 'int'), 'size': ('uint64_t', 'int'),
    'int8': ('int8_t', 'int'), 'int16': ('int16_t', 'int'), 'int32': ('int32_t', 'int'),
    'int64': ('int64_t', 'int'), 'uint8': ('uint8_t', 'int'), 'uint16': ('uint16_t', 'int'),
    'uint32': ('uint32_t', 'int'), 'uint64': ('uint64_t', 'int'),
}
BUILTIN_LISTS = ['str', 'bool', 'int', 'uint16', 'uint64', 'number']
KEYS = {
    'pragma': set(),
    'enum': {'doc', 'values'},
    'struct': {'doc', 'members'},
    'union': {'doc', 'base', 'tag', 'branches'},
    'command': {'doc', 'args', 'args-json', 'returns', 'returns-json', 'features',
                'preconfig'},
    'event': {'doc', 'data', 'rate-limit-ms', 'key'},
}
C_WORDS = {'auto', 'const', 'default', 'register', 'short', 'static', 'typedef', 'union',
           'volatile'}
MAX_LITERAL = 90  # characters of a line of generated text


class SchemaError(Exception):
    pass


def identifier(name):
    return re.sub(r'[^A-Za-z0-9_]', '_', name)


def c_name(name):
    """The same, but no word of C."""
    return f'q_{name}' if name in C_WORDS else identifier(name)


def upper_name(name):
    """VirtioMEMDeviceInfo -> VIRTIO_MEM_DEVICE_INFO, OnOffAuto -> ON_OFF_AUTO."""
    words = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    words = re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', words)
    return identifier(words).upper()


def enum_constant(enum, value):
    return upper_name(enum) + '_' + identifier(value).upper()


class Member:
    def __init__(self, key, spec):
        self.optional = key.startswith('*')
        self.name = key.lstrip('*')
        self.features = []
        if isinstance(spec, dict):
            self.features = spec.get('features', [])
            spec = spec['type']
        self.type = spec  # a name, or [name]


def members_of(specs):
    return [Member(k, s) for k, s in (specs or {}).items()]


class Schema:
    def __init__(self, paths):
        self.modules = []   # (name, pragma, entries)
        self.types = {}     # name: (kind, entry)
        self.entries = []   # (kind, entry) of commands and events
        for path in paths:
            self.load(path)
        for _, _, entries in self.modules:
            for kind, entry in entries:
                self.check(kind, entry)

    def load(self, path):
        module = os.path.splitext(os.path.basename(path))[0]
        pragma, entries = {}, []
        with open(path, encoding='utf-8') as f:
            try:
                doc = json.load(f)
            except json.JSONDecodeError as e:
                raise SchemaError(f'{path}: {e}') from e
        for entry in doc:
            kinds = [k for k in KEYS if k in entry]
            if len(kinds) != 1:
                raise SchemaError(f'{path}: not one kind of entry: {entry}')
            kind = kinds[0]
            if kind == 'pragma':
                pragma = entry['pragma']
                continue
            unknown = set(entry) - KEYS[kind] - {kind}
            if unknown or not entry.get('doc'):
                raise SchemaError(f'{path}: {entry[kind]}: unknown {unknown} or no "doc"')
            entries.append((kind, entry))
            if kind in ('enum', 'struct', 'union'):
                if entry[kind] in self.types or entry[kind] in BUILTINS:
                    raise SchemaError(f'{path}: type {entry[kind]} exists twice')
                self.types[entry[kind]] = (kind, entry)
            else:
                if any(entry[kind] == e[k] for k, e in self.entries):
                    raise SchemaError(f'{path}: {entry[kind]} exists twice')
                self.entries.append((kind, entry))
        self.modules.append((module, pragma, entries))

    def check_type(self, where, spec):
        name = spec[0] if isinstance(spec, list) else spec
        if name not in BUILTINS and name not in self.types:
            raise SchemaError(f'{where}: unknown type {name}')
        if isinstance(spec, list) and name in BUILTINS and name not in BUILTIN_LISTS:
            raise SchemaError(f'{where}: no list of {name} (see BUILTIN_LISTS)')

    def check(self, kind, entry):
        where = entry[kind]
        if isinstance(entry.get('args'), str):
            self.check_type(where, entry['args'])
            if not entry.get('args-json'):
                raise SchemaError(f'{where}: arguments that are a type need "args-json"')
            entry = {k: v for k, v in entry.items() if k != 'args'}
        for key in ('members', 'base', 'args', 'data'):
            for m in members_of(entry.get(key)):
                self.check_type(where, m.type)
        if 'returns' in entry:
            self.check_type(where, entry['returns'])
        if kind == 'union':
            tag = [m for m in members_of(entry['base']) if m.name == entry['tag']]
            if not tag or self.types.get(tag[0].type, ('',))[0] != 'enum':
                raise SchemaError(f'{where}: the tag is not an enumeration in base')
            values = self.types[tag[0].type][1]['values']
            for case, name in entry['branches'].items():
                self.check_type(where, name)
                if case not in values:
                    raise SchemaError(f'{where}: {case} is no value of the tag')
        if kind == 'event' and entry.get('key'):
            if not any(m.name == entry['key'] for m in members_of(entry.get('data'))):
                raise SchemaError(f'{where}: the key is no member')

    def is_enum(self, spec):
        return not isinstance(spec, list) and self.types.get(spec, ('',))[0] == 'enum'

    def is_pointer(self, spec):
        return self.c_type(spec).endswith('*')

    def null_is_absent(self, spec):
        """An optional member is absent by its pointer; an empty list is NULL, too, and is there."""
        return self.is_pointer(spec) and not isinstance(spec, list)

    def c_type(self, spec):
        if isinstance(spec, list):
            return spec[0] + 'List *'
        if spec in BUILTINS:
            return BUILTINS[spec][0]
        return spec if self.is_enum(spec) else spec + ' *'


def visit_name(spec):
    return 'visit_type_' + (spec[0] + 'List' if isinstance(spec, list) else spec)


def decl(c_type, name):
    return c_type + name if c_type.endswith('*') else c_type + ' ' + name


def literal(text):
    return json.dumps(text)


class Output:
    """One generated file: an opening comment, includes, body; a header gets its guard."""

    def __init__(self, outdir, name, about, includes):
        self.path = os.path.join(outdir, name)
        self.lines = ['/* SPDX-License-Identifier: GPL-2.0-or-later */',
                      f'/* Generated from the schema in qapi/ by scripts/qapi-gen.py: {about}. */']
        self.guard = re.sub(r'\W', '_', name).upper() if name.endswith('.h') else None
        if self.guard:
            self.lines += [f'#ifndef {self.guard}', f'#define {self.guard}', '']
        else:
            self.lines += ['#include "qemu/osdep.h"']
        self.lines += [f'#include "{i}"' for i in includes] + ['']

    def add(self, text=''):
        self.lines.append(text)

    def write(self):
        if self.guard:
            self.lines += ['', f'#endif /* {self.guard} */']
        with open(self.path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(self.lines) + '\n')


class Generator:
    def __init__(self, schema, outdir):
        self.s = schema
        self.outdir = outdir
        self.names = [m for m, _, _ in schema.modules]

    def file(self, name, about, includes):
        return Output(self.outdir, name, about, includes)

    # ---- types ----

    def gen_list_type(self, out, name):
        value = self.s.c_type(name)
        out.add(f'typedef struct {name}List {name}List;')
        out.add(f'struct {name}List {{\n    {name}List *next;\n    {decl(value, "value")};\n}};')
        out.add(f'void qapi_free_{name}List({name}List *obj);')
        out.add(f'G_DEFINE_AUTOPTR_CLEANUP_FUNC({name}List, qapi_free_{name}List)')
        out.add()

    def gen_enum(self, out, src, entry):
        name = entry['enum']
        out.add(f'typedef enum {name} {{')
        for v in entry['values']:
            out.add(f'    {enum_constant(name, v)},')
        out.add(f'    {upper_name(name)}__MAX,\n}} {name};')
        out.add(f'extern const QEnumLookup {name}_lookup;')
        out.add(f'#define {name}_str(val) qapi_enum_lookup(&{name}_lookup, (val))')
        out.add()
        values = ', '.join(literal(v) for v in entry['values'])
        src.add(f'const QEnumLookup {name}_lookup = {{\n'
                f'    .array = (const char *const[]) {{ {values} }},\n'
                f'    .size = {upper_name(name)}__MAX\n}};\n')

    def gen_struct_members(self, out, members):
        for m in members:
            if m.optional and not self.s.null_is_absent(m.type):
                out.add(f'    bool has_{c_name(m.name)};')
            out.add(f'    {decl(self.s.c_type(m.type), c_name(m.name))};')

    def gen_struct(self, out, kind, entry):
        name = entry[kind]
        out.add(f'struct {name} {{')
        self.gen_struct_members(out, members_of(entry.get('members', entry.get('base'))))
        if kind == 'union':
            out.add('    union {')
            for case, branch in entry['branches'].items():
                out.add(f'        {branch} {c_name(case)};')
            out.add('    } u;')
        out.add('};')
        out.add(f'void qapi_free_{name}({name} *obj);')
        out.add(f'G_DEFINE_AUTOPTR_CLEANUP_FUNC({name}, qapi_free_{name})\n')

    def free_value(self, spec, expr, indent='    '):
        """Lines that free what @expr owns."""
        if isinstance(spec, list):
            return [f'{indent}qapi_free_{spec[0]}List({expr});']
        if spec == 'str':
            return [f'{indent}g_free({expr});']
        if spec == 'any':
            return [f'{indent}json_decref({expr});']
        if self.s.is_pointer(spec):
            return [f'{indent}qapi_free_{spec}({expr});']
        return []

    def gen_free(self, src, kind, entry):
        name = entry[kind]
        lines = []
        for m in members_of(entry.get('members', entry.get('base'))):
            lines += self.free_value(m.type, f'obj->{c_name(m.name)}')
        if kind == 'union':
            lines += self.branch_switch(
                entry, lambda b, case: [f'        free_{b}_members(&obj->u.{case});',
                                        '        break;'])
        src.add(f'static void free_{name}_members({name} *obj)\n{{')
        src.lines += lines or ['    (void)obj;']
        src.add('}\n')
        src.add(f'void qapi_free_{name}({name} *obj)\n{{\n    if (obj) {{\n'
                f'        free_{name}_members(obj);\n        g_free(obj);\n    }}\n}}\n')

    def branch_switch(self, entry, body, default=None):
        tag = entry['tag']
        enum = next(m.type for m in members_of(entry['base']) if m.name == tag)
        lines = [f'    switch (obj->{c_name(tag)}) {{']
        for case, branch in entry['branches'].items():
            lines += [f'    case {enum_constant(enum, case)}:'] + body(branch, c_name(case))
        return lines + ['    default:'] + (default or ['        break;']) + ['    }']

    def gen_free_list(self, src, name):
        src.add(f'void qapi_free_{name}List({name}List *obj)\n{{\n    while (obj) {{\n'
                f'        {name}List *next = obj->next;\n')
        src.lines += self.free_value(name, 'obj->value', '        ')
        src.add('        g_free(obj);\n        obj = next;\n    }\n}\n')

    def c_entries(self, module_pragma, entries):
        """Type entries for which C is made, structures before their users."""
        if not module_pragma.get('c-types', True):
            return []
        return [(k, e) for k, e in entries if k in ('enum', 'struct', 'union')]

    def gen_types(self):
        src = self.file('qapi-types.c', 'names of enumerations, freeing of types',
                        [f'qapi/qapi-types-{m}.h' for m in self.names])
        builtin = self.file('qapi-builtin-types.h', 'lists of built-in types', ['qapi/util.h'])
        for name in BUILTIN_LISTS:
            self.gen_list_type(builtin, name)
            self.gen_free_list(src, name)
        builtin.write()
        for module, pragma, entries in self.s.modules:
            uses = self.module_uses(module, entries) + pragma.get('includes', [])
            out = self.file(f'qapi-types-{module}.h', f'types of module {module}',
                            ['qapi/qapi-builtin-types.h'] +
                            [f'qapi/qapi-types-{u}.h' for u in uses])
            self.gen_module_types(out, src, self.c_entries(pragma, entries))
            out.write()
        src.write()

    def gen_module_types(self, out, src, entries):
        for kind, entry in entries:
            if kind == 'enum':
                self.gen_enum(out, src, entry)
            else:
                # the list as well: a type may contain itself
                out.add(f'typedef struct {entry[kind]} {entry[kind]};')
                out.add(f'typedef struct {entry[kind]}List {entry[kind]}List;')
        out.add()
        for kind, entry in entries:
            if kind != 'enum':
                self.gen_struct(out, kind, entry)
                self.gen_free(src, kind, entry)
            self.gen_list_type(out, entry[kind])
            self.gen_free_list(src, entry[kind])

    def module_uses(self, module, entries):
        """Other modules whose types this one names."""
        used = set()
        for _, e in entries:
            for key in ('members', 'base', 'args', 'data'):
                if isinstance(e.get(key), str):
                    continue
                for m in members_of(e.get(key)):
                    used.add(m.type[0] if isinstance(m.type, list) else m.type)
            if 'returns' in e:
                r = e['returns']
                used.add(r[0] if isinstance(r, list) else r)
            used.update(e.get('branches', {}).values())
        return [m for m, _, other in self.s.modules if m != module and
                any(k in ('enum', 'struct', 'union') and e[k] in used for k, e in other)]

    # ---- visitors ----

    def visit_members(self, members, prefix, fail):
        lines = []
        for m in members:
            field = prefix + c_name(m.name)
            call = f'{visit_name(m.type)}(v, {literal(m.name)}, &{field}, errp)'
            if not m.optional:
                lines += [f'    if (!{call}) {{\n        {fail}\n    }}']
                continue
            if self.s.null_is_absent(m.type):
                lines += [f'    present = {field} != NULL;']
                has = 'present'
            else:
                has = f'{prefix}has_{c_name(m.name)}'
            lines += [f'    if (visit_optional(v, {literal(m.name)}, &{has}) &&\n'
                      f'        !{call}) {{\n        {fail}\n    }}']
        return lines

    def needs_present(self, members):
        return any(m.optional and self.s.null_is_absent(m.type) for m in members)

    def gen_visit_enum(self, out, src, name):
        proto = f'bool visit_type_{name}(Visitor *v, const char *name, {name} *obj, Error **errp)'
        out.add(proto + ';')
        src.add(proto + f'\n{{\n    int value = *obj;\n'
                f'    bool ok = visit_type_enum(v, name, &value, &{name}_lookup, errp);\n\n'
                '    *obj = value;\n    return ok;\n}\n')

    def gen_visit_struct(self, out, src, kind, entry):
        name = entry[kind]
        members = members_of(entry.get('members', entry.get('base')))
        proto = f'bool visit_type_{name}_members(Visitor *v, {name} *obj, Error **errp)'
        out.add(proto + ';')
        src.add(proto + '\n{')
        if self.needs_present(members):
            src.add('    bool present;\n')
        src.lines += self.visit_members(members, 'obj->', 'return false;')
        if kind == 'union':
            src.lines += self.branch_switch(
                entry, lambda b, case:
                [f'        return visit_type_{b}_members(v, &obj->u.{case}, errp);'])
        src.add('    return true;\n}\n')
        proto = f'bool visit_type_{name}(Visitor *v, const char *name, {name} **obj, Error **errp)'
        out.add(proto + ';')
        src.add(proto + f'''
{{
    bool ok;

    if (!visit_start_struct(v, name, errp)) {{
        return false;
    }}
    if (visit_is_input(v)) {{
        *obj = g_new0({name}, 1);
    }}
    ok = visit_type_{name}_members(v, *obj, errp) && visit_check_struct(v, errp);
    visit_end_struct(v);
    if (!ok && visit_is_input(v)) {{
        qapi_free_{name}(*obj);
        *obj = NULL;
    }}
    return ok;
}}
''')

    def gen_visit_list(self, out, src, name):
        proto = (f'bool visit_type_{name}List(Visitor *v, const char *name, {name}List **obj,\n'
                 '                      Error **errp)')
        out.add(proto + ';\n')
        src.add(proto + f'''
{{
    {name}List **tail = obj;
    size_t nb = 0;
    bool ok = true;

    for ({name}List *l = *obj; !visit_is_input(v) && l; l = l->next) {{
        nb++;
    }}
    if (!visit_start_list(v, name, &nb, errp)) {{
        return false;
    }}
    for (size_t i = 0; ok && i < nb; i++) {{
        if (visit_is_input(v)) {{
            *tail = g_new0({name}List, 1);
        }}
        ok = {visit_name(name)}(v, NULL, &(*tail)->value, errp);
        tail = &(*tail)->next;
    }}
    visit_end_list(v);
    if (!ok && visit_is_input(v)) {{
        qapi_free_{name}List(*obj);
        *obj = NULL;
    }}
    return ok;
}}
''')

    def gen_visits(self):
        src = self.file('qapi-visit.c', 'visits of types',
                        ['qapi/error.h'] + [f'qapi/qapi-visit-{m}.h' for m in self.names])
        builtin = self.file('qapi-builtin-visit.h', 'visits of lists of built-in types',
                            ['qapi/qapi-builtin-types.h'])
        for name in BUILTIN_LISTS:
            self.gen_visit_list(builtin, src, name)
        builtin.write()
        for module, pragma, entries in self.s.modules:
            out = self.file(f'qapi-visit-{module}.h', f'visits of module {module}',
                            ['qapi/qapi-builtin-visit.h', f'qapi/qapi-types-{module}.h'])
            for kind, entry in self.c_entries(pragma, entries):
                if kind == 'enum':
                    self.gen_visit_enum(out, src, entry['enum'])
                else:
                    self.gen_visit_struct(out, src, kind, entry)
                self.gen_visit_list(out, src, entry[kind])
            out.write()
        src.write()

    # ---- events ----

    def parameters(self, members):
        """C parameters of a function that is given @members."""
        params = []
        for m in members:
            if m.optional and not self.s.null_is_absent(m.type):
                params.append(f'bool has_{c_name(m.name)}')
            c_type = self.s.c_type(m.type)
            if m.type == 'str':
                c_type = 'const ' + c_type
            params.append(decl(c_type, c_name(m.name)))
        return params

    def gen_event(self, out, src, entry):
        name = entry['event']
        members = members_of(entry.get('data'))
        params = ', '.join(self.parameters(members)) or 'void'
        proto = f'void qapi_event_send_{c_name(name).lower()}({params})'
        out.add(proto + ';')
        src.add(proto + '\n{')
        key = literal(entry['key']) if entry.get('key') else 'NULL'
        src.add('    static const QAPIEventInfo info = '
                f'{{ {literal(name)}, {entry.get("rate-limit-ms", 0)}, {key} }};')
        if not members:
            src.add('\n    qapi_event_emit(&info, NULL);\n}\n')
            return
        src.add('    json_t *data = NULL;\n    Visitor *v;\n    Error **errp = &error_abort;')
        if self.needs_present(members):
            src.add('    bool present;')
        src.add('\n    if (!qapi_event_wanted()) {\n        return;\n    }\n'
                '    v = qobject_output_visitor_new(&data);\n'
                '    visit_start_struct(v, NULL, errp);')
        for m in members:
            field = c_name(m.name)
            cast = f'(char **)&{field}' if m.type == 'str' else f'&{field}'
            call = f'{visit_name(m.type)}(v, {literal(m.name)}, {cast}, errp);'
            if not m.optional:
                src.add('    ' + call)
            elif self.s.null_is_absent(m.type):
                src.add(f'    present = {field} != NULL;\n'
                        f'    if (visit_optional(v, {literal(m.name)}, &present)) {{\n'
                        f'        {call}\n    }}')
            else:
                src.add(f'    if (has_{field}) {{\n        {call}\n    }}')
        src.add('    visit_end_struct(v);\n    visit_complete(v);\n    visit_free(v);\n'
                '    qapi_event_emit(&info, data);\n    json_decref(data);\n}\n')

    def gen_events(self):
        src = self.file('qapi-events.c', 'sending of events',
                        ['qapi/error.h'] +
                        [f'qapi/qapi-{k}-{m}.h' for m in self.names for k in ('visit', 'events')])
        for module, _, entries in self.s.modules:
            uses = self.module_uses(module, entries)
            out = self.file(f'qapi-events-{module}.h', f'events of module {module}',
                            [f'qapi/qapi-types-{u}.h' for u in [module] + uses])
            for kind, entry in entries:
                if kind == 'event':
                    self.gen_event(out, src, entry)
            out.write()
        src.write()

    # ---- commands ----

    def handler_type(self, entry):
        if 'returns' not in entry:
            return 'void'
        return 'json_t *' if entry.get('returns-json') else self.s.c_type(entry['returns'])

    def gen_command(self, out, src, entry):
        name = c_name(entry['command'])
        if entry.get('args-json'):
            self.gen_raw_command(out, src, name)
            return
        members = members_of(entry.get('args'))
        ret = self.handler_type(entry)
        params = ', '.join(self.parameters(members) + ['Error **errp'])
        out.add(f'{decl(ret, "qmp_" + name)}({params});')
        src.add(f'static bool marshal_{name}(json_t *args, json_t **ret, Error **errp)\n{{')
        if members:
            src.add('    struct {')
            self.gen_struct_members(src, members)
            src.add('    } arg = { 0 };')
        if ret != 'void':
            src.add(f'    {decl(ret, "result")};')
        if self.needs_present(members):
            src.add('    bool present = false;')
        src.add('    Error *err = NULL;\n    bool ok = false;\n'
                '    Visitor *v = qobject_input_visitor_new(args);\n\n'
                '    if (!visit_start_struct(v, NULL, errp)) {\n        goto out;\n    }')
        src.lines += self.visit_members(members, 'arg.', 'goto out;')
        src.add('    if (!visit_check_struct(v, errp)) {\n        goto out;\n    }')
        call_args = []
        for m in members:
            if m.optional and not self.s.null_is_absent(m.type):
                call_args.append(f'arg.has_{c_name(m.name)}')
            call_args.append(f'arg.{c_name(m.name)}')
        call = f'qmp_{name}({", ".join(call_args + ["&err"])});'
        src.add('    ' + ('result = ' if ret != 'void' else '') + call)
        src.add('    if (err) {\n        error_propagate(errp, err);\n        goto out;\n    }')
        self.gen_marshal_result(src, entry, ret)
        src.add('    ok = true;\nout:\n    visit_free(v);')
        for m in members:
            src.lines += self.free_value(m.type, f'arg.{c_name(m.name)}')
        src.add('    return ok;\n}\n')

    def gen_raw_command(self, out, src, name):
        """The handler checks its arguments itself, and returns nothing."""
        out.add(f'void qmp_{name}(json_t *args, Error **errp);')
        src.add(f'static bool marshal_{name}(json_t *args, json_t **ret, Error **errp)\n{{\n'
                '    Error *err = NULL;\n\n'
                f'    qmp_{name}(args, &err);\n'
                '    if (err) {\n        error_propagate(errp, err);\n        return false;\n'
                '    }\n    *ret = json_object();\n    return true;\n}\n')

    def gen_marshal_result(self, src, entry, ret):
        if ret == 'void':
            src.add('    *ret = json_object();')
        elif ret == 'json_t *':
            src.add('    *ret = result;')
        else:
            spec = entry['returns']
            src.add('    visit_free(v);\n    v = qobject_output_visitor_new(ret);\n'
                    f'    {visit_name(spec)}(v, NULL, &result, &error_abort);\n'
                    '    visit_complete(v);')
            src.lines += self.free_value(spec, 'result')

    def gen_commands(self):
        src = self.file('qapi-commands.c', 'from JSON arguments to handlers and back',
                        ['qapi/error.h', 'monitor/qmp-dispatch.h'] +
                        [f'qapi/qapi-{k}-{m}.h' for m in self.names
                         for k in ('visit', 'commands')])
        table = []
        for module, _, entries in self.s.modules:
            uses = self.module_uses(module, entries)
            out = self.file(f'qapi-commands-{module}.h', f'handlers of module {module}',
                            [f'qapi/qapi-types-{u}.h' for u in [module] + uses])
            for kind, entry in entries:
                if kind == 'command':
                    self.gen_command(out, src, entry)
                    table.append((entry['command'], entry.get('preconfig', False)))
            out.write()
        src.add('const QmpCommand qmp_commands[] = {')
        for name, preconfig in sorted(table):
            src.add(f'    {{ {literal(name)}, marshal_{c_name(name)}, {literal(preconfig)} }},')
        src.add('};\nconst size_t qmp_nb_commands = ARRAY_SIZE(qmp_commands);')
        src.write()

    # ---- introspection ----

    def gen_introspection(self):
        out = self.file('qapi-introspect.c', "query-qmp-schema's answer",
                        ['monitor/qmp-dispatch.h'])
        text = json.dumps(Introspection(self.s).entities(), separators=(',', ':'))
        out.add('const char qmp_schema_text[] =')
        for i in range(0, len(text), MAX_LITERAL // 2):
            out.add('    ' + literal(text[i:i + MAX_LITERAL // 2]))
        out.add('    ;')
        out.write()

    def run(self):
        self.gen_types()
        self.gen_visits()
        self.gen_events()
        self.gen_commands()
        self.gen_introspection()


class Introspection:
    """The schema as SchemaInfo objects: what is reachable from commands and events only, with
    numbers for the names of types (they are no part of the interface), as QEMU gives them."""

    def __init__(self, schema):
        self.s = schema
        self.numbers = {}
        self.queue = []

    def number(self, key, entity):
        if key not in self.numbers:
            self.numbers[key] = str(len(self.numbers))
            self.queue.append((self.numbers[key], entity))
        return self.numbers[key]

    def type_name(self, spec):
        if isinstance(spec, list):
            element = self.type_name(spec[0])
            name = f'[{element}]'
            if name not in self.numbers:
                self.numbers[name] = name
                self.queue.append((name, lambda: {'element-type': element,
                                                  'meta-type': 'array'}))
            return name
        if spec in BUILTINS:
            json_type = BUILTINS[spec][1]
            name = 'int' if json_type == 'int' else spec
            if name not in self.numbers:
                self.numbers[name] = name
                self.queue.append((name, lambda: {'json-type': json_type,
                                                  'meta-type': 'builtin'}))
            return name
        kind, entry = self.s.types[spec]
        return self.number(spec, lambda: self.user_type(kind, entry))

    def member(self, m):
        info = {'name': m.name, 'type': self.type_name(m.type)}
        if m.optional:
            info['default'] = None
        if m.features:
            info['features'] = m.features
        return info

    def object_name(self, key, specs):
        if not specs:
            return self.number('', lambda: {'members': [], 'meta-type': 'object'})
        return self.number(key, lambda: {'members': [self.member(m) for m in members_of(specs)],
                                         'meta-type': 'object'})

    def user_type(self, kind, entry):
        if kind == 'enum':
            return {'meta-type': 'enum', 'values': entry['values'],
                    'members': [{'name': v} for v in entry['values']]}
        members = members_of(entry.get('members', entry.get('base')))
        info = {'members': [self.member(m) for m in members], 'meta-type': 'object'}
        if kind == 'union':
            info['tag'] = entry['tag']
            info['variants'] = [{'case': c, 'type': self.type_name(t)}
                                for c, t in entry['branches'].items()]
        return info

    def entities(self):
        result = []
        for kind, entry in self.s.entries:
            name = entry[kind]
            info = {'name': name, 'meta-type': kind}
            specs = entry.get('args' if kind == 'command' else 'data')
            info['arg-type'] = (self.type_name(specs) if isinstance(specs, str)
                                else self.object_name(f'{kind} {name}', specs))
            if kind == 'command':
                info['ret-type'] = (self.type_name(entry['returns']) if 'returns' in entry
                                    else self.object_name('', None))
            if 'features' in entry:
                info['features'] = entry['features']
            result.append(info)
        while self.queue:
            name, make = self.queue.pop(0)
            result.append({'name': name, **make()})
        return result


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        Generator(Schema(sys.argv[2:]), sys.argv[1]).run()
    except SchemaError as e:
        sys.exit(f'qapi-gen.py: {e}')


if __name__ == '__main__':
    main()
