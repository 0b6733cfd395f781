"""One look over a workflow: what is wanted, what is wrong, and what that rules out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import networkx as nx

from graphrun.errors import Problem, node_label
from graphrun.kernel.checks import CheckedNode, Findings, NodeChecker, Surroundings
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Node, Workflow, did_you_mean

# Words in the names of ComfyUI's classes that compute with models on the machine itself.
_MODEL_WORDS = (
    "Checkpoint", "CLIP", "ControlNet", "Conditioning", "Guidance", "Guider", "Latent", "Lora", "LoRA", "Model",
    "Noise", "Sampler", "Scheduler", "Sigmas", "UNET", "UNet", "VAE",
)  # fmt: skip

# How alike a class and its misspelling are. Below this are other classes altogether: the names of many share words.
_SLIP = 0.75


class Survey:
    """Looks from the targets backwards, once, and draws its conclusions.

    ``targets`` are the nodes whose results are wanted: those given, else those the file asks for, else all output
    nodes. ``refused`` holds those of them that can't run, each with a sentence; ``checked`` every node that was
    reached and whose class is known. Where nothing is wanted everything is looked at: an output may be what is missing.
    """

    def __init__(self, workflow: Workflow, around: Surroundings, targets: Sequence[str]) -> None:
        self.checked: dict[str, CheckedNode] = {}
        self.warnings: list[str] = list(workflow.warnings)
        self._workflow = workflow
        self._types = around.types
        self._checker = NodeChecker(workflow.nodes, around, quoted_text=workflow.quoted_text, by_hand=workflow.by_hand)
        self._position = {node_id: index for index, node_id in enumerate(workflow.nodes)}
        self._problems: list[Problem] = []
        self._findings: dict[str, Findings] = {}
        self._sources: dict[str, Collection[str]] = {}
        self.targets = self._targets(targets or workflow.targets)
        self._explore(self.targets or workflow.nodes)
        self._graph = self._graph_of(self._sources)
        self._tell_findings()
        self._tell_of_loading()
        bad = {id for problem in self._problems if (id := problem.node_id) in self._sources} | self._cycles()
        self.refused = self._refuse(bad)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, with line and column where the workflow's form has them."""
        return tuple(self._placed(problem) for problem in self._problems)

    def order(self, targets: Iterable[str]) -> list[str]:
        """Order what the targets need: sources first, ties by place in the file."""
        needed = self._reachable(targets)
        graph = self._graph if len(needed) == len(self._sources) else self._graph_of(needed)
        return list(nx.lexicographical_topological_sort(graph, key=self._position.__getitem__))

    def _targets(self, named: Sequence[str]) -> tuple[str, ...]:
        nodes = self._workflow.nodes
        for target in named:
            if target not in nodes:
                message = f"output {target!r} is asked for, but is not in the workflow{did_you_mean(target, nodes)}"
                self._problems.append(Problem("unknown_target", message))
        if named:
            return tuple(dict.fromkeys(target for target in named if target in nodes))
        targets = self._output_nodes()
        if not targets:
            self._problems.append(Problem("prompt_no_outputs", _no_outputs(self._workflow)))
        return targets

    def _output_nodes(self) -> tuple[str, ...]:
        """Output nodes; and nodes of unknown class that nobody reads, which were outputs somewhere."""
        read = {link.node_id for node in self._workflow.nodes.values() for _, link in node.links}
        return tuple(id for id, node in self._workflow.nodes.items() if self._is_output(id, node, read))

    def _is_output(self, node_id: str, node: Node, read: Collection[str]) -> bool:
        node_type = self._types.get(node.class_type)
        return node_type.output_node if node_type else node_id not in read

    def _explore(self, start: Iterable[str]) -> None:
        """Look at nodes, and at all they read, directly or not."""
        pending = list(start)
        while pending:
            node_id = pending.pop()
            if node_id not in self._sources:
                self._sources[node_id] = self._look_at(node_id)
                pending.extend(self._sources[node_id])

    def _look_at(self, node_id: str) -> Collection[str]:
        """Check one node and return what it reads."""
        nodes = self._workflow.nodes
        if nodes[node_id].class_type not in self._types:
            return dict.fromkeys(link.node_id for _, link in nodes[node_id].links if link.node_id in nodes)
        self.checked[node_id], found = self._checker.check(node_id)
        self._findings[node_id] = found
        return found.sources

    def _tell_findings(self) -> None:
        """Tell what was found, in the order of the file; what was ignored, in one warning."""
        ignored: list[str] = []
        for node_id in sorted(self._findings, key=self._position.__getitem__):
            found = self._findings[node_id]
            self._problems.extend(self._checker.problems(node_id, found))
            self.warnings.extend(f"{self._label(node_id)}: {warning}" for warning in found.warnings)
            if found.ignored:
                ignored.append(f"{self._workflow.label(node_id)}: {', '.join(found.ignored)}")
        if ignored:
            self.warnings.append(f"inputs that their nodes don't know are ignored ({'; '.join(ignored)})")

    def _tell_of_loading(self) -> None:
        """Tell what loading found wrong with nodes that are needed, and with what never became a node.

        Not of classes that aren't installed: that alone keeps such a node from running, and is told.
        """
        untold = self._workflow.nodes.keys() - self._findings.keys()
        self._problems += [problem for problem in self._workflow.problems if problem.node_id not in untold]

    def _graph_of(self, nodes: Collection[str]) -> nx.DiGraph[str]:
        """Return the links among some nodes, in an order that depends on the file alone."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(nodes)
        graph.add_edges_from((source, node) for node in nodes for source in self._sources[node] if source in nodes)
        return graph

    def _reachable(self, targets: Iterable[str]) -> dict[str, None]:
        """The targets and everything they read, directly or not."""
        found = dict.fromkeys(targets)
        pending = list(found)
        while pending:
            for source in self._sources[pending.pop()]:
                if source not in found:
                    found[source] = None
                    pending.append(source)
        return found

    def _cycles(self) -> set[str]:
        """Report each cycle once, by its path; return every node that is on one."""
        on_cycles: set[str] = set()
        if nx.is_directed_acyclic_graph(self._graph):
            return on_cycles
        for component in nx.strongly_connected_components(self._graph):
            ring = dict.fromkeys(sorted(component, key=self._position.__getitem__))
            graph = self._graph_of(ring)
            if graph.size():
                on_cycles |= component
                self._problems.append(self._cycle_problem([edge[0] for edge in nx.find_cycle(graph)]))
        return on_cycles

    def _cycle_problem(self, path: list[str]) -> Problem:
        nodes = self._workflow.nodes
        message = f"{cycle_message(path, nodes)}; cut one of these links"
        return self._checker.problem("dependency_cycle", path[0], nodes[path[0]], None, message)

    def _refuse(self, bad: set[str]) -> dict[str, str]:
        """Find the targets that need a bad node or a class that isn't installed, and say so per target."""
        missing = {node_id for node_id in self._sources if node_id not in self.checked}
        spoiled = self._readers_of(bad | missing)
        return {target: self._reason(target, bad, missing) for target in self.targets if target in spoiled}

    def _readers_of(self, nodes: Iterable[str]) -> set[str]:
        found = set(nodes)
        pending = list(found)
        while pending:
            fresh = [reader for reader in self._graph.successors(pending.pop()) if reader not in found]
            found.update(fresh)
            pending.extend(fresh)
        return found

    def _reason(self, target: str, bad: set[str], missing: set[str]) -> str:
        needed = self._reachable([target])
        absent = sorted((node_id for node_id in needed if node_id in missing), key=self._position.__getitem__)
        if absent:
            classes = dict.fromkeys(self._workflow.nodes[node_id].class_type for node_id in absent)
            packs = {pack: None for node_id in absent if (pack := self._workflow.nodes[node_id].pack)}
            message = needs_classes(list(classes), self._types, list(packs))
            node = self._workflow.nodes[target]
            self._problems.append(self._checker.problem("missing_node_type", target, node, None, message))
            return f"output {self._label(target)} {message}"
        faulty = [self._label(node_id) for node_id in needed if node_id in bad and node_id != target]
        shown = ", ".join(faulty[:5]) + (f" and {len(faulty) - 5} more" if len(faulty) > 5 else "")
        return f"output {self._label(target)} can't run {f'because of {shown}' if faulty else 'as it is'}"

    def _label(self, node_id: str) -> str:
        node = self._workflow.nodes[node_id]
        return node_label(node_id, node.class_type, self._checker.title(node))

    def _placed(self, problem: Problem) -> Problem:
        places = self._workflow.places
        at = places.get((problem.node_id or "", problem.input or "")) or places.get((problem.node_id or "", ""))
        if at is None:
            return problem
        name = self._workflow.path.name if self._workflow.path else "workflow"
        return replace(problem, place=f"{name}:{at[0]}:{at[1]}")


