"""The shapes a mask is drawn of. Pure: pixels and sizes as numbers, nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Columns ``x`` to ``x + width - 1`` and rows ``y`` to ``y + height - 1``, counted from 0 at the top left."""

    x: int
    y: int
    width: int
    height: int

    def fault(self, picture: Size) -> str | None:
        """Say why it can't be drawn into a picture. One that sticks out is told: mostly, two corners were meant."""
        if self.width < 1 or self.height < 1:
            return "is empty: width and height must be at least 1"
        if _is_within(self, picture):
            return None
        return f"leaves the picture, which is {picture[0]} × {picture[1]} pixels: write x,y,width,height"


@dataclass(frozen=True, slots=True)
class Ellipse:
    """The largest ellipse in a rectangle. It may stick out of the picture."""

    x: int
    y: int
    width: int
    height: int

    def fault(self, picture: Size) -> str | None:
        """Say why it can't be drawn into a picture."""
        if self.width < 1 or self.height < 1:
            return "is empty: width and height must be at least 1"
        return (
            None
            if _touches((self.x, self.x + self.width - 1), (self.y, self.y + self.height - 1), picture)
            else (f"is outside the picture, which is {picture[0]} × {picture[1]} pixels")
        )


@dataclass(frozen=True, slots=True)
class Polygon:
    """The area between corners ``(x, y)``, its outline included. It may stick out of the picture."""

    corners: tuple[tuple[int, int], ...]

    def fault(self, picture: Size) -> str | None:
        """Say why it can't be drawn into a picture."""
        if len(self.corners) < 3:
            return "needs three corners or more: x,y,x,y,x,y"
        columns, rows = ([corner[axis] for corner in self.corners] for axis in (0, 1))
        if _touches((min(columns), max(columns)), (min(rows), max(rows)), picture):
            return None
        return f"is outside the picture, which is {picture[0]} × {picture[1]} pixels"


@dataclass(frozen=True, slots=True)
class Colour:
    """Every pixel whose red, green and blue each differ by at most ``tolerance`` (0 to 255) from this colour's."""

    red: int
    green: int
    blue: int
    tolerance: int = 0

    def fault(self, picture: Size) -> str | None:
        """Say why it can't be looked for. Whether the picture has it, only its pixels tell."""
        return None if 0 <= self.tolerance <= 255 else "has a tolerance beyond 0 to 255"


Shape = Rectangle | Ellipse | Polygon | Colour


def _is_within(box: Rectangle, picture: Size) -> bool:
    return box.x >= 0 and box.y >= 0 and box.x + box.width <= picture[0] and box.y + box.height <= picture[1]


def _touches(columns: tuple[int, int], rows: tuple[int, int], picture: Size) -> bool:
    return columns[0] < picture[0] and columns[1] >= 0 and rows[0] < picture[1] and rows[1] >= 0
