"""A workflow → the YAML form, to be read and edited by people (workflow-formats.md, 5).

Every node and input keeps its id, name and place in the order; nodes are written one below the other, texts of
several lines as such, links as ``$node.OUTPUT``. Comments say what the file itself can't: a class's title, a value's
other options, what loading had against a node.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from graphrun.errors import FileFormatError, UsageError
from graphrun.formats.dump_slots import with_slot_names
from graphrun.formats.dump_yaml_scalars import (
    LONGEST_COMMENT,
    block_lines,
    comment,
    flow,
    key_text,
    link_text,
    scalar_text,
)
from graphrun.formats.origin import Origin
from graphrun.formats.ui import Definitions
from graphrun.formats.ui.definitions import ClassDefinition, InputSpec, declared
from graphrun.formats.yaml import parse_yaml
from graphrun.kernel.workflow import Address, BoundFile, Control, Link, Misread, Node, Workflow

_MOST_OPTIONS = 6
_LINK_BY_TEXT = re.compile(r"[0-9]{1,9}|[A-Za-z_]\w*", re.ASCII)


def dump_yaml(workflow: Workflow, definitions: Definitions | None = None) -> str:
    """Return the workflow as YAML text, which `load` reads back to equal nodes.

    With ``definitions``, outputs are named, and numbers that stand for a text are quoted, as the YAML form wants it.
    An id that starts with ``_``, which YAML keeps for notes, is written without that; see `renamed_ids`. A bound file
    becomes its base name. Raises UsageError for values that no file holds (NaN, ``Given``, tensors), FileFormatError
    where the workflow is more than YAML is read for.
    """
    known = definitions or Definitions()
    named = with_slot_names(_renamed(workflow), known)
    text = "\n".join([*_Writer(named, known, _remarks(named)).lines(), ""])
    _check(text)
    return text


def renamed_ids(workflow: Workflow) -> Mapping[str, str]:
    """Return the ids that the YAML form can't have, and what each becomes."""
    taken = {node_id for node_id in workflow.nodes if not node_id.startswith("_")}
    renamed: dict[str, str] = {}
    for node_id in workflow.nodes:
        if node_id.startswith("_"):
            base = node_id.lstrip("_") or "node"
            number = 1
            while (free := base if number == 1 else f"{base}_{number}") in taken:
                number += 1
            taken.add(free)
            renamed[node_id] = free
    return renamed


def _renamed(workflow: Workflow) -> Workflow:
    renamed = renamed_ids(workflow)
    if not renamed:
        return workflow

    def relinked(value: object) -> object:
        is_renamed = isinstance(value, Link) and value.node_id in renamed
        return replace(value, node_id=renamed[value.node_id]) if isinstance(value, Link) and is_renamed else value

    nodes = {
        renamed.get(node_id, node_id): replace(
            node, inputs={name: relinked(value) for name, value in node.inputs.items()}
        )
        for node_id, node in workflow.nodes.items()
    }
    problems = tuple(replace(each, node_id=renamed.get(each.node_id or "", each.node_id)) for each in workflow.problems)
    targets = tuple(renamed.get(target, target) for target in workflow.targets)
    controls = {
        replace(at, node_id=renamed.get(at.node_id, at.node_id)): each for at, each in workflow.controls.items()
    }
    return replace(workflow, nodes=nodes, problems=problems, targets=targets, controls=controls)


