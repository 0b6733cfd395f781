"""CreateBoundingBoxes and DrawBBoxes: boxes in every form. Drawings are looked at, not compared."""

import json
from typing import Any

import numpy as np
import pytest
import torch

import graphrun
from graphrun_nodes.box_drawing import draw_boxes
from graphrun_nodes.box_elements import boxes_from, element_of
from graphrun_nodes.box_nodes import create_bounding_boxes, draw_bboxes

SIZE = (200, 100)
METADATA = {"type": "text", "text": "SALE", "desc": "a sign", "palette": ["#ff00aa", "#00ff00"]}
BOX = {"x": 20, "y": 10, "width": 100, "height": 50, "metadata": METADATA}
ELEMENT = {
    "type": "text",
    "bbox": [100, 100, 600, 600],
    "text": "SALE",
    "desc": "a sign",
    "color_palette": ["#FF00AA", "#00FF00"],
}


def create(**inputs: Any) -> tuple[torch.Tensor, list[list[dict[str, Any]]], list[dict[str, Any]]]:
    shown = create_bounding_boxes(width=SIZE[0], height=SIZE[1], **inputs)
    assert shown.ui == {"dims": [200, 100]}
    return shown.value


def test_a_box_becomes_an_element() -> None:
    """In thousandths, top first; colours in capitals."""
    element = element_of(BOX, SIZE)
    assert element == ELEMENT
    assert list(element) == ["type", "bbox", "text", "desc", "color_palette"]


@pytest.mark.parametrize(
    ("box", "element"),
    [
        ({"x": -5, "y": 0, "width": 500, "height": 33}, {"type": "obj", "bbox": [0, 0, 330, 1000], "desc": ""}),
        (
            {"x": 0, "y": 0, "width": 1, "height": 1, "metadata": {"type": "odd", "text": "t", "palette": []}},
            {"type": "obj", "bbox": [0, 0, 10, 5], "desc": ""},
        ),
        (
            {"x": 0, "y": 0, "width": 200, "height": 100, "metadata": {"palette": ["#a"] * 9}},
            {"type": "obj", "bbox": [0, 0, 1000, 1000], "desc": "", "color_palette": ["#A"] * 5},
        ),
    ],
)
def test_elements_are_within_bounds(box: dict[str, Any], element: dict[str, Any]) -> None:
    """Edges within the picture, at most five colours, text only for text."""
    assert element_of(box, SIZE) == element


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (BOX, 1),
        ([BOX, BOX], 2),
        ([[BOX], [BOX, BOX]], 3),
        (ELEMENT, 1),
        ([ELEMENT, BOX], 2),
        (json.dumps([BOX]), 1),
        (json.dumps([ELEMENT]), 1),
        ([], 0),
        ([[]], 0),
        ("", 0),
    ],
)
def test_boxes_come_in_several_forms(value: object, count: int) -> None:
    """One, many, per picture, elements, JSON; all say the same."""
    boxes = boxes_from(value, SIZE)
    assert len(boxes) == count
    for box in boxes:
        assert element_of(box, SIZE) == ELEMENT


@pytest.mark.parametrize(
    "value", ["{broken", 5, [5], [{"x": 1}], [{"bbox": [1, 2]}], [{"x": "a", "y": 0, "width": 1, "height": 1}]]
)
def test_what_is_no_box_is_told(value: object) -> None:
    """With a piece of it."""
    with pytest.raises((ValueError, TypeError), match=r"JSON|box"):
        boxes_from(value, SIZE)


def test_boxes_of_the_editor_are_given_out() -> None:
    """As one picture's list, as elements, and drawn."""
    preview, boxes, elements = create(editor_state=[BOX])
    assert boxes == [[BOX]]
    assert elements == [ELEMENT]
    assert preview.shape == (1, 100, 200, 3)
    assert preview[0, 10:60, 20:120].any()
    assert not preview[0, 70:].any()


