"""Boxes and what a model for layouts reads of them: elements (image-mask-nodes.md, CreateBoundingBoxes). Pure.

A box is in pixels: ``{"x", "y", "width", "height", "metadata": {"type", "text", "desc", "palette"}}``. An element has
thousandths of the picture: ``{"type", "bbox": [top, left, bottom, right], "text", "desc", "color_palette"}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from graphrun_nodes.boxes import Box

MOST_COLORS = 5

Size = tuple[int, int]


def boxes_from(value: object, size: Size) -> list[Box]:
    """Return the boxes of a box, an element, a list of such, lists of lists, or any of these as JSON.

    Raises ValueError for text that is no JSON, TypeError for what is no box.
    """
    pending, boxes = [_parsed(value) if isinstance(value, str) else value], []
    while pending:
        current = pending.pop()
        if isinstance(current, Mapping):
            boxes.append(_box_of(current, size) if "bbox" in current else _checked(current))
        elif isinstance(current, Sequence) and not isinstance(current, str):
            pending.extend(reversed(current))
        else:
            raise TypeError(f"boxes have x, y, width and height, elements have a bbox, and this is {current!r:.80}")
    return boxes


def element_of(box: Box, size: Size) -> dict[str, Any]:
    """Return the element that stands for a box in a picture of this (width, height)."""
    metadata = box.get("metadata") or {}
    kind = "text" if metadata.get("type") == "text" else "obj"
    x, y, (width, height) = box["x"], box["y"], size
    edges = (y / height, x / width, (y + box["height"]) / height, (x + box["width"]) / width)
    element: dict[str, Any] = {"type": kind, "bbox": [min(max(round(edge * 1000), 0), 1000) for edge in edges]}
    if kind == "text":
        element["text"] = metadata.get("text", "")
    element["desc"] = metadata.get("desc", "")
    if palette := metadata.get("palette"):
        element["color_palette"] = [str(color).upper() for color in palette[:MOST_COLORS]]
    return element


def _parsed(text: str) -> object:
    try:
        return json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise ValueError(f"bboxes is no JSON: {error}") from None


def _checked(box: Box) -> Box:
    sides = [box.get(name) for name in ("x", "y", "width", "height")]
    if not all(isinstance(side, int | float) for side in sides):
        raise TypeError(f"a box has numbers as x, y, width and height, and this is {box!r:.80}")
    return box


def _box_of(element: Mapping[str, Any], size: Size) -> Box:
    edges = element["bbox"]
    if not isinstance(edges, Sequence) or len(edges) != 4:
        raise TypeError(f"a bbox is [top, left, bottom, right], and this is {edges!r:.80}")
    sides = (size[1], size[0], size[1], size[0])
    top, left, bottom, right = (round(edge * side / 1000) for edge, side in zip(edges, sides, strict=True))
    metadata = {
        "type": element.get("type", "obj"),
        "text": element.get("text", ""),
        "desc": element.get("desc", ""),
        "palette": list(element.get("color_palette", ())),
    }
    return {"x": left, "y": top, "width": right - left, "height": bottom - top, "metadata": metadata}
