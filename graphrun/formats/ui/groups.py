"""Legacy group nodes, read as a subgraph of one host each (workflow-formats.md, 2.5).

Their inner nodes have numbers for ids; the host carries the values of all inner widgets in one list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from graphrun.formats.ui.definitions import Definitions
from graphrun.formats.ui.document import INPUT_SIDE, OUTPUT_SIDE, Border, Graph, UiInput, UiLink, UiNode, read_node
from graphrun.formats.ui.lenient import as_list, as_mapping, identity, whole
from graphrun.formats.ui.positions import Style, align
from graphrun.formats.ui.widgets import Unplaced

Slot = tuple[str, int]
"""An inner node's id and the number of one of its slots."""

_PREFIXES = ("workflow>", "workflow/")
_MOST_PLACES = 1000


def group_name(type: str) -> str | None:
    """Return the name of the group a node type stands for, or None."""
    return next((type[len(prefix) :] for prefix in _PREFIXES if type.startswith(prefix)), None)


def size_of(group: Mapping[str, object] | None) -> int:
    """Return how many nodes and links a group has, as far as they count."""
    return sum(len(as_list((group or {}).get(key))) for key in ("nodes", "links", "external"))


def group_graph(host: UiNode, group: Mapping[str, object], definitions: Definitions) -> Graph:
    """Return a group as the graph of its one host: values given to the inner nodes, slots wired to the border."""
    nodes = {node.id: node for node in _inner_nodes(group)}
    nodes = {node.id: node for node in _with_values(list(nodes.values()), host, definitions)}
    inner = list(_inner_links(group))
    wired = _Wiring(nodes, {(link.target, link.target_slot): link.id for link in inner})
    config = as_mapping(group.get("config"))
    entries = list(_entries(wired, config, host))
    exits = list(_exits(nodes, inner, group, config))
    links = {link.id: link for link in (*inner, *_border_links(entries, exits))}
    feeds: dict[str, dict[int, str]] = {}
    for link in links.values():
        feeds.setdefault(link.target, {})[link.target_slot] = link.id
    return Graph(
        {id: _linked(node, feeds.get(id, {})) for id, node in nodes.items()},
        links,
        name=group_name(host.type) or host.type,
        inputs=tuple(Border(name) for name, _ in entries),
        outputs=tuple(Border("", nodes[id].outputs[slot]) for id, slot in exits),
    )


@dataclass(frozen=True, slots=True)
class _Wiring:
    """The inner nodes, and which of their input slots have a link inside."""

    nodes: Mapping[str, UiNode]
    linked: Mapping[Slot, str]


def _inner_nodes(group: Mapping[str, object]) -> Iterator[UiNode]:
    for position, entry in enumerate(as_list(group.get("nodes"))):
        raw = as_mapping(entry)
        node = read_node(raw, identity(raw.get("index")) or str(position))
        if node is not None:
            yield node


def _inner_links(group: Mapping[str, object]) -> Iterator[UiLink]:
    for position, entry in enumerate(as_list(group.get("links"))):
        match entry:
            case [source, source_slot, target, target_slot, *_]:
                ends = identity(source), identity(target)
                if ends[0] is not None and ends[1] is not None:  # without a source, it came from outside
                    yield UiLink(f"inner{position}", ends[0], whole(source_slot), ends[1], whole(target_slot))


def _with_values(nodes: Sequence[UiNode], host: UiNode, definitions: Definitions) -> Iterator[UiNode]:
    """Deal the host's values out to the inner nodes, as many to each as it has places."""
    values = as_list(host.values)
    own = [len(as_list(node.values)) for node in nodes]
    counts = next((each for each in (_counts(nodes, values, definitions, own), own) if sum(each) == len(values)), None)
    start = 0
    for index, node in enumerate(nodes):
        if not values:  # the group was never changed: each node keeps what it had
            yield node
        elif counts is None:
            yield replace(node, values=Unplaced(tuple(values[:100])) if own[index] else None, named=None)
        else:
            yield replace(node, values=values[start : start + counts[index]], named=None)
            start += counts[index]


