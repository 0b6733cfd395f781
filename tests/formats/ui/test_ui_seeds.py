"""Seeds of editor files: the saved value stands; their controls say which are drawn anew (workflow-formats.md, 3.6)."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import document, node, subgraph

import graphrun
from graphrun.packs import Registry, installed_packs
from graphrun.seeds import apply_seed


def dalle(id: int, control: Any, *inputs: Any) -> dict[str, Any]:
    """Return a node with seed 5."""
    return node(id, "OpenAIDalle2", ["fox", 5, control, "512x512", 1], *inputs)


def seeds(made: Any, policy: Any = "random") -> dict[str, int]:
    """Return the seeds that are set."""
    return apply_seed(graphrun.load(made), policy, Registry(installed_packs()))[1]


@pytest.mark.parametrize(
    ("control", "drawn"), [("randomize", True), ("fixed", False), ("increment", False), (True, True), (False, False)]
)
def test_random_draws_the_seeds_that_the_editor_would(control: Any, drawn: bool) -> None:
    """Their control says so."""
    assert list(seeds(document([dalle(1, control)]))) == (["1.seed"] if drawn else [])


def test_the_saved_seed_stands_unless_told_otherwise() -> None:
    """Whatever the control says; a number is set for all."""
    made = document([dalle(1, "randomize"), dalle(2, "fixed")])
    workflow = graphrun.load(made)
    assert [each.inputs["seed"] for each in workflow.nodes.values()] == [5, 5]
    assert seeds(made, "keep") == {}
    assert seeds(made, 9) == {"1.seed": 9, "2.seed": 9}


@pytest.mark.parametrize(("mode", "drawn"), [("randomize", True), ("fixed", False)])
def test_the_control_of_a_primitive_counts_for_all_it_feeds(mode: str, drawn: bool) -> None:
    """One number for all of them, whatever their own controls say."""
    nodes = [
        dalle(1, "fixed", ("seed", 5, "widget")),
        dalle(2, "randomize", ("seed", 6, "widget")),
        node(3, "PrimitiveNode", [7, mode]),
    ]
    found = seeds(document(nodes, [(5, 3, 0, 1, 0), (6, 3, 0, 2, 0)]))
    assert list(found) == (["1.seed", "2.seed"] if drawn else [])
    assert len(set(found.values())) == int(drawn)


def test_a_promoted_seed_is_drawn_by_its_inner_control() -> None:
    """The host's list holds no control; what one value feeds changes together."""
    inner = [dalle(1, "randomize", ("seed", 1, "widget")), dalle(2, "randomize", ("seed", 2, "widget"))]
    graph = subgraph("g", inner, [(1, -10, 0, 1, 0), (2, -10, 0, 2, 0)], inputs=[("seed", "INT")])
    made = {**document([node(10, "g", [77])]), "definitions": {"subgraphs": [graph]}}
    assert graphrun.load(made).nodes["10:1"].inputs["seed"] == 77
    found = seeds(made)
    assert list(found) == ["10:1.seed", "10:2.seed"]
    assert len(set(found.values())) == 1


@pytest.mark.parametrize(("control", "drawn"), [("randomize", ["3.value"]), ("fixed", [])])
def test_a_linked_seed_is_drawn_where_it_is_written(control: str, drawn: list[str]) -> None:
    """By the control of the node that gives it."""
    nodes = [dalle(1, "randomize", ("seed", 5, "widget")), node(3, "PrimitiveInt", [7, control])]
    assert list(seeds(document(nodes, [(5, 3, 0, 1, 0)]))) == drawn
