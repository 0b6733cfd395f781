"""The node that cuts what lies in boxes out of pictures, all to one size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.batches import single_frames
from graphrun_nodes.boxes import Box, box_lists, joined_box
from graphrun_nodes.inputs import LinkedBoxes
from graphrun_nodes.resize import resize_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

CropSide = Annotated[int, Field(ge=64, le=4096), Widget(default=512, step=8)]


@pack.node("CropByBBoxes", display_name="Crop By Bounding Boxes", category="image/transform")
def crop_by_bboxes(
    image: Image,
    bboxes: LinkedBoxes,
    output_width: CropSide,
    output_height: CropSide,
    padding: Annotated[int, Field(ge=0, le=1024), Widget(default=0)],
    keep_aspect: Literal["stretch", "pad"],
) -> Image:
    """Cut out of each picture the rectangle around all its boxes. Pictures without boxes are dropped.

    The last list of boxes counts for all further pictures. Without any box the pictures come back as they are.
    """
    crops = [
        _fitted(_cut(frame, boxes, padding), output_width, output_height, keep_aspect)
        for frame, boxes in zip(single_frames([image]), _per_frame(bboxes, len(image)), strict=True)
        if boxes
    ]
    return torch.cat(crops) if crops else image


def _per_frame(bboxes: object, count: int) -> list[list[Box]]:
    lists = box_lists(bboxes) or [[]]
    return [lists[min(index, len(lists) - 1)] for index in range(count)]


def _cut(frame: torch.Tensor, boxes: Sequence[Box], padding: int) -> torch.Tensor:
    """Return the part around the boxes. Where nothing of it is in the picture: a square where faces often are."""
    height, width = frame.shape[1:3]
    left, top, right, bottom = joined_box(boxes)
    left, top = max(0, left - padding), max(0, top - padding)
    right, bottom = min(width, right + padding), min(height, bottom + padding)
    if right <= left or bottom <= top:
        side = max(1, int(0.3 * min(height, width)))
        left, top = (width - side) // 2, int(0.1 * height)
        right, bottom = left + side, min(height, top + side)
    return frame[:, top:bottom, left:right]


def _fitted(crop: torch.Tensor, width: int, height: int, keep_aspect: str) -> torch.Tensor:
    if keep_aspect == "stretch":
        return resize_image(crop, width, height, "area")
    scale = min(width / crop.shape[2], height / crop.shape[1])
    inner_width, inner_height = max(1, round(crop.shape[2] * scale)), max(1, round(crop.shape[1] * scale))
    canvas = torch.zeros(1, height, width, crop.shape[3])
    left, top = (width - inner_width) // 2, (height - inner_height) // 2
    inner = resize_image(crop, inner_width, inner_height, "area")
    canvas[:, top : top + inner_height, left : left + inner_width] = inner
    return canvas
