"""Nodes that put one picture upon another, and take pictures and their transparency apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from graphrun import Image, Mask, NodePack, Widget, lazy_import
from graphrun_nodes.batches import alpha_fix, check_channels, fit_batch, flat
from graphrun_nodes.inputs import Offset
from graphrun_nodes.porter_duff import Mode, porter_duff
from graphrun_nodes.regions import overlap
from graphrun_nodes.resize import resize_image, resize_mask

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")


@pack.node("ImageCompositeMasked", display_name="Image Composite Masked", category="image/compositing")
def image_composite_masked(
    destination: Image,
    source: Image,
    x: Offset,
    y: Offset,
    resize_source: Annotated[bool, Widget(default=False)],
    mask: Mask | None = None,
) -> Image:
    """Put the source upon the destination at (x, y), where the mask says so; without a mask all of it."""
    height, width = destination.shape[1:3]
    source = alpha_fix(destination, source)
    check_channels(destination, source)
    if resize_source:
        source = resize_image(source, width, height, "bilinear")
    source = fit_batch(source, len(destination))
    result = destination.clone()
    visible = overlap((height, width), (source.shape[1], source.shape[2]), x, y)
    if visible:
        below, above = result[:, *visible.below], source[:, *visible.above]
        if mask is None:
            below.copy_(above)
        else:
            # In place, m·s + (1 - m)·d reads and writes each value once.
            below.lerp_(above.to(below), _weight_for(source, mask)[:, *visible.above].to(below))
    return result


def _weight_for(source: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mask as (B, H, W, 1) of the source's batch and size."""
    fitted = flat(mask)
    if fitted.shape[1:] != source.shape[1:3]:
        fitted = resize_mask(fitted, source.shape[2], source.shape[1], "bilinear")
    return fit_batch(fitted, len(source)).unsqueeze(-1)


@pack.node("PorterDuffImageComposite", display_name="Porter-Duff Image Composite", category="mask/compositing")
def porter_duff_image_composite(
    source: Image,
    source_alpha: Mask,
    destination: Image,
    destination_alpha: Mask,
    mode: Annotated[Mode, Widget(default="DST")],
) -> tuple[Image, Mask]:
    """Put a picture upon another by one of the rules of Porter and Duff. Masks are transparency: 1 is clear."""
    check_channels(source, destination)
    height, width = destination.shape[1:3]
    size = min(map(len, (source, flat(source_alpha), destination, flat(destination_alpha))))
    opaque = [1 - _mask_at(mask, width, height)[:size].unsqueeze(-1) for mask in (source_alpha, destination_alpha)]
    if source.shape[1:3] != destination.shape[1:3]:
        source = resize_image(source[:size], width, height, "bicubic", "center")
    colour, alpha = porter_duff(source[:size], opaque[0], destination[:size], opaque[1], mode)
    return colour, 1 - alpha.squeeze(-1)


def _mask_at(mask: torch.Tensor, width: int, height: int) -> torch.Tensor:
    mask = flat(mask)
    return mask if mask.shape[1:] == (height, width) else resize_mask(mask, width, height, "bicubic", "center")


@pack.node("SplitImageWithAlpha", display_name="Split Image with Alpha", category="mask/compositing")
def split_image_with_alpha(image: Image) -> tuple[Image, Mask]:
    """Part a picture from its transparency, which becomes a mask; one without any gives an empty mask."""
    mask = 1.0 - image[..., 3] if image.shape[-1] > 3 else torch.zeros(image.shape[:3])
    return image[..., :3], mask


@pack.node("JoinImageWithAlpha", display_name="Join Image with Alpha", category="mask/compositing")
def join_image_with_alpha(image: Image, alpha: Mask) -> Image:
    """Give a picture a transparency: clear where the mask is 1. The shorter batch is repeated over and over."""
    opaque = 1.0 - resize_mask(flat(alpha), image.shape[2], image.shape[1], "bilinear")
    size = max(len(image), len(opaque))
    colours = fit_batch(image[..., :3], size)
    return torch.cat((colours, fit_batch(opaque, size).unsqueeze(-1)), dim=-1)
