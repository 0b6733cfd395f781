"""Boxes, the parts of MP4, MOV and AVIF files: length (4 bytes, big-endian), kind (4), body; boxes hold boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphrun.formats.carriers.entries import MAX_PARTS
from graphrun.imaging.slices import Slices


class Box(NamedTuple):
    """Where a box's body lies in the file."""

    kind: bytes
    start: int
    stop: int


def boxes(data: Slices, start: int = 0, stop: int | None = None) -> Iterator[Box]:
    """Yield the boxes between two places. One that claims more than is there ends where its surroundings end."""
    end = len(data) if stop is None else stop
    for _ in range(MAX_PARTS):
        head = data[start : min(start + 16, end)]
        if len(head) < 8:
            return
        length, body = number(head[:4]), start + 8
        if length == 1:  # the length stands behind the kind, in 8 bytes
            length, body = number(head[8:]), start + 16
        box_stop = end if length == 0 else min(start + length, end)
        if box_stop < body:
            return
        yield Box(head[4:8], body, box_stop)
        start = box_stop


def inside_meta(data: Slices, meta: Box) -> list[Box]:
    """Return the boxes in a ``meta`` box. Four bytes of version stand before them, in QuickTime files not."""
    bare = data[meta.start + 4 : meta.start + 8] == b"hdlr"
    return list(boxes(data, meta.start + (0 if bare else 4), meta.stop))


def number(written: bytes) -> int:
    """Return an unsigned whole number as these files write it."""
    return int.from_bytes(written, "big")
