"""The YAML form written: what is read back is the same, and other YAML readers would agree."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphrun
from graphrun.errors import FileFormatError, UsageError
from graphrun.formats import Definitions, dump_api, dump_definitions, dump_yaml, load
from graphrun.formats.dump_certain import certain_part
from graphrun.formats.dump_slots import with_slot_names, with_slot_numbers
from graphrun.formats.dump_yaml import renamed_ids
from graphrun.formats.json_text import JSON
from graphrun.formats.yaml import YAML
from graphrun.kernel.workflow import Address, BoundFile, Control, Given, Link, Misread, Node, Workflow
from graphrun.packs import Registry
from graphrun_nodes import pack

PLAIN_WORDS = ["no", "Yes", "on", "OFF", "y", "null", "~", "true", "", "=", "<<", ".nan", ".inf", "nan", "None"]
NUMBERS_AS_TEXT = ["1", "1.0", "1e3", "010", "0x1F", "0o10", "1_000", "12:3", "16:9", "-1", "+1", ".5", "2024-01-01"]
INDICATORS = [
    "- a",
    "? a",
    ": a",
    "a: b",
    "a:",
    "a #b",
    "#b",
    "@a",
    "`a`",
    "%a",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "[a]",
    "{a}",
]
DOLLARS = ["$", "$$", "$a", "$a.0", "$$a.0", "$1.IMAGE"]
LINES = [
    "a\nb",
    "a\nb\n",
    "a\n\nb",
    "a\nb\n\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\n b",
    "a\n\tb",
    "\n",
    "a\r\nb",
    "---\n...",
    "a\n# b",
]
UNSEEN = [
    "\x00",
    "\x85",
    "\u2028x",
    "\ufeffa",
    "a\u202eb",
    "a\u00a0b",
    "tab\there",
    " a",
    "a ",
    "\x1b[31m",
    "👨‍👩‍👧 🐱",
]
QUOTES = ["'a'", '"a"', "it's", 'say "so"', "back\\slash", "\\n", "---", "...", "a, b", "C:\\x", "http://x/y?z=1#q"]
NASTY = [*PLAIN_WORDS, *NUMBERS_AS_TEXT, *INDICATORS, *DOLLARS, *LINES, *UNSEEN, *QUOTES]

TEXTS = st.text() | st.sampled_from(NASTY) | st.text(alphabet="a $.:#-\n'\"\\|>&*!%@`{}[],?~0\t", max_size=12)
LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("__value__"), inner, max_size=3),
    max_leaves=8,
)
IDS = (TEXTS | st.sampled_from(["prompt", "nodes", "workflow", "extra", "outputs", "a.b", "a.0"])).filter(
    lambda text: text and not text.startswith("_")
)
LINKS = st.builds(Link, IDS, st.integers(-2, 9) | st.sampled_from(["IMAGE", "a.b", "on", "Ü", "a b", "12:3"]))
NODES = st.builds(Node, TEXTS.filter(bool), st.dictionaries(TEXTS, LITERALS | LINKS, max_size=4), st.none() | TEXTS)


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Draw a workflow in which many links lead to nodes that are there."""
    nodes = draw(st.dictionaries(IDS, NODES, min_size=1, max_size=5))
    inside = st.builds(Link, st.sampled_from(sorted(nodes)), st.integers(0, 3) | st.just("MASK"))
    for node_id, node in nodes.items():
        nodes[node_id] = Node(node.class_type, {**node.inputs, **draw(st.dictionaries(TEXTS, inside))}, node.title)
    targets = draw(st.lists(st.sampled_from(sorted(nodes)), unique=True, max_size=2))
    return Workflow(nodes, tuple(targets))


def back(workflow: Workflow, definitions: Definitions | None = None) -> Workflow:
    return load(dump_yaml(workflow, definitions).encode(), definitions=definitions)


@pytest.fixture(scope="module")
def builtin() -> Definitions:
    """The classes of the built-in pack, as the command line knows them."""
    return Definitions(Registry([pack]))


@settings(deadline=None)  # two cores may be busy elsewhere
@given(workflows())
@example(Workflow({"a": Node("C"), "a.0": Node("D", {"x": Link("a", 0), "y": Link("a.0", 0)})}))
@example(Workflow({"$a": Node("C"), "b": Node("D", {"x": Link("$a", 0), "y": "$a.0"})}))
def test_loading_what_was_dumped_gives_the_same_workflow(workflow: Workflow) -> None:
    """load ∘ dump is identity on ids, order, classes, titles, inputs and targets, types included."""
    found = back(workflow)
    # repr, because 1 == 1.0 == True would hide a changed type
    assert repr(found.nodes) == repr(workflow.nodes)
    assert found.targets == workflow.targets
    assert found.warnings == ()


@settings(deadline=None)
@given(workflows())
def test_dumping_again_gives_the_same_text(workflow: Workflow) -> None:
    """A file that was converted once does not change any more."""
    text = dump_yaml(workflow)
    assert dump_yaml(load(text.encode())) == text


