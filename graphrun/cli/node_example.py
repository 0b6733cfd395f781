"""An example of a node in YAML, made from what its class declares."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.node_types import MISSING, Autogrow, DynamicCombo, Input, NodeType

_EXAMPLES = {"STRING": "text", "BOOLEAN": False, "COMBO": "choice", "COLOR": "#ff8800"}


def example_lines(node_type: NodeType) -> Iterator[str]:
    """Yield a YAML example of the node. ``$source`` stands for a node of the reader's.

    It has the required inputs, the first of each growing one, and the branches of a switch: without any of them the
    node says little.
    """
    yield "example:"
    yield f"  class_type: {node_type.name}"
    inputs = _example_inputs(node_type)
    yield "  inputs:" if inputs else "  inputs: {}"
    yield from (f"    {name}: {value}" for name, value in inputs.items())


def _example_inputs(node_type: NodeType) -> dict[str, str]:
    """Choose until no choice brings further inputs."""
    given: dict[str, object] = {}
    while missing := [each for each in _telling(node_type.inputs, given) if each.name not in given]:
        given.update({declared.name: _example_value(declared) for declared in missing})
    chosen = [(each.name, given[each.name]) for each in finalise(node_type.inputs, given) if each.name in given]
    return {name: value if isinstance(value, _Source) else literal(value) for name, value in chosen}


def _telling(declared: tuple[Input, ...], given: Mapping[str, object]) -> Iterator[Input]:
    for each in finalise(declared, given):
        if each.required or each.lazy:
            yield each
        elif isinstance(each.dynamic, Autogrow):
            yield replace(each.dynamic.template, name=f"{each.name}.{each.dynamic.names[0]}")


class _Source(str):
    """A link in an example."""

    __slots__ = ()


def _example_value(declared: Input) -> object:
    if declared.widget.file:
        return "photo.png"
    if declared.widget.linked:
        return _source(declared)
    for value in (declared.widget.default, declared.default, *options_of(declared)):
        if value is not MISSING and value is not None:
            return value
    first = declared.type.partition(",")[0]
    if first in ("INT", "FLOAT"):
        return _nearest_to_zero(declared)
    return _EXAMPLES[first] if first in _EXAMPLES else _source(declared)


def _source(declared: Input) -> _Source:
    first = declared.type.partition(",")[0]
    return _Source(f"$source.{first}" if first.isalpha() else "$source")


def _nearest_to_zero(declared: Input) -> float:
    least = 0 if declared.minimum is None else max(0, declared.minimum)
    return least if declared.maximum is None else min(least, declared.maximum)


def options_of(declared: Input) -> tuple[object, ...]:
    """Return what may be chosen for an input, whatever its kind of choice."""
    return tuple(declared.dynamic.options) if isinstance(declared.dynamic, DynamicCombo) else declared.options or ()


def literal(value: object) -> str:
    """Return a literal as YAML and JSON have it; quotes keep text from being read as anything else."""
    return json.dumps(value, ensure_ascii=False, default=str)
