"""Masks that grow and shrink pixel by pixel. What lies outside the border never counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")


def dilated(mask: torch.Tensor, rounds: int, *, diagonal: bool) -> torch.Tensor:
    """Return (B, H, W) after so many rounds in which each pixel takes the largest value around it.

    Around it are the four pixels at its sides, and with ``diagonal`` those at its corners as well.
    """
    height, width = mask.shape[-2:]
    if diagonal:
        return _largest(_largest(mask, min(rounds, width), 1), min(rounds, height), 0)
    for _ in range(min(rounds, height + width)):  # by then the largest value is everywhere
        mask = torch.maximum(_largest(mask, 1, 0), _largest(mask, 1, 1))
    return mask


def eroded(mask: torch.Tensor, rounds: int, *, diagonal: bool) -> torch.Tensor:
    """Return (B, H, W) after so many rounds in which each pixel takes the smallest value around it."""
    return -dilated(-mask, rounds, diagonal=diagonal) if rounds else mask


def _largest(mask: torch.Tensor, radius: int, axis: int) -> torch.Tensor:
    """Return the largest value up to ``radius`` pixels away along one axis (0: vertically)."""
    size, padding = [1, 1], [0, 0]
    size[axis], padding[axis] = 2 * radius + 1, radius
    return torch.nn.functional.max_pool2d(mask, size, 1, padding) if mask.numel() else mask
