"""What the editor does to texts on the way to a prompt (workflow-formats.md, 3.7)."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import CLASSES, converted, document, inputs_of, kind, node

from graphrun.formats.ui.client_text import dynamic_prompt

PROMPTING = {"Encode": kind({"text": ["STRING", {"dynamicPrompts": True}]}), **CLASSES}


@pytest.mark.parametrize(
    ("text", "outcomes"),
    [
        ("a cat", {"a cat"}),
        ("{red|blue} cat", {"red cat", "blue cat"}),
        ("{a|{b|c}}", {"a", "b", "c"}),
        (r"\{a\|b\}", {"{a|b}"}),
        ("a /* not\nthis */ b // nor this\nc", {"a  b \nc"}),
        ("{only", {"{only"}),
        ("a|b}", {"a|b}"}),
        ("{}", {""}),
    ],
)
def test_dynamic_prompts_lose_comments_and_choose_an_alternative(text: str, outcomes: set[str]) -> None:
    """The same text chooses the same each time: a file loads twice alike."""
    assert dynamic_prompt(text) in outcomes
    assert dynamic_prompt(text) == dynamic_prompt(text)


def test_every_alternative_can_be_chosen() -> None:
    """Texts differ, so do choices."""
    assert {dynamic_prompt("{a|b|c}" + " " * count).strip() for count in range(50)} == {"a", "b", "c"}


def test_only_marked_texts_are_dynamic() -> None:
    """A web address in a plain text keeps all of it."""
    made = document([node(1, "Encode", ["see https://x.org"]), node(2, "Named", ["see https://x.org {a|b}"])])
    found = converted(made, PROMPTING).nodes
    assert found["1"].inputs == {"text": "see https:"}
    assert found["2"].inputs == {"text": "see https://x.org {a|b}"}


def saved_as(prefix: str, *others: Any) -> object:
    """Return the name a saver gets."""
    return inputs_of(document([node(1, "Save", [prefix]), *others]))["filename_prefix"]


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("%date:yyyy-MM-dd%", "2026-03-07"),
        ("%date:yy.M.d h:m:s%", "26.3.7 5:9:1"),
        ("a/%date:hhmmss%_x", "a/050901_x"),
        ("%year%-%width%", "%year%-%width%"),
        ("%Seedy.value%", "42"),
        ("%The number.value%", "42"),
        ("%Words.text%", "a_b_c"),
        ("%Wheel.value%", "7"),
        ("%Nobody.value%_%Seedy.nothing%_%a.b.c%", "%Nobody.value%_%Seedy.nothing%_%a.b.c%"),
    ],
)
def test_names_of_saved_files_are_filled_in(prefix: str, name: str) -> None:
    """Dates, and widgets of nodes by their search name, else their title; the rest is the saver's."""
    others = [
        node(2, "Number", [42], title="The number", properties={"Node name for S&R": "Seedy"}),
        node(3, "Named", ["a/b:c"], title="Words", mode=2),
        node(4, "PrimitiveNode", [7, "fixed"], title="Wheel"),
    ]
    assert saved_as(prefix, *others) == name


@pytest.mark.parametrize(("replaces", "text"), [(True, "is 42"), (False, "is %Seedy.value%")])
def test_a_primitive_replaces_widget_names_if_it_is_told_to(replaces: bool, text: str) -> None:
    """Its property says so."""
    made = document(
        [
            node(1, "Named", ["x"], ("text", 5, "widget")),
            node(2, "PrimitiveNode", ["is %Seedy.value%"], properties={"Run widget replace on values": replaces}),
            node(3, "Number", [42], title="Seedy"),
        ],
        [(5, 2, 0, 1, 0)],
    )
    assert inputs_of(made) == {"text": text}
