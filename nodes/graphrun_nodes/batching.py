"""Nodes that make batches: of one colour, out of several pictures, out of a part of another batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Autogrow, Image, Mask, NodePack, Widget, input_of, lazy_import
from graphrun_nodes.batches import check_channels, flat, same_channels, single_frames
from graphrun_nodes.inputs import MAX_RESOLUTION, Count, Side
from graphrun_nodes.resize import resize_image, resize_mask

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

IMAGES = Autogrow.numbered(input_of("image", Image), "image", minimum=1, maximum=50)
MASKS = Autogrow.numbered(input_of("mask", Mask), "mask", minimum=1, maximum=50)


@pack.node("EmptyImage", category="image")
def empty_image(
    width: Side,
    height: Side,
    batch_size: Count,
    color: Annotated[int, Field(ge=0, le=0xFFFFFF), Widget(default=0)],
) -> Image:
    """Make pictures of one colour, given as 0xRRGGBB."""
    channels = [(color >> shift & 0xFF) / 255 for shift in (16, 8, 0)]
    return torch.tensor(channels, dtype=torch.float32).repeat(batch_size, height, width, 1)


@pack.node("ImageBatch", display_name="Batch Images (DEPRECATED)", category="image/batch")
def image_batch(image1: Image, image2: Image) -> Image:
    """Put two batches one behind the other; the second takes the size of the first."""
    return _batch_images([image1, image2])


@pack.node("BatchImagesNode", display_name="Batch Images", category="image/batch")
def batch_images(images: Annotated[Mapping[str, Image], IMAGES]) -> Image:
    """Put batches one behind the other; all take the size of the first."""
    return _batch_images(list(images.values()))


@pack.node("BatchMasksNode", display_name="Batch Masks", category="image/mask")
def batch_masks(masks: Annotated[Mapping[str, Mask], MASKS]) -> Mask:
    """Put masks one behind the other; all take the size of the first."""
    first, *others = (flat(mask) for mask in masks.values())
    height, width = first.shape[1:]
    return torch.cat([first, *(_sized(mask, width, height) for mask in others)])


def _batch_images(images: Sequence[torch.Tensor]) -> torch.Tensor:
    first, *others = same_channels(images)
    height, width = first.shape[1:3]
    for other in others:
        check_channels(first, other)
    fitting = [
        other if other.shape[1:3] == (height, width) else resize_image(other, width, height, "bilinear", "center")
        for other in others
    ]
    return torch.cat([first, *fitting])


def _sized(mask: torch.Tensor, width: int, height: int) -> torch.Tensor:
    return mask if mask.shape[1:] == (height, width) else resize_mask(mask, width, height, "bilinear", "center")


@pack.node("RepeatImageBatch", category="image/batch")
def repeat_image_batch(image: Image, amount: Count) -> Image:
    """Repeat a whole batch: a b becomes a b a b."""
    return image.repeat(amount, 1, 1, 1)


@pack.node("ImageFromBatch", display_name="Get Image from Batch", category="image/batch")
def image_from_batch(
    image: Image,
    batch_index: Annotated[int, Field(ge=-MAX_RESOLUTION, le=MAX_RESOLUTION), Widget(default=0)],
    length: Count,
) -> Image:
    """Take pictures out of a batch, from an index on, which counts from the end where it is negative."""
    index = batch_index + len(image) if batch_index < 0 else batch_index
    first = min(max(index, 0), len(image) - 1)
    return image[first : first + length].clone()


@pack.node("RebatchImages", display_name="Rebatch Images", category="image/batch", list_input=True)
def rebatch_images(images: list[Image], batch_size: list[Count]) -> list[Image]:
    """Group the pictures of all batches anew, in their order; the last batch may be smaller."""
    frames, size = single_frames(images), batch_size[0]
    if size < 1:
        raise ValueError(f"a batch holds at least one picture, not {size}")
    return [_joined(frames[start : start + size]) for start in range(0, len(frames), size)]


def _joined(frames: Sequence[torch.Tensor]) -> torch.Tensor:
    """Raises ValueError for pictures of different sizes or channels."""
    shapes = {frame.shape[1:] for frame in frames}
    if len(shapes) > 1:
        told = " and ".join(f"{w} × {h} × {channels}" for h, w, channels in sorted(shapes))
        raise ValueError(f"pictures of {told} don't go into one batch: resize them first")
    return torch.cat(list(frames))
