"""A plan: the part of a workflow its targets need, checked, ordered and keyed. Nothing has run by then.

All problems are found at once, each at its place. Outputs that are valid can run while others are refused. Every walk
is iterative: a chain of 100,000 nodes plans and runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphrun.errors import Problem, node_label
from graphrun.kernel.cache_key import CacheKey, KeyInputs, key_parts, step_key
from graphrun.kernel.checks import CheckedNode, Source, Surroundings
from graphrun.kernel.dynamic_inputs import fold
from graphrun.kernel.node_types import Input, NodeType
from graphrun.kernel.survey import Survey
from graphrun.kernel.workflow import Workflow


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
    survey = Survey(workflow, surroundings, tuple(targets))
    valid = tuple(target for target in survey.targets if target not in survey.refused)
    steps: dict[str, Step] = {}
    for node_id in survey.order(valid):
        steps[node_id] = make_step(survey.checked[node_id], steps, surroundings)
    return Plan(workflow, steps, valid, survey.refused, survey.problems, tuple(survey.warnings))


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
        key=make_key(checked, earlier, around),
        title=title,
    )


def make_key(node: CheckedNode | Step, earlier: Mapping[str, Step], around: Surroundings) -> CacheKey | None:
    """Return a node's key, or None where it has none. What it reads outside is looked at now."""
    try:
        return step_key(_key_inputs(node, earlier, around))
    except Exception:  # a fingerprint that fails means: always run (comfyui-execution.md, 6.3)
        return None


def parts_of_key(step: Step, earlier: Mapping[str, Step], around: Surroundings) -> dict[str, str]:
    """Return what a step's key is made of, by name. Raises what its fingerprint raises."""
    return key_parts(_key_inputs(step, earlier, around))


def _key_inputs(node: CheckedNode | Step, earlier: Mapping[str, Step], around: Surroundings) -> KeyInputs:
    """Collect what decides a node's result. Raises what its fingerprint raises."""
    node_type = node.type
    return KeyInputs(
        node_type,
        node.literals,
        links={name: (earlier[source.node_id].key, source.slot) for name, source in node.links.items()},
        fingerprint=node_type.fingerprint(node.literals, around.folders) if node_type.fingerprint else None,
        services=[around.services[kind].identity for kind in node_type.services if kind in around.services],
        node_id=node.node_id if node_type.not_idempotent or node_type.wants_id else None,
    )


def folded_arguments(step: Step, flat: Mapping[str, object]) -> Mapping[str, object]:
    """Return the arguments of one call, dynamic inputs nested under their roots."""
    return fold(step.inputs, flat) if any(declared.dynamic for declared in step.inputs) else flat
