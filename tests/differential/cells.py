# SPDX-License-Identifier: GPL-2.0-or-later
"""Cells of the matrix: one input each, named TOPIC/NAME/KIND/INPUT.

A row has one option or property, and for each kind at most five inputs. What they are put into, and
what is asked of a machine that starts with them, is the topic's."""

import re
import shlex

KINDS = ("valid", "wrong_type", "out_of_range", "duplicate", "conflicting")
MOST = 5


class Row:
    """One option or property. Each kind is a list of at most five inputs; `json` has members of the
    JSON form, valid ones and others mixed."""

    def __init__(self, name, json=(), **kinds):
        unknown = set(kinds) - set(KINDS)
        assert not unknown, f"{name}: {unknown}"
        self.name = name
        self.kinds = {kind: tuple(kinds.get(kind, ())) for kind in KINDS}
        self.json = tuple(json)
        for kind, inputs in [*self.kinds.items(), ("json", self.json)]:
            assert len(inputs) <= MOST, f"{name}: more than {MOST} of {kind}"


class Topic:
    """`template` makes a command line (one string) of an input; `base` is the rest of it; `views` are
    asked where it starts; {} in a view's argument is the row's name."""

    def __init__(self, name, rows, base, template="{}", json_template=None, views=(), files=None,
                 accel=True, qmp=True):
        self.name = name
        self.rows = rows
        self.base = shlex.split(base)
        self.template = template
        self.json_template = json_template
        self.views = views
        self.files = files or {}
        self.accel = accel
        self.qmp = qmp

    def cells(self):
        for row in self.rows:
            for kind, inputs in row.kinds.items():
                for text in inputs:
                    yield Cell(self, row, kind, text, self.template.replace("{}", text))
            for text in row.json:
                yield Cell(self, row, "json", text, self.json_template.replace("{}", text))


class Cell:
    def __init__(self, topic, row, kind, text, line):
        self.topic = topic
        self.name = f"{topic.name}/{row.name}/{kind.replace('_', ' ')}/{text or '(nothing)'}"
        self.name = re.sub(r"[#\n]", "?", self.name)
        self.line = topic.base + shlex.split(line)
        self.views = [(command, {k: v.replace("{}", row.name) if isinstance(v, str) else v
                                 for k, v in arguments.items()})
                      for command, arguments in topic.views]
