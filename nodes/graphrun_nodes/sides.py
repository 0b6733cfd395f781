"""The sizes that scaling aims at: (width, height) from those of a picture, ``w`` and ``h``. Plain numbers.

Rounding is Python's, half to even. A rule may come to a side of 0, which resizing then refuses.
"""

from __future__ import annotations

import math

MEGAPIXEL = 1024 * 1024


def by_width_and_height(w: int, h: int, width: int, height: int) -> tuple[int, int] | None:
    """Return both as wanted, one that is 0 following from the other and the aspect; None for both 0: as it is."""
    if width == 0 and height == 0:
        return None
    return width or max(1, round(w * height / h)), height or max(1, round(h * width / w))


def by_factor(w: int, h: int, factor: float) -> tuple[int, int]:
    """Return both sides times a factor."""
    return round(w * factor), round(h * factor)


def by_pixels(w: int, h: int, pixels: float, step: int = 1) -> tuple[int, int]:
    """Return the sides of about so many pixels, each a multiple of ``step``."""
    scale = math.sqrt(pixels / (w * h))
    return round(w * scale / step) * step, round(h * scale / step) * step


def by_longer_side(w: int, h: int, longer: int) -> tuple[int, int]:
    """Return the size of this longer side."""
    return _with_side(w, h, longer, upright=h > w)


def by_shorter_side(w: int, h: int, shorter: int) -> tuple[int, int]:
    """Return the size of this shorter side."""
    return _with_side(w, h, shorter, upright=h < w)


def _with_side(w: int, h: int, side: int, *, upright: bool) -> tuple[int, int]:
    """Return the size whose height is ``side``, or where the picture isn't ``upright`` its width."""
    if w == h:
        return side, side
    return (round((w / h) * side), side) if upright else (side, round((h / w) * side))
