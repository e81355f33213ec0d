# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU has added to QMP and taken from it after stock's 7.2, as far as this emulator has it: the only
differences of members that the comparison of schemas and of answers lets pass. A member is named by its
command or event and where in its arguments or return value it is; members of lists have their list's place.
Sources: the QMP reference manual of 10.2."""

CAME, WENT = "came", "went"

# (command or event, member): (what happened, in which version)
MEMBERS = {
    ("query-machines", "return.acpi"): (CAME, "8.0"),
    ("query-status", "return.singlestep"): (WENT, "10.2"),
}


def without(value, path):
    """The value, a JSON one, without the member at the end of `path`."""
    if isinstance(value, list):
        return [without(element, path) for element in value]
    if not isinstance(value, dict):
        return value
    return {key: without(element, path[1:]) if path[1:] else element
            for key, element in value.items() if key != path[0] or path[1:]}


def forget(name, ours, stock):
    """Both replies to the command without what came to ours, and without what went of stock's."""
    for (command, member), (what, _) in MEMBERS.items():
        if command == name:
            path = member.split(".")
            if what == CAME:
                ours = without(ours, path)
            else:
                stock = without(stock, path)
    return ours, stock
