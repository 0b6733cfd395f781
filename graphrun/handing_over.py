"""Puts what a caller hands over where a workflow can hold it: files and texts for inputs, values for a single node."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from graphrun.errors import UsageError
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.node_types import Input, NodeType
from graphrun.kernel.workflow import Address, BoundFile, Given, Node, Workflow
from graphrun.options import FileSource

ONLY_NODE = "1"
"""The id of the node in a workflow of one."""

_LITERAL_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


def single_node(node_type: NodeType, inputs: Mapping[str, object]) -> Workflow:
    """Return a workflow of one node whose inputs are literals, or values handed over: see `Engine.call`."""
    declared = {each.name: each for each in finalise(node_type.inputs, inputs)}
    given = {name: _as_given(declared.get(name, Input(name=name)), value) for name, value in inputs.items()}
    by_hand = frozenset(Address(ONLY_NODE, name) for name in given)
    return Workflow({ONLY_NODE: Node(node_type.name, given)}, by_hand=by_hand)


def _as_given(input: Input, value: object) -> object:
    if isinstance(value, Mapping) and "__value__" in value:  # as the API format wraps a list that is no link
        return _as_one_value(input, value["__value__"])
    if isinstance(value, list) and not _is_one_value(input, value):
        return Given(tuple(value))
    return _as_one_value(input, value)


def _is_one_value(input: Input, items: list[object]) -> bool:
    """Whether a list is a value, not a list of values. A list of lists is the latter: it can be told from no other."""
    return input.list_value and not (items and all(isinstance(item, list) for item in items))


def _as_one_value(input: Input, value: object) -> object:
    if input.widget.file and isinstance(value, bytes | os.PathLike):
        return _bound_file(input.name, value)
    literal = input.dynamic is not None or input.type in _LITERAL_TYPES or input.widget.file
    return value if literal else Given((value,))


def bound_files(files: Mapping[str, FileSource]) -> dict[str, BoundFile]:
    """Bind files by ``NODE.INPUT``. Raises UsageError where one isn't there."""
    return {address: _bound_file(address, source) for address, source in files.items()}


def value_of(text: str, declared: Input | None) -> object:
    """Return what a text means for an input. Numbers stay text: the plan converts them, and reports what doesn't fit.

    Where no text is wanted, JSON objects and lists are read, and so are numbers for an input of several types.
    """
    if declared is None or declared.type == "STRING":
        return text
    if declared.options is not None:
        return next((option for option in declared.options if str(option) == text), text)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text
    members = declared.type.split(",")
    mixed = len(members) > 1 and "STRING" not in members and isinstance(parsed, bool | int | float)
    return parsed if mixed or isinstance(parsed, dict | list) else text


def declared_input(workflow: Workflow, node_id: str, name: str, types: Mapping[str, NodeType]) -> Input | None:
    """Return what a node's type declares of an input, given what the node carries; None where it declares none."""
    node = workflow.nodes[node_id]
    node_type = types.get(node.class_type)
    inputs = finalise(node_type.inputs, node.inputs) if node_type else ()
    return next((declared for declared in inputs if declared.name == name), None)


def _bound_file(address: str, source: FileSource) -> BoundFile:
    """Bind a file the user named. Raises UsageError where there is none."""
    if isinstance(source, bytes):
        return BoundFile(f"{address}.bytes", source)
    path = Path(source)
    if path.is_dir():
        raise UsageError(f"{address}={path}: is a folder, not a file")
    if not path.is_file():
        raise UsageError(f"{address}={path}: there is no such file")
    return BoundFile(path.name, path)
