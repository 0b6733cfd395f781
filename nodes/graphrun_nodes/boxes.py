"""Boxes as they travel: one, a flat list, or a list of lists, one for each picture (image-mask-nodes.md, 1.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Box = Mapping[str, Any]


def box_lists(boxes: object) -> list[list[Box]]:
    """Return a list of boxes per picture; a single list, which counts for all pictures, as the only one.

    Raises TypeError for what is no box.
    """
    if isinstance(boxes, Sequence) and any(each is None or isinstance(each, Sequence) for each in boxes):
        return [_checked(each if isinstance(each, Sequence) else [each] if each else []) for each in boxes]
    flat = _checked(boxes if isinstance(boxes, Sequence) else [boxes])
    return [flat] if flat else []


def _checked(boxes: Sequence[object]) -> list[Box]:
    for box in boxes:
        if not isinstance(box, Mapping) or not box.keys() >= {"x", "y", "width", "height"}:
            raise TypeError(f"boxes are mappings with x, y, width and height, and one is {box!r:.80}")
    return list(boxes)  # type: ignore[arg-type]  # each was looked at


def joined_box(boxes: Sequence[Box]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom around all boxes, in whole pixels."""
    corners = [
        (int(box["x"]), int(box["y"]), int(box["x"] + box["width"]), int(box["y"] + box["height"])) for box in boxes
    ]
    lefts, tops, rights, bottoms = zip(*corners, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
