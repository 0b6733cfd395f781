"""The API format, ComfyUI's "prompt": node id → class and inputs. The form every other one is turned into.

(workflow-formats.md, 1; comfyui-execution.md, 1.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphrun.errors import Problem
from graphrun.formats.document import Dialect, keys_repeated
from graphrun.formats.values import MAX_DEPTH, TooDeepError
from graphrun.kernel.workflow import BoundFile, Given, Link, Misread, Node, Workflow

COMPANIONS = frozenset({"client_id", "extra_data", "version", "extra"})
"""Keys beside the nodes that real files have and that are no nodes (workflow-formats.md, 0)."""


@dataclass(slots=True)
class Reading:
    """What was read from a graph so far: the nodes, and what is wrong or noteworthy."""

    nodes: dict[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def is_node(value: object) -> bool:
    """Return whether this is a node of the API format: an object that names its class."""
    return isinstance(value, Mapping) and isinstance(value.get("class_type"), str)


def read_nodes(graph: Mapping[Any, object], dialect: Dialect) -> Reading:
    """Read every node of a graph. Never raises: all that is wrong is in the result."""
    reading = Reading()
    reading.problems += [
        Problem("duplicate_key", f"the id {id!r} is given to more than one node", node_id=id)
        for id in keys_repeated(graph)
    ]
    entries = _entries(graph, dialect, reading)
    for node_id, entry in entries.items():
        faults = list(_faults(node_id, entry))
        if isinstance(entry, Mapping) and not faults:
            reading.nodes[node_id] = _read_node(node_id, entry, entries, dialect, reading)
        reading.problems += faults
    return reading


def _entries(graph: Mapping[Any, object], dialect: Dialect, reading: Reading) -> dict[str, object]:
    """Return what should be nodes, by id. Notes and companions are left out."""
    entries: dict[str, object] = {}
    for key, value in graph.items():
        node_id = str(key)  # a mapping made by a program may have whole numbers
        if node_id.startswith("_") and dialect.notes_start_underscored:
            continue
        if not is_node(value) and (node_id.startswith("_") or node_id in COMPANIONS):
            reading.warnings.append(f"{node_id!r} is no node; ignored")
        elif node_id in entries:
            message = f"the id {node_id!r} is given to more than one node"
            reading.problems.append(Problem("duplicate_key", message, node_id=node_id))
        else:
            entries[node_id] = value
    return entries


def _faults(node_id: str, entry: object) -> Iterator[Problem]:
    """Yield what keeps an entry from being a node at all."""
    if not isinstance(entry, Mapping):
        yield Problem("not_a_node", "is no node, which is an object with class_type and inputs", node_id=node_id)
        return
    class_type, title = entry.get("class_type"), _title(entry)
    named = class_type if isinstance(class_type, str) else None
    if not node_id:
        yield Problem("bad_node_id", "a node needs an id that is not empty", node_id, named, title)
    if not named:
        yield Problem("missing_node_type", "has no class_type, the name of the node's class", node_id, None, title)
    for key in keys_repeated(entry):
        yield Problem("duplicate_key", f"has {key!r} more than once", node_id, named, title)
    for name in keys_repeated(entry.get("inputs")):
        yield Problem("duplicate_key", "is given more than once", node_id, named, title, name)
    if not isinstance(entry.get("inputs"), Mapping | None):
        yield Problem("bad_inputs", "its inputs must be an object: name → value", node_id, named, title)


def _read_node(node_id: str, entry: Mapping[str, Any], ids: Container[str], dialect: Dialect, reading: Reading) -> Node:
    class_type, title = entry["class_type"], _title(entry)
    inputs: dict[str, object] = {}
    for name, value in (entry.get("inputs") or {}).items():
        try:
            inputs[str(name)] = dialect.read_value(value, ids)
        except TooDeepError:
            message = f"is nested more than {MAX_DEPTH} levels deep"
            reading.problems.append(Problem("too_deep", message, node_id, class_type, title, str(name)))
    return Node(class_type, inputs, title)


def _title(entry: Mapping[str, object]) -> str | None:
    """``_meta.title`` as ComfyUI writes it, or ``title`` as a person does."""
    meta = entry.get("_meta")
    found = entry.get("title", meta.get("title") if isinstance(meta, Mapping) else None)
    return found if isinstance(found, str) else None


def dump_api(workflow: Workflow) -> dict[str, Any]:
    """Return the workflow in API form, fit for ``json.dumps``: what saved pictures carry and ComfyUI loads.

    Lossless for ids, classes, titles and inputs that came from a file; ``load`` reads it back. A bound file becomes
    its base name. Values only a program can give (``Given``, tensors) are left out: a stand-in would be taken for a
    real value, a missing input is reported. NaN and infinities become null. A slot a YAML file names stays a name,
    which ComfyUI can't read: resolve it first.
    """
    return {node_id: _dumped(node) for node_id, node in workflow.nodes.items()}


def _dumped(node: Node) -> dict[str, Any]:
    dumped: dict[str, Any] = {
        "inputs": {name: written for name, value in node.inputs.items() for written in _written(value)},
        "class_type": node.class_type,
    }
    return dumped if node.title is None else {**dumped, "_meta": {"title": node.title}}


def _written(value: object) -> Iterator[Any]:
    """Yield the value as JSON has it, or nothing where JSON can't hold it."""
    match value:
        case Link(node_id, slot):
            yield [node_id, slot]
        case BoundFile(name):
            yield name
        case Misread(original):
            yield from _as_json(original)
        case Given():
            return
        case list() | tuple():
            yield from ({"__value__": items} for items in _as_json(value))
        case dict() if "__value__" in value:
            yield from ({"__value__": wrapped} for wrapped in _as_json(value))
        case _:
            yield from _as_json(value)


def _as_json(value: object) -> Iterator[Any]:
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        yield value
        return
    try:
        yield finite_copy(value)
    except (TypeError, ValueError, RecursionError):
        return


def finite_copy(value: object) -> Any:
    """Return a copy of a JSON value with null for NaN and infinities, as ComfyUI's own client reads them (4.4).

    Raises TypeError, ValueError or RecursionError for what JSON can't hold.
    """
    return json.loads(json.dumps(value), parse_constant=lambda name: None)
