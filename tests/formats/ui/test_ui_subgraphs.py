"""Subgraphs of every generation, and the group nodes before them (workflow-formats.md, 2.4 and 2.5)."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import converted, document, node, subgraph

from graphrun.kernel.workflow import Link, Misread

INNER = [
    node(1, "Blur", [7], ("image", 1), ("radius", 2, "widget"), types={"image": "IMAGE"}),
    node(2, "Number", [9], ("value", 3, "widget")),
]
BORDER = {
    "inputs": [("image", "IMAGE"), ("radius", "INT"), ("value", "INT")],
    "outputs": [("IMAGE", "IMAGE")],
}
WIRES = [(1, -10, 0, 1, 0), (2, -10, 1, 1, 1), (3, -10, 2, 2, 0), (4, 1, 0, -20, 0)]
DEFINITION = subgraph("g", INNER, WIRES, **BORDER)


def hosted(*hosts: Any, definitions: Any = (DEFINITION,), links: Any = ()) -> dict[str, Any]:
    """Return a document with a source, a saver and these hosts."""
    nodes = [node(50, "Source"), *hosts, node(60, "Save", ["x"], ("images", 61), types={"images": "IMAGE"})]
    made = document(nodes, [(51, 50, 0, 10, 0), (61, 10, 0, 60, 0), *links])
    return {**made, "definitions": {"subgraphs": list(definitions)}}


def host(values: Any = None, *inputs: Any, **more: Any) -> dict[str, Any]:
    """Return host 10, its image linked to the source."""
    return node(10, "g", values, ("image", 51), *inputs, types={"image": "IMAGE"}, outputs=["IMAGE"], **more)


def inner(made: Any) -> dict[str, dict[str, Any]]:
    """Return the inputs of the two inner nodes."""
    nodes = converted(made).nodes
    return {id: dict(nodes[f"10:{id}"].inputs) for id in ("1", "2")}


def test_links_go_in_and_out_through_the_border() -> None:
    """Ids of inner nodes are paths."""
    nodes = converted(hosted(host())).nodes
    assert list(nodes) == ["50", "10:1", "10:2", "60"]
    assert nodes["10:1"].inputs["image"] == Link("50", 0)
    assert nodes["60"].inputs["images"] == Link("10:1", 0)


@pytest.mark.parametrize(
    "given",
    [
        host([3, 4]),
        host([3, 4], properties={"proxyWidgets": [["-1", "radius"], ["-1", "value"]]}),
        host([4, 3], properties={"proxyWidgets": [["2", "value"], ["1", "radius"]]}),
        host([4, 3], properties={"proxyWidgets": [["2", "value"], ["1", "$$preview"], ["-1", "radius"]]}),
        host([9, 9], widgets_values_named={"radius": 3, "value": 4}),
    ],
    ids=["a: by position", "b: own proxies", "b: inner proxies", "b: previews count for nothing", "c: by name"],
)
def test_the_hosts_values_reach_the_widgets(given: Any) -> None:
    """Three generations of clients stored them in three ways."""
    made = inner(hosted(given))
    assert (made["1"]["radius"], made["2"]["value"]) == (3, 4)


@pytest.mark.parametrize(
    "given", [host(), host([]), host([None, None]), host([], properties={"proxyWidgets": [["-1", "value"]]})]
)
def test_without_a_value_of_the_host_the_inner_one_counts(given: Any) -> None:
    """Absent, empty and null mean no override."""
    made = inner(hosted(given))
    assert (made["1"]["radius"], made["2"]["value"]) == (7, 9)


def test_a_list_that_fits_no_reading_is_a_problem_at_the_widgets() -> None:
    """Three values for two widgets: none is guessed, and nodes without a part in it load."""
    made = inner(hosted(host([3, 4, 5])))
    assert isinstance(made["1"]["radius"], Misread)
    assert isinstance(made["2"]["value"], Misread)
    assert made["1"]["image"] == Link("50", 0)


def test_a_link_into_a_promoted_widget_counts_more_than_any_value() -> None:
    """By name: the host's list of inputs leaves out what isn't linked."""
    given = host([3, 4], ("value", 71, "widget"))
    made = hosted(given, node(70, "Number", [1]), links=[(71, 70, 0, 10, 9)])
    assert inner(made)["2"]["value"] == Link("70", 0)


def test_one_border_input_may_feed_several_nodes() -> None:
    """And a primitive outside is copied into each."""
    nodes = [node(1, "Number", [1], ("value", 1, "widget")), node(2, "Number", [1], ("value", 2, "widget"))]
    definition = subgraph("g", nodes, [(1, -10, 0, 1, 0), (2, -10, 0, 2, 0)], inputs=[("value", "INT")])
    made = document(
        [node(10, "g", None, ("value", 5, "widget")), node(11, "PrimitiveNode", [8, "fixed"])], [(5, 11, 0, 10, 0)]
    )
    assert inner({**made, "definitions": {"subgraphs": [definition]}}) == {"1": {"value": 8}, "2": {"value": 8}}


def test_a_definition_may_have_several_hosts() -> None:
    """Each opens up on its own, with its own values."""
    made = document([node(10, "g", [3, 4]), node(11, "g", [5, 6])])
    nodes = converted({**made, "definitions": {"subgraphs": [DEFINITION]}}).nodes
    assert [nodes[id].inputs["radius"] for id in ("10:1", "11:1")] == [3, 5]


def test_hosts_nest_and_definitions_may_carry_their_own() -> None:
    """A value set outside reaches the innermost widget, through the promoted input of the host between."""
    deep = subgraph(
        "deep",
        [node(1, "Number", [1], ("value", 1, "widget"))],
        [(1, -10, 0, 1, 0), (2, 1, 0, -20, 0)],
        [("value", "INT")],
        [("INT", "INT")],
    )
    between = [node(7, "deep", None, ("value", 1, "widget"))]
    outer = subgraph("outer", between, [(1, -10, 0, 7, 0)], [("value", "INT")], definitions={"subgraphs": [deep]})
    made = {**document([node(10, "outer", [5])]), "definitions": {"subgraphs": [outer]}}
    assert dict(converted(made).nodes["10:7:1"].inputs) == {"value": 5}


@pytest.mark.parametrize(("outer", "radius"), [([8], 8), ([None], 5), ([], 5), (None, 5)])
def test_a_host_without_a_value_leaves_that_of_the_host_inside_it(outer: Any, radius: int) -> None:
    """A hole means "no override": what is inside is a host with a value of its own."""
    middle = subgraph("m", [node(3, "g", [5, 6], ("radius", 1, "widget"))], [(1, -10, 0, 3, 0)], [("r", "INT")])
    made = converted(hosted(node(10, "m", outer), definitions=(middle, DEFINITION)))
    assert made.nodes["10:3:1"].inputs["radius"] == radius
    assert made.nodes["10:3:2"].inputs["value"] == 6


def test_a_proxy_of_an_inner_hosts_widget_reaches_it() -> None:
    """``[inner host, widget]``: laid over the host inside, and from there over its own proxy."""
    deep = subgraph("deep", [node(1, "Number", [1])], [])
    between = node(7, "deep", [], properties={"proxyWidgets": [["1", "value"]]})
    outer = subgraph("outer", [between], [])
    given = node(10, "outer", [5], properties={"proxyWidgets": [["7", "value"]]})
    made = {**document([given]), "definitions": {"subgraphs": [outer, deep]}}
    assert dict(converted(made).nodes["10:7:1"].inputs) == {"value": 5}


@pytest.mark.parametrize(("mode", "images"), [(2, None), (4, Link("50", 0))])
def test_nothing_inside_an_inactive_host_is_emitted(mode: int, images: Any) -> None:
    """A muted one breaks the connection, a bypassed one passes its input of that type on."""
    nodes = converted(hosted(host(mode=mode))).nodes
    assert list(nodes) == ["50", "60"]
    assert nodes["60"].inputs.get("images") == images


def test_a_setter_outside_is_seen_inside() -> None:
    """Names count in their own graph, then in those around it."""
    nodes = [node(1, "Blur", [1], ("image", 1)), node(2, "GetNode", ["picture"])]
    definition = subgraph("g", nodes, [(1, 2, 0, 1, 0)])
    made = document(
        [node(10, "g"), node(11, "SetNode", ["picture"], ("*", 5)), node(12, "Source")], [(5, 12, 0, 11, 0)]
    )
    found = converted({**made, "definitions": {"subgraphs": [definition]}}).nodes
    assert found["10:1"].inputs["image"] == Link("12", 0)


def test_a_definition_inside_itself_is_a_problem_of_its_host() -> None:
    """Named with the way it comes back to itself; the rest of the file loads."""
    a, b = subgraph("a", [node(1, "b")], []), subgraph("b", [node(2, "a")], [])
    made = {**document([node(10, "a"), node(11, "Source")]), "definitions": {"subgraphs": [a, b]}}
    found = converted(made)
    assert [problem.message for problem in found.problems] == [
        "a subgraph contains itself: graph a -> graph b -> graph a"
    ]
    assert list(found.nodes) == ["11"]


def test_subgraphs_that_open_up_without_measure_are_refused() -> None:
    """Twenty levels of two hosts each are a million nodes."""
    import graphrun

    levels = [subgraph(f"g{i}", [node(1, f"g{i + 1}"), node(2, f"g{i + 1}")], []) for i in range(20)]
    made = {
        **document([node(10, "g0")]),
        "definitions": {"subgraphs": [*levels, subgraph("g20", [node(1, "Number")], [])]},
    }
    with pytest.raises(graphrun.FileFormatError) as caught:
        graphrun.load(made)
    assert [problem.type for problem in caught.value.problems] == ["too_large"]


GROUP = {
    "nodes": [
        {**node(-1, "Reroute", None, ("", None), outputs=["*"]), "index": 0},
        {**node(-1, "Blur", [7], ("image", None), ("radius", None, "widget"), outputs=["IMAGE"]), "index": 1},
        {**node(-1, "Paint", [5, "fixed", 20, "n"], ("image", None), outputs=["IMAGE"], title="My paint"), "index": 2},
    ],
    "links": [[0, 0, 1, 0, 66, "*"], [1, 0, 2, 0, 67, "IMAGE"], [None, 0, 0, 0, 5, "IMAGE"]],
    "external": [[1, 0, "IMAGE"]],
    "config": {},
}


@pytest.mark.parametrize("prefix", ["workflow>", "workflow/"])
def test_a_group_node_opens_up_into_its_nodes(prefix: str) -> None:
    """Values are dealt out in order, controls included; virtual nodes dissolve but keep their number."""
    given = node(10, f"{prefix}G", [8, 6, "randomize", 30, "m"], ("anything", 51), outputs=["IMAGE", "IMAGE"])
    nodes = [node(50, "Source"), given, node(60, "Both", None, ("image", 61), ("mask", 62))]
    made = document(
        nodes, [(51, 50, 0, 10, 0), (61, 10, 0, 60, 0), (62, 10, 1, 60, 1)], extra={"groupNodes": {"G": GROUP}}
    )
    found = converted(made).nodes
    assert dict(found["10:1"].inputs) == {"image": Link("50", 0), "radius": 8}
    assert dict(found["10:2"].inputs) == {"image": Link("10:1", 0), "seed": 6, "steps": 30, "name": "m"}
    assert dict(found["60"].inputs) == {"image": Link("10:1", 0), "mask": Link("10:2", 0)}


def test_a_group_nodes_widget_may_be_linked_by_its_name() -> None:
    """With the inner node's title before it, where two share a name."""
    given = node(10, "workflow>G", [8, 6, "randomize", 30, "m"], ("x", None), ("Blur radius", 71, "widget"))
    made = document([given, node(70, "Number", [1])], [(71, 70, 0, 10, 1)], extra={"groupNodes": {"G": GROUP}})
    assert converted(made).nodes["10:1"].inputs["radius"] == Link("70", 0)


def test_a_group_nodes_values_that_fit_nothing_are_problems() -> None:
    """Nobody can tell whose they are."""
    made = document([node(10, "workflow>G", [8, 6, 30])], extra={"groupNodes": {"G": GROUP}})
    found = converted(made).nodes
    assert isinstance(found["10:1"].inputs["radius"], Misread)
    assert isinstance(found["10:2"].inputs["steps"], Misread)
