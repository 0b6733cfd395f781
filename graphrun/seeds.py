"""Seeds of a run: keep those in the file, set one, or draw new ones. What was set is told."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from graphrun.errors import UsageError
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.node_types import Input, NodeType
from graphrun.kernel.workflow import Address, Link, Workflow

SeedPolicy = Literal["keep", "random"] | int

_LARGEST = 2**31 - 1
_SEED_NAMES = ("seed", "noise_seed")


@dataclass(frozen=True, slots=True)
class _Seed:
    """Where a seed is written, the input whose limits it keeps, and whose number it is in the editor."""

    address: Address
    declared: Input
    source: str


def apply_seed(
    workflow: Workflow, policy: SeedPolicy, types: Mapping[str, NodeType]
) -> tuple[Workflow, dict[str, int]]:
    """Return the workflow with its seeds set, and the seeds by ``node.input``.

    A linked seed is set where it is written, if a node that holds a number gives it. ``random`` draws new ones for
    all seeds of an API file, and for those of an editor file whose control says ``randomize``
    (workflow-formats.md, 3.6); a number is set for all. Raises UsageError for a policy that is neither ``keep``,
    ``random`` nor a whole number.
    """
    if policy == "keep":
        return workflow, {}
    if policy != "random" and (not isinstance(policy, int) or isinstance(policy, bool)):
        raise UsageError(f"seed {policy!r}: use keep, random or a whole number")
    found = [_Seed(address, declared, _source(workflow, address)) for address, declared in seed_inputs(workflow, types)]
    seeds = dict(_drawn(workflow, found)) if policy == "random" else {seed.address: int(policy) for seed in found}
    named = {f"{address.node_id}.{address.input}": number for address, number in seeds.items()}
    return workflow.with_inputs(named), named


def _source(workflow: Workflow, address: Address) -> str:
    control = workflow.controls.get(address)
    return control.source if control else f"{address.node_id}.{address.input}"


def _drawn(workflow: Workflow, seeds: Iterable[_Seed]) -> Iterator[tuple[Address, int]]:
    """Yield a new number for each seed that is drawn anew. Seeds with one source get one number, fit for all."""
    sources: dict[str, list[_Seed]] = {}
    for seed in seeds:
        if _is_drawn(workflow, seed.address):
            sources.setdefault(seed.source, []).append(seed)
    draw = random.SystemRandom()
    for sharing in sources.values():
        least = max(int(seed.declared.minimum or 0) for seed in sharing)
        most = min(_LARGEST if seed.declared.maximum is None else int(seed.declared.maximum) for seed in sharing)
        number = draw.randint(min(least, most), most)
        yield from ((seed.address, number) for seed in sharing)


def _is_drawn(workflow: Workflow, address: Address) -> bool:
    """Return whether the editor would draw this seed anew. One without a control is as a fresh one: it would."""
    control = workflow.controls.get(address)
    return control is None or control.mode == "randomize"


def seed_inputs(workflow: Workflow, types: Mapping[str, NodeType]) -> Iterator[tuple[Address, Input]]:
    """Yield where each seed is written, with the input whose limits it keeps.

    The editor can draw other numbers anew too, PrimitiveInt's for one. Such a number counts only where it is linked
    to a seed: a width must stay the width it is.
    """
    drawn = list(_drawn_inputs(workflow, types))
    sources: dict[str, list[str]] = {}
    for node_id, declared in drawn:
        sources.setdefault(node_id, []).append(declared.name)
    for node_id, declared in drawn:
        given = workflow.nodes[node_id].inputs.get(declared.name)
        if "seed" not in declared.name.lower():
            continue
        if not isinstance(given, Link):
            yield Address(node_id, declared.name), declared
            continue
        for name in sources.get(given.node_id, ()):
            if not isinstance(workflow.nodes[given.node_id].inputs.get(name), Link):
                yield Address(given.node_id, name), declared


def _drawn_inputs(workflow: Workflow, types: Mapping[str, NodeType]) -> Iterator[tuple[str, Input]]:
    """Yield node ids with the inputs that the editor can draw anew after each run."""
    for node_id, node in workflow.nodes.items():
        node_type = types.get(node.class_type)
        for declared in finalise(node_type.inputs, node.inputs) if node_type else ():
            if declared.widget.seed or (declared.type == "INT" and declared.name in _SEED_NAMES):
                yield node_id, declared
