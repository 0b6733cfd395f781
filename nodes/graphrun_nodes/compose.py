"""Nodes that put one picture upon another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from graphrun import Image, Mask, NodePack, Widget
from graphrun_nodes.batches import alpha_fix, check_channels, fit_batch, flat
from graphrun_nodes.inputs import Offset
from graphrun_nodes.regions import overlap
from graphrun_nodes.resize import resize_image, resize_mask

if TYPE_CHECKING:
    import torch

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
        weight = None if mask is None else _weight_for(source, mask)[:, *visible.above]
        result[:, *visible.below] = above if weight is None else weight * above + (1.0 - weight) * below
    return result


def _weight_for(source: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mask as (B, H, W, 1) of the source's batch and size."""
    fitted = resize_mask(flat(mask), source.shape[2], source.shape[1], "bilinear")
    return fit_batch(fitted, len(source)).unsqueeze(-1)
