"""The node that resizes a picture or a mask by one of nine rules, each with inputs of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from graphrun import DynamicCombo, Image, Mask, Named, NodePack, Widget, input_of
from graphrun_nodes.batches import flat
from graphrun_nodes.inputs import MAX_RESOLUTION, FreeSide
from graphrun_nodes.resize import Crop, Method, resize_image, resize_mask
from graphrun_nodes.scaling import Factor, Megapixels
from graphrun_nodes.sides import (
    MEGAPIXEL,
    by_factor,
    by_longer_side,
    by_pixels,
    by_shorter_side,
    by_width_and_height,
)

if TYPE_CHECKING:
    import torch

pack = NodePack("builtin")

_CROP = input_of("crop", Annotated[Crop, Widget(default="center")])

RESIZE_TYPES = DynamicCombo(
    {
        "scale dimensions": (input_of("width", FreeSide), input_of("height", FreeSide), _CROP),
        "scale by multiplier": (input_of("multiplier", Factor),),
        "scale longer dimension": (input_of("longer_size", FreeSide),),
        "scale shorter dimension": (input_of("shorter_size", FreeSide),),
        "scale width": (input_of("width", FreeSide),),
        "scale height": (input_of("height", FreeSide),),
        "scale total pixels": (input_of("megapixels", Megapixels),),
        "match size": (input_of("match", Image | Mask), _CROP),
        "scale to multiple": (input_of("multiple", Annotated[int, Field(ge=1, le=MAX_RESOLUTION), Widget(default=8)]),),
    }
)


@pack.node("ResizeImageMaskNode", display_name="Resize Image/Mask/Video", category="image/transform")
def resize_image_mask(
    input: Image | Mask,
    resize_type: Annotated[Mapping[str, Any], RESIZE_TYPES],
    scale_method: Annotated[Method, Widget(default="area")],
) -> Annotated[Image | Mask, Named("resized")]:
    """Resize a picture (four axes) or a mask (three) by the chosen rule, some of which take 0 for "as it is"."""
    if resize_type["resize_type"] == "scale to multiple":
        return _to_multiple(input, resize_type["multiple"], scale_method)
    size = _wanted(*_size(input), resize_type)
    return _resized(input, *size, scale_method, resize_type.get("crop", "disabled")) if size else input


def _size(either: torch.Tensor) -> tuple[int, int]:
    """Return (width, height) of a picture (B, H, W, C) or a mask (B, H, W)."""
    height, width = either.shape[1:3] if either.ndim == 4 else either.shape[-2:]
    return width, height


def _resized(either: torch.Tensor, width: int, height: int, method: Method, crop: Crop) -> torch.Tensor:
    if either.ndim == 4:
        return resize_image(either, width, height, method, crop)
    return resize_mask(flat(either), width, height, method, crop)


def _wanted(w: int, h: int, chosen: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size that the chosen rule comes to, or None for "as it is"."""
    match chosen["resize_type"]:
        case "scale dimensions":
            return by_width_and_height(w, h, chosen["width"], chosen["height"])
        case "scale by multiplier":
            return by_factor(w, h, chosen["multiplier"])
        case "scale longer dimension":
            return by_longer_side(w, h, chosen["longer_size"])
        case "scale shorter dimension":
            return by_shorter_side(w, h, chosen["shorter_size"])
        case "scale width":
            return by_width_and_height(w, h, chosen["width"], 0)
        case "scale height":
            return by_width_and_height(w, h, 0, chosen["height"])
        case "scale total pixels":
            return by_pixels(w, h, int(chosen["megapixels"] * MEGAPIXEL))
        case "match size":
            return _size(chosen["match"])
    raise ValueError(f"resize_type {chosen['resize_type']!r} is not one of {', '.join(RESIZE_TYPES.options)}")


def _to_multiple(either: torch.Tensor, multiple: int, method: Method) -> torch.Tensor:
    """Cover the largest size of multiples that fits, then cut the middle out of it."""
    w, h = _size(either)
    if multiple <= 1:
        return either
    cut_w, cut_h = w // multiple * multiple, h // multiple * multiple
    if 0 in (cut_w, cut_h) or (cut_w, cut_h) == (w, h):
        return either
    by_width, by_height = cut_w / w, cut_h / h
    if by_width >= by_height:
        width, height = cut_w, max(cut_h, math.ceil(h * by_width))
    else:
        width, height = max(cut_w, math.ceil(w * by_height)), cut_h
    covering = _resized(either, width, height, method, "disabled")
    left, top = (width - cut_w) // 2, (height - cut_h) // 2
    return covering[:, top : top + cut_h, left : left + cut_w]
