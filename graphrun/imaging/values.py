"""Exact conversions between float tensors and 8 bits (image-mask-nodes.md, 1.5): truncating down, k/255 up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.pictures import Matte, Pictures

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
else:
    np = lazy_import("numpy")


def eight_bit(image: Pictures | torch.Tensor) -> npt.NDArray[np.uint8]:
    """Return an IMAGE as (B, H, W, C) uint8: ``clip(255 · x, 0, 255)`` in float32, cut and not rounded. NaN is 0.

    Pictures give the pixels they have, which are read-only, without torch. Raises ValueError for another shape.
    """
    if isinstance(image, Pictures):
        return image.pixels()
    values = _float32(image)
    if values.ndim != 4:
        raise ValueError(f"an IMAGE has the axes batch, height, width and channels, and this one is {values.shape}")
    # Clipped before the product, which gives the same bytes and can't overflow; fmax, unlike clip, ends NaN.
    return (np.fmin(np.fmax(values, np.float32(0)), np.float32(1)) * np.float32(255)).astype(np.uint8)


def mask_values(mask: Matte | torch.Tensor) -> npt.NDArray[np.float32]:
    """Return a MASK as a read-only (B, H, W) float32 array; a mask (H, W) gets a batch axis. ValueError otherwise."""
    values = mask.values() if isinstance(mask, Matte) else _float32(mask)
    if values.ndim not in (2, 3):
        raise ValueError(f"a MASK has the axes batch, height and width, and this one is {values.shape}")
    values = values[np.newaxis] if values.ndim == 2 else values.view()
    values.flags.writeable = False  # it may share the tensor's memory
    return values


def _float32(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().cpu().float().numpy()
    return array
