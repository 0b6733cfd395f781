"""A plan: the part of a workflow its targets need, checked, ordered and keyed. Nothing has run by then.

All problems are found at once, each at its place. Outputs that are valid can run while others are refused. Every walk
is iterative: a chain of 100,000 nodes plans and runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import networkx as nx

from graphrun.errors import Problem, node_label
from graphrun.kernel.cache_key import CacheKey, step_key
from graphrun.kernel.checks import CheckedNode, NodeChecker, Source, Surroundings
from graphrun.kernel.dynamic_inputs import fold
from graphrun.kernel.node_types import Input, NodeType
from graphrun.kernel.workflow import Node, Workflow, did_you_mean

# Words in the names of ComfyUI's classes that compute with models on the machine itself.
_MODEL_WORDS = (
    "Checkpoint", "CLIP", "ControlNet", "Conditioning", "Guidance", "Guider", "Latent", "Lora", "LoRA", "Model",
    "Noise", "Sampler", "Scheduler", "Sigmas", "UNET", "UNet", "VAE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan: its type found, its literals converted, its links by slot number, its key known."""

    node_id: str
    label: str
    type: NodeType
    inputs: tuple[Input, ...]
    literals: Mapping[str, object]
    links: Mapping[str, Source]
    lazy: frozenset[str] = frozenset()
    key: CacheKey | None = None
    title: str | None = None

    @property
    def reads(self) -> dict[str, None]:
        """The steps this one can't start without, each once."""
        return {link.node_id: None for name, link in self.links.items() if name not in self.lazy}

    @property
    def may_read(self) -> dict[str, None]:
        """The steps this one may come to need."""
        return {link.node_id: None for name, link in self.links.items() if name in self.lazy}


@dataclass(frozen=True)
class Plan:
    """What will run, in order, and what can't.

    ``steps`` are in a deterministic topological order. ``targets`` are the nodes whose results are wanted,
    ``refused`` those that can't run, each with a sentence that says why; ``problems`` holds every problem found,
    at the nodes that have it.
    """

    workflow: Workflow
    steps: Mapping[str, Step]
    targets: tuple[str, ...]
    refused: Mapping[str, str]
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()


def make_plan(workflow: Workflow, surroundings: Surroundings, *, targets: Iterable[str] = ()) -> Plan:
    """Check a workflow and order what its targets need. Never raises for a fault in the workflow.

    Without ``targets`` those the file asks for, else all output nodes, are wanted.
    """
    survey = _Survey(workflow, surroundings, tuple(dict.fromkeys(targets)))
    valid = tuple(target for target in survey.targets if target not in survey.refused)
    order = survey.order(valid)
    steps = _steps(survey, order, surroundings)
    return Plan(workflow, steps, valid, survey.refused, tuple(survey.problems), tuple(survey.warnings))


