"""What the cache promises about any graph: nothing runs twice, and nothing old is taken for new."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from counted import Counted, descendants, mixed, node, run_fresh, run_twice, settings_in
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun import Engine, Event, Link, Node, RunResult, Workflow

FEW = settings(max_examples=30, deadline=None)


@contextmanager
def a_folder() -> Iterator[Path]:
    """A folder for one example: Hypothesis would share that of the test."""
    with TemporaryDirectory() as name:
        yield Path(name)


@st.composite
def graphs(draw: st.DrawFn) -> Workflow:
    """Leaves, joins and lazy choices, of which some are equal, under one or two outputs."""
    ids = draw(st.permutations([str(number) for number in range(draw(st.integers(2, 8)))]))
    nodes: dict[str, Node] = {}
    for index, node_id in enumerate(ids):
        kind = draw(st.sampled_from(["Leaf", "Join", "Join", "Pick"])) if index else "Leaf"
        if kind == "Leaf":
            nodes[node_id] = Node("Leaf", {"value": draw(st.integers(0, 2))})
        elif kind == "Join":
            sources = draw(st.lists(st.sampled_from(ids[:index]), min_size=1, max_size=3))
            nodes[node_id] = Node("Join", {f"p{i}": Link(source) for i, source in enumerate(sources)})
        else:
            choice = {name: Link(draw(st.sampled_from(ids[:index]))) for name in "ab"}
            nodes[node_id] = Node("Pick", {"first": draw(st.booleans()), **choice})
    for number, shown in enumerate(draw(st.lists(st.sampled_from(ids), min_size=1, max_size=2, unique=True))):
        nodes[f"show{number}"] = Node("Show", {"value": Link(shown)})
    return Workflow(nodes)


def meaning(workflow: Workflow, node_id: str) -> bytes:
    """Return what a node gives, worked out without an engine."""
    each = workflow.nodes[node_id]
    if each.class_type == "Leaf":
        return mixed(repr(each.inputs["value"]).encode(), b"%d" % each.inputs.get("seed", 0))  # type: ignore[str-bytes-safe]
    if each.class_type == "Pick":
        chosen = each.inputs["a" if each.inputs["first"] else "b"]
        return meaning(workflow, chosen.node_id)  # type: ignore[attr-defined]
    sources = [meaning(workflow, link.node_id) for _, link in sorted(each.links, key=lambda item: item[0])]
    return sources[0] if each.class_type == "Show" else mixed(*sources)


def is_right(workflow: Workflow, result: RunResult) -> bool:
    """Whether every output has the value it must have."""
    shows = [node_id for node_id, each in workflow.nodes.items() if each.class_type == "Show"]
    return result.ok and all(result[show].value == meaning(workflow, show) for show in shows)


@FEW
@given(graphs())
def test_a_second_run_executes_nothing(graph: Workflow) -> None:
    """Neither in the same engine nor in a new one; equal nodes of the first are made once."""
    counted = Counted()
    with a_folder() as folder:
        first, second = run_twice(folder, counted.pack, graph, graph)
        assert are_different(graph, counted.taken())
        assert not any(second.did_run(node_id) for node_id in second.nodes)
        third = run_fresh(folder, counted.pack, graph)
        assert counted.taken() == []
    assert is_right(graph, first)
    assert is_right(graph, second)
    assert third.ok


def are_different(graph: Workflow, ran: list[str]) -> bool:
    """Whether no two of these nodes do the same work; equal outputs both count, since each has an effect."""
    keys = [work(graph, node_id) for node_id in ran if not node_id.startswith("show")]
    return len(keys) == len(set(keys))


def work(graph: Workflow, node_id: str) -> object:
    """Return what tells a node's work: its class, its literals, and the work it reads."""
    each = graph.nodes[node_id]
    inputs = each.inputs.items()
    return each.class_type, tuple(
        (name, work(graph, value.node_id) if isinstance(value, Link) else value) for name, value in sorted(inputs)
    )


