"""The YAML form: hand-written workflows, and every trap YAML lays for them (workflow-formats.md, 5 and 5.1)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphrun.errors import FileFormatError, Problem
from graphrun.formats import dump_api, load
from graphrun.kernel.workflow import Link, Misread, Node

EXAMPLE = """\
# comments allowed
_common: &gpt_inputs { quality: high, background: opaque }

cat_photo:
  class_type: LoadImage
  inputs: { image: input.webp }

edit:
  class_type: OpenAIGPTImage1
  title: Put a hat on
  inputs:
    <<: *gpt_inputs
    prompt: |
      Put the hat on the cat.
      Keep the background.
    seed: 1825317287
    image: [cat_photo, IMAGE]
    mask:  [cat_photo, 1]
    size: "1024x1024"

save:
  class_type: SaveImage
  inputs: { images: $edit.0, filename_prefix: "on" }
"""


def read(written: str) -> object:
    """Load a file whose node ``n`` has ``x: <written>`` as its one input, and return what that was read as."""
    return (
        load(f"n:\n  class_type: C\n  inputs:\n    x: {written}\nm.a: {{class_type: D}}\n".encode())
        .nodes["n"]
        .inputs["x"]
    )


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(FileFormatError) as caught:
        load(text.encode())
    return caught.value.problems


def problem(text: str) -> tuple[str, str | None]:
    """Return the type and place of the one problem in a text."""
    (found,) = problems(text)
    return found.type, found.place


def test_a_hand_written_file_loads(tmp_path: Path) -> None:
    """Notes are no nodes, anchors lend inputs, links go by number, by name and by ``$``."""
    path = tmp_path / "hat.yaml"
    path.write_text(EXAMPLE)
    workflow = load(path)
    assert workflow.nodes == {
        "cat_photo": Node("LoadImage", {"image": "input.webp"}),
        "edit": Node(
            "OpenAIGPTImage1",
            {
                "quality": "high",
                "background": "opaque",
                "prompt": "Put the hat on the cat.\nKeep the background.\n",
                "seed": 1825317287,
                "image": Link("cat_photo", "IMAGE"),
                "mask": Link("cat_photo", 1),
                "size": "1024x1024",
            },
            "Put a hat on",
        ),
        "save": Node("SaveImage", {"images": Link("edit", 0), "filename_prefix": "on"}),
    }
    assert workflow.quoted_text
    assert workflow.warnings == ()
    assert dump_api(workflow)["save"]["inputs"] == {"images": ["edit", 0], "filename_prefix": "on"}


def test_every_node_and_input_has_its_place() -> None:
    """Counted from 1, where the name stands; a merged input is placed at the ``<<`` that brought it."""
    places = load(EXAMPLE.encode()).places
    assert places["edit", ""] == (8, 1)
    assert places["edit", "seed"] == (16, 5)
    assert places["edit", "quality"] == (12, 5)
    assert places["save", "images"] == (23, 13)


def test_places_are_kept_inside_envelopes_and_through_aliases() -> None:
    """What an alias brings is placed at the key that holds the alias."""
    text = """\
version: 1
nodes:
  _i: &i {a: 1}
  n:
    class_type: C
    inputs: *i
  é:
    {class_type: C, inputs: {b: 1}}
