"""Nodes that make boxes and draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from graphrun import Image, Named, NodePack, Shown, Socket, Widget, lazy_import
from graphrun.imaging import eight_bit, unit_floats
from graphrun_nodes.box_drawing import draw_boxes
from graphrun_nodes.box_elements import boxes_from, element_of
from graphrun_nodes.boxes import Box, box_lists, joined_box
from graphrun_nodes.inputs import Boxes, LinkedBoxes
from graphrun_nodes.resize import resize_image

if TYPE_CHECKING:
    import numpy as np
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")

pack = NodePack("builtin")

DIMMED = 0.4  # what is left of a background under boxes
LONGEST_PREVIEW = 1024
EMPTY_CANVAS = 640

CanvasSide = Annotated[int, Field(ge=64, le=16384), Widget(default=1024, step=16)]
Drawn = Annotated[Sequence[Box] | None, Socket("BOUNDING_BOXES", list_value=True)]
Incoming = Annotated[Any, Socket("BOUNDING_BOX,ARRAY,STRING", list_value=True)]


@pack.node("CreateBoundingBoxes", category="utilities", output_node=True)
def create_bounding_boxes(
    *,
    background: Image | None = None,
    bboxes: Incoming = None,
    width: CanvasSide,
    height: CanvasSide,
    editor_state: Drawn = None,
    last_incoming: Annotated[Any, Socket("*", list_value=True)] = None,
) -> Shown[
    tuple[
        Annotated[Image, Named("preview")],
        Annotated[Boxes, Named("bboxes")],
        Annotated[Any, Socket("ARRAY"), Named("elements")],
    ]
]:
    """Give boxes that were drawn in the editor, or came in since, as boxes, as elements of a layout and drawn."""
    size = (width, height)
    incoming = boxes_from(bboxes, size) if bboxes and bboxes != last_incoming else []
    boxes = incoming or boxes_from(editor_state or [], size)
    elements = [element_of(box, size) for box in boxes]
    return Shown((_preview(background, boxes, size), [boxes] if boxes else [], elements), ui={"dims": [*size]})


def _preview(background: torch.Tensor | None, boxes: Sequence[Box], size: tuple[int, int]) -> torch.Tensor:
    """Draw boxes over the dimmed background, no larger than is needed to see them."""
    scale = min(1.0, LONGEST_PREVIEW / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    canvas = torch.zeros(1, height, width, 3)
    if background is not None:
        canvas = resize_image(background[:1, ..., :3], width, height, "area").expand(-1, -1, -1, 3) * DIMMED
    return _drawn_on(canvas, [[{**box, **_scaled(box, scale)} for box in boxes]])


def _scaled(box: Box, scale: float) -> Mapping[str, float]:
    return {name: box[name] * scale for name in ("x", "y", "width", "height")}


@pack.node("DrawBBoxes", display_name="Draw BBoxes", category="image")
def draw_bboxes(*, image: Image | None = None, bboxes: LinkedBoxes) -> Annotated[Image, Named("out_image")]:
    """Draw boxes: one list on every picture, or a list for each; without a picture on black."""
    boxes = box_lists(bboxes)
    if image is None:
        image = _black_around(boxes)
    same_for_all = isinstance(bboxes, Mapping) or all(isinstance(box, Mapping) for box in bboxes)
    frames = boxes[:1] * len(image) if same_for_all else boxes
    return _drawn_on(image[..., :3], frames)


def _black_around(boxes: Sequence[Sequence[Box]]) -> torch.Tensor:
    everything = [box for frame in boxes for box in frame]
    _, _, right, bottom = joined_box(everything) if everything else (0, 0, EMPTY_CANVAS, EMPTY_CANVAS)
    return torch.zeros(max(len(boxes), 1), max(bottom, 1), max(right, 1), 3)


def _drawn_on(image: torch.Tensor, frames: Sequence[Sequence[Box]]) -> torch.Tensor:
    """Draw each list of boxes on its picture; pictures beyond the last list stay as they are."""
    drawn = [
        draw_boxes(pixels, frames[index] if index < len(frames) else ())
        for index, pixels in enumerate(eight_bit(image))
    ]
    return torch.from_numpy(unit_floats(np.stack(drawn)))