class _Survey:
    """One look over a workflow: what is wanted, what is wrong, what that rules out."""

    def __init__(self, workflow: Workflow, around: Surroundings, targets: tuple[str, ...]) -> None:
        self.workflow = workflow
        self.problems: list[Problem] = []
        self.warnings: list[str] = list(workflow.warnings)
        self.checked: dict[str, CheckedNode] = {}
        self._types = around.types
        self._checker = NodeChecker(workflow.nodes, around, quoted_text=workflow.quoted_text, by_hand=workflow.by_hand)
        self._position = {node_id: index for index, node_id in enumerate(workflow.nodes)}
        self.targets = targets or self._targets_of_file() or self._output_nodes()
        if not self.targets:
            self.problems.append(Problem("prompt_no_outputs", _no_outputs(workflow)))
        self.graph = self._graph(self._reachable(self.targets or workflow.nodes))
        self._check_nodes()
        bad = {problem.node_id for problem in self.problems if problem.node_id} | self._cycles()
        self.refused = self._refuse(bad)
        self.problems = [self._placed(problem) for problem in self.problems]

    def order(self, targets: Iterable[str]) -> list[str]:
        """Order what the targets need: sources first, ties by place in the file."""
        needed = self._reachable(targets)
        return list(nx.lexicographical_topological_sort(self.graph.subgraph(needed), key=self._position.__getitem__))

    def _targets_of_file(self) -> tuple[str, ...]:
        known = [target for target in self.workflow.targets if target in self.workflow.nodes]
        for target in self.workflow.targets:
            if target not in self.workflow.nodes:
                hint = did_you_mean(target, self.workflow.nodes)
                message = f"the file asks for output {target!r}, which is not in the workflow{hint}"
                self.problems.append(Problem("unknown_target", message))
        return tuple(known)

    def _output_nodes(self) -> tuple[str, ...]:
        """Output nodes; and nodes of unknown class that nobody reads, which were outputs somewhere."""
        read = {link.node_id for node in self.workflow.nodes.values() for _, link in node.links}
        return tuple(id for id, node in self.workflow.nodes.items() if self._is_output(id, node, read))

    def _is_output(self, node_id: str, node: Node, read: Collection[str]) -> bool:
        node_type = self._types.get(node.class_type)
        return node_type.output_node if node_type else node_id not in read

    def _reachable(self, targets: Iterable[str]) -> dict[str, None]:
        """The targets and everything they read, directly or not."""
        found = dict.fromkeys(targets)
        pending = list(found)
        while pending:
            for source in self._sources(pending.pop()):
                if source not in found:
                    found[source] = None
                    pending.append(source)
        return found

    def _sources(self, node_id: str) -> Iterator[str]:
        node = self.workflow.nodes[node_id]
        node_type = self._types.get(node.class_type)
        for name, link in node.links:
            dropped = node_type and not node_type.takes_undeclared and not _declares(node_type, name)
            if link.node_id in self.workflow.nodes and not dropped:
                yield link.node_id

    def _graph(self, nodes: Iterable[str]) -> nx.DiGraph[str]:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(nodes)
        graph.add_edges_from((source, reader) for reader in tuple(graph) for source in self._sources(reader))
        return graph

    def _check_nodes(self) -> None:
        ignored: dict[str, list[str]] = {}
        for node_id in sorted(self.graph, key=self._position.__getitem__):
            if self.workflow.nodes[node_id].class_type in self._types:
                self.checked[node_id], findings = self._checker.check(node_id)
                self.problems.extend(self._checker.problems(node_id, findings))
                if findings.ignored:
                    ignored[node_id] = findings.ignored
        if ignored:
            places = "; ".join(f"{self.workflow.label(id)}: {', '.join(names)}" for id, names in ignored.items())
            self.warnings.append(f"inputs that their nodes don't know are ignored ({places})")

    def _cycles(self) -> set[str]:
        """Report each cycle once, by its path; return every node that is on one."""
        on_cycles: set[str] = set()
        if nx.is_directed_acyclic_graph(self.graph):
            return on_cycles
        for component in nx.strongly_connected_components(self.graph):
            first = min(component, key=self._position.__getitem__)
            if len(component) == 1 and not self.graph.has_edge(first, first):
                continue
            on_cycles |= component
            path = [edge[0] for edge in nx.find_cycle(self.graph.subgraph(component), first)]
            self.problems.append(self._cycle_problem(path))
        return on_cycles

    def _cycle_problem(self, path: list[str]) -> Problem:
        message = f"{cycle_message(path, self.workflow.nodes)}; cut one of these links"
        return self._checker.problem("dependency_cycle", path[0], self.workflow.nodes[path[0]], None, message)

    def _refuse(self, bad: set[str]) -> dict[str, str]:
        """Find the targets that need a bad node or a class that isn't installed, and say so per target."""
        missing = {id for id in self.graph if self.workflow.nodes[id].class_type not in self._types}
        spoiled = self._readers_of(bad | missing)
        refused = {}
        for target in self.targets:
            if target in spoiled:
                refused[target] = self._reason(target, bad, missing)
        return refused

    def _readers_of(self, nodes: Iterable[str]) -> set[str]:
        found = {node for node in nodes if node in self.graph}
        pending = list(found)
        while pending:
            for reader in self.graph.successors(pending.pop()):
                if reader not in found:
                    found.add(reader)
                    pending.append(reader)
        return found

    def _reason(self, target: str, bad: set[str], missing: set[str]) -> str:
        needed = self._reachable([target])
        classes = dict.fromkeys(
            self.workflow.nodes[id].class_type for id in sorted(needed, key=self._position.__getitem__) if id in missing
        )
        if classes:
            message = needs_classes(list(classes), self._types)
            problem = self._checker.problem("missing_node_type", target, self.workflow.nodes[target], None, message)
            self.problems.append(problem)
            return f"output {self._label(target)} {message}"
        faulty = [self._label(id) for id in needed if id in bad and id != target]
        shown = ", ".join(faulty[:5]) + (f" and {len(faulty) - 5} more" if len(faulty) > 5 else "")
        return f"output {self._label(target)} can't run{f' because of {shown}' if faulty else ' as it is'}"

    def _label(self, node_id: str) -> str:
        problem = self._checker.problem("", node_id, self.workflow.nodes[node_id], None, "")
        return node_label(node_id, problem.class_type, problem.title)

    def _placed(self, problem: Problem) -> Problem:
        """Add the line and column where the workflow's form has them."""
        places = self.workflow.places
        at = places.get((problem.node_id or "", problem.input or "")) or places.get((problem.node_id or "", ""))
        if at is None:
            return problem
        name = self.workflow.path.name if self.workflow.path else "workflow"
        return replace(problem, place=f"{name}:{at[0]}:{at[1]}")


