"""Shapes as they are typed: ``x,y,w,h``, ``x,y,x,y,…``, ``#RRGGBB~TOLERANCE``. All raise UsageError."""

from __future__ import annotations

import re

from graphrun.errors import UsageError
from graphrun.imaging.shapes import Colour, Ellipse, Polygon, Rectangle
from graphrun.masks import numbers

_COLOUR = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})(?:~(\d{1,3}))?")


def rectangle(text: str) -> Rectangle:
    """Read ``--rect``."""
    return Rectangle(*numbers(text, 4, f"--rect {text}: a box is x,y,w,h"))


def ellipse(text: str) -> Ellipse:
    """Read ``--ellipse``."""
    return Ellipse(*numbers(text, 4, f"--ellipse {text}: the box of an ellipse is x,y,w,h"))


def polygon(text: str) -> Polygon:
    """Read ``--polygon``."""
    rule = f"--polygon {text}: a polygon is x,y,x,y,x,y: three corners or more"
    found = numbers(text, None, rule)
    if len(found) % 2 or len(found) < 6:
        raise UsageError(f"{rule}, each of two numbers")
    return Polygon(tuple(zip(found[::2], found[1::2], strict=True)))


def colour(text: str) -> Colour:
    """Read ``--from-color``."""
    match = _COLOUR.fullmatch(text)
    if not match or int(match[4] or 0) > 255:
        raise UsageError(
            f"--from-color {text}: write a colour as '#RRGGBB', or '#RRGGBB~20' for those near it, 0 to 255"
        )
    return Colour(int(match[1], 16), int(match[2], 16), int(match[3], 16), int(match[4] or 0))
