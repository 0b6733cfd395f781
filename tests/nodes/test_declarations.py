"""What nodes declare, against ``declared.txt``: the tables of image-mask-nodes.md in its own notation (1.2).

An entry is a class, “display name”, category and flags; then inputs, ``?`` where they are optional, ``=`` the editor's
default (or the function's), ``[least..most / step]``, ``{options}`` with what they bring, ``linked`` where the editor
has no field; then outputs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphrun import Autogrow, DynamicCombo, Input, NodeType
from graphrun.kernel.node_types import MISSING
from graphrun_nodes import pack

TABLE = Path(__file__).with_name("declared.txt").read_text(encoding="utf-8")
ENTRIES = {entry.split()[0]: " ".join(entry.split()) for entry in re.split(r"\n(?=\S)", TABLE.strip())}
TYPES: dict[str, NodeType] = {node_type.name: node_type for node_type in pack}


def written(node_type: NodeType) -> str:
    """Return a declaration as the table writes it."""
    flags = {"OUT": node_type.output_node, "LIST-IN": node_type.list_input}
    head = [node_type.name, f"“{node_type.display_name}”" if node_type.display_name else "", "·", node_type.category]
    outputs = [
        output.type + (f" {output.name}" if output.name != output.type else "") + (" list" if output.is_list else "")
        for output in node_type.outputs
    ]
    parts = [*head, *(flag for flag, given in flags.items() if given), written_inputs(node_type.inputs)]
    return " ".join(filter(None, [*parts, "->", ", ".join(outputs)]))


def written_inputs(inputs: tuple[Input, ...]) -> str:
    return ", ".join(map(written_input, inputs))


def written_input(declared: Input) -> str:
    name = declared.name + ("" if declared.required else "?")
    match declared.dynamic:
        case DynamicCombo(options=options):
            kind = f"{{{' | '.join(written_option(*option) for option in options.items())}}}"
        case Autogrow(template=template, names=names, minimum=minimum):
            kind = f"{names[0]} … {names[-1]} {template.type} ({minimum} at least)"
        case _:
            kind = f"{{{' | '.join(map(str, declared.options))}}}" if declared.options else declared.type
    default = declared.default if declared.widget.default is MISSING else declared.widget.default
    shown = "" if default is MISSING or default is None else f" = {default!r}"
    return f"{name} {kind}{shown}{written_limits(declared)}{written_marks(declared)}"


def written_marks(declared: Input) -> str:
    return (" linked" if declared.widget.linked else "") + (" lazy" if declared.lazy else "")


def written_limits(declared: Input) -> str:
    step = "" if declared.widget.step is None else f" / {declared.widget.step}"
    return "" if declared.minimum is None else f" [{declared.minimum}..{declared.maximum}{step}]"


def written_option(option: str, members: tuple[Input, ...]) -> str:
    return option + (f": {written_inputs(members)}" if members else "")


@pytest.mark.parametrize("name", ENTRIES)
def test_a_node_declares_what_the_reference_says(name: str) -> None:
    """Names, types, order, defaults, limits, options, lists; and every node says what it does."""
    assert written(TYPES[name]) == ENTRIES[name]
    assert TYPES[name].help


def test_the_table_leaves_no_node_out() -> None:
    """But for those of image services, which are described elsewhere."""
    assert ENTRIES.keys() == {node_type.name for node_type in pack if not node_type.services}