"""
    assert load(text.encode()).places == {("n", ""): (4, 3), ("n", "a"): (6, 5), ("é", ""): (7, 3), ("é", "b"): (8, 30)}
    assert load(b"prompt:\n  n: {class_type: C}\n").places == {("n", ""): (2, 3)}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("NO", "NO"), ("y", "y"), ("n", "n"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("tRUE", "tRUE"),
        ("1e3", 1000.0), ("1E5", 100000.0), ("12e03", 12000.0), ("1.0e3", 1000.0), (".5", 0.5), ("-1.", -1.0),
        ("010", 10), ("+7", 7), ("-3", -3), ("0o10", 8), ("0x1F", 31), ("0b101", "0b101"), ("1_000", "1_000"),
        ("18446744073709551615", 2**64 - 1), ("12:3", "12:3"), ("22:22", "22:22"), ("16:9", "16:9"),
        ("190:20:30", "190:20:30"), ("10.0", 10.0), ("10.10", 10.1), ("2024-01-01", "2024-01-01"),
        ("2024-01-01T10:00:00Z", "2024-01-01T10:00:00Z"), ("~", None), ("null", None), ("", None), ('""', ""),
        ("NaN", "NaN"), ("=", "="), ("<<", "<<"), ('"8"', "8"), ("'true'", "true"), ("١", "١"), ("m.a", "m.a"),
        ("a:b", "a:b"), ("http://x/#y", "http://x/#y"), ("{a: [1, 2]}", {"a": [1, 2]}),
    ],
)  # fmt: skip
def test_plain_values_follow_yaml_1_2(written: str, value: object) -> None:
    """Only true and false are booleans; nothing is base 60, octal by a leading zero, or a date."""
    found = read(written)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("written", [".inf", "-.Inf", ".nan", ".NaN", "{a: [.inf]}", "1e999", "{__value__: [.nan]}"])
def test_numbers_that_are_none_are_reported(written: str) -> None:
    """Infinity and NaN are faults of their input."""
    found = read(written)
    assert isinstance(found, Misread)
    assert found.type == "invalid_input_type"


@pytest.mark.parametrize(
    ("written", "link"),
    [
        ("[n, 0]", Link("n", 0)),
        ("[n, OUT]", Link("n", "OUT")),
        ('[n, "1"]', Link("n", 1)),
        ("[n, 0.0]", Link("n", 0)),
        ("[gone, IMAGE]", Link("gone", "IMAGE")),
        ("[12:3, 0]", Link("12:3", 0)),
        ("[7, 0]", Link("7", 0)),
        ("$n", Link("n", 0)),
        ("$n.1", Link("n", 1)),
        ("$n.OUT", Link("n", "OUT")),
        ("'$n.OUT'", Link("n", "OUT")),
        ("$m.a", Link("m.a", 0)),
        ("$m.a.2", Link("m.a", 2)),
    ],
)
def test_links_have_a_list_form_and_a_text_form(written: str, link: Link) -> None:
    """``[id, slot]`` or ``$id.slot``, cut at the last dot; a slot is a number or an output's name."""
    assert read(written) == link


def test_a_doubled_dollar_starts_a_literal_text() -> None:
    """``$$`` is one ``$``, and only at the start of an input's value."""
    assert read("$$n.0") == "$n.0"
    assert read("a $n") == "a $n"
    assert read("{a: $n.0}") == {"a": "$n.0"}
    assert read("{__value__: $n.0}") == "$n.0"


@pytest.mark.parametrize("written", ["$", "$gone", "$gone.0", "$n.", "$5 bill"])
def test_a_dollar_text_that_names_no_node_is_reported_with_the_remedy(written: str) -> None:
    """It may be a price: the message says how to write that."""
    found = read(written)
    assert isinstance(found, Misread)
    assert found.type == "missing_link_source"
    assert "$$" in found.message


@pytest.mark.parametrize(
    "written", ["[]", "[1, 2, 3]", "[1.5, 2]", "[n, true]", "[n, ~]", "[n, []]", '[n, ""]', "[true, 0]"]
)
def test_lists_that_are_no_links_are_reported_with_the_remedy(written: str) -> None:
    """A literal list is written ``{__value__: [...]}``."""
    found = read(written)
    assert isinstance(found, Misread)
    assert found.type == "bad_linked_input"
    assert "__value__" in found.message
    assert read(f"{{__value__: {written}}}") == found.value


def test_ids_may_be_numbers_and_look_like_anything() -> None:
    """Numbers become decimal text; ``on`` and ``12:3`` are text already."""
    workflow = load(b"12: {class_type: C}\non: {class_type: C}\n12:3: {class_type: C, inputs: {1: a}}\n")
    assert list(workflow.nodes) == ["12", "on", "12:3"]
    assert dict(workflow.nodes["12:3"].inputs) == {"1": "a"}