def cycle_message(path: Sequence[str], nodes: Mapping[str, Node]) -> str:
    """Return the sentence about a cycle, each node of its ``path`` read by the next; a long one is shortened."""
    steps = [f"{node_id} ({nodes[node_id].class_type})" for node_id in [*path, path[0]]]
    shown = steps if len(steps) <= 12 else [*steps[:6], f"… {len(steps) - 12} more …", *steps[-6:]]
    return f"Dependency cycle detected: {' -> '.join(shown)}"


def needs_classes(classes: Sequence[str], types: Mapping[str, NodeType], packs: Sequence[str] = ()) -> str:
    """Return the sentence about classes that aren't installed, worded for people. ``packs`` are what has them."""
    shown = ", ".join(classes[:6]) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")
    if any(word in name for name in classes for word in _MODEL_WORDS):
        return f"needs {shown}: local models, which graphrun does not run"
    hint = did_you_mean(classes[0], types, _SLIP) if len(classes) == 1 and not packs else ""
    hint = f"; the file has it from {', '.join(packs[:3])}" if packs else hint
    return f"needs {shown}, which no installed node pack has{hint} (`graphrun nodes list` shows what there is)"


def _no_outputs(workflow: Workflow) -> str:
    if not workflow.nodes:
        return "the workflow has no nodes"
    return (
        "Prompt has no outputs: add a node that saves or shows something (SaveImage, PreviewImage), or name a --target"
    )
