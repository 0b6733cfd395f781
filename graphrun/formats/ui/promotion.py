"""The values a subgraph's host carries for widgets inside it: three generations of them (workflow-formats.md, 2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphrun.formats.ui.document import INPUT_SIDE, Border, Graph, UiInput, UiLink, UiNode
from graphrun.formats.ui.lenient import as_list, as_mapping, identity
from graphrun.formats.ui.positions import CONTROL_NAME
from graphrun.formats.ui.widgets import Unplaced

OWN = "-1"
"""The id that stands for the host's own promoted input in ``proxyWidgets``."""

WidgetAt = tuple[str, str]
"""The id of an inner node, and the name of its widget."""


@dataclass(frozen=True, slots=True)
class HostValues:
    """What a host says: a value per promoted input, and per inner node values laid over its widgets."""

    promoted: Mapping[str, object] = field(default_factory=dict)
    laid_over: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


class Promotions:
    """Knows which inputs of each definition stand for a widget inside; each definition is looked through once."""

    def __init__(self, subgraphs: Mapping[str, Graph]) -> None:
        self._subgraphs = subgraphs
        self._targets: dict[int, dict[str, tuple[UiNode, UiInput]]] = {}

    def host_values(self, host: UiNode, graph: Graph, from_outside: Mapping[str, object]) -> HostValues:
        """Return the values of a host. ``from_outside``: what the host around this one laid over it, by widget name.

        A null is "no value": the inner node keeps its own.
        """
        targets = self._targets_in(graph)
        names = [border.name for border in graph.inputs if border.name in targets and self._is_promoted(border, graph)]
        proxies = list(_proxies(host))
        pairs = list(_pairs(host, names, proxies))
        for name, value in from_outside.items():
            pairs.append(((OWN, name) if name in targets else _proxied(name, proxies), value))
        by_node: dict[str, dict[str, object]] = {}
        for (id, name), value in pairs:
            if value is not None:
                by_node.setdefault(id, {})[name] = value
        return HostValues(by_node.pop(OWN, {}), by_node)

    def _is_promoted(self, border: Border, graph: Graph) -> bool:
        """Follow an input's first inner link, through nested hosts, to the widget it ends in, if it does."""
        seen: set[int] = set()
        name = border.name
        while id(graph) not in seen:
            seen.add(id(graph))
            node, slot = self._targets_in(graph).get(name, (None, None))
            if node is None or slot is None:
                return False
            if slot.widget is not None:
                return True
            inner = self._subgraphs.get(node.type)
            if inner is None:
                return False
            graph, name = inner, slot.name
        return False

    def _targets_in(self, graph: Graph) -> dict[str, tuple[UiNode, UiInput]]:
        """Return where the first inner link of each input ends, by the input's name."""
        if id(graph) not in self._targets:
            self._targets[id(graph)] = dict(_first_targets(graph))
        return self._targets[id(graph)]


def _first_targets(graph: Graph) -> Iterator[tuple[str, tuple[UiNode, UiInput]]]:
    by_slot: dict[int, UiLink] = {}
    for link in graph.links.values():
        if link.origin == INPUT_SIDE:
            by_slot.setdefault(link.origin_slot, link)
    for index, border in enumerate(graph.inputs):
        drawn = (graph.links[id] for id in border.link_ids if id in graph.links)
        first = next(drawn, None) or by_slot.get(index)
        target = graph.nodes.get(first.target) if first else None
        slot = next((each for each in target.inputs if first and each.link == first.id), None) if target else None
        if target is not None and slot is not None:
            yield border.name, (target, slot)


def _pairs(host: UiNode, names: Sequence[str], proxies: Sequence[WidgetAt]) -> Iterator[tuple[WidgetAt, object]]:
    named = host.named or (as_mapping(host.values) if not as_list(host.values) else {})
    listed = _without_trailing_nulls(as_list(host.values), len(names))
    places = _places(listed, names, proxies)
    if places is not None:
        yield from zip(places, listed, strict=False)
    elif not named:
        lost = Unplaced(tuple(listed))
        yield from ((place, lost) for place in dict.fromkeys([*((OWN, name) for name in names), *proxies]))
    yield from (((OWN, name), named[name]) for name in names if name in named)


def _places(listed: Sequence[object], names: Sequence[str], proxies: Sequence[WidgetAt]) -> Sequence[WidgetAt] | None:
    """Return which widgets the listed values belong to, or None where their number fits nothing."""
    visible = [each for each in proxies if not each[1].startswith("$$")]
    valued = [each for each in visible if each[1] != CONTROL_NAME]
    own = [(OWN, name) for name in names]
    readings: Iterable[Sequence[WidgetAt]] = (proxies, visible, valued, own) if proxies else (own,)
    return next((places for places in readings if len(places) == len(listed)), None if listed else [])


def _without_trailing_nulls(listed: list[object], wanted: int) -> list[object]:
    while len(listed) > wanted and listed[-1] is None:
        listed = listed[:-1]
    return listed


def _proxies(host: UiNode) -> Iterator[WidgetAt]:
    for entry in as_list(host.properties.get("proxyWidgets")):
        pair = as_list(entry)
        id, name = (identity(pair[0]), pair[1]) if len(pair) >= 2 else (None, None)
        if id is not None and isinstance(name, str):
            yield id, name


def _proxied(name: str, proxies: Iterable[WidgetAt]) -> WidgetAt:
    return next((each for each in proxies if each[1] == name), (OWN, name))