@settings(deadline=None)
@given(workflows())
def test_other_readers_of_yaml_read_the_same(workflow: Workflow) -> None:
    """The common YAML 1.1 reader finds the texts, numbers and keys that ours finds."""
    read = yaml.safe_load(dump_yaml(workflow))
    nodes = read["nodes"] if workflow.targets else read
    assert list(nodes) == list(workflow.nodes)
    for node_id, node in workflow.nodes.items():
        assert nodes[node_id]["class_type"] == node.class_type
        assert nodes[node_id].get("title") == node.title
        for name, value in node.inputs.items():
            if isinstance(value, str):
                assert nodes[node_id]["inputs"][name] == (f"${value}" if value.startswith("$") else value)
            elif isinstance(value, int | None):
                assert nodes[node_id]["inputs"][name] is value or nodes[node_id]["inputs"][name] == value


@pytest.mark.parametrize("text", NASTY)
def test_no_text_is_read_as_something_else(text: str) -> None:
    """As a value, a title, a class, and as the name of an input."""
    node = Node(text or "C", {"x": text, text: 1}, text)
    assert repr(back(Workflow({"1": node})).nodes) == repr({"1": node})


def test_a_file_reads_as_a_person_would_write_it(builtin: Definitions) -> None:
    """Outputs by name, texts of several lines as such, quotes where they are needed, other options beside a choice."""
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "lake.png"}},
        "12:3": {
            "class_type": "ImageScale",
            "inputs": {"image": ["1", 0], "upscale_method": "lanczos", "width": 64, "height": 64, "crop": "disabled"},
            "_meta": {"title": "Half: small"},
        },
        "say": {"class_type": "PreviewAny", "inputs": {"source": "one\ntwo\n"}, "_meta": {"title": "Say it"}},
        "save": {"class_type": "SaveImage", "inputs": {"images": ["12:3", 0], "filename_prefix": "on"}},
    }
    assert (
        dump_yaml(load(graph), builtin)
        == """\
# Converted by graphrun from a workflow.

"1":
  class_type: LoadImage  # Load Image
  inputs:
    image: lake.png

"12:3":
  class_type: ImageScale
  title: "Half: small"
  inputs:
    image: $1.IMAGE
    upscale_method: lanczos  # or nearest-exact, bilinear, area, bicubic
    width: 64
    height: 64
    crop: disabled  # or center

say:
  class_type: PreviewAny
  title: Say it
  inputs:
    source: |
      one
      two

save:
  class_type: SaveImage  # Save Image
  inputs:
    images: "$12:3.IMAGE"
    filename_prefix: "on"
"""
    )


def test_targets_are_kept_in_the_wrapper() -> None:
    """A file that asks for some outputs only still does."""
    assert dump_yaml(Workflow({"a": Node("C", {"x": "1\n2"})}, ("a",))).splitlines()[2:] == [
        "version: 1",
        'outputs: ["a"]',
        "nodes:",
        "",
        "  a:",
        "    class_type: C",
        "    inputs:",
        "      x: |-",
        "        1",
        "        2",
    ]


def test_what_the_editor_does_to_a_seed_is_told() -> None:
    """The YAML form has no such setting; a comment keeps the intention."""
    controls = {Address("1", "seed"): Control("randomize", "1.seed"), Address("1", "n"): Control("fixed", "1.n")}
    text = dump_yaml(Workflow({"1": Node("C", {"seed": 5, "n": 1})}, controls=controls))
    assert "    seed: 5  # randomize after each run\n" in text
    assert text.count("#") == 2


def test_numbers_that_stand_for_text_are_quoted_where_that_is_known(builtin: Definitions) -> None:
    """The API format takes a number for a STRING, the YAML form refuses it: the converted file must still run."""
    workflow = load({"1": {"class_type": "PrimitiveString", "inputs": {"value": 8.0}}})
    assert back(workflow, builtin).nodes["1"].inputs == {"value": "8.0"}


@pytest.mark.parametrize("comments", ["evil\nid: {class_type: X}", "a # b", "\x1b[31m", "x" * 5000])
def test_no_name_of_a_class_breaks_out_of_its_comment(comments: str) -> None:
    """Display names and options come from a dump, which anybody may have written."""
    record = {"input": {"required": {"x": [["a", comments], {}]}}, "display_name": comments}
    text = dump_yaml(Workflow({"1": Node("C", {"x": "a"})}), Definitions(dump={"C": record}))
    assert load(text.encode()).nodes == {"1": Node("C", {"x": "a"})}


@pytest.mark.parametrize("value", [math.nan, math.inf, [1, math.nan], object(), {"x": {1, 2}}, Given((1,)), "\ud800"])
def test_what_no_file_holds_is_refused_with_its_place(value: object) -> None:
    """A stand-in would be taken for a real value."""
    with pytest.raises((UsageError, FileFormatError)) as caught:
        dump_yaml(Workflow({"1": Node("C", {"x": value})}))
    assert "1 (C): x: " in str(caught.value) or "can't be written as YAML" in str(caught.value)


