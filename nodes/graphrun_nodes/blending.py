"""The node that blends two pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import
from graphrun_nodes.batches import alpha_fix, check_channels
from graphrun_nodes.resize import resize_image

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

BlendMode = Literal["normal", "multiply", "screen", "overlay", "soft_light", "difference"]


@pack.node("ImageBlend", display_name="Blend Images", category="image/filters")
def image_blend(
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Field(ge=0.0, le=1.0), Widget(default=0.5, step=0.01)],
    blend_mode: BlendMode,
) -> Image:
    """Mix a picture with its blend with another, which takes its size. The alpha of the first is kept."""
    image2 = alpha_fix(image1, image2)
    check_channels(image1, image2)
    if len(image1) != len(image2) and 1 not in (len(image1), len(image2)):
        raise ValueError(f"{len(image1)} and {len(image2)} pictures can't be blended: one, or as many of both")
    if image1.shape[1:3] != image2.shape[1:3]:
        image2 = resize_image(image2, image1.shape[2], image1.shape[1], "bicubic", "center")
    blended = _blended(image1, image2, blend_mode)
    mixed = torch.add(image1 * (1 - blend_factor), blended, alpha=blend_factor).clamp_(0.0, 1.0)
    if image1.shape[-1] == 4:
        return torch.cat((mixed[..., :3], image1[..., 3:].expand(len(mixed), -1, -1, -1)), dim=-1)
    return mixed


def _blended(a: torch.Tensor, b: torch.Tensor, mode: BlendMode) -> torch.Tensor:
    match mode:
        case "normal":
            return b
        case "multiply":
            return a * b
        case "screen":
            return 1 - (1 - a) * (1 - b)
        case "overlay":
            return torch.where(a <= 0.5, 2 * a * b, 1 - 2 * (1 - a) * (1 - b))
        case "soft_light":
            darker = a - (1 - 2 * b) * a * (1 - a)
            return torch.where(b <= 0.5, darker, a + (2 * b - 1) * (_softened(a) - a))
        case "difference":
            return a - b
    raise ValueError(f"Unsupported blend mode: {mode}")


def _softened(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x <= 0.25, ((16 * x - 12) * x + 4) * x, torch.sqrt(x))
