"""MP4, MOV and M4V: keys and values in a ``meta`` box (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.boxes import Box, boxes, inside_meta, number
from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.imaging.png import decode_text
from graphrun.imaging.slices import Slices

_COMMENT = b"\xa9cmt"


def read_mp4(data: Slices) -> Iterator[Entry]:
    """Yield the texts of every ``meta`` box in the film, its user data, or at the top."""
    for meta in _metas(data):
        inside = inside_meta(data, meta)
        names = [name for box in inside if box.kind == b"keys" for name in _keys(data, box)]
        for items in (box for box in inside if box.kind == b"ilst"):
            for item in boxes(data, items.start, items.stop):
                name = _name(item.kind, names)
                yield from (Entry(name, _text(data, box)) for box in boxes(data, item.start, item.stop) if name)


def _metas(data: Slices) -> Iterator[Box]:
    for top in boxes(data):
        within = boxes(data, top.start, top.stop) if top.kind in (b"moov", b"udta") else iter((top,))
        for box in within:
            below = boxes(data, box.start, box.stop) if box.kind == b"udta" else iter((box,))
            yield from (found for found in below if found.kind == b"meta")


def _keys(data: Slices, keys: Box) -> Iterator[str]:
    """Yield the keys in their order: the items name them by number, from 1."""
    position = keys.start + 8
    for _ in range(MAX_PARTS):
        length = number(data[position : position + 4])
        if length < 8 or position + length > keys.stop:
            return
        yield decode_text(data[position + 8 : position + min(length, 200)])
        position += length


def _name(kind: bytes, names: list[str]) -> str:
    if kind == _COMMENT:
        return "comment"
    index = number(kind) - 1
    return names[index] if 0 <= index < len(names) else ""


def _text(data: Slices, value: Box) -> str | None:
    """Return a ``data`` box's text: four bytes of type and four of language stand before it."""
    start = value.start + 8
    return decode_text(data[start : value.stop]) if value.stop - start <= MAX_TEXT else None
