"""The node that cuts what a mask selects out of pictures, on a background of one colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, Mask, Named, NodePack, Widget, lazy_import
from graphrun_nodes.batches import fit_batch, flat, single_frames
from graphrun_nodes.color import parse_color
from graphrun_nodes.growing import dilated, eroded
from graphrun_nodes.inputs import Color
from graphrun_nodes.regions import overlap
from graphrun_nodes.resize import resize_image, resize_mask

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

CropSide = Annotated[int, Field(ge=64, le=4096), Widget(default=1024, step=8)]

_SELECTED = 204  # of 255: what is fainter doesn't count for the box
_FAINT = 0.05


@pack.node("ImageCropToMask", display_name="Crop Image to Mask", category="image/transform")
def image_crop_to_mask(
    images: Image,
    masks: Mask,
    width: CropSide,
    height: CropSide,
    pad_factor: Annotated[float, Field(ge=1.0, le=2.0), Widget(default=1.0, step=0.01)],
    grow_mask: Annotated[int, Field(ge=-32, le=32), Widget(default=0)],
    background: Annotated[Color, Widget(default="#000000")],
) -> Annotated[Image, Named("images")]:
    """Cut out what the mask selects, in the middle of a frame of the wanted aspect, the rest in one colour."""
    masks = flat(masks)
    if len(masks) not in (1, len(images)):
        raise ValueError(f"{len(masks)} masks for {len(images)} pictures: one, or as many")
    color = parse_color(background)
    paint = torch.tensor([color.red, color.green, color.blue]) / 255
    frames = []
    for whole, selection in zip(single_frames([images]), fit_batch(masks, len(images)).unsqueeze(1), strict=True):
        image = whole[..., :3].clamp(0.0, 1.0)
        image, mask = _shrunk(image, _cleaned(selection, image, grow_mask), max(width, height))
        box, mask = _box(mask)
        frame = _framed(image, mask, _frame(box, width / height, pad_factor), paint)
        frames.append(resize_image(frame, width, height, "lanczos"))
    return torch.cat(frames)


def _cleaned(mask: torch.Tensor, image: torch.Tensor, growth: int) -> torch.Tensor:
    """Return a mask (1, H, W) of the picture's size, turned round if it selects the border, grown, faint parts out."""
    if mask.shape[1:] != image.shape[1:3]:
        mask = resize_mask(mask, image.shape[2], image.shape[1], "bilinear")
    mask = mask.clamp(0.0, 1.0)
    if _selects_border(mask):
        mask = 1.0 - mask
    mask = dilated(mask, growth, diagonal=True) if growth > 0 else eroded(mask, -growth, diagonal=True)
    return torch.where(mask < _FAINT, 0.0, mask)


def _selects_border(mask: torch.Tensor) -> bool:
    height, width = mask.shape[1:]
    border = torch.cat([mask[0, 0], mask[0, -1], mask[0, 1:-1, 0], mask[0, 1:-1, -1]])
    centre = mask[0, height // 4 : height - height // 4, width // 4 : width - width // 4]
    return bool(border.mean() > 0.5 and centre.mean() < 0.5)


def _shrunk(image: torch.Tensor, mask: torch.Tensor, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring both down to a longer side, which is all that the result can show."""
    height, width = image.shape[1:3]
    if max(height, width) <= side:
        return image, mask
    scale = side / max(height, width)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    return resize_image(image, *size, "lanczos"), resize_mask(mask, *size, "lanczos")


def _box(mask: torch.Tensor) -> tuple[tuple[int, int, int, int], torch.Tensor]:
    """Return left, top, right, bottom of what is selected, all inclusive, and the mask it was found in.

    Where nothing is, the mask is turned round; where nothing is then either, the whole picture counts.
    """
    for each in (mask, 1.0 - mask):
        rows, columns = torch.nonzero((each[0] * 255).to(torch.uint8) > _SELECTED, as_tuple=True)
        if len(rows):
            return (int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())), each
    return (0, 0, mask.shape[2] - 1, mask.shape[1] - 1), mask


def _frame(box: tuple[int, int, int, int], aspect: float, pad: float) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a frame of this aspect around the middle of the box."""
    left, top, right, bottom = box
    box_width, box_height = right - left + 1, bottom - top + 1
    if box_width / box_height >= aspect:
        width, height = int(box_width * pad), int(box_width / aspect * pad)
    else:
        width, height = int(box_height * aspect * pad), int(box_height * pad)
    half_width, half_height = max(1, math.ceil(width / 2)), max(1, math.ceil(height / 2))
    x, y = int((left + right) / 2 - half_width), int((top + bottom) / 2 - half_height)
    return x, y, x + 2 * half_width, y + 2 * half_height


def _framed(
    image: torch.Tensor, mask: torch.Tensor, frame: tuple[int, int, int, int], paint: torch.Tensor
) -> torch.Tensor:
    """Return what the frame shows; outside the picture it shows the paint."""
    left, top, right, bottom = frame
    result = paint.expand(1, bottom - top, right - left, 3).clone()
    visible = overlap((bottom - top, right - left), (image.shape[1], image.shape[2]), -left, -top)
    if visible:
        weight = mask[:, *visible.above].unsqueeze(-1)
        result[:, *visible.below] = image[:, *visible.above] * weight + paint * (1 - weight)
    return result.clamp(0.0, 1.0)
