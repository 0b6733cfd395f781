"""Subgraphs laid open: one scope for each use of a definition, with a path of its own (workflow-formats.md, 2.4, 3.1).

Only hosts that are active are opened: what is inside a muted or bypassed one is never emitted. A definition inside
itself, and growth without measure, are found while opening; nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphrun.errors import FileFormatError, Problem
from graphrun.formats.ui.definitions import Definitions
from graphrun.formats.ui.document import BYPASS, NEVER, OUTPUT_SIDE, Graph, UiDocument, UiInput, UiLink, UiNode
from graphrun.formats.ui.groups import group_graph, group_name, size_of
from graphrun.formats.ui.promotion import HostValues, Promotions

MAX_OPENED = 20_000
"""How many nodes, links and slots all opened subgraphs may have together. The largest real file has under 1000."""

MAX_DEPTH = 64
MAX_PATH = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """One use of a graph. ``path`` stands before the ids of its nodes; ``inside`` are the scopes of its hosts."""

    path: str
    graph: Graph
    parent: Scope | None = None
    host: UiNode | None = None
    values: HostValues = field(default_factory=HostValues)
    inside: dict[str, Scope] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Hosts that can't be opened, and why."""
    slots: Mapping[str, UiInput] = field(default_factory=dict)
    """The slots of the host, by name."""
    ways_out: Mapping[int, UiLink] = field(default_factory=dict)
    """The first link into each output."""

    def id_of(self, node: UiNode) -> str:
        """Return the id of a node in the whole workflow."""
        return f"{self.path}{node.id}"

    def walk(self) -> Iterator[tuple[Scope, UiNode]]:
        """Yield every node of this scope and those inside, hosts included, in the order of the file."""
        open_scopes: list[tuple[Scope, Iterator[UiNode]]] = [(self, iter(self.graph.nodes.values()))]
        while open_scopes:
            scope, nodes = open_scopes[-1]
            node = next(nodes, None)
            if node is None:
                open_scopes.pop()
                continue
            yield scope, node
            if node.id in scope.inside:
                inner = scope.inside[node.id]
                open_scopes.append((inner, iter(inner.graph.nodes.values())))

    def link_into(self, slot: UiInput, node: UiNode) -> UiLink | None:
        """Return the link that feeds a slot; None where it is gone, or was drawn to another node."""
        link = self.graph.links.get(slot.link) if slot.link is not None else None
        return link if link is not None and link.target == node.id else None

    def first_link_out(self, output: int) -> UiLink | None:
        """Return the first link into an output of this graph."""
        return self.ways_out.get(output)

    def host_slot(self, index: int) -> UiInput | None:
        """Return the host's slot for an input of its graph: by name, or by number where slots have no names."""
        if self.host is None or not 0 <= index < len(self.graph.inputs):
            return None
        by_number = self.host.inputs[index] if "" in self.slots and index < len(self.host.inputs) else None
        return self.slots.get(self.graph.inputs[index].name) or by_number

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


def open_scopes(document: UiDocument, definitions: Definitions) -> Scope:
    """Return the root with every active host opened. Raises FileFormatError where that grows without measure."""
    root = Scope("", document.root)
    opener = _Opener(document, definitions)
    pending = [root]
    while pending:
        pending.extend(opener.open_hosts(pending.pop()))
    return root


def is_host(node: UiNode, document: UiDocument) -> bool:
    """Return whether a node stands for a graph."""
    name = group_name(node.type)
    return node.type in document.subgraphs or (name is not None and name in document.groups)


class _Opener:
    def __init__(self, document: UiDocument, definitions: Definitions) -> None:
        self._document = document
        self._definitions = definitions
        self._promotions = Promotions(document.subgraphs)
        self._opened = 0

    def open_hosts(self, scope: Scope) -> Iterator[Scope]:
        for node in scope.graph.nodes.values():
            if not is_host(node, self._document) or node.mode in (NEVER, BYPASS):
                continue
            ring = _ring(scope, node)
            if ring:
                scope.broken[node.id] = f"a subgraph contains itself: {' -> '.join(ring)}"
                continue
            scope.inside[node.id] = self._open(scope, node)
            yield scope.inside[node.id]

    def _open(self, scope: Scope, host: UiNode) -> Scope:
        path = f"{scope.id_of(host)}:"
        group = self._document.groups.get(group_name(host.type) or "")
        graph = self._document.subgraphs.get(host.type)
        size = size_of(group) if graph is None else len(graph.nodes) + len(graph.links) + len(graph.inputs)
        self._opened += 1 + size
        if self._opened > MAX_OPENED or path.count(":") > MAX_DEPTH or len(path) > MAX_PATH:
            message = f"its subgraphs open up to more than {MAX_OPENED} nodes and links, or {MAX_DEPTH} levels"
            raise FileFormatError([Problem("too_large", message)])
        slots = {slot.name: slot for slot in reversed(host.inputs)}
        if graph is None:
            graph = group_graph(host, group or {}, self._definitions)
            return Scope(path, graph, scope, host, slots=slots, ways_out=_ways_out(graph))
        values = self._promotions.host_values(host, graph, scope.values.laid_over.get(host.id, {}))
        return Scope(path, graph, scope, host, values, slots=slots, ways_out=_ways_out(graph))


def _ring(scope: Scope, node: UiNode) -> list[str]:
    """Return the names of the graphs from a definition to its use inside itself; nothing where there is none."""
    names: list[str] = []
    for around in scope.outwards():
        if around.host is None:
            break
        names.append(around.graph.name or around.host.type)
        if around.host.type == node.type:
            return [*reversed(names), names[-1]]
    return []


def _ways_out(graph: Graph) -> dict[int, UiLink]:
    found: dict[int, UiLink] = {}
    for link in graph.links.values():
        if link.target == OUTPUT_SIDE:
            found.setdefault(link.target_slot, link)
    return found
