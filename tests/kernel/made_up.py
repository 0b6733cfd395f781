"""The vocabulary of the kernel's tests: a pack of trivial nodes, `plan` and `run`, and made-up graphs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from graphrun.executors import InlineExecutor
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.events import Event, NodeEvent
from graphrun.kernel.execute import execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, make_plan
from graphrun.kernel.report import RunReport
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.workflow import Link, Node, Workflow
from graphrun.packs import NodePack, Registry

NOWHERE = Folders(Path("input"), Path("output"), Path("temp"))

basics = NodePack("basics")


@basics.node("Number", cheap=True)
def number(value: int = 0) -> int:
    """Give a number."""
    return value


@basics.node("Add", cheap=True)
def add(a: int = 0, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


@basics.node("Sum", cheap=True)
def sum_all(**values: int) -> int:
    """Add as many numbers as are linked."""
    return sum(values.values())


@basics.node("Show", cheap=True, output_node=True)
def show(value: int) -> int:
    """Be an output."""
    return value


@basics.node("Fail")
def fail(value: int = 0) -> int:
    """Raise."""
    raise ZeroDivisionError("no luck")


def node(class_type: str, title: str | None = None, **inputs: object) -> Node:
    """Write a node; a double underscore in an input's name stands for a dot."""
    return Node(class_type, {name.replace("__", "."): value for name, value in inputs.items()}, title)


def workflow(**nodes: Node) -> Workflow:
    """Write a workflow; an underscore before an id is dropped: ``_1``."""
    return Workflow({node_id.removeprefix("_"): node for node_id, node in nodes.items()})


def around(*packs: NodePack, **given: Any) -> Surroundings:
    """Surroundings with these packs, beside the basics."""
    return Surroundings(Registry([basics, *packs]), **{"folders": NOWHERE, **given})


def plan(graph: Workflow, *packs: NodePack, targets: Iterable[str] = (), **given: Any) -> Plan:
    """Plan a workflow of made-up nodes."""
    return make_plan(graph, around(*packs, **given), targets=targets)


@dataclass(frozen=True)
class Story:
    """What a run came to, and what was told of it."""

    report: RunReport
    told: list[Event]

    def values(self, node_id: str, slot: int = 0) -> list[object]:
        """The kept values of one slot."""
        return list(self.report.values[node_id][slot])

    def state(self, node_id: str) -> str:
        """What became of a node."""
        return self.report.nodes[node_id].state

    @property
    def states(self) -> dict[str, str]:
        """What became of every node."""
        return {node_id: node.state for node_id, node in self.report.nodes.items()}

    def error(self, node_id: str) -> str:
        """The message of a node that failed."""
        error = self.report.nodes[node_id].error
        assert error is not None, f"{node_id} is {self.state(node_id)}"
        return error.message

    @property
    def headlines(self) -> list[str]:
        """The events by name, with the node each is about: ``NodeStarted a``."""
        return [
            " ".join([type(event).__name__, *([event.node_id] if isinstance(event, NodeEvent) else [])])
            for event in self.told
        ]


async def story(graph: Workflow, *packs: NodePack, targets: Iterable[str] = (), **request: Any) -> Story:
    """Plan and run a workflow on the running loop, and listen."""
    surroundings = request.pop("surroundings", None) or around(*packs)
    told: list[Event] = []
    listener = request.pop("emit", lambda event: None)

    def emit(event: Event) -> None:
        told.append(event)
        listener(event)

    wanted = RunRequest(**{"surroundings": surroundings, "executor": InlineExecutor(), **request, "emit": emit})
    made = make_plan(graph, surroundings, targets=targets)
    return Story(await execute(made, wanted), told)


def run(graph: Workflow, *packs: NodePack, **options: Any) -> Story:
    """Plan and run a workflow on a loop of its own."""
    return asyncio.run(story(graph, *packs, **options))


@dataclass(frozen=True)
class Dag:
    """A made-up graph: what each step reads for certain and what it may come to read, in plan order."""

    reads: Mapping[str, tuple[str, ...]]
    lazy: Mapping[str, tuple[str, ...]]
    wanted: tuple[str, ...]


@st.composite
def dags(draw: st.DrawFn, *, most: int = 9) -> Dag:
    """Acyclic graphs whose names say nothing about their order."""
    names = draw(st.permutations([f"n{i}" for i in range(draw(st.integers(1, most)))]))
    reads: dict[str, tuple[str, ...]] = {}
    lazy: dict[str, tuple[str, ...]] = {}
    for index, name in enumerate(names):
        kinds = [draw(st.sampled_from(("none", "none", "strong", "lazy"))) for _ in range(index)]
        reads[name] = tuple(source for source, kind in zip(names, kinds, strict=False) if kind == "strong")
        lazy[name] = tuple(source for source, kind in zip(names, kinds, strict=False) if kind == "lazy")
    return Dag(reads, lazy, tuple(draw(st.lists(st.sampled_from(names), unique=True, min_size=1))))


@st.composite
def number_workflows(draw: st.DrawFn) -> Workflow:
    """Workflows of Number, Add, Sum and Show in which everything is valid."""
    ids = draw(st.permutations([str(i) for i in range(draw(st.integers(2, 8)))]))
    nodes: dict[str, Node] = {}
    for index, node_id in enumerate(ids):
        if index == 0 or draw(st.booleans()):
            nodes[node_id] = node("Number", value=draw(st.integers(-9, 9)))
            continue
        links = draw(st.lists(st.sampled_from(ids[:index]), min_size=1, max_size=3))
        nodes[node_id] = node("Sum", **{f"v{i}": Link(source) for i, source in enumerate(links)})
    nodes["end"] = node("Show", value=Link(ids[-1]))
    return Workflow(nodes)


def relabelled(graph: Workflow, names: Mapping[str, str], order: Iterable[str]) -> Workflow:
    """The same graph with other ids, written in another order."""

    def renamed(value: object) -> object:
        return Link(names[value.node_id], value.slot) if isinstance(value, Link) else value

    return Workflow(
        {
            names[node_id]: replace(
                graph.nodes[node_id],
                inputs={name: renamed(value) for name, value in graph.nodes[node_id].inputs.items()},
            )
            for node_id in order
        }
    )
