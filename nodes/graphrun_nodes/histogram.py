"""Nodes that count brightness values, and hold a curve to change them by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from graphrun import Image, Named, NodePack, Socket, lazy_import

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")

pack = NodePack("builtin")

_HISTOGRAM = Socket("HISTOGRAM", list_value=True)
_LINE = [[0.0, 0.0], [1.0, 1.0]]

# A sequence and not a list, because a list would be a list output.
Histogram = Annotated[Sequence[int], _HISTOGRAM]


@pack.node("ImageHistogram", category="image/color")
def image_histogram(
    image: Image,
) -> tuple[
    Annotated[Histogram, Named("rgb")],
    Annotated[Histogram, Named("luminance")],
    Annotated[Histogram, Named("red")],
    Annotated[Histogram, Named("green")],
    Annotated[Histogram, Named("blue")],
]:
    """Count how often each of 256 levels occurs in the first picture; of all colours, the mean of the counts."""
    first = image[0, ..., :3].expand(-1, -1, 3)
    r, g, b = first.unbind(-1)
    red, green, blue = _counts(r), _counts(g), _counts(b)
    luminance = _counts(0.2126 * r + 0.7152 * g + 0.0722 * b)
    rgb = [sum(counts) // 3 for counts in zip(red, green, blue, strict=True)]
    return rgb, luminance, red, green, blue


def _counts(values: torch.Tensor) -> list[int]:
    levels = (values * 255).clamp(0, 255).to(torch.uint8).flatten()
    counts: list[int] = torch.bincount(levels, minlength=256).tolist()
    return counts


@pack.node("CurveEditor", category="utilities", cheap=True)
def curve_editor(
    curve: Annotated[Any, Socket("CURVE")],
    histogram: Histogram | None = None,  # for the editor to draw behind the curve
) -> Annotated[dict[str, Any], Socket("CURVE")]:
    """Hold a curve: its points as numbers, and how it runs between them.

    Raises ValueError for what is none.
    """
    written = json.loads(curve) if isinstance(curve, str) else curve
    if not isinstance(written, Mapping):
        written = {"points": written}
    points = written.get("points", _LINE)
    linear = written.get("interpolation") == "linear"
    try:
        numbers = [[float(x), float(y)] for x, y in points]
    except (TypeError, ValueError):
        raise ValueError(f"a curve is a list of points [x, y], and this is {points!r:.80}") from None
    return {"points": numbers, "interpolation": "linear" if linear else "monotone_cubic"}
