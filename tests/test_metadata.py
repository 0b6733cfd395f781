"""What saved pictures carry of an editor's document when values were changed: those values, or no document."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

import graphrun

TEXT_TO_IMAGE: dict[str, Any] = {
    "nodes": [
        {
            "id": 10,
            "type": "OpenAIGPTImage1",
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "inputs": [{"name": "image", "type": "IMAGE", "link": None}],
            "widgets_values": ["a fox", 7, "randomize", "low", "auto", "auto", 1],
        },
        {
            "id": 9,
            "type": "SaveImage",
            "title": "Save it",
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "widgets_values": ["fox"],
        },
        {"id": 1, "type": "Note", "widgets_values": ["a fox"]},
    ],
    "links": [[1, 10, 0, 9, 0, "IMAGE"]],
    "version": 0.4,
}


def texts(path: Path) -> dict[str, Any]:
    """Return what a saved picture carries."""
    with PillowImage.open(path) as picture:
        assert isinstance(picture, PillowImage.Image)
        return {key: json.loads(value) for key, value in picture.info.items() if key in ("prompt", "workflow")}


def run(workflow: object, folder: Path, **options: Any) -> graphrun.RunResult:
    """Run on the offline service."""
    return graphrun.run(workflow, provider="offline", output_dir=folder, **options).raise_for_failures()  # type: ignore[arg-type]


def values(document: dict[str, Any], node_id: int) -> list[Any]:
    """Return a node's widget values."""
    return next(node["widgets_values"] for node in document["nodes"] if node["id"] == node_id)


def changed(document: dict[str, Any], inputs: dict[str, object]) -> graphrun.Workflow:
    """Load an editor's document and set inputs."""
    return graphrun.load(copy.deepcopy(document)).with_inputs(inputs)


def test_an_unchanged_document_goes_along_as_it_is(tmp_path: Path) -> None:
    """To the letter."""
    assert texts(run(TEXT_TO_IMAGE, tmp_path).artifacts[0].path)["workflow"] == TEXT_TO_IMAGE


def test_changed_values_are_written_into_their_widgets(tmp_path: Path) -> None:
    """Those and nothing else; the document that was loaded stays as it is. Text for a number is a number there."""
    workflow = changed(TEXT_TO_IMAGE, {"10.prompt": "an owl", "10.seed": "8", "Save it.filename_prefix": "owl"})
    carried = texts(run(workflow, tmp_path).artifacts[0].path)
    expected = copy.deepcopy(TEXT_TO_IMAGE)
    expected["nodes"][0]["widgets_values"][:2] = ["an owl", 8]
    expected["nodes"][1]["widgets_values"] = ["owl"]
    assert carried["workflow"] == expected
    assert carried["prompt"]["10"]["inputs"]["seed"] == 8
    assert workflow.pnginfo == {"workflow": TEXT_TO_IMAGE}


@pytest.mark.parametrize("seed", [5, "random"])
def test_a_saved_picture_runs_as_it_was_made(seed: Any, tmp_path: Path) -> None:
    """The seed of the run is in both its texts: they agree, nothing is warned of, and nothing runs again."""
    result = run(changed(TEXT_TO_IMAGE, {"10.prompt": "an owl"}), tmp_path, seed=seed)
    path = result.artifacts[0].path
    assert values(texts(path)["workflow"], 10)[:3] == ["an owl", result.seeds["10.seed"], "randomize"]
    again = run(path, tmp_path)
    assert again.warnings == ()
    assert again.was_cached("9")
    assert [node.state for node in again.nodes.values() if node.state == "ran"] == []
    assert again.artifacts == result.artifacts


def test_a_picture_run_again_with_a_change_carries_that_too(tmp_path: Path) -> None:
    """Also where its graph was read, and not its document."""
    first = run(TEXT_TO_IMAGE, tmp_path).artifacts[0].path
    second = run(graphrun.load(first).with_inputs({"10.prompt": "an owl"}), tmp_path).artifacts[0].path
    assert values(texts(second)["workflow"], 10)[0] == "an owl"


def test_values_saved_by_name_are_changed_there_too(tmp_path: Path) -> None:
    """By position as well, so that every editor reads the same."""
    document = copy.deepcopy(TEXT_TO_IMAGE)
    names = ("prompt", "seed", "quality", "background", "size", "n")
    saved = document["nodes"][0]["widgets_values"]
    document["nodes"][0]["widgets_values_named"] = dict(
        zip(names, [value for value in saved if value != "randomize"], strict=True)
    )
    carried = texts(run(changed(document, {"10.seed": 8}), tmp_path).artifacts[0].path)["workflow"]
    assert carried["nodes"][0]["widgets_values_named"]["seed"] == 8
    assert values(carried, 10)[1] == 8


def test_equal_values_of_one_node_are_told_apart(tmp_path: Path) -> None:
    """Background and size are both auto."""
    carried = texts(run(changed(TEXT_TO_IMAGE, {"10.size": "1024x1024"}), tmp_path).artifacts[0].path)["workflow"]
    assert values(carried, 10) == ["a fox", 7, "randomize", "low", "auto", "1024x1024", 1]


