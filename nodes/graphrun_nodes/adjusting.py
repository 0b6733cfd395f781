"""Nodes that compute each pixel's colour anew from itself alone, or add noise to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, Named, NodePack, Widget, lazy_import
from graphrun_nodes.inputs import Seed

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Adjustment = Annotated[float, Field(ge=0.0, le=2.0), Widget(default=1.0, step=0.01)]


@pack.node("ImageInvert", display_name="Invert Image", category="image")
def image_invert(image: Image) -> Image:
    """Turn every colour into its opposite. An alpha channel stays."""
    if image.shape[-1] == 4:
        return torch.cat((1.0 - image[..., :3], image[..., 3:]), dim=-1)
    return 1.0 - image


@pack.node("NormalizeImages", category="dataset/image")
def normalize_images(
    images: Image,
    mean: Annotated[float, Field(ge=0.0, le=1.0), Widget(default=0.5, step=0.01)],
    std: Annotated[float, Field(ge=0.001, le=1.0), Widget(default=0.5, step=0.01)],
) -> Image:
    """Subtract a mean and divide by a deviation, without clamp."""
    return (images - mean) / std


@pack.node("AdjustBrightness", category="dataset/image")
def adjust_brightness(images: Image, factor: Adjustment) -> Image:
    """Multiply all values."""
    return (images * factor).clamp(0.0, 1.0)


@pack.node("AdjustContrast", category="dataset/image")
def adjust_contrast(images: Image, factor: Adjustment) -> Image:
    """Move all values away from the middle, or towards it."""
    return ((images - 0.5) * factor + 0.5).clamp(0.0, 1.0)


@pack.node("ImageAddNoise", display_name="Add Noise to Image", category="image")
def image_add_noise(
    image: Image, seed: Seed, strength: Annotated[float, Field(ge=0.0, le=1.0), Widget(default=0.5, step=0.01)]
) -> Image:
    """Add normal noise that the seed decides. Values are kept within 0 and 1, at strength 0 too."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    return (image + strength * noise).clamp(0.0, 1.0)


@pack.node("ImageRGBToYUV", category="image/color")
def image_rgb_to_yuv(
    image: Image,
) -> tuple[Annotated[Image, Named("Y")], Annotated[Image, Named("U")], Annotated[Image, Named("V")]]:
    """Split colours into brightness and two colour differences, each as a grey picture."""
    r, g, b = image[..., :3].expand(-1, -1, -1, 3).unbind(-1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return _grey(y), _grey(0.564 * (b - y) + 0.5), _grey(0.713 * (r - y) + 0.5)


@pack.node("ImageYUVToRGB", category="image/color")
def image_yuv_to_rgb(Y: Image, U: Image, V: Image) -> Image:  # noqa: N803  # the names of the inputs
    """Make colours of brightness and two colour differences."""
    y, u, v = (part[..., :3].mean(dim=-1) for part in (Y, U, V))
    u, v = u - 0.5, v - 0.5
    rgb = (y + 1.403 * v, y - 0.714 * v - 0.344 * u, y + 1.773 * u)
    return torch.stack(rgb, dim=-1).clamp(0.0, 1.0)


def _grey(values: torch.Tensor) -> torch.Tensor:
    return values.unsqueeze(-1).expand(*values.shape, 3)