def test_a_title_may_stand_in_meta() -> None:
    """``title`` and ``_meta.title`` are the same thing; ``is_changed`` is ignored."""
    workflow = load(b"a: {class_type: C, _meta: {title: T}, is_changed: [.nan]}\nb: {class_type: C, title: U}\n")
    assert [node.title for node in workflow.nodes.values()] == ["T", "U"]


def test_a_wrapper_names_the_outputs() -> None:
    """``{version, nodes, outputs}``; a single output needs no list."""
    assert load(b"version: 1\nnodes: {1: {class_type: S}}\noutputs: [1]\n").targets == ("1",)
    assert load(b"nodes: {save: {class_type: S}}\noutputs: save\n").targets == ("save",)
    assert load(b"nodes: {save: {class_type: S}}\n").targets == ()
    assert problem("nodes: {save: {class_type: S}}\noutputs: []\n")[0] == "prompt_no_outputs"


def test_the_editors_format_is_read_in_yaml() -> None:
    """YAML is only another way to write the same document."""
    assert load(b"nodes:\n- id: 1\n  type: C\nlinks: []\n").nodes["1"].class_type == "C"


def test_merging_is_shallow_and_own_keys_win() -> None:
    """An own ``inputs`` replaces the whole of the base's; of several bases the first wins."""
    text = """
_a: &a {class_type: A, title: T, inputs: {x: 1, y: 2}}
_b: &b {class_type: B}
own: {<<: *a, inputs: {x: 3}}
late: {title: U, <<: *a}
both: {<<: [*b, *a]}
"""
    assert load(text.encode()).nodes == {
        "own": Node("A", {"x": 3}, "T"),
        "late": Node("A", {"x": 1, "y": 2}, "U"),
        "both": Node("B", {"x": 1, "y": 2}, "T"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n: {class_type: C}\nn: {class_type: D}\n", ("duplicate_key", "workflow:2:1")),
        ('1: {class_type: C}\n"1": {class_type: D}\n', ("duplicate_key", "workflow:2:1")),
        ("n:\n  class_type: C\n  inputs:\n    seed: 1\n    seed: 2\n", ("duplicate_key", "workflow:5:5")),
        ("? [1, 2]\n: x\n", ("bad_key", "workflow:1:3")),
        ("? {a: 1}\n: x\n", ("bad_key", "workflow:1:3")),
        ("~: x\n", ("bad_key", "workflow:1:1")),
        ("true: x\n", ("bad_key", "workflow:1:1")),
        ("1.5: x\n", ("bad_key", "workflow:1:1")),
        ("n: !!python/object/apply:os.system [ls]\n", ("tag_not_allowed", "workflow:1:4")),
        ("n: !!str 1\n", ("tag_not_allowed", "workflow:1:4")),
        ("n: !wow\n", ("tag_not_allowed", "workflow:1:4")),
        ("n: {<<: 3}\n", ("bad_merge", "workflow:1:5")),
        ("n: {<<: [3]}\n", ("bad_merge", "workflow:1:5")),
        ("a: 1\n---\nb: 2\n", ("several_documents", "workflow:2:1")),
        ("a: *gone\n", ("undefined_alias", "workflow:1:4")),
        ("n: &a [*a]\n", ("self_containing", "workflow:1:8")),
        ("n: &a {b: {c: *a}}\n", ("self_containing", "workflow:1:15")),
        ("n: {x: " + "9" * 5000 + "}\n", ("number_too_long", "workflow:1:8")),
        ("n: " + "[" * 3000, ("too_deep", "workflow:1:67")),
        ("- " * 3000, ("too_deep", "workflow:1:129")),
        ("n: [" + "1," * 200_000 + "]", ("too_large", "workflow:1:200003")),
        ("n:\n  inputs: {}\n", ("missing_node_type", "workflow:1:1")),
    ],
)
def test_what_yaml_lets_pass_is_refused_at_its_place(text: str, expected: tuple[str, str]) -> None:
    """Each of these would lose a node, run code, or eat the machine."""
    assert problem(text) == expected


def test_all_faults_of_a_file_are_reported_at_once() -> None:
    """Fixing one doesn't uncover the next."""
    found = problems("a: {class_type: C, class_type: D}\n~: 1\na: !x 2\n")
    assert [p.type for p in found] == ["duplicate_key", "bad_key", "duplicate_key", "tag_not_allowed"]