@FEW
@given(graphs(), st.data())
def test_one_changed_literal_runs_exactly_what_depends_on_it(graph: Workflow, data: st.DataObject) -> None:
    """Its descendants, as far as a first run would make them, equal ones once; all else is there or not asked for."""
    leaf = data.draw(st.sampled_from(leaves_of(graph)))
    changed = graph.with_inputs({f"{leaf}.seed": 99})
    counted = Counted()
    with a_folder() as folder, a_folder() as elsewhere:
        run_fresh(folder, counted.pack, graph)
        counted.taken()
        assert run_fresh(folder, counted.pack, changed).ok
        ran = counted.taken()
        run_fresh(elsewhere, counted.pack, changed)
        made = set(counted.taken())
    stale = descendants(graph, leaf)
    assert {work(changed, node_id) for node_id in ran} == {work(changed, node_id) for node_id in stale & made}
    assert set(ran) <= stale
    assert are_different(changed, ran)


@FEW
@given(graphs(), st.randoms(use_true_random=False))
def test_other_names_and_another_order_change_nothing(graph: Workflow, dice: random.Random) -> None:
    """Ids and places in the file are no part of the work."""
    names = {node_id: f"n{number}" for number, node_id in enumerate(dice.sample(list(graph.nodes), len(graph.nodes)))}

    def renamed(value: object) -> object:
        return Link(names[value.node_id], value.slot) if isinstance(value, Link) else value

    order = dice.sample(list(graph.nodes), len(graph.nodes))
    other = Workflow(
        {
            names[node_id]: Node(
                graph.nodes[node_id].class_type,
                {name: renamed(value) for name, value in graph.nodes[node_id].inputs.items()},
            )
            for node_id in order
        }
    )
    counted = Counted()
    with a_folder() as folder:
        run_twice(folder, counted.pack, graph)
        counted.taken()
        run_fresh(folder, counted.pack, other)
    assert counted.taken() == []


@FEW
@given(graphs(), st.integers(0, 3000), st.lists(st.integers(0, 2**16), min_size=1, max_size=4), st.data())
def test_what_is_lost_between_runs_changes_only_what_runs(
    graph: Workflow, memory_bytes: int, damages: list[int], data: st.DataObject
) -> None:
    """Little memory, blobs damaged or deleted, the index damaged, entries dropped: results stay right."""
    counted = Counted()
    with a_folder() as folder:
        given = settings_in(folder, memory_bytes=memory_bytes)

        async def story() -> None:
            async with Engine(given, packs=[counted.pack]) as engine:
                for seed in damages:
                    assert is_right(graph, await engine.run(graph, keep=shows))
                    damage(folder / "cache" / "v1", random.Random(seed))
                    some = graph.with_inputs({f"{data.draw(leaves)}.seed": seed % 3})
                    assert is_right(some, await engine.run(some, keep=shows))

        shows = [node_id for node_id in graph.nodes if node_id.startswith("show")]
        leaves = st.sampled_from(leaves_of(graph))
        asyncio.run(story())
        assert is_right(graph, run_fresh(folder, counted.pack, graph, keep="all"))


@FEW
@given(graphs(), st.integers(0, 3000), st.integers(0, 2**16))
def test_what_is_lost_while_a_run_goes_on_changes_only_what_runs(graph: Workflow, memory_bytes: int, seed: int) -> None:
    """A hit is found and then its value is gone, at any moment, again and again: the run ends, and is right."""
    counted, dice = Counted(), random.Random(seed)
    shows = [node_id for node_id in graph.nodes if node_id.startswith("show")]
    with a_folder() as folder:
        given = settings_in(folder, memory_bytes=memory_bytes)

        def lose(event: Event) -> None:
            if dice.random() < 0.5:
                damage(folder / "cache" / "v1", dice)

        run_fresh(folder, counted.pack, graph)
        for number in range(3):
            other = graph.with_inputs({f"{dice.choice(leaves_of(graph))}.seed": number})
            assert is_right(other, run_fresh(folder, counted.pack, other, settings=given, keep=shows, emit=lose))


