# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the documentation has each reason of allowed.py, and no other; and whether each is used."""

import pathlib
import re

from differential import allowed

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def results(wanted):
    if not wanted("documented/"):
        return
    platform = plain((DOCS / "system/platform.rst").read_text())
    differential = (DOCS / "devel/differential.rst").read_text()
    listed = {plain(item) for item in re.findall(r"^\* (.*?)(?=\n\* |\n\n|\Z)", differential,
                                                 flags=re.M | re.S)}
    used = {entry.reason for entry in allowed.ENTRIES}
    for name, (kind, text) in allowed.REASONS.items():
        found = text in platform if kind == allowed.PLATFORM else text in listed
        differences = [] if found else [("undocumented", f"{kind}: {text}")]
        if name not in used:
            differences.append(("unused", "no entry has this reason"))
        yield f"documented/{name}", differences
    reasons = {text for kind, text in allowed.REASONS.values() if kind != allowed.PLATFORM}
    section = differential[differential.index("Allowed differences"):]
    items = {plain(item) for item in re.findall(r"^\* (.*?)(?=\n\* |\n\n|\Z)", section,
                                                flags=re.M | re.S)}
    stray = sorted(items - reasons)
    yield "documented/nothing else", [("stray", text) for text in stray]