@pytest.mark.parametrize("levels", [6, 12])
def test_aliases_of_aliases_are_counted_while_they_expand(levels: int) -> None:
    """Nine nines of nines load in no time elsewhere and fill the memory when they are written."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    assert problem("\n".join(lines))[0] == "too_large"


def test_depth_counts_through_aliases() -> None:
    """A tower built of aliases is as deep as one written out."""
    tower = "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 80))
    assert problem(f"a0: &a0 [1]\n{tower}\n")[0] == "too_deep"


def test_an_alias_may_be_used_often_and_for_single_values() -> None:
    """Sharing a prompt, a key or a block of settings is what they are for."""
    text = "_p: &p a cat\n_i: &i {text: *p}\na: {class_type: C, inputs: *i}\nb: {class_type: C, inputs: {*p : 1}}\n"
    assert load(text.encode()).nodes == {"a": Node("C", {"text": "a cat"}), "b": Node("C", {"a cat": 1})}


@pytest.mark.parametrize(
    ("written", "column", "hint"),
    [
        ("a: b", 12, "quote a text that has ': '"),
        ("@home", 11, "starts with @"),
        ("`x`", 11, "starts with `"),
        ("%d", 11, "starts with %"),
        ("[a", None, "close the bracket"),
        ("{a", None, "close the bracket"),
        ('"a', None, "close the quotes"),
        ("a\x07", 12, "remove the character"),
        (r'"\ud83d\ude00"', None, "write the character itself"),
        ("*x", 11, "starts with *"),
        ("!x", 11, "starts with !"),
        ("&", None, "starts with &"),
        ("é@: b", 13, "quote a text that has ': '"),
    ],
)
def test_syntax_errors_say_where_and_what_to_do(tmp_path: Path, written: str, column: int | None, hint: str) -> None:
    """``file:line:column``, and the usual cause."""
    path = tmp_path / "w.yaml"
    path.write_text(f"n:\n  class_type: C\n  prompt: {written}\n", encoding="utf-8")
    with pytest.raises(FileFormatError) as caught:
        load(path)
    (found,) = caught.value.problems
    assert found.place
    assert found.place.startswith(f"w.yaml:3:{column}" if column else "w.yaml:")
    assert hint in found.message


def test_tabs_are_named() -> None:
    """The parser only says that a character can't start a token."""
    (found,) = problems("n:\n\tclass_type: C\n")
    assert (found.type, found.place) == ("bad_yaml", "workflow:2:1")
    assert "spaces, not tabs" in found.message


def test_a_comment_that_may_be_part_of_the_text_is_pointed_out() -> None:
    """``cat #1 of 3`` ends before the ``#``; a comment with a blank after the sign is meant."""
    workflow = load(b"n:\n  class_type: C  # a comment\n  inputs:\n    text: cat #1 of 3\n    b: 'x #2'  # fine\n")
    assert workflow.nodes["n"].inputs["text"] == "cat"
    assert len(workflow.warnings) == 1
    assert "workflow:4:11" in workflow.warnings[0]
    assert "'#1 of 3'" in workflow.warnings[0]


def test_json_goes_to_the_json_parser() -> None:
    """Its escapes, its NaN and its tabs are not YAML's."""
    graph = {"1": {"class_type": "C", "inputs": {"x": "😀", "y": "$1.0"}}}
    workflow = load(json.dumps(graph, indent="\t").encode())
    assert dict(workflow.nodes["1"].inputs) == {"x": "😀", "y": "$1.0"}
    assert not workflow.quoted_text


def test_a_quoted_first_key_is_still_yaml() -> None:
    """Only a text that is one JSON string and nothing else is double-encoded JSON."""
    assert list(load(b'"1": {class_type: C}\n').nodes) == ["1"]


def test_flow_style_needs_three_dashes() -> None:
    """A text that starts with a brace is read as JSON, and the message says how to make it YAML."""
    assert problem("{a: {class_type: C}}")[0] == "not_json"
    assert list(load(b"---\n{a: {class_type: C}}\n").nodes) == ["a"]
