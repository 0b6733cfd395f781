"""Nodes that a node puts in its place while the run goes on (comfyui-execution.md, 5.8).

Local ids become ``<parent>.<call>.<local>``. Where nesting makes that long, the parent is shortened to a digest, so ids
stay bounded however deep a loop recurses.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from blake3 import blake3

from graphrun.kernel.calls import Merged, Values, merge
from graphrun.kernel.checks import Source
from graphrun.kernel.node_types import CallResult, Output
from graphrun.kernel.workflow import Link, Node

_LONGEST_PARENT = 64


@dataclass(frozen=True, slots=True)
class Expanded:
    """What a node's calls gave when at least one expanded: the new nodes, and outputs with links among their items."""

    nodes: Mapping[str, Node]
    outputs: Merged


def expand(
    node_id: str, results: Sequence[CallResult], outputs: Sequence[Output], *, taken: Container[str] = ()
) -> Expanded:
    """Give every expansion among a node's call results its own ids, none of them ``taken``.

    Raises TypeError where a call gave another number of values than there are outputs.
    """
    nodes: dict[str, Node] = {}
    renamed: list[CallResult] = []
    for index, result in enumerate(results):
        if result.expansion is None:
            renamed.append(result)
            continue
        prefix = _free_prefix(f"{_short(node_id)}.{index}", result.expansion.nodes, taken)
        ids = {local: prefix + local for local in result.expansion.nodes}
        nodes.update((ids[local], _renamed(node, ids)) for local, node in result.expansion.nodes.items())
        renamed.append(CallResult(tuple(_link(value, ids) for value in result.expansion.slots), result.ui))
    return Expanded(nodes, merge(renamed, outputs))


def gather(outputs: Merged, values: Mapping[str, Sequence[Values]]) -> Merged:
    """Put values in the place of links: each slot keeps the whole list that a link brings.

    ComfyUI splices such lists into the row of slots, which shifts all that follow; we don't.
    """
    slots = tuple([each for item in slot for each in _fetched(item, values)] for slot in outputs.slots)
    return Merged(slots, outputs.ui)


def _fetched(item: object, values: Mapping[str, Sequence[Values]]) -> Values:
    return values[item.node_id][item.slot] if isinstance(item, Source) else (item,)


def _free_prefix(base: str, local_ids: Iterable[str], taken: Container[str]) -> str:
    """Return ``base.``, numbered where that makes an id there is: a file may use dots, and a step may expand again."""
    prefixes = (f"{base}." if number == 1 else f"{base}~{number}." for number in count(1))
    return next(prefix for prefix in prefixes if not any(prefix + local in taken for local in local_ids))


def _short(node_id: str) -> str:
    if len(node_id) <= _LONGEST_PARENT:
        return node_id
    return f"{node_id.partition('.')[0][:_LONGEST_PARENT]}.~{blake3(node_id.encode()).hexdigest()[:12]}"


def _renamed(node: Node, ids: Mapping[str, str]) -> Node:
    return replace(node, inputs={name: _link(value, ids) for name, value in node.inputs.items()})


def _link(value: object, ids: Mapping[str, str]) -> object:
    if isinstance(value, Link) and value.node_id in ids:
        return replace(value, node_id=ids[value.node_id])
    return value
