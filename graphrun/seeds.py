"""Seeds of a run: keep those in the file, set one, or draw new ones. What was set is told."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Literal

from graphrun.errors import UsageError
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.node_types import Input, NodeType
from graphrun.kernel.workflow import Address, Link, Workflow

SeedPolicy = Literal["keep", "random"] | int

_LARGEST = 2**31 - 1
_SEED_NAMES = ("seed", "noise_seed")


def apply_seed(
    workflow: Workflow, policy: SeedPolicy, types: Mapping[str, NodeType]
) -> tuple[Workflow, dict[str, int]]:
    """Return the workflow with its seeds set, and the seeds by ``node.input``.

    A linked seed is set where it is written, if a node that holds a number gives it. Raises UsageError for a policy
    that is neither ``keep``, ``random`` nor a whole number.
    """
    if policy == "keep":
        return workflow, {}
    if policy != "random" and (not isinstance(policy, int) or isinstance(policy, bool)):
        raise UsageError(f"seed {policy!r}: use keep, random or a whole number")
    draw = random.SystemRandom()
    seeds: dict[Address, int] = {}
    for address, declared in seed_inputs(workflow, types):
        seeds[address] = _seed(policy, declared, draw)
    named = {f"{address.node_id}.{address.input}": seed for address, seed in seeds.items()}
    return workflow.with_inputs(named), named


def _seed(policy: SeedPolicy, declared: Input, draw: random.Random) -> int:
    if isinstance(policy, int):
        return policy
    most = _LARGEST if declared.maximum is None else declared.maximum
    return draw.randint(int(declared.minimum or 0), int(most))


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
