"""Where one picture lies upon another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """The part of both that is visible: rows and columns below, and the same pixels of what lies on top."""

    below: tuple[slice, slice]
    above: tuple[slice, slice]


def overlap(size: tuple[int, int], above: tuple[int, int], x: int, y: int) -> Overlap | None:
    """Return the overlap of a picture (height, width) and another put upon it at (x, y), or None where there is none.

    Offsets are true ones: a negative one leaves the first rows or columns of the upper picture outside.
    """
    height, width = size
    top, bottom = max(y, 0), min(y + above[0], height)
    left, right = max(x, 0), min(x + above[1], width)
    if top >= bottom or left >= right:
        return None
    return Overlap(
        below=(slice(top, bottom), slice(left, right)),
        above=(slice(top - y, bottom - y), slice(left - x, right - x)),
    )