def _declares(node_type: NodeType, name: str) -> bool:
    root = name.partition(".")[0]
    return any(declared.name in (name, root) for declared in node_type.inputs)


def cycle_message(path: Sequence[str], nodes: Mapping[str, Node]) -> str:
    """Return the sentence about a cycle, each node of its ``path`` read by the next; a long one is shortened."""
    steps = [f"{node_id} ({nodes[node_id].class_type})" for node_id in [*path, path[0]]]
    shown = steps if len(steps) <= 12 else [*steps[:6], f"… {len(steps) - 12} more …", *steps[-6:]]
    return f"Dependency cycle detected: {' -> '.join(shown)}"


def _no_outputs(workflow: Workflow) -> str:
    if not workflow.nodes:
        return "the workflow has no nodes"
    return (
        "Prompt has no outputs: add a node that saves or shows something (SaveImage, PreviewImage), or name a --target"
    )


def needs_classes(classes: list[str], types: Mapping[str, NodeType]) -> str:
    """Return the sentence about classes that aren't installed, worded for people."""
    shown = ", ".join(classes[:6]) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")
    if any(word in name for name in classes for word in _MODEL_WORDS):
        return f"needs {shown}: local models, which graphrun does not run"
    hint = did_you_mean(classes[0], types) if len(classes) == 1 else ""
    return f"needs {shown}, which no installed node pack has{hint} (`graphrun nodes list` shows what there is)"


def _steps(survey: _Survey, order: Iterable[str], around: Surroundings) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for node_id in order:
        steps[node_id] = make_step(survey.checked[node_id], steps, around)
    return steps


def make_step(checked: CheckedNode, earlier: Mapping[str, Step], around: Surroundings) -> Step:
    """Return the step of a checked node whose sources are steps already."""
    title = checked.node.title or checked.type.display_name or None
    return Step(
        node_id=checked.node_id,
        label=node_label(checked.node_id, checked.type.name, title),
        type=checked.type,
        inputs=checked.inputs,
        literals=checked.literals,
        links=checked.links,
        lazy=checked.lazy,
        key=_key(checked, earlier, around),
        title=title,
    )


def _key(checked: CheckedNode, earlier: Mapping[str, Step], around: Surroundings) -> CacheKey | None:
    node_type = checked.type
    try:
        fingerprint = node_type.fingerprint(checked.literals, around.folders) if node_type.fingerprint else None
        return step_key(
            node_type,
            checked.literals,
            {name: (earlier[source.node_id].key, source.slot) for name, source in checked.links.items()},
            fingerprint=fingerprint,
            services=[around.services[kind].identity for kind in node_type.services if kind in around.services],
            node_id=checked.node_id if node_type.not_idempotent or node_type.wants_id else None,
        )
    except Exception:  # a fingerprint that fails means: always run (comfyui-execution.md, 6.3)
        return None


def folded_arguments(step: Step, flat: Mapping[str, object]) -> Mapping[str, object]:
    """Return the arguments of one call, dynamic inputs nested under their roots."""
    return fold(step.inputs, flat) if any(declared.dynamic for declared in step.inputs) else flat