def test_boxes_that_came_in_since_win_over_the_editor() -> None:
    """Unless they are those the editor already took over."""
    other = {"x": 1, "y": 2, "width": 3, "height": 4}
    assert create(bboxes=[other], editor_state=[BOX])[1] == [[other]]
    assert create(bboxes=[other], editor_state=[BOX], last_incoming=[other])[1] == [[BOX]]
    assert create(bboxes=[], editor_state=[BOX])[1] == [[BOX]]
    assert create(bboxes=[[]], editor_state=[BOX])[1] == [[BOX]]


def test_no_boxes_are_an_empty_list() -> None:
    """With a black preview, or the dimmed background, no larger than 1024 pixels."""
    preview, boxes, elements = create()
    assert (boxes, elements, bool(preview.any())) == ([], [], False)
    preview, _, _ = create(background=torch.ones(2, 7, 9, 4))
    assert 0 < float(preview.min()) < 1
    shown = create_bounding_boxes(width=4096, height=2048, editor_state=[BOX], background=torch.ones(1, 2, 2, 1))
    assert shown.value[0].shape == (1, 512, 1024, 3)


def test_boxes_reach_the_node_from_a_file() -> None:
    """The editor's list is a literal, and the node runs without being asked for."""
    inputs = {"width": 200, "height": 100, "editor_state": {"__value__": [BOX]}, "last_incoming": {"__value__": []}}
    workflow = {"1": {"class_type": "CreateBoundingBoxes", "inputs": inputs}}
    result = graphrun.run(workflow, keep=["1"])
    assert result["1"].outputs[1:] == [[[[BOX]]], [[ELEMENT]]]


def frames_drawn(image: torch.Tensor) -> list[bool]:
    return [bool(frame.any()) for frame in image]


@pytest.mark.parametrize(
    ("boxes", "drawn"),
    [
        (BOX, [True, True, True]),
        ([BOX, BOX], [True, True, True]),
        ([[BOX], [], [BOX]], [True, False, True]),
        ([[BOX]], [True, False, False]),
        ([], [False, False, False]),
    ],
)
def test_boxes_are_drawn_on_their_pictures(boxes: object, drawn: list[bool]) -> None:
    """One list on all, or a list for each; pictures beyond the last list stay as they are."""
    image = torch.zeros(3, 100, 200, 4)
    found = draw_bboxes(image=image, bboxes=boxes)
    assert found.shape == (3, 100, 200, 3)
    assert frames_drawn(found) == drawn


@pytest.mark.parametrize(
    ("boxes", "shape"), [([BOX], (1, 60, 120, 3)), ([], (1, 640, 640, 3)), ([[BOX], [BOX]], (2, 60, 120, 3))]
)
def test_without_a_picture_boxes_are_drawn_on_black(boxes: object, shape: tuple[int, ...]) -> None:
    """As large as they need."""
    assert draw_bboxes(bboxes=boxes).shape == shape


def test_the_best_box_is_drawn_last() -> None:
    """It covers the others; labels are written for known classes only."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    sides = {"x": 5, "y": 5, "width": 40, "height": 20}
    good, poor = {**sides, "score": 0.9}, {**sides, "score": 0.1}
    assert np.array_equal(draw_boxes(pixels, [good, poor]), draw_boxes(pixels, [good]))
    assert not np.array_equal(draw_boxes(pixels, [{**good, "label": "cat"}]), draw_boxes(pixels, [good]))
    assert np.array_equal(draw_boxes(pixels, [{**good, "label": "Cthulhu"}]), draw_boxes(pixels, [good]))
    assert not pixels.any()


def test_boxes_are_drawn_in_colour() -> None:
    """A grey picture is refused in words."""
    with pytest.raises(ValueError, match="3 channels"):
        draw_bboxes(image=torch.zeros(1, 4, 4, 1), bboxes=[BOX])
