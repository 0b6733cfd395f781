"""Dynamic inputs: declared once, written as flat dotted keys, handed to the function as nested dicts.

``finalise`` makes an ordinary flat table of the inputs that exist for one node, given the keys it carries; ``fold``
puts flat values back under their root (comfyui-execution.md, 3.5). Both walk explicit stacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from graphrun.kernel.node_types import Autogrow, DynamicCombo, Input


def finalise(declared: Iterable[Input], given: Mapping[str, object]) -> list[Input]:
    """Return the inputs that exist, members right after their root, under their full dotted names."""
    pending = list(declared)[::-1]
    flat: list[Input] = []
    while pending:
        current = pending.pop()
        flat.append(current)
        pending.extend(reversed(list(_members(current, given))))
    return flat


def _members(root: Input, given: Mapping[str, object]) -> Iterator[Input]:
    match root.dynamic:
        case DynamicCombo(options=options):
            choice = given.get(root.name)
            for member in options.get(choice, ()) if isinstance(choice, str) else ():
                yield replace(member, name=f"{root.name}.{member.name}")
        case Autogrow(template=template, names=names, minimum=minimum):
            for index, name in enumerate(names):
                full = f"{root.name}.{name}"
                required = template.required and index < minimum
                if required or full in given:
                    yield replace(template, name=full, required=required)


def fold(inputs: Iterable[Input], values: Mapping[str, object]) -> dict[str, object]:
    """Return arguments by root name from flat ``values``. Only members of dynamic inputs are nested.

    A choice is stored inside its dict under its own last name; a growing input without members is ``{}``.
    """
    folded = dict(values)
    holders: dict[str, dict[str, object]] = {}
    for declared in inputs:
        name = declared.name
        root, _, last = name.rpartition(".")
        holder = holders.get(root, folded)
        key = last if root in holders else name
        if name in values and holder is not folded:
            holder[key] = folded.pop(name)
        if isinstance(declared.dynamic, Autogrow):
            holder[key] = holders[name] = {}
        elif isinstance(declared.dynamic, DynamicCombo) and name in values:
            holder[key] = holders[name] = {last: values[name]}
    return folded
