"""Nodes that blur and sharpen pictures with a Gaussian kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.line_sums import gaussian, mirrored, weighted_sum

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Radius = Annotated[int, Field(ge=1, le=31), Widget(default=1)]


@pack.node("ImageBlur", display_name="Image Blur", category="image/filters")
def image_blur(
    image: Image, blur_radius: Radius, sigma: Annotated[float, Field(ge=0.1, le=10.0), Widget(default=1.0, step=0.1)]
) -> Image:
    """Blur a picture. Sigma is in units of the radius; radius 0 leaves the picture as it is."""
    return _blurred(image, blur_radius, sigma) if blur_radius else image


@pack.node("ImageSharpen", category="image/filters")
def image_sharpen(
    image: Image,
    sharpen_radius: Radius,
    sigma: Annotated[float, Field(ge=0.1, le=10.0), Widget(default=1.0, step=0.01)],
    alpha: Annotated[float, Field(ge=0.0, le=5.0), Widget(default=1.0, step=0.01)],
) -> Image:
    """Sharpen a picture: what blurring takes away is added, ten times alpha of it."""
    if sharpen_radius == 0:
        return image
    # A kernel of -10·alpha·g whose centre makes its sum 1 comes to this.
    return (image + (image - _blurred(image, sharpen_radius, sigma)) * (10 * alpha)).clamp(0.0, 1.0)


def _blurred(image: torch.Tensor, radius: int, sigma: float) -> torch.Tensor:
    """Convolve with exp(-(x² + y²) / 2σ²) on a grid of -1 … 1, mirrored at the borders. Raises ValueError.

    That kernel is the product of two lines: the same sum in 2·(2r+1) steps a pixel instead of (2r+1)².
    """
    line = gaussian(torch.linspace(-1, 1, 2 * radius + 1), sigma)
    return weighted_sum(weighted_sum(mirrored(image, radius), 1, line), 2, line)
