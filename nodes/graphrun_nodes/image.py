"""Nodes that make, scale, join and change pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.batches import check_channels, same_channels
from graphrun_nodes.inputs import MAX_RESOLUTION, Side
from graphrun_nodes.resize import Crop, Method, resize_image

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

FreeSide = Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=512)]


@pack.node("ImageScale", display_name="Upscale Image", category="image/upscaling")
def image_scale(image: Image, upscale_method: Method, width: FreeSide, height: FreeSide, crop: Crop) -> Image:
    """Scale a picture. A side of 0 follows from the other one and the aspect; both 0 leave it as it is."""
    if width == 0 and height == 0:
        return image
    h, w = image.shape[1:3]
    width = width or max(1, round(w * height / h))
    height = height or max(1, round(h * width / w))
    return resize_image(image, width, height, upscale_method, crop)


@pack.node("ImageBatch", display_name="Batch Images (DEPRECATED)", category="image/batch")
def image_batch(image1: Image, image2: Image) -> Image:
    """Put two batches one behind the other; the second takes the size of the first."""
    first, second = same_channels([image1, image2])
    check_channels(first, second)
    if first.shape[1:] != second.shape[1:]:
        second = resize_image(second, first.shape[2], first.shape[1], "bilinear", "center")
    return torch.cat((first, second))


@pack.node("EmptyImage", category="image")
def empty_image(
    width: Side,
    height: Side,
    batch_size: Annotated[int, Field(ge=1, le=4096), Widget(default=1)],
    color: Annotated[int, Field(ge=0, le=0xFFFFFF), Widget(default=0)],
) -> Image:
    """Make pictures of one colour, given as 0xRRGGBB."""
    channels = [(color >> shift & 0xFF) / 255 for shift in (16, 8, 0)]
    return torch.tensor(channels, dtype=torch.float32).repeat(batch_size, height, width, 1)


@pack.node("ImageInvert", display_name="Invert Image", category="image")
def image_invert(image: Image) -> Image:
    """Turn every colour into its opposite. An alpha channel stays."""
    if image.shape[-1] == 4:
        return torch.cat((1.0 - image[..., :3], image[..., 3:]), dim=-1)
    return 1.0 - image
