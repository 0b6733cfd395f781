"""sRGB as CIE L*a*b* under the light D65, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun import lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

_XYZ_OF_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)
# Where the cube root of L*a*b* gives way to a straight line.
_EPSILON, _SLOPE, _OFFSET = 0.008856, 7.787, 16 / 116


def lab_of(rgb: torch.Tensor) -> torch.Tensor:
    """Return (…, 3) sRGB values, nominally 0 to 1, as L (0 to 100), a and b."""
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = linear @ _matrix(rgb).T / rgb.new_tensor(_WHITE)
    roots = torch.where(xyz > _EPSILON, xyz.clamp(min=_EPSILON) ** (1 / 3), _SLOPE * xyz + _OFFSET)
    x, y, z = roots.unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-1)


def rgb_of(lab: torch.Tensor) -> torch.Tensor:
    """Return (…, 3) L*a*b* values as sRGB, unclamped save for what has no light at all."""
    lightness, a, b = lab.unbind(-1)
    y = (lightness + 16) / 116
    roots = torch.stack((y + a / 500, y, (y - b / 200).clamp(min=0)), dim=-1)
    xyz = torch.where(roots > _EPSILON ** (1 / 3), roots**3, (roots - _OFFSET) / _SLOPE) * lab.new_tensor(_WHITE)
    linear = xyz @ torch.linalg.inv(_matrix(lab)).T
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)


def _matrix(like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor(_XYZ_OF_RGB)
