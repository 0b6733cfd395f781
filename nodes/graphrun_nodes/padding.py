"""Nodes that put a picture on a larger canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, Mask, NodePack, Widget, lazy_import
from graphrun_nodes.inputs import MAX_RESOLUTION, Side
from graphrun_nodes.resize import resize_image

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Margin = Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=0, step=8)]


@pack.node("ResizeAndPadImage", display_name="Resize And Pad Image", category="image/transform")
def resize_and_pad_image(
    image: Image,
    target_width: Side,
    target_height: Side,
    padding_color: Literal["white", "black"],
    interpolation: Literal["area", "bicubic", "nearest-exact", "bilinear", "lanczos"],
) -> Image:
    """Scale a picture to fit into a size and fill what is left on both sides with one colour."""
    h, w = image.shape[1:3]
    by_width, by_height = target_width / w, target_height / h
    scale = min(by_width, by_height)
    # Of equal aspects the product could fall just below the target, and be cut to a pixel less.
    exact = by_width == by_height
    width, height = (target_width, target_height) if exact else (int(w * scale), int(h * scale))
    scaled = resize_image(image, width, height, interpolation)
    left, top = (target_width - width) // 2, (target_height - height) // 2
    margins = (left, target_width - width - left, top, target_height - height - top)
    return _padded(scaled, margins, 1.0 if padding_color == "white" else 0.0)


@pack.node("ImagePadForOutpaint", display_name="Pad Image for Outpainting", category="image/transform")
def image_pad_for_outpaint(
    image: Image,
    left: Margin,
    top: Margin,
    right: Margin,
    bottom: Margin,
    feathering: Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=40)],
) -> tuple[Image, Mask]:
    """Add grey margins to a picture, and select them in a mask that fades into the picture."""
    h, w = image.shape[1:3]
    mask = torch.ones(1, h + top + bottom, w + left + right)
    inside = mask[:, top : top + h, left : left + w]
    if feathering > 0 and feathering * 2 < h and feathering * 2 < w:
        rows, columns = _distances(h, top, bottom), _distances(w, left, right)
        distance = torch.minimum(rows[:, None], columns[None, :])
        # In double precision, and only then cut to float32: so the bits are those of the original.
        inside[:] = (((feathering - distance).clamp(min=0) / feathering) ** 2).float()
    else:
        inside.zero_()
    return _padded(image, (left, right, top, bottom), 0.5), mask


def _distances(size: int, before: int, after: int) -> torch.Tensor:
    """Return how far each row or column is from the sides with a margin; the first is 0 away, the last is 1."""
    index = torch.arange(size, dtype=torch.float64)
    far = torch.full((size,), float(size), dtype=torch.float64)
    return torch.minimum(index if before else far, size - index if after else far)


def _padded(image: torch.Tensor, margins: tuple[int, int, int, int], value: float) -> torch.Tensor:
    """Add margins (left, right, top, bottom) of one value in all channels."""
    return torch.nn.functional.pad(image, (0, 0, *margins), value=value)
