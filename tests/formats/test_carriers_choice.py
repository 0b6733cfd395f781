"""A prompt and a workflow in one file: whether they are the same, which of them is run, and what is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_carriers import EDITOR, GRAPH, NODES, PROMPT, WORKFLOW, png, text

from graphrun.formats import load
from graphrun.formats.carriers import Choice, Embedded, choose
from graphrun.formats.carriers.agreement import difference

OTHER = json.dumps({**EDITOR, "nodes": EDITOR["nodes"][:1]})


def test_what_agrees_is_run_as_it_ran() -> None:
    """The prompt needs no conversion; both forms go on together."""
    for preferred in ("workflow", "prompt"):
        choice = choose(Embedded(PROMPT, WORKFLOW), preferred)
        assert choice
        assert json.loads(choice.text) == {"prompt": GRAPH, "workflow": EDITOR}
        assert choice.warnings == ()


def test_what_differs_is_run_as_its_author_wants_it() -> None:
    """The default is the workflow, the switch the prompt; either way it is told, with the first difference."""
    both = Embedded(PROMPT, OTHER)
    assert choose(both) == Choice(
        OTHER,
        (
            "this file's prompt and workflow aren't the same (node 9 is in one of them only); "
            "the workflow is run, as its author last saved it",
        ),
    )
    prompt = choose(both, "prompt")
    assert prompt
    assert prompt.text == PROMPT
    assert prompt.warnings[0].endswith("the prompt is run, which made it")


def test_the_switch_reaches_the_user() -> None:
    """The warning is the workflow's own, and the other document doesn't go into saved pictures."""
    workflow = load(png(text("prompt", PROMPT), text("workflow", OTHER)), carried="prompt")
    assert workflow.nodes == NODES
    assert workflow.pnginfo == {}
    assert "the prompt is run" in workflow.warnings[0]


def test_the_only_one_that_can_be_read_is_run() -> None:
    """What the user may miss is told."""
    assert choose(Embedded(PROMPT)) == Choice(PROMPT)
    assert choose(Embedded(None, WORKFLOW)) == Choice(WORKFLOW)
    asked = choose(Embedded(None, WORKFLOW), "prompt")
    assert asked == Choice(WORKFLOW, ("this file carries no prompt; its workflow is run",))
    for damaged in (Embedded(PROMPT, None, ("workflow",)), Embedded(None, WORKFLOW, ("prompt",))):
        choice = choose(damaged)
        assert choice
        assert f"this file's {damaged.damaged[0]} is damaged" in choice.warnings[0]
    assert choose(Embedded(damaged=("prompt", "workflow"))) is None


def changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> str | None:
    """Return the difference after a change to the graph or the editor's document."""
    graph, editor = copy.deepcopy(GRAPH), copy.deepcopy(EDITOR)
    change(graph, editor)
    return difference(graph, editor)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graph, editor: graph["9"]["inputs"].update(filename_prefix="y"), "input 'filename_prefix' of node 9"),
        (lambda graph, editor: editor["nodes"][0].update(widgets_values=[]), "input 'image' of node 1"),
        (lambda graph, editor: editor["nodes"][0].update(type="LoadImageMask"), "node 1 has another class"),
        (lambda graph, editor: graph.pop("9"), "node 9 is in one"),
        (lambda graph, editor: editor["nodes"][0].update(mode=2), "node 1 is in one"),
        (lambda graph, editor: editor["links"][0].__setitem__(2, 1), "input 'images' of node 9"),
        (lambda graph, editor: editor.update(links=None), "input 'images' of node 9"),
        (lambda graph, editor: graph["9"]["inputs"].pop("images"), "input 'images' of node 9"),
        (lambda graph, editor: graph["1"]["inputs"].update(image=["9", 0]), "input 'image' of node 1"),
    ],
)
def test_a_difference_is_found_and_named(change: Callable[[dict[str, Any], dict[str, Any]], object], said: str) -> None:
    """A value, a class, a node, a link."""
    assert said in str(changed(change))


def test_values_must_stand_in_the_order_of_the_widgets() -> None:
    """Width and height that changed places are a difference."""
    graph = {"1": {"class_type": "EmptyImage", "inputs": {"width": 512, "height": 768}}}
    for stored, same in (([512, 768], True), ([768, 512], False), ([0, 512, "fixed", 768], True)):
        editor = {"nodes": [{"id": 1, "type": "EmptyImage", "widgets_values": stored}]}
        assert (difference(graph, editor) is None) is same


@pytest.mark.parametrize(
    "change",
    [
        lambda graph, editor: graph["9"].update(is_changed=["hash"], _meta={"title": "Speichern"}),
        lambda graph, editor: graph["1"]["inputs"].update(upload="image"),
        lambda graph, editor: editor["nodes"][1].update(widgets_values={"filename_prefix": "x"}),
        lambda graph, editor: editor.update(
            links=[{"id": 4, "origin_id": 1, "origin_slot": 0, "target_id": 9, "target_slot": 0, "type": "IMAGE"}]
        ),
        lambda graph, editor: (
            graph["1"]["inputs"].update(size=8.0, list={"__value__": [1, 2]}),
            editor["nodes"][0].update(widgets_values=["grün 漢.png", 8, [1, 2]]),
        ),
    ],
)
def test_what_is_no_difference(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Traces of the server and of old clients, either form of links, numbers by value."""
    assert changed(change) is None


@pytest.mark.parametrize(
    "junk", [None, [], [None], [[]], {}, "x", [{"id": []}], [{"id": 1, "inputs": 3}], [[{}, 1, 2]]]
)
def test_any_document_can_be_compared(junk: object) -> None:
    """Comparing comes before anything is checked."""
    assert difference(GRAPH, {"nodes": junk, "links": junk})
    assert difference({"1": {"class_type": "C", "inputs": junk}}, EDITOR)


@pytest.mark.corpus
def test_real_pairs_agree_unless_they_were_edited(corpus: Path) -> None:
    """Those that are known to differ are found, and no other."""
    pairs = [(path, path.with_name(path.name.replace(".api.", ".ui."))) for path in corpus.rglob("*.api.json")]
    differing = {
        api.name.removesuffix(".api.json")
        for api, ui in pairs
        if ui.is_file() and difference(json.loads(api.read_bytes()), json.loads(ui.read_bytes()))
    }
    assert differing == {"bad-crc-nonascii.png", "exif-ok.webp", "exif-stale-offset.webp", "pair-group-node"}
