"""What a drawing of a plan shows: a card per node of the workflow with its state and its telling values, and links.

Nodes that could not run are drawn too: a plan that has none of a file still shows what the file is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from graphrun.errors import Problem, node_label
from graphrun.kernel.checks import slot_number
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.plan import Plan
from graphrun.kernel.workflow import BoundFile, Given, Link, Misread, Node
from graphrun.outlook import Fate, Forecast
from graphrun.sinks.wording import one_line

State = Fate | Literal["missing", "problem", "blocked", "idle"]
"""A step's fate; or why a node is no step: its class isn't installed, something is wrong with it, what it belongs to
can't run, or nothing that is wanted needs it."""

_MOST_VALUES = 6
_LONGEST_VALUE = 300

# What tells most about a node comes first; the last part of a dotted name counts.
_TELLING = (
    "prompt", "text", "value", "string", "model", "ckpt_name", "unet_name", "model_name", "lora_name", "vae_name",
    "clip_name", "image", "file", "audio", "video", "size", "width", "height", "seed", "noise_seed", "steps", "cfg",
    "quality", "n", "sampler_name", "scheduler", "denoise", "filename_prefix", "negative_prompt", "duration",
    "resolution", "aspect_ratio", "background", "upscale_method", "operation", "x", "y",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Card:
    """One node. ``inputs`` are the linked ones, ``outputs`` the slots that are read, with their names, in order."""

    node_id: str
    title: str
    class_type: str
    state: State
    is_target: bool
    inputs: tuple[str, ...]
    outputs: Mapping[int | str, str]
    values: tuple[tuple[str, str], ...]
    more_values: int
    fault: str
    tooltip: str


@dataclass(frozen=True, slots=True)
class Cable:
    """One link, from an output of a card to an input of a card."""

    source: str
    slot: int | str
    target: str
    input: str
    lazy: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to be drawn."""

    name: str
    cards: tuple[Card, ...]
    cables: tuple[Cable, ...]


def scene_of(forecast: Forecast, types: Mapping[str, NodeType]) -> Scene:
    """Return what a drawing of this plan shows."""
    return _Stage(forecast, types).scene()


class _Stage:
    def __init__(self, forecast: Forecast, types: Mapping[str, NodeType]) -> None:
        self._plan = forecast.plan
        self._nodes = forecast.plan.workflow.nodes
        self._fates = forecast.fates
        self._types = types
        self._needed = _needed_by_refused(forecast.plan)
        self._faults = _faults(forecast.plan)

    def scene(self) -> Scene:
        cables = tuple(self._cables())
        read: dict[str, dict[int | str, str]] = {node_id: {} for node_id in self._nodes}
        for cable in cables:
            read[cable.source][cable.slot] = self._slot_name(cable.source, cable.slot)
        cards = tuple(self._card(node_id, node, _in_order(read[node_id])) for node_id, node in self._nodes.items())
        path = self._plan.workflow.path
        return Scene(one_line(path.name) if path else "workflow", cards, cables)

    def _cables(self) -> Iterator[Cable]:
        for node_id, node in self._nodes.items():
            step = self._plan.steps.get(node_id)
            for name, link in node.links:
                if link.node_id in self._nodes:
                    lazy = step is not None and name in step.lazy
                    yield Cable(link.node_id, self._slot(link), node_id, name, lazy)

    def _slot(self, link: Link) -> int | str:
        """Return the number of a slot that is named, so that both ways to write it are one output."""
        source = self._types.get(self._nodes[link.node_id].class_type)
        number = slot_number(source, link.slot) if source else None
        return link.slot if number is None else number

    def _slot_name(self, node_id: str, slot: int | str) -> str:
        outputs = getattr(self._types.get(self._nodes[node_id].class_type), "outputs", ())
        if isinstance(slot, int) and 0 <= slot < len(outputs):
            return one_line(outputs[slot].name)
        return one_line(str(slot)) if slot != 0 else ""

    def _card(self, node_id: str, node: Node, outputs: Mapping[int | str, str]) -> Card:
        step = self._plan.steps.get(node_id)
        node_type = self._types.get(node.class_type)
        title = node.title or (node_type.display_name if node_type else "") or node.class_type
        values = _values(node, step.literals if step else {})
        telling = _telling(values)
        fault = self._faults.get(node_id, "")
        return Card(
            node_id=node_id,
            title=one_line(title),
            class_type=one_line(node.class_type),
            state=self._state(node_id, node),
            is_target=node_id in self._plan.targets or node_id in self._plan.refused,
            inputs=tuple(name for name, link in node.links if link.node_id in self._nodes),
            outputs=outputs,
            values=telling,
            more_values=len(values) - len(telling),
            fault=one_line(fault),
            tooltip="\n".join(
                [
                    one_line(node_label(node_id, node.class_type, title)),
                    *(f"{name}: {value}" for name, value in values.items()),
                    *([one_line(fault)] if fault else []),
                ]
            ),
        )

    def _state(self, node_id: str, node: Node) -> State:
        if node_id in self._fates:
            return self._fates[node_id]
        if node.class_type not in self._types:
            return "missing" if node_id in self._needed else "idle"
        if node_id in self._faults:
            return "problem"
        return "blocked" if node_id in self._needed else "idle"


def _faults(plan: Plan) -> dict[str, str]:
    """Return what is wrong with each node itself. That an output needs other classes, its colour and theirs tell."""
    faults: dict[str, str] = {}
    for problem in plan.problems:
        if problem.node_id is not None and problem.type != "missing_node_type":
            faults.setdefault(problem.node_id, _said(problem))
    return faults


def _said(problem: Problem) -> str:
    return f"{problem.input}: {problem.message}" if problem.input else problem.message


def _needed_by_refused(plan: Plan) -> set[str]:
    """Return the refused outputs and all they would read."""
    needed = {node_id for node_id in plan.refused if node_id in plan.workflow.nodes}
    pending = list(needed)
    while pending:
        for _, link in plan.workflow.nodes[pending.pop()].links:
            if link.node_id in plan.workflow.nodes and link.node_id not in needed:
                needed.add(link.node_id)
                pending.append(link.node_id)
    return needed


def _in_order(outputs: Mapping[int | str, str]) -> dict[int | str, str]:
    """Return the outputs by number, then those whose number is not known."""
    return dict(sorted(outputs.items(), key=lambda item: (isinstance(item[0], str), item[0] if item[0] != "" else 0)))


def _values(node: Node, literals: Mapping[str, object]) -> dict[str, str]:
    """Return the values a file gives, as the plan understood them."""
    return {
        one_line(name): _shown(literals.get(name, value))
        for name, value in node.inputs.items()
        if not isinstance(value, Link)
    }


def _shown(value: object) -> str:
    match value:
        case str():
            text = value or '""'
        case BoundFile(name):
            text = name
        case Given():
            text = "(given by the program)"
        case Misread(original):
            return f"? {_shown(original)}"
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str, skipkeys=True)
    return one_line(text[: 4 * _LONGEST_VALUE])[:_LONGEST_VALUE]


def _telling(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the values that tell most about a node, in the order of the file."""
    rank = {name: index for index, name in enumerate(_TELLING)}
    ranked = sorted(values, key=lambda name: rank.get(name.rpartition(".")[2], len(rank)))
    chosen = set(ranked[:_MOST_VALUES])
    return tuple((name, value) for name, value in values.items() if name in chosen)
