"""Weighted sums of neighbours along one axis, which make up the filters that are products of two lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphrun import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")


def gaussian(positions: torch.Tensor, sigma: float) -> list[float]:
    """Return the weights of a bell curve at these positions, their sum 1."""
    weights = torch.exp(-(positions**2) / (2 * sigma**2))
    line: list[float] = (weights / weights.sum()).tolist()
    return line


def weighted_sum(x: torch.Tensor, axis: int, weights: Sequence[float]) -> torch.Tensor:
    """Return the sums over windows along an axis, which gets shorter by one less than there are weights.

    Moved copies added up are as fast as torch's convolution at its best (few weights, three channels), and many
    times as fast elsewhere.
    """
    size = x.shape[axis] - len(weights) + 1
    total = x.narrow(axis, 0, size) * weights[0]
    for start, weight in enumerate(weights[1:], 1):
        total.add_(x.narrow(axis, start, size), alpha=weight)
    return total


def mirrored(image: torch.Tensor, radius: int) -> torch.Tensor:
    """Return (B, H, W, C) with a border of its mirror image. Raises ValueError where the picture is too small."""
    height, width = image.shape[1:3]
    if radius >= min(height, width):
        raise ValueError(f"a radius of {radius} needs a picture larger than that, and this one is {width} × {height}")
    return torch.nn.functional.pad(image.movedim(-1, 1), [radius] * 4, "reflect").movedim(1, -1)