def shared_seed() -> dict[str, Any]:
    """Two image nodes whose seed is one PrimitiveNode's."""
    document = copy.deepcopy(TEXT_TO_IMAGE)
    first = document["nodes"][0]
    first["inputs"] = [{"name": "seed", "type": "INT", "link": 2, "widget": {"name": "seed"}}]
    second = copy.deepcopy(first)
    second["id"], second["inputs"][0]["link"], second["outputs"][0]["links"] = 11, 3, [4]
    saver = copy.deepcopy(document["nodes"][1])
    saver["id"], saver["inputs"][0]["link"], saver["title"] = 12, 4, "Save the other"
    primitive = {"id": 2, "type": "PrimitiveNode", "outputs": [{"type": "INT", "links": [2, 3]}]}
    document["nodes"] += [second, saver, {**primitive, "widgets_values": [7, "randomize"]}]
    document["links"] += [[2, 2, 0, 10, 0, "INT"], [3, 2, 0, 11, 0, "INT"], [4, 11, 0, 12, 0, "IMAGE"]]
    return document


def test_a_value_that_feeds_two_nodes_is_changed_at_its_source(tmp_path: Path) -> None:
    """A seed for all changes the PrimitiveNode."""
    carried = texts(run(shared_seed(), tmp_path, seed=8).artifacts[0].path)["workflow"]
    assert values(carried, 2) == [8, "randomize"]


def test_a_file_name_made_of_a_changed_widget_does_not_cost_the_document(tmp_path: Path) -> None:
    """``%Node.widget%`` follows the widget, and no picture depends on a file's name."""
    document = copy.deepcopy(TEXT_TO_IMAGE)
    document["nodes"][1]["widgets_values"] = ["%Draw.seed%"]
    document["nodes"][0]["title"] = "Draw"
    result = run(document, tmp_path, seed=42)
    carried = texts(result.artifacts[0].path)["workflow"]
    assert values(carried, 10)[1] == 42
    assert values(carried, 9) == ["%Draw.seed%"]


def test_where_the_document_can_not_say_it_the_picture_goes_without(tmp_path: Path) -> None:
    """One of two nodes with one widget, a link, a value the file left out: better none than another's."""
    two = changed(shared_seed(), {"10.seed": 8})
    linked = changed(TEXT_TO_IMAGE, {"9.images": graphrun.Link("10", 0)})
    added = changed(TEXT_TO_IMAGE, {"10.model": "gpt-image-1.5"})
    for workflow in (two, linked, added):
        carried = texts(run(workflow, tmp_path).artifacts[0].path)
        assert carried.keys() == {"prompt"}


def test_a_promoted_widget_is_changed_at_its_host(tmp_path: Path) -> None:
    """What the host says counts; the node inside keeps its own value."""
    inner = copy.deepcopy(TEXT_TO_IMAGE["nodes"][0])
    inner["inputs"] = [{"name": "prompt", "type": "STRING", "link": 1, "widget": {"name": "prompt"}}]
    subgraph = {
        "id": "draw",
        "name": "Draw",
        "inputs": [{"name": "prompt", "type": "STRING", "linkIds": [1]}],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "linkIds": [2]}],
        "nodes": [inner],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 10, "target_slot": 0, "type": "STRING"},
            {"id": 2, "origin_id": 10, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "IMAGE"},
        ],
    }
    host = {
        "id": 5,
        "type": "draw",
        "inputs": [{"name": "prompt", "type": "STRING", "link": None, "widget": {"name": "prompt"}}],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
        "widgets_values": ["a bear"],
    }
    document = {
        "nodes": [host, TEXT_TO_IMAGE["nodes"][1]],
        "links": [[1, 5, 0, 9, 0, "IMAGE"]],
        "definitions": {"subgraphs": [subgraph]},
    }
    assert graphrun.load(document).nodes["5:10"].inputs["prompt"] == "a bear"
    carried = texts(run(changed(document, {"5:10.prompt": "an owl", "5:10.seed": 3}), tmp_path).artifacts[0].path)
    assert values(carried["workflow"], 5) == ["an owl"]
    assert carried["workflow"]["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"][:2] == ["a fox", 3]


def test_only_the_base_name_of_a_bound_file_is_carried(tmp_path: Path) -> None:
    """In both texts; the folder is nobody's business."""
    (tmp_path / "private").mkdir()
    PillowImage.new("RGB", (8, 8)).save(tmp_path / "private" / "me.png")
    document = {
        "nodes": [
            {
                "id": 1,
                "type": "LoadImage",
                "outputs": [{"type": "IMAGE", "links": [1]}, {"type": "MASK", "links": None}],
                "widgets_values": ["x.png", "image"],
            },
            TEXT_TO_IMAGE["nodes"][1],
        ],
        "links": [[1, 1, 0, 9, 0, "IMAGE"]],
    }
    files, masks = {"1.image": tmp_path / "private" / "me.png"}, {"1": (0, 0, 2, 2)}
    path = run(document, tmp_path, files=files, masks=masks).artifacts[0].path
    carried = texts(path)
    assert values(carried["workflow"], 1) == ["me.png", "image"]
    assert carried["prompt"]["1"]["inputs"] == {"image": "me.png"}
    assert b"private" not in path.read_bytes()


def test_other_texts_of_a_request_are_kept(tmp_path: Path) -> None:
    """Only what is named workflow is a document of the editor, and only if it looks like one."""
    body = {
        "prompt": {"1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
                   "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}},
        "extra_data": {"extra_pnginfo": {"workflow": {"nodes": "junk"}, "mood": {"good": True}}},
    }  # fmt: skip
    path = run(graphrun.load(body).with_inputs({"1.width": 16}), tmp_path).artifacts[0].path
    with PillowImage.open(path) as picture:
        assert picture.info["mood"] == '{"good": true}'
        assert "workflow" not in picture.info
