"""The API format: what its values mean, what is forgiven, and that writing it back loses nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.errors import FileFormatError
from graphrun.formats import dump_api, load
from graphrun.kernel.workflow import BoundFile, Given, Link, Misread, Node, Workflow


def inputs_of(inputs: dict[str, Any], **others: Any) -> dict[str, object]:
    """Load a file in which node 1 has these inputs, through JSON text, and return what they were read as."""
    graph = {"1": {"class_type": "C", "inputs": inputs}, "4": {"class_type": "D", "inputs": {}}, **others}
    return dict(load(json.dumps(graph).encode()).nodes["1"].inputs)


def read(value: Any) -> object:
    return inputs_of({"x": value})["x"]


def refused(graph: object) -> FileFormatError:
    with pytest.raises(FileFormatError) as caught:
        load(json.dumps(graph).encode() if not isinstance(graph, bytes) else graph)
    return caught.value


@pytest.mark.parametrize("value", ["a cat", "", 8, 8.5, True, False, None, {"x": [1, 2]}, {}, "$4.0", "é 🐱"])
def test_plain_values_are_literals(value: object) -> None:
    """Text, numbers, booleans, null and objects mean themselves; ``$4.0`` is a link in YAML only."""
    found = read(value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", [["4", 0], [4, 0], ["4", 0.0], ["4", "0"]])
def test_links_are_recognised_however_ids_and_slots_were_typed(written: list[Any]) -> None:
    """ComfyUI wants ``["4", 0]``; hand-written numbers and digit strings mean the same."""
    assert read(written) == Link("4", 0)


@pytest.mark.parametrize(("written", "link"), [(["9", 0], Link("9", 0)), (["4", -1], Link("4", -1))])
def test_links_to_nowhere_stay_links(written: list[Any], link: Link) -> None:
    """Whether node and slot exist is for the plan to say."""
    assert read(written) == link


@pytest.mark.parametrize(
    "written",
    [[], [1], ["4", 0, 1], ["a", "b"], [1.5, 2], ["4", True], ["4", 0.5], ["4", "IMAGE"], [True, 0], ["9", "0"]],
)
def test_other_lists_are_reported_not_guessed(written: list[Any]) -> None:
    """A list that is no link and not wrapped is kept as a Misread that shows how to write it."""
    found = read(written)
    assert isinstance(found, Misread)
    assert (found.value, found.type) == (written, "bad_linked_input")
    assert "__value__" in found.message


def test_a_program_may_write_links_as_tuples() -> None:
    """They would be lists in a file."""
    assert read(("4", 0)) == Link("4", 0)
    assert isinstance(read(("4", math.nan)), Misread)


@pytest.mark.parametrize("inside", [[1, 2], ["4", 0], [], {"points": [1, 2]}, "text"])
def test_wrapped_values_are_unwrapped_whatever_is_inside(inside: object) -> None:
    """``__value__`` protects a list from being a link; newer editors add ``__type__``."""
    assert read({"__value__": inside}) == inside
    assert read({"__type__": "CURVE", "__value__": inside}) == inside


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "wrap", [lambda n: n, lambda n: {"a": [1, n]}, lambda n: {"__value__": [n]}, lambda n: ["4", n]]
)
def test_numbers_that_are_none_are_named(number: float, wrap: Any) -> None:
    """ComfyUI writes bare NaN and Infinity; in an input, however deep, they are a fault of that input."""
    found = read(wrap(number))
    assert isinstance(found, Misread)
    assert found.type == "invalid_input_type"
    assert str(number) in found.message


def test_a_number_too_large_for_a_float_is_named() -> None:
    """``1e999`` is infinity to Python."""
    workflow = load(b'{"1": {"class_type": "C", "inputs": {"x": 1e999}}}')
    assert isinstance(workflow.nodes["1"].inputs["x"], Misread)


def test_change_marks_of_the_server_are_ignored() -> None:
    """``is_changed: [NaN]`` leaks into embedded prompts and means nothing here."""
    workflow = load(b'{"1": {"class_type": "C", "inputs": {"x": 1}, "is_changed": [NaN], "other": 3}}')
    assert workflow.nodes == {"1": Node("C", {"x": 1})}


def test_titles_come_from_meta() -> None:
    """A title may be in any language; what is no text is no title."""
    workflow = load(
        {"1": {"class_type": "C", "_meta": {"title": "加载图像"}}, "2": {"class_type": "C", "_meta": {"title": 3}}}
    )
    assert [node.title for node in workflow.nodes.values()] == ["加载图像", None]


@pytest.mark.parametrize("inputs", [{}, {"inputs": {}}, {"inputs": None}])
def test_a_node_may_have_no_inputs(inputs: dict[str, Any]) -> None:
    """A node that lacks ``inputs`` makes ComfyUI stumble; it has none."""
    assert load({"1": {"class_type": "C", **inputs}}).nodes == {"1": Node("C", {})}


def test_ids_order_and_dotted_inputs_are_kept() -> None:
    """Ids are opaque text; dots in input names are part of the name."""
    graph = {
        "12:3": {"class_type": "C", "inputs": {"model.size": "auto"}},
        "a.b": {"class_type": "C"},
        "07": {"class_type": "C"},
    }
    workflow = load(json.dumps(graph).encode())
    assert list(workflow.nodes) == ["12:3", "a.b", "07"]
    assert dict(workflow.nodes["12:3"].inputs) == {"model.size": "auto"}


def test_every_broken_node_is_named_at_once() -> None:
    """One reading tells all that is wrong, each at its node."""
    error = refused(
        {
            "1": {"class_type": "C", "inputs": {}},
            "2": {"inputs": {}, "_meta": {"title": "Mine"}},
            "3": {"class_type": 5, "inputs": {}},
            "4": {"class_type": "C", "inputs": []},
            "5": "text",
            "": {"class_type": "C"},
        }
    )
    assert [(p.node_id, p.type) for p in error.problems] == [
        ("2", "missing_node_type"),
        ("3", "missing_node_type"),
        ("4", "bad_inputs"),
        ("5", "not_a_node"),
        ("", "bad_node_id"),
    ]
    assert error.problems[0].title == "Mine"


def test_a_graph_of_which_no_node_has_a_class_names_them() -> None:
    """Inputs alone are enough to see what the file is meant to be."""
    error = refused({"7": {"inputs": {"x": 1}}})
    assert [(p.node_id, p.type) for p in error.problems] == [("7", "missing_node_type")]


def test_problems_name_the_file(tmp_path: Path) -> None:
    """The path is on the error, the name in each problem."""
    path = tmp_path / "broken.json"
    path.write_text('{"1": {"class_type": 3, "inputs": {}}, "2": {"class_type": "C"}}')
    with pytest.raises(FileFormatError) as caught:
        load(path)
    assert caught.value.path == path
    assert caught.value.problems[0].place == "broken.json"


def test_what_is_written_twice_is_refused() -> None:
    """JSON lets the last one win, so a node, its class or a setting would vanish without a word."""
    text = b"""{"1": {"class_type": "C"}, "1": {"class_type": "C"},
               "2": {"class_type": "C", "class_type": "D"},
               "3": {"class_type": "C", "inputs": {"seed": 1, "seed": 2}}}"""
    assert [(p.type, p.node_id, p.input) for p in refused(text).problems] == [
        ("duplicate_key", "1", None),
        ("duplicate_key", "2", None),
        ("duplicate_key", "3", "seed"),
    ]


def test_ids_that_only_differ_in_type_collide() -> None:
    """A mapping made by a program may have whole numbers as ids, but not both ``1`` and ``"1"``."""
    mapping: Any = {1: {"class_type": "C"}, "1": {"class_type": "D"}}
    with pytest.raises(FileFormatError, match="more than one node"):
        load(mapping)
    assert list(load({1: {"class_type": "C"}}).nodes) == ["1"]  # type: ignore[dict-item]


def test_half_an_emoji_becomes_a_replacement_character() -> None:
    """A client that cuts text in the middle of a surrogate pair leaves half of it, which no UTF-8 can hold."""
    workflow = load(rb'{"1": {"class_type": "C", "inputs": {"x": "\ud83d \\ud83d \ud83d\ude00 \uDE00"}}}')
    assert workflow.nodes["1"].inputs["x"] == "� \\ud83d 😀 �"


JSON_LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("__value__"), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["_x", "prompt", "nodes", "workflow", "extra", "output", "12:3"]
)
LINKS = st.builds(Link, NAMES, st.integers(-2, 9))
NODES = st.builds(
    Node, NAMES, st.dictionaries(st.text(max_size=8), JSON_LITERALS | LINKS, max_size=4), st.none() | st.text()
)
WORKFLOWS = st.builds(Workflow, st.dictionaries(NAMES, NODES, min_size=1, max_size=5))


@settings(deadline=None)  # two cores may be busy elsewhere
@given(WORKFLOWS)
def test_loading_what_was_dumped_gives_the_same_nodes(workflow: Workflow) -> None:
    """load ∘ dump is identity on nodes, in ids, order, classes, titles and inputs, types included."""
    text = json.dumps(dump_api(workflow), allow_nan=False)
    for source in (dump_api(workflow), text.encode()):
        # repr, because 1 == 1.0 == True would hide a changed type
        assert repr(load(source).nodes) == repr(workflow.nodes)


def test_dumping_writes_what_comfyui_writes() -> None:
    """Links are pairs, lists are wrapped, titles go to ``_meta``."""
    node = Node("SaveImage", {"images": Link("8", 0), "sizes": [1, 2], "name": "out"}, "Save")
    assert dump_api(Workflow({"9": node})) == {
        "9": {
            "inputs": {"images": ["8", 0], "sizes": {"__value__": [1, 2]}, "name": "out"},
            "class_type": "SaveImage",
            "_meta": {"title": "Save"},
        }
    }


def test_dumping_keeps_private_values_out(tmp_path: Path) -> None:
    """A bound file shows its name only; values of the program are left out; NaN becomes null."""
    inputs = {
        "image": BoundFile("cat.png", tmp_path / "private" / "cat.png"),
        "tensor": Given((object(),)),
        "object": object(),
        "nan": math.nan,
        "misread": Misread([math.nan, 3], "bad_linked_input", "…"),
        "pair": (1, 2),
    }
    dumped = dump_api(Workflow({"1": Node("C", inputs)}))["1"]["inputs"]
    assert dumped == {"image": "cat.png", "nan": None, "misread": [None, 3], "pair": {"__value__": [1, 2]}}


def test_a_misread_value_is_written_back_as_it_was() -> None:
    """What could not be understood is not made worse."""
    graph = {"1": {"class_type": "C", "inputs": {"x": [1, 2, 3]}}}
    assert dump_api(load(graph))["1"]["inputs"] == {"x": [1, 2, 3]}
