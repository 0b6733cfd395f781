"""The editor's document as it was saved: nodes, links, subgraph definitions (workflow-formats.md, 2.1 to 2.4).

Read leniently: what can't be read is left out with a warning, and the rest of the file still loads. Ids are text
everywhere, since files mix numbers and text. Nothing here follows a link or knows a node class.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from graphrun.formats.ui.lenient import ANY, as_list, as_mapping, identity, text_or_none, type_name, whole

NEVER, BYPASS = 2, 4
"""The two modes that matter; 1 and 3 are legacy and behave like 0."""

INPUT_SIDE, OUTPUT_SIDE = "-10", "-20"
"""The nodes of a subgraph's border: one gives the host's inputs, the other collects its outputs."""


@dataclass(frozen=True, slots=True)
class UiInput:
    """An input slot. ``link`` is the id of the link that feeds it; ``widget`` names the widget it belongs to."""

    name: str
    type: str = ANY
    link: str | None = None
    widget: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class UiLink:
    """A link. Only its origin counts; the target says which side it was drawn to, and may be stale."""

    id: str
    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(frozen=True, slots=True)
class UiNode:
    """A node. ``values`` and ``named`` are its widgets' values as saved: by position (or name), and by name."""

    id: str
    type: str
    mode: int = 0
    title: str | None = None
    inputs: tuple[UiInput, ...] = ()
    outputs: tuple[str, ...] = ()
    """The types of the output slots."""
    values: object = None
    named: Mapping[str, object] | None = None
    properties: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Border:
    """An input or output of a subgraph. ``link_ids`` are the inner links, in the order they were drawn."""

    name: str
    type: str = ANY
    link_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and links of the root or of one subgraph definition, which alone has a ``name`` and borders."""

    nodes: Mapping[str, UiNode] = field(default_factory=dict)
    links: Mapping[str, UiLink] = field(default_factory=dict)
    name: str = ""
    inputs: tuple[Border, ...] = ()
    outputs: tuple[Border, ...] = ()
    repeated: frozenset[str] = frozenset()
    """Ids that several wired nodes carry: no link to them can be told apart. The first node is kept."""


@dataclass(frozen=True, slots=True)
class UiDocument:
    """A whole file: the root graph, every subgraph definition by id, and the legacy group nodes by name."""

    root: Graph
    subgraphs: Mapping[str, Graph] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_document(value: Mapping[str, object]) -> UiDocument:
    """Read a parsed UI file. Never raises: what makes no sense is left out, and told in a warning."""
    warnings: list[str] = []
    return UiDocument(
        root=_graph(value, warnings),
        subgraphs=dict(_subgraphs(value, warnings)),
        groups=dict(_groups(value)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def read_node(raw: Mapping[str, object], id: str) -> UiNode | None:
    """Read a node; None where it names no class."""
    kind = raw.get("type")
    if not isinstance(kind, str) or not kind:
        return None
    named = raw.get("widgets_values_named")
    return UiNode(
        id=id,
        type=kind,
        mode=whole(raw.get("mode"), 0),
        title=text_or_none(raw.get("title")),
        inputs=tuple(_inputs(raw.get("inputs"))),
        outputs=tuple(type_name(as_mapping(slot).get("type")) for slot in as_list(raw.get("outputs"))),
        values=raw.get("widgets_values"),
        named=named if isinstance(named, Mapping) else None,
        properties=as_mapping(raw.get("properties")),
    )


def _graph(raw: Mapping[str, object], warnings: list[str]) -> Graph:
    links = {link.id: link for link in _links(raw.get("links"), warnings)}
    nodes: dict[str, UiNode] = {}
    repeated: set[str] = set()
    for node in _nodes(raw.get("nodes"), warnings):
        if node.id not in nodes:
            nodes[node.id] = node
            continue
        warnings.append(f"two nodes have the id {node.id!r}; the second, a {node.type}, is left out")
        if _is_wired(node) and _is_wired(nodes[node.id]):
            repeated.add(node.id)
    return Graph(
        nodes,
        links,
        name=text_or_none(raw.get("name")) or "",
        inputs=tuple(_borders(raw.get("inputs"))),
        outputs=tuple(_borders(raw.get("outputs"))),
        repeated=frozenset(repeated),
    )


def _nodes(raw: object, warnings: list[str]) -> Iterator[UiNode]:
    for position, entry in enumerate(as_list(raw)):
        id = identity(as_mapping(entry).get("id"))
        node = None if id is None else read_node(as_mapping(entry), id)
        if node is None:
            warnings.append(f"nodes[{position}] is no node with an id and a type; left out")
        else:
            yield node


def _is_wired(node: UiNode) -> bool:
    return bool(node.outputs) or any(slot.link is not None for slot in node.inputs)


def _inputs(raw: object) -> Iterator[UiInput]:
    for entry in as_list(raw):
        if not isinstance(entry, Mapping):
            continue
        widget, name = entry.get("widget"), entry.get("name")
        widget_name = text_or_none(as_mapping(widget).get("name"))
        if isinstance(widget, Mapping) and widget_name is None:
            widget_name = text_or_none(name)
        label = text_or_none(entry.get("label"))
        yield UiInput(
            name if isinstance(name, str) else widget_name or "",
            type_name(entry.get("type")),
            identity(entry.get("link")),
            widget_name,
            label,
        )


def _links(raw: object, warnings: list[str]) -> Iterator[UiLink]:
    """Read links in both shapes, mixed as they come: lists of five or six items, and objects."""
    for position, entry in enumerate(as_list(raw)):
        if entry is None:
            continue
        match entry:
            case [id, origin, origin_slot, target, target_slot, *_]:
                pass
            case {"id": id, "origin_id": origin, "origin_slot": origin_slot, "target_id": target, **rest}:
                target_slot = rest.get("target_slot")
            case _:
                id = origin = target = origin_slot = target_slot = None
        ids = [identity(each) for each in (id, origin, target)]
        if ids[0] is None or ids[1] is None or ids[2] is None:
            warnings.append(f"links[{position}] is no link with an id and two ends; left out")
            continue
        yield UiLink(ids[0], ids[1], whole(origin_slot), ids[2], whole(target_slot))


def _borders(raw: object) -> Iterator[Border]:
    for entry in as_list(raw):
        slot = as_mapping(entry)
        name = slot.get("name")
        ids = tuple(id for each in as_list(slot.get("linkIds")) if (id := identity(each)) is not None)
        yield Border(name if isinstance(name, str) else "", type_name(slot.get("type")), ids)


def _subgraphs(document: Mapping[str, object], warnings: list[str]) -> Iterable[tuple[str, Graph]]:
    """Yield every definition, those that a definition carries itself included. The first of an id wins."""
    pending = [document]
    seen: set[str] = set()
    while pending:
        definitions = as_mapping(pending.pop().get("definitions"))
        for entry in as_list(definitions.get("subgraphs")):
            raw = as_mapping(entry)
            id = identity(raw.get("id"))
            if id is None:
                warnings.append("a subgraph definition has no id; left out")
            elif id not in seen:
                seen.add(id)
                yield id, _graph(raw, warnings)
                pending.append(raw)


def _groups(document: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, group in as_mapping(as_mapping(document.get("extra")).get("groupNodes")).items():
        if isinstance(name, str) and isinstance(group, Mapping):
            yield name, group