def test_what_is_nested_too_deep_for_yaml_is_refused() -> None:
    """JSON may nest a little deeper than YAML is read."""
    value: Any = 1
    for _ in range(63):
        value = {"x": value}
    workflow = load(json.dumps({"1": {"class_type": "C", "inputs": {"x": value}}}).encode())
    with pytest.raises(FileFormatError, match="can't be written as YAML, use API JSON: nested more than 64"):
        dump_yaml(workflow)


def test_a_bound_file_becomes_its_base_name(tmp_path: Path) -> None:
    """No path of this machine gets into a file that is passed on."""
    text = dump_yaml(Workflow({"1": Node("C", {"image": BoundFile("cat.png", tmp_path / "cat.png")})}))
    assert "image: cat.png" in text
    assert str(tmp_path) not in text


def test_ids_that_would_be_notes_are_renamed() -> None:
    """A key that starts with ``_`` is no node in YAML; links and targets follow."""
    workflow = Workflow(
        {"_a": Node("C"), "a": Node("D", {"x": Link("_a", 0)}), "__": Node("E"), "_b": Node("F", {"x": Link("_b", 0)})},
        ("_b",),
    )
    assert renamed_ids(workflow) == {"_a": "a_2", "__": "node", "_b": "b"}
    found = back(workflow)
    assert found.nodes == {
        "a_2": Node("C"), "a": Node("D", {"x": Link("a_2", 0)}), "node": Node("E"), "b": Node("F", {"x": Link("b", 0)})
    }  # fmt: skip
    assert found.targets == ("b",)


def test_slots_are_named_where_the_name_is_clear_and_numbered_back() -> None:
    """Names come from the class; one that two outputs share, or that is no word, stays a number."""
    dump = {"L": {"input": {}, "output_name": ["IMAGE", "MASK", "MASK", "a b", "mask2"]}}
    links = {f"x{slot}": Link("1", slot) for slot in (0, 1, 2, 3, 4, 5, -1)}
    workflow = Workflow({"1": Node("L"), "2": Node("C", {**links, "gone": Link("9", 0)})})
    named = with_slot_names(workflow, Definitions(dump=dump))
    assert [link.slot for _, link in named.nodes["2"].links] == ["IMAGE", 1, 2, 3, "mask2", 5, -1, 0]
    assert with_slot_numbers(named, Definitions(dump=dump)) == workflow


def test_a_name_nobody_knows_is_no_number() -> None:
    """Which output is meant can't be told without the class."""
    workflow = Workflow({"1": Node("L"), "2": Node("C", {"x": Link("1", "IMAGE")})})
    found = with_slot_numbers(workflow, Definitions()).nodes["2"].inputs["x"]
    assert isinstance(found, Misread)
    assert "'IMAGE' of 1 (L)" in found.message


def test_a_misread_stays_where_it_would_be_misread_again() -> None:
    """``["a", "b"]`` is nothing in JSON and a link in YAML; NaN has no JSON at all."""
    text = b'{"1": {"class_type": "C", "inputs": {"three": [1, 2, 3], "two": ["a", "b"], "nan": [NaN]}}}'
    workflow = load(text)
    for dialect, kept in ((JSON, ["three", "two"]), (YAML, ["three"])):
        certain, problems = certain_part(workflow, dialect)
        assert list(certain.nodes["1"].inputs) == kept
        assert [problem.input for problem in problems] == ["three", "two", "nan"]
        assert [problem.input for problem in problems if problem.message.endswith("; left out")] == [
            name for name in ("three", "two", "nan") if name not in kept
        ]


@pytest.mark.corpus
def test_every_real_file_comes_back_the_same(corpus: Path) -> None:
    """Through YAML, with and without names of outputs, each workflow is the one it was."""
    known = Definitions(Registry([pack]))
    paths = [
        path
        for path in sorted(corpus.glob("*/*.json"))
        if "class_type" in path.read_text() or '"nodes"' in path.read_text()
    ]
    seen = 0
    for path in paths:
        try:
            workflow, _ = certain_part(graphrun.load(path), YAML)
        except FileFormatError:
            continue
        seen += 1
        assert repr(back(workflow).nodes) == repr(workflow.nodes), path.name
        named = back(workflow, known)
        assert dump_api(with_slot_numbers(named, known)) == dump_api(workflow), path.name
    assert seen > 50


def test_definitions_of_our_own_classes_name_their_outputs() -> None:
    """What ``nodes object-info`` prints can be given back with --definitions."""
    dump = dump_definitions(Registry([pack]).values())
    named = with_slot_names(
        Workflow({"1": Node("LoadImage"), "2": Node("C", {"x": Link("1", 1)})}), Definitions(dump=dump)
    )
    assert named.nodes["2"].inputs["x"] == Link("1", "MASK")
