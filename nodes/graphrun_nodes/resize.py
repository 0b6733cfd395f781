"""The one way pictures and masks are brought to another size (image-mask-nodes.md, 1.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from graphrun import lazy_import
from graphrun.imaging import eight_bit, unit_floats

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")

Method = Literal["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
Crop = Literal["disabled", "center"]


def resize(x: torch.Tensor, width: int, height: int, method: Method, crop: Crop = "disabled") -> torch.Tensor:
    """Return (B, C, h, w) as (B, C, height, width): ``center`` cuts to the new aspect first, else it is stretched.

    No antialiasing and no clamp, save with lanczos, which goes through 8 bits. Raises ValueError where no pixels
    come in or are asked for.
    """
    if crop == "center" and x.shape[-1] and x.shape[-2] and width > 0 and height > 0:
        x = _cut_to_aspect(x, width, height)
    if min(width, height, x.shape[-1], x.shape[-2]) < 1:
        raise ValueError(f"can't resize {x.shape[-1]} × {x.shape[-2]} pixels to {width} × {height}: a side is empty")
    if method == "lanczos":
        return _lanczos(x, width, height)
    return torch.nn.functional.interpolate(x, size=(height, width), mode=method)


def resize_image(image: torch.Tensor, width: int, height: int, method: Method, crop: Crop = "disabled") -> torch.Tensor:
    """`resize` for an IMAGE (B, H, W, C)."""
    return resize(image.movedim(-1, 1), width, height, method, crop).movedim(1, -1)


def resize_mask(mask: torch.Tensor, width: int, height: int, method: Method, crop: Crop = "disabled") -> torch.Tensor:
    """`resize` for a MASK (B, H, W)."""
    return resize(mask.unsqueeze(1), width, height, method, crop).squeeze(1)


def _cut_to_aspect(x: torch.Tensor, width: int, height: int) -> torch.Tensor:
    h, w = x.shape[-2:]
    aspect, wanted = w / h, width / height
    left = round((w - w * (wanted / aspect)) / 2) if aspect > wanted else 0
    top = round((h - h * (aspect / wanted)) / 2) if aspect < wanted else 0
    return x[..., top : h - top, left : w - left]


def _lanczos(x: torch.Tensor, width: int, height: int) -> torch.Tensor:
    pixels = eight_bit(x.movedim(1, -1))
    resized = [as_pillow(one).resize((width, height), PillowImage.Resampling.LANCZOS) for one in pixels]
    stacked = np.stack([np.asarray(one) for one in resized]).reshape(len(pixels), height, width, -1)
    return torch.from_numpy(unit_floats(stacked)).movedim(-1, 1)


def as_pillow(pixels: npt.NDArray[np.uint8]) -> PillowImage.Image:
    """Return (H, W, C) pixels as a Pillow picture: L, RGB or RGBA. Raises ValueError for other channels."""
    channels = pixels.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"a picture of 8 bits has 1, 3 or 4 channels, and this one has {channels}")
    return PillowImage.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
