"""Nodes that make, change and combine masks, and turn them into pictures and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, Mask, NodePack, Widget, lazy_import
from graphrun_nodes.batches import flat
from graphrun_nodes.growing import dilated, eroded
from graphrun_nodes.inputs import MAX_RESOLUTION, Offset, Side
from graphrun_nodes.regions import overlap

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Operation = Literal["multiply", "add", "subtract", "and", "or", "xor"]
Level = Annotated[float, Field(ge=0.0, le=1.0)]


@pack.node("SolidMask", display_name="Create Solid Mask", category="image/mask")
def solid_mask(value: Annotated[Level, Widget(default=1.0, step=0.01)], width: Side, height: Side) -> Mask:
    """Make a mask of one value."""
    return torch.full((1, height, width), value, dtype=torch.float32)


@pack.node("InvertMask", category="image/mask")
def invert_mask(mask: Mask) -> Mask:
    """Select what wasn't selected."""
    return 1.0 - mask


@pack.node("ImageToMask", display_name="Convert Image to Mask", category="image/mask")
def image_to_mask(image: Image, channel: Literal["red", "green", "blue", "alpha"]) -> Mask:
    """Take one channel of a picture as a mask, unchanged: alpha isn't inverted."""
    index = ("red", "green", "blue", "alpha").index(channel)
    if index >= image.shape[-1]:
        raise ValueError(f"the picture has {image.shape[-1]} channels, so it has no {channel}")
    return image[..., index]


@pack.node("ImageColorToMask", category="image/mask")
def image_color_to_mask(image: Image, color: Annotated[int, Field(ge=0, le=0xFFFFFF), Widget(default=0)]) -> Mask:
    """Select the pixels of exactly one colour, given as 0xRRGGBB, after rounding to 8 bits."""
    if image.shape[-1] < 3:
        raise ValueError(f"the picture has {image.shape[-1]} channels: only one of red, green and blue has colours")
    red, green, blue = (image[..., :3].clamp(0, 1) * 255).round().to(torch.int32).unbind(-1)
    return (red * 65536 + green * 256 + blue == color).float()


@pack.node("MaskToImage", display_name="Convert Mask to Image", category="image/mask")
def mask_to_image(mask: Mask) -> Image:
    """Show a mask as a grey picture."""
    return flat(mask).unsqueeze(-1).expand(-1, -1, -1, 3)


@pack.node("CropMask", category="image/mask")
def crop_mask(mask: Mask, x: Offset, y: Offset, width: Side, height: Side) -> Mask:
    """Cut a rectangle out of a mask. What lies beyond its border is missing, and beyond all of it nothing is left."""
    left, top = max(x, 0), max(y, 0)
    return flat(mask)[:, top : max(y + height, 0), left : max(x + width, 0)]


@pack.node("FeatherMask", category="image/mask")
def feather_mask(mask: Mask, left: Offset, top: Offset, right: Offset, bottom: Offset) -> Mask:
    """Fade a mask out towards its edges, over so many pixels each. Where two edges meet, both count."""
    mask = flat(mask)
    height, width = mask.shape[1:]
    columns, rows = mask.new_ones(2, width), mask.new_ones(2, height)
    for line, amount in ((columns[0], left), (columns[1], right), (rows[0], top), (rows[1], bottom)):
        rise = _rise(min(max(amount, 0), len(line)))
        line[: len(rise)] = rise
    across = mask * columns[0] * columns[1].flip(0)
    return across * rows[0].unsqueeze(1) * rows[1].flip(0).unsqueeze(1)


def _rise(steps: int) -> torch.Tensor:
    """1/n, 2/n … 1: divided in double precision, as Python does."""
    return (torch.arange(1, steps + 1, dtype=torch.float64) / max(steps, 1)).float()


@pack.node("GrowMask", category="image/mask")
def grow_mask(
    mask: Mask,
    expand: Annotated[int, Field(ge=-MAX_RESOLUTION, le=MAX_RESOLUTION), Widget(default=0)],
    tapered_corners: Annotated[bool, Widget(default=True)],
) -> Mask:
    """Let a mask grow by so many pixels, or shrink if negative; with tapered corners diagonal steps count double."""
    change = dilated if expand > 0 else eroded
    return change(flat(mask), abs(expand), diagonal=not tapered_corners)


@pack.node("ThresholdMask", category="image/mask")
def threshold_mask(mask: Mask, value: Annotated[Level, Widget(default=0.5, step=0.01)]) -> Mask:
    """Select what is above a value, wholly; and nothing else."""
    return (mask > value).float()


@pack.node("MaskComposite", display_name="Combine Masks", category="image/mask")
def mask_composite(destination: Mask, source: Mask, x: Offset, y: Offset, operation: Operation) -> Mask:
    """Combine a mask with another that lies upon it at (x, y). The whole result is kept within 0 and 1."""
    result, source = flat(destination).clone(), flat(source)
    if len(source) not in (1, len(result)):
        raise ValueError(f"source has {len(source)} masks: it needs 1 or as many as destination, {len(result)}")
    visible = overlap((result.shape[1], result.shape[2]), (source.shape[1], source.shape[2]), x, y)
    if visible:
        below, above = result[:, *visible.below], source[:, *visible.above]
        result[:, *visible.below] = _combined(below, above, operation)
    return result.clamp(0.0, 1.0)


def _combined(d: torch.Tensor, s: torch.Tensor, operation: Operation) -> torch.Tensor:
    match operation:
        case "multiply":
            return d * s
        case "add":
            return d + s
        case "subtract":
            return d - s
        case "and":
            return (_selected(d) & _selected(s)).float()
        case "or":
            return (_selected(d) | _selected(s)).float()
        case "xor":
            return (_selected(d) ^ _selected(s)).float()


def _selected(mask: torch.Tensor) -> torch.Tensor:
    """Half to even, so exactly 0.5 isn't selected."""
    return mask.round().bool()
