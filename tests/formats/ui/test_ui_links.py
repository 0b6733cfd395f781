"""Where links come from, and which nodes are emitted (workflow-formats.md, 2.1 to 2.3, 2.6, 3.1, 3.4)."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import CLASSES, converted, document, inputs_of, kind, node

from graphrun.kernel.workflow import Link, Misread

MUTED, BYPASSED = {"mode": 2}, {"mode": 4}


def test_links_are_read_in_both_shapes_side_by_side() -> None:
    """Lists of five or six, objects, and null between them; ids as numbers or text."""
    made = document(
        [
            node(1, "Both", None, ("image", 5), ("mask", "6")),
            node("2", "Source"),
            node(3, "Save", ["x"], ("images", 7)),
        ]
    )
    made["links"] = [
        [5, 2, 0, 1, 0],
        None,
        {"id": 6, "origin_id": "2", "origin_slot": 1, "target_id": 1, "target_slot": 1},
    ]
    made["links"].append([7.0, 1, 0, 3, 0, "IMAGE"])
    nodes = converted(made).nodes
    assert nodes["1"].inputs == {"image": Link("2", 0), "mask": Link("2", 1)}
    assert nodes["3"].inputs["images"] == Link("1", 0)


@pytest.mark.parametrize("links", [None, "absent", []])
def test_a_file_without_links_loads(links: Any) -> None:
    """Null and absent are like none; any version is taken."""
    made = {**document([node(1, "Number", [4])]), "links": links, "version": "0.4"}
    if links == "absent":
        del made["links"], made["version"]
    assert inputs_of(made) == {"value": 4}


def test_the_input_that_names_a_link_gets_it() -> None:
    """Not the slot number of the link: files list only some of their inputs."""
    made = document([node(1, "Paint", None, ("seed", 9, "widget"), ("image", 5)), node(2, "Source")], [(5, 2, 0, 1, 7)])
    assert inputs_of(made)["image"] == Link("2", 0)


@pytest.mark.parametrize(
    "link", [(6, 2, 0, 1, 0), (5, 2, 0, 3, 0), (5, 99, 0, 1, 0)], ids=["other id", "other target", "no origin"]
)
def test_links_that_lead_nowhere_are_ignored(link: Any) -> None:
    """Stale ones are left over by editors and scripts."""
    made = document([node(1, "Blur", [3], ("image", 5)), node(2, "Source")], [link])
    assert inputs_of(made) == {"radius": 3}


def test_stale_links_are_told_once() -> None:
    """A warning, with their number."""
    made = converted(document([node(1, "Source"), node(2, "Blur", [3])], [(5, 1, 0, 2, 0), (6, 1, 0, 2, 0)]))
    assert made.warnings == ["2 links lead to no input of their node, and are ignored"]


def test_every_active_node_is_emitted_and_only_those() -> None:
    """Unconnected ones too; not notes, buttons, muted and bypassed ones."""
    names = [
        "Source",
        "Note",
        "MarkdownNote",
        "Fast Muter (rgthree)",
        "Blur",
        "Blur",
        "Blur",
        "Reroute",
        "PrimitiveNode",
    ]
    modes = [0, 0, 0, 0, 1, 2, 4, 0, 0]
    made = converted(
        document([node(i, name, mode=mode) for i, (name, mode) in enumerate(zip(names, modes, strict=True))])
    )
    assert list(made.nodes) == ["0", "4"]


def test_titles_are_the_nodes_else_the_classes() -> None:
    """As ``_meta.title`` would have it."""
    classes = {"A": {**kind({}), "display_name": "Letter A"}}
    made = converted(document([node(1, "A", title="Mine"), node(2, "A"), node(3, "B")]), classes)
    assert [each.title for each in made.nodes.values()] == ["Mine", "Letter A", "B"]


def test_reroutes_are_followed() -> None:
    """Chains of them, and dead ones."""
    made = document(
        [
            node(1, "Both", None, ("image", 5), ("mask", 6)),
            node(2, "Reroute", None, ("", 7)),
            node(3, "Reroute (rgthree)", None, ("", 8)),
            node(4, "Source"),
            node(6, "Reroute", None, ("", None)),
        ],
        [(5, 2, 0, 1, 0), (6, 6, 0, 1, 1), (7, 3, 0, 2, 0), (8, 4, 1, 3, 0)],
    )
    assert inputs_of(made) == {"image": Link("4", 1)}


def test_native_reroute_points_change_nothing() -> None:
    """``reroutes``, ``linkExtensions`` and floating links are for the eye."""
    made = document([node(1, "Blur", [3], ("image", 5)), node(2, "Source")], [(5, 2, 0, 1, 0)])
    plain = inputs_of(made)
    made["extra"] = {"reroutes": [{"id": 1, "linkIds": [5]}], "linkExtensions": [{"id": 5, "parentId": 1}]}
    made["floatingLinks"] = [{"id": 9, "origin_id": 2, "origin_slot": 0, "target_id": -1, "target_slot": -1}]
    assert inputs_of(made) == plain


def test_a_muted_source_leaves_the_widgets_own_value() -> None:
    """A socket is left without; a widget keeps what it holds."""
    made = document(
        [
            node(1, "Blur", [3], ("image", 5), ("radius", 6, "widget")),
            node(2, "Source", **MUTED),
            node(3, "Number", [8], **MUTED),
        ],
        [(5, 2, 0, 1, 0), (6, 3, 0, 1, 1)],
    )
    assert inputs_of(made) == {"radius": 3}


def test_a_link_overwrites_a_widget() -> None:
    """Its own value is only for when the link is gone."""
    made = document([node(1, "Number", [3], ("value", 5, "widget")), node(2, "Number", [8])], [(5, 2, 0, 1, 0)])
    assert inputs_of(made) == {"value": Link("2", 0)}


def test_a_link_into_a_widget_that_is_gone_is_ignored() -> None:
    """The class of today has no such widget any more."""
    made = document([node(1, "Number", [3], ("old", 5, "widget")), node(2, "Number", [8])], [(5, 2, 0, 1, 0)])
    assert inputs_of(made) == {"value": 3}


@pytest.mark.parametrize("mode", [0, 2, 4])
def test_a_primitive_is_copied_into_every_widget_it_feeds(mode: int) -> None:
    """Whatever its own mode, and along reroutes; never into a socket."""
    made = document(
        [
            node(1, "Number", [3], ("value", 5, "widget")),
            node(2, "Number", [3], ("value", 6, "widget")),
            node(3, "Blur", [3], ("image", 7)),
            node(8, "Reroute", None, ("", 9)),
            node(9, "PrimitiveNode", [42, "randomize"], mode=mode),
        ],
        [(5, 9, 0, 1, 0), (6, 8, 0, 2, 0), (7, 9, 0, 3, 0), (9, 9, 0, 8, 0)],
    )
    made_nodes = converted(made).nodes
    assert [dict(each.inputs) for each in made_nodes.values()] == [{"value": 42}, {"value": 42}, {"radius": 3}]


@pytest.mark.parametrize("values", [[None, "fixed"], [], None])
def test_a_primitive_without_a_value_changes_nothing(values: Any) -> None:
    """The widget it feeds keeps its own value; null never reaches the prompt."""
    paint = node(1, "Paint", [7, "fixed", 20, "x"], ("steps", 5, "widget"))
    assert inputs_of(document([paint, node(2, "PrimitiveNode", values)], [(5, 2, 0, 1, 0)]))["steps"] == 20


def test_set_and_get_are_one_wire() -> None:
    """A setter also passes its input on; of two setters of one name the first counts; an unknown name is nothing."""
    made = document(
        [
            node(1, "Both", None, ("image", 5), ("mask", 6)),
            node(2, "easy getNode", ["picture"]),
            node(3, "SetNode", ["picture"], ("*", 7)),
            node(4, "Source"),
            node(6, "GetNode", ["nothing"]),
            node(7, "SetNode", ["picture"], ("*", None)),
            node(8, "Blur", [1], ("image", 8)),
        ],
        [(5, 2, 0, 1, 0), (6, 6, 0, 1, 1), (7, 4, 0, 3, 0), (8, 3, 0, 8, 0)],
    )
    nodes = converted(made).nodes
    assert nodes["1"].inputs == {"image": Link("4", 0)}
    assert nodes["8"].inputs["image"] == Link("4", 0)


def test_broadcasting_nodes_are_told_of() -> None:
    """Their links exist only while the editor runs a workflow."""
    made = converted(document([node(1, "Anything Everywhere"), node(2, "Source")]))
    assert list(made.nodes) == ["2"]
    assert "Anything Everywhere" in made.warnings[0]


def test_a_circle_of_reroutes_is_a_problem_of_its_reader() -> None:
    """Named at the input; other nodes load."""
    made = document(
        [
            node(1, "Blur", [1], ("image", 5)),
            node(2, "Reroute", None, ("", 6)),
            node(3, "Reroute", None, ("", 7)),
            node(4, "Source"),
        ],
        [(5, 2, 0, 1, 0), (6, 3, 0, 2, 0), (7, 2, 0, 3, 0)],
    )
    found = inputs_of(made)["image"]
    assert isinstance(found, Misread)
    assert found.type == "dependency_cycle"
    assert "4" in converted(made).nodes


def test_an_id_given_twice_is_a_problem_where_both_are_wired() -> None:
    """Two notes may share one; of two real nodes nobody knows which a link means."""
    made = document([node(1, "Blur", [1], ("image", 5)), node(2, "Source", outputs=["IMAGE"])], [(5, 2, 0, 1, 0)])
    made["nodes"] += [node(3, "Note", ["a"]), node(3, "Note", ["b"])]
    assert converted(made).problems == []
    made["nodes"].append(node(2, "Number", [1], outputs=["INT"]))
    again = converted(made)
    assert [(problem.type, problem.node_id) for problem in again.problems] == [("duplicate_node_id", "2")]
    assert again.nodes["1"].inputs["image"].type == "duplicate_node_id"


def bypass(wanted: str, given: list[str], inputs: list[tuple[str, str, bool]]) -> Any:
    """Return what an input of type ``wanted`` gets from output 0 of a bypassed node with these inputs."""
    slots = [(name, 10 + i if linked else None) for i, (name, _, linked) in enumerate(inputs)]
    made = document(
        [
            node(1, "End", None, ("x", 5), types={"x": wanted}),
            node(2, "Passed", None, *slots, types={name: type for name, type, _ in inputs}, outputs=given, **BYPASSED),
            *(node(20 + i, "Source") for i in range(len(inputs))),
        ],
        [(5, 2, 0, 1, 0), *((10 + i, 20 + i, 0, 2, i) for i in range(len(inputs)))],
    )
    return inputs_of(made, classes={}).get("x")


@pytest.mark.parametrize(
    ("wanted", "given", "inputs", "expected"),
    [
        ("*", ["IMAGE"], [("a", "MODEL", True), ("b", "IMAGE", True)], Link("20", 0)),
        ("IMAGE", ["IMAGE"], [("a", "IMAGE", True), ("b", "IMAGE", True)], Link("20", 0)),
        ("IMAGE", ["IMAGE"], [("a", "IMAGE", False), ("b", "IMAGE", True)], None),  # chosen, linked or not
        ("IMAGE", ["IMAGE"], [("a", "MODEL", True), ("b", "IMAGE", True)], Link("21", 0)),
        ("IMAGE", ["IMAGE"], [("a", "MODEL", True), ("b", "image", True)], Link("21", 0)),  # any case of letters
        ("IMAGE", ["IMAGE"], [("a", "MODEL", True), ("b", "IMAGE,MASK", True)], Link("21", 0)),
        ("IMAGE,MASK", ["MASK"], [("a", "MODEL", True), ("b", "IMAGE,MASK", True)], Link("21", 0)),
        ("IMAGE", ["IMAGE"], [("a", "MODEL", True)], None),
        ("IMAGE", ["IMAGE"], [], None),
    ],
)
def test_a_bypassed_node_passes_on_the_input_of_its_type(wanted: str, given: Any, inputs: Any, expected: Any) -> None:
    """The table of section 3.4, one case a row."""
    assert bypass(wanted, given, inputs) == expected


def test_a_bypassed_nodes_slots_are_numbered_as_its_class_has_them() -> None:
    """Sockets first, in the order of the definition; the file may list them otherwise."""
    classes = {**CLASSES, "Mix": kind({"amount": "FLOAT", "first": "IMAGE", "second": "IMAGE"})}
    made = document(
        [
            node(1, "Blur", [1], ("image", 5), types={"image": "IMAGE"}),
            node(2, "Mix", [1.0], ("second", 6), ("first", 7), types={"first": "IMAGE", "second": "IMAGE"}, **BYPASSED),
            node(3, "Source"),
            node(4, "Source"),
        ],
        [(5, 2, 0, 1, 0), (6, 3, 0, 2, 1), (7, 4, 0, 2, 0)],
    )
    assert inputs_of(made, classes=classes)["image"] == Link("4", 0)
