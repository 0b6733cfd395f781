"""Naming inputs of a workflow: ids, titles, classes, dots, and what is said where a name fails."""

from __future__ import annotations

import pytest

from graphrun.errors import UsageError
from graphrun.kernel.workflow import Address, Link, Node, Workflow, did_you_mean

GRAPH = Workflow(
    {
        "10": Node("OpenAIGPTImage1", {"prompt": "a cat", "model.size": "auto"}, title="Painter"),
        "19": Node("LoadImage", {"image": "a.png"}),
        "20": Node("LoadImage", {"image": "b.png"}, title="Mask"),
        "57:12": Node("SaveImage", {"images": Link("10")}, title="v1.5 saver"),
    }
)


def refusal(name: str, graph: Workflow = GRAPH) -> str:
    """What is said of an address that names nothing."""
    with pytest.raises(UsageError) as caught:
        graph.address(name)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "node_id", "input"),
    [
        ("10.prompt", "10", "prompt"),
        ("Painter.prompt", "10", "prompt"),
        ("OpenAIGPTImage1.prompt", "10", "prompt"),
        ("Mask.image", "20", "image"),
        ("57:12.images", "57:12", "images"),
        ("10.model.size", "10", "model.size"),
        ("v1.5 saver.images", "57:12", "images"),
        ("10.no such input", "10", "no such input"),
    ],
)
def test_an_address_is_a_node_and_an_input(text: str, node_id: str, input: str) -> None:
    """NODE is an id, a title or a class; inputs and titles may contain dots."""
    assert GRAPH.address(text) == Address(node_id, input)


def test_the_longest_node_that_fits_wins() -> None:
    """With nodes ``a`` and ``a.b``, ``a.b.c`` is input c of the latter."""
    graph = Workflow({"a": Node("X"), "a.b": Node("X")})
    assert graph.address("a.b.c") == Address("a.b", "c")
    assert graph.address("a.c.b") == Address("a", "c.b")
    assert graph.address("a.b") == Address("a", "b")


def test_an_id_beats_a_title_of_the_same_name() -> None:
    """A file may title one node with another's id."""
    graph = Workflow({"1": Node("X", title="2"), "2": Node("X")})
    assert graph.node_id("2") == "2"


def test_a_name_of_several_nodes_is_ambiguous() -> None:
    """The nodes that might be meant are listed."""
    assert refusal("LoadImage.image") == (
        "'LoadImage' names 2 nodes (19 (LoadImage), 20 \"Mask\" (LoadImage)): use an id"
    )
    graph = Workflow({"1": Node("Blur"), "2": Node("Sharpen", title="Blur")})
    with pytest.raises(UsageError, match="names 2 nodes"):
        graph.node_id("Blur")


def test_a_near_miss_is_suggested() -> None:
    """Among ids, titles and classes."""
    assert refusal("Pinter.prompt") == "'Pinter.prompt': no node is called 'Pinter'; did you mean 'Painter'?"
    with pytest.raises(UsageError, match="did you mean 'SaveImage'"):
        GRAPH.node_id("SaveImages")


@pytest.mark.parametrize("text", ["prompt", "", "10", "10.", ".", ".prompt"])
def test_an_address_without_an_input_says_what_is_wanted(text: str) -> None:
    """A forgotten input is told as that, even where the node exists."""
    assert "NODE.INPUT" in refusal(text) or "no node is called ''" in refusal(text)


def test_a_node_without_an_input_is_not_called_unknown() -> None:
    """``10`` names a node: the message must not deny it."""
    assert "no node" not in refusal("10")
    assert "no node" not in refusal("10.")


def test_with_inputs_changes_a_copy() -> None:
    """The workflow itself is never changed; what was set by hand is remembered."""
    changed = GRAPH.with_inputs({"Painter.prompt": "a fox", "10.seed": 7})
    assert changed.nodes["10"].inputs == {"prompt": "a fox", "model.size": "auto", "seed": 7}
    assert GRAPH.nodes["10"].inputs["prompt"] == "a cat"
    assert changed.by_hand == {Address("10", "prompt"), Address("10", "seed")}
    assert changed.nodes["19"] is GRAPH.nodes["19"]


def test_the_order_of_nodes_survives_a_change() -> None:
    """Ties in the plan are broken by place in the file, so a change must not move a node."""
    assert list(GRAPH.with_inputs({"10.prompt": "x"}).nodes) == list(GRAPH.nodes)


def test_a_label_names_a_node_as_people_know_it() -> None:
    """Id, title, class; the bare id where there is no such node."""
    assert GRAPH.label("10") == '10 "Painter" (OpenAIGPTImage1)'
    assert GRAPH.label("19") == "19 (LoadImage)"
    assert GRAPH.label("99") == "99"


def test_suggestions_cost_nothing_on_hostile_names() -> None:
    """A file may link to a name of a megabyte, or hold so many nodes that comparing all would take minutes."""
    assert did_you_mean("x" * 1_000_000, ["x" * 999_999]) == ""
    assert did_you_mean("n1", (f"n{i}" for i in range(100_000))) == ""