def _check(text: str) -> None:
    """Read the text as every reader will: YAML is read with limits that JSON doesn't have."""
    try:
        parse_yaml(text, Origin())
    except FileFormatError as error:
        reason = replace(error.problems[0], place=None)
        raise FileFormatError([replace(reason, message=f"can't be written as YAML, use API JSON: {reason}")]) from None


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes lines; ``definitions`` only decide comments and quotes."""

    workflow: Workflow
    definitions: Definitions
    remarks: Mapping[str, list[str]]

    def lines(self) -> Iterator[str]:
        name = self.workflow.path.name if self.workflow.path else "a workflow"
        yield comment(f"Converted by graphrun from {name}.")
        wrapped = bool(self.workflow.targets)
        if wrapped:
            yield from ("", "version: 1", f"outputs: {flow(list(self.workflow.targets))}", "nodes:")
        for node_id, node in self.workflow.nodes.items():
            yield ""
            yield from (f"  {line}" if wrapped and line else line for line in self._node(node_id, node))

    def _node(self, node_id: str, node: Node) -> Iterator[str]:
        definition = self.definitions.find(node.class_type)
        yield from self.remarks.get(node_id, ())
        yield f"{key_text(node_id)}:"
        yield f"  class_type: {scalar_text(node.class_type)}{_called(node, definition)}"
        if node.title is not None:
            yield f"  title: {scalar_text(node.title)}"
        yield "  inputs:" if node.inputs else "  inputs: {}"
        for name, value in node.inputs.items():
            spec = declared(definition, name, node.inputs) if definition else None
            first, *more = self._value(Address(node_id, name), value, spec)
            yield f"    {key_text(name)}: {first}"
            yield from (f"      {line}" if line else "" for line in more)

    def _value(self, at: Address, value: object, spec: InputSpec | None) -> list[str]:
        """Return the lines of a value. Raises UsageError where it has no written form."""
        try:
            return self._written(value, spec, self.workflow.controls.get(at))
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"{self.workflow.label(at.node_id)}: {at.input}: no file can hold this: {error}") from None

    def _written(self, value: object, spec: InputSpec | None, control: Control | None) -> list[str]:
        match value:
            case Link():
                return [self._link(value)]
            case BoundFile(name):
                return [scalar_text(name)]
            case Misread(original):
                return [flow(original)]
            case str():
                text = f"${value}" if value.startswith("$") else value
                return block_lines(text) or [f"{scalar_text(text)}{_others(value, spec)}"]
            case list() | tuple():
                return [flow({"__value__": value})]
            case dict() if "__value__" in value:
                return [flow({"__value__": value})]
            case int() | float() if spec and spec.type == "STRING" and not isinstance(value, bool):
                return [flow(json.dumps(value, allow_nan=False))]  # a number in YAML is none of the texts
        return [f"{flow(value)}{_drawn(control)}{_others(value, spec)}"]

    def _link(self, link: Link) -> str:
        """``$id.slot``, unless that could be read as something else; then ``[id, slot]``."""
        by_text = link.node_id in self.workflow.nodes and not link.node_id.startswith("$")
        if by_text and _LINK_BY_TEXT.fullmatch(str(link.slot)):
            return link_text(f"${link.node_id}.{link.slot}")
        return flow([link.node_id, link.slot])


def _remarks(workflow: Workflow) -> dict[str, list[str]]:
    """Return what loading had against each node, as comments."""
    remarks: dict[str, list[str]] = {}
    for each in workflow.problems:
        told = f"{each.input}: {each.message}" if each.input else each.message
        remarks.setdefault(each.node_id or "", []).append(comment(told))
    return remarks


def _called(node: Node, definition: ClassDefinition | None) -> str:
    """Return what the editor calls a node that has no title of its own."""
    name = definition.display_name if definition and node.title is None else None
    return f"  {comment(name)}" if name and name != node.class_type else ""


def _others(value: object, spec: InputSpec | None) -> str:
    """Return the other options of a short list."""
    choices = spec.choices if spec and spec.choices else ()
    others = ", ".join(str(choice) for choice in choices if choice != value)
    is_short = value in choices and 1 < len(choices) <= _MOST_OPTIONS and len(others) < LONGEST_COMMENT
    return f"  {comment(f'or {others}')}" if is_short else ""


def _drawn(control: Control | None) -> str:
    """Return what the editor does to a seed; nothing where it is left alone."""
    return f"  {comment(f'{control.mode} after each run')}" if control and control.mode != "fixed" else ""