def _counts(
    nodes: Sequence[UiNode], values: Sequence[object], definitions: Definitions, own: Sequence[int]
) -> list[int]:
    """Return how many places each node's class has today, or what it was saved with where nobody defines it."""
    counts: list[int] = []
    start = 0
    for node, saved in zip(nodes, own, strict=True):
        definition = definitions.find(node.type)
        taken = align(definition, values[start : start + _MOST_PLACES], Style()).taken if definition else ()
        counts.append(len(taken) if definition else saved)
        start += counts[-1]
    return counts


def _entries(wired: _Wiring, config: Mapping[str, object], host: UiNode) -> Iterator[tuple[str, Slot]]:
    """Yield the host's input names with the inner slots they feed: sockets by order, widgets by name."""
    free = [
        (id, index)
        for id, node in wired.nodes.items()
        for index, slot in enumerate(node.inputs)
        if (id, index) not in wired.linked and not _is_hidden(config, id, "input", slot.name)
    ]
    sockets = [at for at in free if _slot(wired, at).widget is None]
    widgets = [at for at in free if _slot(wired, at).widget is not None]
    own = [slot for slot in host.inputs if slot.widget is None]
    by_order = len(own) == len(sockets)
    for index, slot in enumerate(own):
        at = sockets[index] if by_order else _named(wired, sockets, slot)
        if at is not None:
            yield slot.name, at
    for slot in host.inputs:
        at = _named(wired, widgets, slot) if slot.widget is not None else None
        if at is not None:
            yield slot.name, at


def _named(wired: _Wiring, slots: Sequence[Slot], wanted: UiInput) -> Slot | None:
    """Return the inner slot a host's slot is named after: as it is, or with its node's title or type before it."""
    for at in slots:
        node, name = wired.nodes[at[0]], _slot(wired, at).name
        if wanted.name in (name, f"{node.title} {name}", f"{node.type} {name}"):
            return at
    return None


def _slot(wired: _Wiring, at: Slot) -> UiInput:
    return wired.nodes[at[0]].inputs[at[1]]


def _exits(
    nodes: Mapping[str, UiNode], links: Sequence[UiLink], group: Mapping[str, object], config: Mapping[str, object]
) -> Iterator[Slot]:
    """Yield the inner outputs the host shows: not linked inside, used outside as well, or shown by choice."""
    used = {(link.origin, link.origin_slot) for link in links}
    external = set()
    for entry in as_list(group.get("external")):
        pair = as_list(entry)
        if len(pair) >= 2:
            external.add((identity(pair[0]), whole(pair[1])))
    for id, node in nodes.items():
        for slot in range(len(node.outputs)):
            shown = _visible(config, id, "output", str(slot))
            if shown is not False and ((id, slot) not in used or (id, slot) in external or shown):
                yield id, slot


def _border_links(entries: Sequence[tuple[str, Slot]], exits: Sequence[Slot]) -> Iterator[UiLink]:
    for index, (_, (id, slot)) in enumerate(entries):
        yield UiLink(f"in{index}", INPUT_SIDE, index, id, slot)
    for index, (id, slot) in enumerate(exits):
        yield UiLink(f"out{index}", id, slot, OUTPUT_SIDE, index)


def _linked(node: UiNode, feeds: Mapping[int, str]) -> UiNode:
    """Write the links into the slots they feed."""
    return replace(node, inputs=tuple(replace(slot, link=feeds.get(index)) for index, slot in enumerate(node.inputs)))


def _is_hidden(config: Mapping[str, object], id: str, side: str, name: str) -> bool:
    return _visible(config, id, side, name) is False


def _visible(config: Mapping[str, object], id: str, side: str, name: str) -> object:
    return as_mapping(as_mapping(as_mapping(config.get(id)).get(side)).get(name)).get("visible")
