"""The compositing rules of Porter and Duff, and some blends that go with them (image-mask-nodes.md, 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from graphrun import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

Mode = Literal[
    "ADD",
    "CLEAR",
    "DARKEN",
    "DST",
    "DST_ATOP",
    "DST_IN",
    "DST_OUT",
    "DST_OVER",
    "LIGHTEN",
    "MULTIPLY",
    "OVERLAY",
    "SCREEN",
    "SRC",
    "SRC_ATOP",
    "SRC_IN",
    "SRC_OUT",
    "SRC_OVER",
    "XOR",
]


def porter_duff(
    source: torch.Tensor, a: torch.Tensor, destination: torch.Tensor, b: torch.Tensor, mode: Mode
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return colours (B, H, W, C), not premultiplied, and alpha (B, H, W, 1).

    ``a`` and ``b``, (B, H, W, 1), are the alphas of source and destination; 1 is opaque. Colours are black where
    next to nothing covers a pixel.
    """
    colour, alpha = _premultiplied(source * a, a, destination * b, b, mode)
    return torch.where(alpha > 1e-5, colour / alpha, torch.zeros_like(colour)).clamp(0, 1), alpha


def _premultiplied(
    s: torch.Tensor, a: torch.Tensor, d: torch.Tensor, b: torch.Tensor, mode: Mode
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return colour times alpha, and alpha; ``s`` and ``d`` are the premultiplied colours of alphas ``a`` and ``b``."""
    match mode:
        case "ADD":
            return (s + d).clamp(0, 1), (a + b).clamp(0, 1)
        case "CLEAR":
            return torch.zeros_like(d), torch.zeros_like(b)
        case "DARKEN":
            return (1 - b) * s + (1 - a) * d + torch.minimum(s, d), _either(a, b)
        case "DST":
            return d, b
        case "DST_ATOP":
            return a * d + (1 - b) * s, a
        case "DST_IN":
            return d * a, a * b
        case "DST_OUT":
            return (1 - a) * d, (1 - a) * b
        case "DST_OVER":
            return d + (1 - b) * s, b + (1 - b) * a
        case "LIGHTEN":
            return (1 - b) * s + (1 - a) * d + torch.maximum(s, d), _either(a, b)
        case "MULTIPLY":
            return s * d, a * b
        case "OVERLAY":
            return torch.where(2 * d < b, 2 * s * d, a * b - 2 * (b - s) * (a - d)), _either(a, b)
        case "SCREEN":
            return s + d - s * d, _either(a, b)
        case "SRC":
            return s, a
        case "SRC_ATOP":
            return b * s + (1 - a) * d, b
        case "SRC_IN":
            return s * b, a * b
        case "SRC_OUT":
            return (1 - b) * s, (1 - b) * a
        case "SRC_OVER":
            return s + (1 - a) * d, a + (1 - a) * b
        case "XOR":
            return (1 - b) * s + (1 - a) * d, (1 - b) * a + (1 - a) * b
    raise ValueError(f"{mode!r} is no way of putting a picture upon another")


def _either(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a + b - a * b
