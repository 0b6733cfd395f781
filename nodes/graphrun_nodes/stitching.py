"""The node that sets two pictures side by side or one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.resize import resize_image

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Color = Literal["white", "black", "red", "green", "blue"]

_RGB: dict[Color, tuple[float, float, float]] = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}

_HEIGHT, _WIDTH = 1, 2  # the axes of an IMAGE


@pack.node("ImageStitch", display_name="Stitch Images", category="image/transform")
def image_stitch(
    image1: Image,
    direction: Literal["right", "down", "left", "up"],
    match_image_size: Annotated[bool, Widget(default=True)],
    spacing_width: Annotated[int, Field(ge=0, le=1024), Widget(default=0, step=2)],
    spacing_color: Color,
    image2: Image | None = None,
) -> Image:
    """Set the second picture beside the first, in the given direction, with a band of colour between them."""
    if image2 is None:
        return image1
    join, cross = (_WIDTH, _HEIGHT) if direction in ("left", "right") else (_HEIGHT, _WIDTH)
    batch = max(len(image1), len(image2))
    first, second = _of_batch(image1, batch), _of_batch(image2, batch)
    if match_image_size:
        second = _matched(first, second, cross)
    else:
        size = max(first.shape[cross], second.shape[cross])
        value = 1.0 if spacing_color == "white" else 0.0
        first, second = _centred(first, cross, size, value), _centred(second, cross, size, value)
    channels = max(first.shape[-1], second.shape[-1])
    parts = [_of_channels(first, channels), _of_channels(second, channels)]
    if spacing_width > 0:
        parts.insert(1, _band(parts[0], join, spacing_width + spacing_width % 2, _RGB[spacing_color]))
    return torch.cat(parts if direction in ("right", "down") else parts[::-1], dim=join)


def _of_batch(image: torch.Tensor, size: int) -> torch.Tensor:
    """Return so many pictures, the last one repeated: unlike elsewhere, where the sequence is."""
    missing = size - len(image)
    return torch.cat([image, image[-1:].expand(missing, -1, -1, -1)]) if missing else image


def _matched(first: torch.Tensor, second: torch.Tensor, cross: int) -> torch.Tensor:
    """Scale the second picture to the first's extent across the join, always through 8 bits."""
    height, width = first.shape[1:3]
    aspect = second.shape[2] / second.shape[1]
    if cross == _HEIGHT:
        return resize_image(second, int(height * aspect), height, "lanczos")
    return resize_image(second, width, int(width / aspect), "lanczos")


def _centred(image: torch.Tensor, cross: int, size: int, value: float) -> torch.Tensor:
    """Pad a picture on both sides of one axis, the odd pixel after it."""
    before = (size - image.shape[cross]) // 2
    after = size - image.shape[cross] - before
    margins = (0, 0, 0, 0, before, after) if cross == _HEIGHT else (0, 0, before, after)
    return torch.nn.functional.pad(image, margins, value=value)


def _of_channels(image: torch.Tensor, channels: int) -> torch.Tensor:
    return torch.nn.functional.pad(image, (0, channels - image.shape[-1]), value=1.0)


def _band(beside: torch.Tensor, join: int, width: int, rgb: tuple[float, float, float]) -> torch.Tensor:
    shape = list(beside.shape)
    shape[join] = width
    band = torch.ones(shape)
    colours = min(3, shape[-1])
    band[..., :colours] = torch.tensor(rgb[:colours])
    return band
