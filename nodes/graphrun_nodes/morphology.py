"""The node that grows and shrinks bright parts of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Widget, lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

Operation = Literal["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"]


@pack.node("Morphology", display_name="Apply Morphology", category="image/filters")
def morphology(
    image: Image,
    operation: Operation,
    kernel_size: Annotated[int, Field(ge=3, le=999), Widget(default=3)],
) -> Image:
    """Grow or shrink bright parts with a square kernel; what lies outside the picture doesn't count."""
    return _operated(image, operation, kernel_size)


def _operated(x: torch.Tensor, operation: Operation, size: int) -> torch.Tensor:
    match operation:
        case "dilate":
            return _dilated(x, size)
        case "erode":
            return _eroded(x, size)
        case "open":
            return _dilated(_eroded(x, size), size)
        case "close":
            return _eroded(_dilated(x, size), size)
        case "gradient":
            return _dilated(x, size) - _eroded(x, size)
        case "top_hat":
            return x - _dilated(_eroded(x, size), size)
        case "bottom_hat":
            return _eroded(_dilated(x, size), size) - x
    raise ValueError(f"Invalid operation {operation} for morphology")


def _dilated(x: torch.Tensor, size: int) -> torch.Tensor:
    """Return the greatest value of each window. An even window covers -size/2 + 1 … size/2 along each axis."""
    return _greatest(_greatest(x, 1, (size - 1) // 2, size // 2), 2, (size - 1) // 2, size // 2)


def _eroded(x: torch.Tensor, size: int) -> torch.Tensor:
    """Return the least value of each window. An even window covers -size/2 … size/2 - 1 along each axis."""
    return -_greatest(_greatest(-x, 1, size // 2, (size - 1) // 2), 2, size // 2, (size - 1) // 2)


def _greatest(x: torch.Tensor, axis: int, before: int, after: int) -> torch.Tensor:
    """Return the greatest value from so many rows or columns before each to so many after it.

    Windows of 1, 2, 4, 8 … are made of two of half their size, and the wanted one of the two largest that overlap: so
    a window of 999 takes ten steps, where torch's pooling takes 999.
    """
    margins = (0, 0, before, after) if axis == 2 else (0, 0, 0, 0, before, after)
    found = torch.nn.functional.pad(x, margins, value=-torch.inf)
    reach = 1
    while reach * 2 <= before + 1 + after:
        found = torch.maximum(found.narrow(axis, 0, found.shape[axis] - reach), _moved(found, axis, reach))
        reach *= 2
    rest = before + 1 + after - reach
    return torch.maximum(found.narrow(axis, 0, x.shape[axis]), found.narrow(axis, rest, x.shape[axis]))


def _moved(x: torch.Tensor, axis: int, by: int) -> torch.Tensor:
    return x.narrow(axis, by, x.shape[axis] - by)
