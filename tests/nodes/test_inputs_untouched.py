"""No node modifies its inputs: results are cached and shared (image-mask-nodes.md, 1.1).

Every node of the pack is run once, each choice of a dynamic input by itself, with inputs made up from its declaration.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from graphrun import Autogrow, DynamicCombo, Input, NodeType, call
from graphrun.imaging import encode_png
from graphrun_nodes import pack

TYPES = {node_type.name: node_type for node_type in pack}

FILE = encode_png(np.zeros((4, 4, 4), dtype=np.uint8))
FOLDER = "pictures"  # an option where a declaration names none: what it means is the user's own


def digest(value: object) -> str:
    """Return a digest of a value, however deep the tensors in it lie."""
    match value:
        case torch.Tensor():
            told = (
                f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()}"
            )
        case Mapping():
            told = ", ".join(f"{key!r}: {digest(each)}" for key, each in value.items())
        case list() | tuple():
            told = ", ".join(map(digest, value))
        case _:
            told = repr(value)
    return f"{type(value).__name__}({told})"


def members(declared: Input, choice: str) -> Iterator[Input]:
    """Yield an input with those it brings, under their dotted names: of a choice, or the first two of a growing one."""
    match declared.dynamic:
        case DynamicCombo(options=options):
            wanted = choice if choice in options else next(iter(options))
            yield Input(name=declared.name, type="COMBO", options=(wanted,))
            nested = options[wanted]
        case Autogrow(template=template, names=names):
            nested = tuple(replace(template, name=name) for name in names[:2])
        case _:
            yield declared
            return
    for member in nested:
        for each in members(member, choice):
            yield replace(each, name=f"{declared.name}.{each.name}")


def made_up(declared: Input) -> object:
    """Return a value that an input takes: the editor's default, a first option, or a small one of its type.

    Not 0, with which many nodes have nothing to do.
    """
    if declared.widget.file:
        return FILE
    if declared.options:
        return declared.options[0]
    kind = declared.type.partition(",")[0]
    default = declared.widget.default
    if isinstance(default, int | float | str | bool):
        return 2 if kind == "INT" and default == 0 else default
    return SAMPLES[kind]()


SAMPLES: Mapping[str, Any] = {
    "IMAGE": lambda: torch.rand(2, 70, 72, 3) * 1.5 - 0.25,
    "MASK": lambda: torch.rand(2, 70, 72) * 1.5 - 0.25,
    "*": lambda: torch.ones(1, 1, 1, 1),
    "BOUNDING_BOX": lambda: {"x": 3, "y": 4, "width": 20, "height": 10},
    "HISTOGRAM": lambda: [[0] * 256],
    "CURVE": lambda: {"points": [[0, 0], [1, 1]]},
    "DICT": lambda: {"a": 1},
    "ARRAY": lambda: [[1, 2]],
    "SVG": lambda: "<svg></svg>",
    "INT": lambda: 1,
    "FLOAT": lambda: 0.5,
    "STRING": lambda: "a",
    "BOOLEAN": lambda: True,
    "COLOR": lambda: "#336699",
    "COMBO": lambda: FOLDER,
}


def cases() -> Iterator[tuple[str, str, bool]]:
    """Yield each node, each choice of its dynamic input by itself; one that takes masks also with masks of two axes.

    Services are no business of this test.
    """
    for name, node_type in TYPES.items():
        choices = [
            choice
            for each in node_type.inputs
            if isinstance(each.dynamic, DynamicCombo)
            for choice in each.dynamic.options
        ]
        if node_type.services:
            continue
        yield from ((name, choice, False) for choice in choices or [""])
        if any(each.type == "MASK" for each in node_type.inputs):
            yield name, "", True


def inputs_of(node_type: NodeType, choice: str) -> dict[str, object]:
    """Return the inputs of a node, save optional ones of which only their node knows what they hold."""
    flat = [member for declared in node_type.inputs for member in members(declared, choice)]
    return {
        each.name: made_up(each)
        for each in flat
        if each.required or each.options or each.type.partition(",")[0] in SAMPLES
    }


@pytest.mark.parametrize(("name", "choice", "flat_masks"), list(cases()))
def test_no_node_modifies_its_inputs(name: str, choice: str, *, flat_masks: bool, tmp_path: Path) -> None:
    """Every tensor, list and mapping is afterwards what it was before."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "one.png").write_bytes(FILE)
    inputs = inputs_of(TYPES[name], choice)
    if flat_masks:
        inputs |= {each.name: torch.rand(70, 72) for each in TYPES[name].inputs if each.type == "MASK"}
    before = digest(inputs)
    call(name, inputs, cache="off", input_dir=tmp_path, output_dir=tmp_path, temp_dir=tmp_path / "temp")
    assert digest(inputs) == before


def test_a_change_deep_in_an_input_would_be_seen() -> None:
    """In a tensor, in a list, in a mapping."""
    values = {"a": [torch.zeros(2, 2), {"b": 1}]}
    before = digest(values)
    values["a"][0][1, 1] = 1
    assert digest(values) != before
