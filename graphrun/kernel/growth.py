"""Plans the nodes that came up in a run, as strictly as those of a file: no call is made of anything invalid."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass

import networkx as nx

from graphrun.errors import Problem, WorkflowError
from graphrun.kernel.calls import Merged
from graphrun.kernel.checks import CheckedNode, NodeChecker, Source, Surroundings, bad_slot, slot_number
from graphrun.kernel.expansion import Expanded
from graphrun.kernel.plan import Step, make_step
from graphrun.kernel.survey import cycle_message, needs_classes
from graphrun.kernel.workflow import Link, Node


@dataclass(frozen=True, slots=True)
class Growth:
    """New steps in order, and the outputs of the node they came from, links among them by number of slot."""

    steps: Mapping[str, Step]
    outputs: Merged

    @property
    def results(self) -> dict[str, None]:
        """The steps whose values those outputs hold, each once."""
        return {item.node_id: None for slot in self.outputs.slots for item in slot if isinstance(item, Source)}


def plan_expansion(
    expanded: Expanded, nodes: MutableMapping[str, Node], steps: MutableMapping[str, Step], around: Surroundings
) -> Growth:
    """Check what a node expanded into and order it. ``nodes`` and ``steps`` are those there were; neither is changed.

    Raises WorkflowError with every problem.
    """
    survey = _Survey(expanded.nodes, ChainMap(dict(expanded.nodes), nodes), steps, around)
    outputs = survey.resolved(expanded.outputs)
    order = survey.order()
    if survey.problems:
        raise WorkflowError(survey.problems)
    grown: dict[str, Step] = {}
    earlier = ChainMap(grown, steps)
    for node_id in order:
        grown[node_id] = make_step(survey.checked[node_id], earlier, around)
    return Growth(grown, outputs)


class _Survey:
    """One look over the new nodes: what is in them, and what is wrong with them."""

    def __init__(
        self, new: Mapping[str, Node], nodes: Mapping[str, Node], steps: Mapping[str, Step], around: Surroundings
    ) -> None:
        self.problems: list[Problem] = []
        self.checked: dict[str, CheckedNode] = {}
        self._new = new
        self._nodes = nodes
        self._steps = steps
        self._types = around.types
        self._checker = NodeChecker(nodes, around)
        for node_id, node in new.items():
            self._check(node_id, node)

    def order(self) -> list[str]:
        """Order the new nodes, sources first, ties by their place; report a cycle."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self._new)
        graph.add_edges_from((source, node_id) for node_id, source in self._edges() if source in self._new)
        try:
            position = {node_id: index for index, node_id in enumerate(self._new)}
            return list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))
        except nx.NetworkXUnfeasible:
            path = [edge[0] for edge in nx.find_cycle(graph)]
            self.problems.append(Problem("dependency_cycle", cycle_message(path, self._nodes)))
            return []

    def resolved(self, outputs: Merged) -> Merged:
        """Return the outputs with a `Source` for each link; report links that lead nowhere."""
        slots = tuple([self._resolved(item) for item in slot] for slot in outputs.slots)
        return Merged(slots, outputs.ui)

    def _check(self, node_id: str, node: Node) -> None:
        if node.class_type not in self._types:
            message = needs_classes([node.class_type], self._types)
            self.problems.append(self._checker.problem("missing_node_type", node_id, node, None, message))
            return
        self.checked[node_id], findings = self._checker.check(node_id)
        self.problems.extend(self._checker.problems(node_id, findings))
        self.problems.extend(self._strangers(node_id, self.checked[node_id].links))

    def _strangers(self, node_id: str, links: Mapping[str, Source]) -> Iterator[Problem]:
        """Links to nodes of the file that this run has no use for: they were not planned."""
        for name, source in links.items():
            if source.node_id not in self._new and source.node_id not in self._steps:
                message = f"links to {source.node_id!r}, which is no part of this run"
                yield self._checker.problem("missing_link_source", node_id, self._new[node_id], name, message)

    def _edges(self) -> Iterable[tuple[str, str]]:
        return ((node_id, link.node_id) for node_id, each in self.checked.items() for link in each.links.values())

    def _resolved(self, item: object) -> object:
        if not isinstance(item, Link):
            return item
        if item.node_id not in self._new and item.node_id not in self._steps:
            message = f"its result links to {item.node_id!r}, which is no part of this run"
            self.problems.append(Problem("missing_link_source", message))
            return item
        source_type = self._types.get(self._nodes[item.node_id].class_type)
        slot = slot_number(source_type, item.slot) if source_type else 0
        if source_type and slot is None:
            self.problems.append(Problem("bad_slot", f"its result {bad_slot(item, source_type)}"))
        return Source(item.node_id, slot or 0)
