"""Outputs by name, which people read, and by number, which the API format has: each way as far as classes are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from graphrun.formats.ui import Definitions
from graphrun.kernel.checks import slot_among
from graphrun.kernel.workflow import Link, Misread, Node, Workflow

_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def with_slot_names(workflow: Workflow, definitions: Definitions) -> Workflow:
    """Return the workflow with outputs named where the name is one word that only one output of its class has."""

    def named(link: Link) -> Link:
        names = _output_names(workflow.nodes, link.node_id, definitions)
        if not isinstance(link.slot, int) or not 0 <= link.slot < len(names):
            return link
        name = names[link.slot]
        is_clear = _PLAIN_NAME.fullmatch(name) and slot_among(names, name) == link.slot
        return replace(link, slot=name) if is_clear else link

    return _relinked(workflow, named)


def with_slot_numbers(workflow: Workflow, definitions: Definitions) -> Workflow:
    """Return the workflow with outputs by number. A name that no known class has becomes a Misread."""

    def numbered(link: Link) -> Link | Misread:
        if isinstance(link.slot, int):
            return link
        slot = slot_among(_output_names(workflow.nodes, link.node_id, definitions), link.slot)
        return Misread(None, "bad_slot", _unknown(workflow, link)) if slot is None else replace(link, slot=slot)

    return _relinked(workflow, numbered)


def _unknown(workflow: Workflow, link: Link) -> str:
    return (
        f"links to output {link.slot!r} of {workflow.label(link.node_id)}, and which number that has is not known; "
        "write the number, or give the class's definition with --definitions"
    )


def _output_names(nodes: Mapping[str, Node], node_id: str, definitions: Definitions) -> Sequence[str]:
    definition = definitions.find(nodes[node_id].class_type) if node_id in nodes else None
    return definition.output_names if definition else ()


def _relinked(workflow: Workflow, change: Callable[[Link], Link | Misread]) -> Workflow:
    nodes = {
        node_id: replace(
            node,
            inputs={name: change(value) if isinstance(value, Link) else value for name, value in node.inputs.items()},
        )
        for node_id, node in workflow.nodes.items()
    }
    return replace(workflow, nodes=nodes)