def leaves_of(graph: Workflow) -> list[str]:
    """Return the leaves of a graph."""
    return [node_id for node_id, each in graph.nodes.items() if each.class_type == "Leaf"]


def damage(store: Path, dice: random.Random) -> None:
    """Delete, empty or flip some blobs; sometimes drop them all."""
    blobs = sorted(path for path in (store / "blobs").rglob("*") if path.is_file())
    if dice.random() < 0.1:
        shutil.rmtree(store / "blobs", ignore_errors=True)
        return
    for path in dice.sample(blobs, min(len(blobs), dice.choice([1, 1, 3, 8]))):
        with suppress(FileNotFoundError):  # the store has just removed it
            match dice.randrange(3):
                case 0:
                    path.unlink()
                case 1:
                    path.write_bytes(b"")
                case 2:
                    path.write_bytes(bytes([byte ^ 1 for byte in path.read_bytes()]))


def test_a_number_a_truth_value_and_a_text_are_different_things(tmp_path: Path) -> None:
    """``1``, ``1.0``, ``true`` and ``"1"`` are equal in Python, or look so; an input of any type keeps them apart."""
    counted = Counted()
    values = [1, 1.0, True, "1", "1.0", "True", 0, False, ""]
    graph = {f"{i}": node("Leaf", value=value) for i, value in enumerate(values)}
    graph |= {f"show{i}": node("Show", value=[f"{i}", 0]) for i in range(len(values))}
    result = run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == sorted(graph)
    assert len({result[f"show{i}"].value for i in range(len(values))}) == len(values)
    for i, value in enumerate(values):
        alone = {"leaf": node("Leaf", value=value), "show": node("Show", value=["leaf", 0])}
        assert run_fresh(tmp_path, counted.pack, alone, keep="show")["show"].value == result[f"show{i}"].value
    assert counted.taken() == []


def test_a_changed_file_runs_its_readers_and_a_touched_one_does_not(tmp_path: Path) -> None:
    """The content counts, not the time; a copy put back is the old content."""
    counted = Counted()
    file = tmp_path / "a.txt"
    graph = {
        "read": node("ReadFile", file="a.txt"),
        "other": node("Leaf"),
        "join": node("Join", a=["read", 0], b=["other", 0]),
        "show": node("Show", value=["join", 0]),
    }
    file.write_bytes(b"one")
    run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == sorted(graph)
    os.utime(file, (1, 1))
    run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == []
    file.write_bytes(b"two")
    run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == ["join", "read", "show"]
    file.write_bytes(b"one")
    run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == []


@pytest.mark.parametrize("restless", ["Always", "NotANumber"])
def test_what_always_runs_takes_along_what_depends_on_it(tmp_path: Path, restless: str) -> None:
    """
    leaf → always → join → show     What stands above comes from the cache.
    leaf → other
    """
    counted = Counted()
    graph = {
        "leaf": node("Leaf"),
        "always": node(restless, value=["leaf", 0]),
        "join": node("Join", a=["always", 0]),
        "show": node("Show", value=["join", 0]),
        "other": node("Show", value=["leaf", 0]),
    }
    run_twice(tmp_path, counted.pack, graph, graph)
    assert counted.taken() == sorted([*graph, "always", "join", "show"])
    run_fresh(tmp_path, counted.pack, graph)
    assert counted.taken() == ["always", "join", "show"]


@pytest.mark.parametrize(("class_type", "ok"), [("Fail", False), ("Block", True)])
def test_failures_and_blocked_results_are_not_kept(tmp_path: Path, class_type: str, ok: bool) -> None:
    """The next run tries again, and says again what blocked; what stands above is there."""
    counted = Counted()
    graph: dict[str, Any] = {
        "leaf": node("Leaf"),
        "bad": node(class_type, value=["leaf", 0]),
        "show": node("Show", value=["bad", 0]),
    }
    results = [*run_twice(tmp_path, counted.pack, graph, graph), run_fresh(tmp_path, counted.pack, graph)]
    assert [result.ok for result in results] == [ok] * 3
    assert counted.taken() == ["bad", "bad", "bad", "leaf"]
