"""Nodes that turn and mirror pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from graphrun import Image, NodePack, lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Rotation = Literal["none", "90 degrees", "180 degrees", "270 degrees"]


@pack.node("ImageRotate", display_name="Rotate Image", category="image/transform")
def image_rotate(image: Image, rotation: Rotation) -> Image:
    """Turn a picture clockwise."""
    rotations = get_args(Rotation)
    if rotation not in rotations:
        raise ValueError(f"rotation {rotation!r} is not one of {', '.join(rotations)}")
    return torch.rot90(image, rotations.index(rotation), dims=(2, 1))


@pack.node("ImageFlip", display_name="Flip Image", category="image/transform")
def image_flip(image: Image, flip_method: Literal["x-axis: vertically", "y-axis: horizontally"]) -> Image:
    """Mirror a picture: top to bottom about the x axis, left to right about the y axis."""
    return image.flip(1 if flip_method.startswith("x") else 2)
