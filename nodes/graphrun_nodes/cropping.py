"""Nodes that cut a rectangle out of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from graphrun import Image, NodePack, Pictures, RunContext, Shown, Widget, lazy_import
from graphrun.imaging import eight_bit, unit_floats
from graphrun_nodes.inputs import Box, Offset, Seed, Side
from graphrun_nodes.saver_checks import check_temp
from graphrun_nodes.savers import preview_image

if TYPE_CHECKING:
    import numpy as np
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")

pack = NodePack("builtin")

DatasetSide = Annotated[int, Field(ge=1, le=8192), Widget(default=512)]


@pack.node("ImageCrop", display_name="Image Crop", category="image/transform")
def image_crop(image: Image, width: Side, height: Side, x: Offset, y: Offset) -> Image:
    """Cut out a rectangle. What reaches beyond the border is cut there, and at least one pixel is left."""
    return _rectangle(image, x, y, width, height)


@pack.node("ImageCropV2", display_name="Crop Image", category="image/transform", check=check_temp)
def image_crop_v2(image: Image, crop_region: Box, context: RunContext) -> Shown[Pictures | Image]:
    """Cut out a rectangle, given as a box, and show it."""
    if not isinstance(crop_region, Mapping):
        raise TypeError(f"crop_region is one box with x, y, width and height, and this is {crop_region!r:.80}")
    box: Mapping[str, Any] = {"x": 0, "y": 0, "width": 512, "height": 512, **crop_region}
    return preview_image(_rectangle(image, box["x"], box["y"], box["width"], box["height"]), context)


@pack.node("CenterCropImages", display_name="Crop Image (Center)", category="dataset/image")
def center_crop_images(images: Image, width: DatasetSide, height: DatasetSide) -> Image:
    """Cut out the middle, in 8 bits. A picture that is smaller stays as large as it is."""
    h, w = images.shape[1:3]
    return _rectangle(_in_eight_bits(images), max(0, (w - width) // 2), max(0, (h - height) // 2), width, height)


@pack.node("RandomCropImages", display_name="Crop Image (Random)", category="dataset/image")
def random_crop_images(images: Image, width: DatasetSide, height: DatasetSide, seed: Seed) -> Image:
    """Cut out a rectangle at a place that the seed decides, the same of each picture, in 8 bits."""
    h, w = images.shape[1:3]
    draw = np.random.RandomState(seed % (2**32 - 1))
    # In this order, and nothing is drawn where there is no room: so the numbers are those of the original.
    left = draw.randint(0, w - width + 1) if w > width else 0
    top = draw.randint(0, h - height + 1) if h > height else 0
    return _rectangle(_in_eight_bits(images), left, top, width, height)


def _rectangle(image: torch.Tensor, x: int, y: int, width: int, height: int) -> torch.Tensor:
    """Return a view. Raises ValueError for a size below 1, which only links bring."""
    if width < 1 or height < 1:
        raise ValueError(f"can't cut out {width} × {height} pixels: a side is empty")
    left, top = min(max(x, 0), image.shape[2] - 1), min(max(y, 0), image.shape[1] - 1)
    return image[:, top : top + height, left : left + width]


def _in_eight_bits(image: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(unit_floats(eight_bit(image)))
