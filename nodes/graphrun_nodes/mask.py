"""Nodes that make, change and combine masks, and turn them into pictures and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, Mask, NodePack, Widget, lazy_import
from graphrun_nodes.batches import flat
from graphrun_nodes.inputs import Offset, Side
from graphrun_nodes.regions import overlap

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Operation = Literal["multiply", "add", "subtract", "and", "or", "xor"]


@pack.node("SolidMask", display_name="Create Solid Mask", category="image/mask")
def solid_mask(
    value: Annotated[float, Field(ge=0.0, le=1.0), Widget(default=1.0, step=0.01)], width: Side, height: Side
) -> Mask:
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


@pack.node("MaskToImage", display_name="Convert Mask to Image", category="image/mask")
def mask_to_image(mask: Mask) -> Image:
    """Show a mask as a grey picture."""
    return flat(mask).unsqueeze(-1).expand(-1, -1, -1, 3)


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
