"""AVIF and HEIF: the Exif item, found through the ``meta`` box's tables (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from graphrun.formats.carriers.boxes import Box, boxes, inside_meta, number
from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.formats.carriers.exif import read_exif
from graphrun.imaging.slices import Slices

_MOST_ITEMS = 4  # a picture has one; a thousand might all be the same long one


def read_avif(data: Slices) -> Iterator[Entry]:
    """Yield the texts of every Exif item. Each begins with the distance to its TIFF header."""
    for meta in (box for box in boxes(data) if box.kind == b"meta"):
        inside = {box.kind: box for box in reversed(inside_meta(data, meta))}  # the first of each kind
        if b"iinf" in inside and b"iloc" in inside:
            exif_ids = set(_exif_ids(data, inside[b"iinf"]))
            for start, length in islice(_places(data, inside, exif_ids), _MOST_ITEMS):
                item = data[start : start + min(length, MAX_TEXT)]
                yield from read_exif(item[4 + number(item[:4]) :])


def _exif_ids(data: Slices, infos: Box) -> Iterator[int]:
    counted = 4 if data[infos.start : infos.start + 1] > b"\0" else 2
    for box in boxes(data, infos.start + 4 + counted, infos.stop):
        version, head = data[box.start : box.start + 1], data[box.start + 4 : box.start + 14]
        width = 4 if version == b"\3" else 2
        if head[width + 2 : width + 6] == b"Exif":
            yield number(head[:width])


class _Numbers:
    """Takes one number after the other out of a table."""

    def __init__(self, table: bytes) -> None:
        self._table = table
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether more was taken than there is."""
        return self._at > len(self._table)

    def take(self, width: int) -> int:
        """Return the next number, of this many bytes; 0 behind the end."""
        self._at += width
        return number(self._table[self._at - width : self._at])


def _places(data: Slices, inside: dict[bytes, Box], wanted: set[int]) -> Iterator[tuple[int, int]]:
    """Yield start and length of the wanted items, from the ``iloc`` table. Only whole items count, not pieces."""
    table = inside[b"iloc"]
    numbers = _Numbers(data[table.start : min(table.stop, table.start + MAX_TEXT)])
    version, _flags, sizes = numbers.take(1), numbers.take(3), numbers.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(min(numbers.take(2 if version < 2 else 4), MAX_PARTS)):
        item = numbers.take(2 if version < 2 else 4)
        method = numbers.take(2) & 15 if version else 0
        _reference, base, pieces = numbers.take(2), numbers.take(base_size), numbers.take(2)
        for _ in range(pieces):
            if numbers.ended:
                return
            _index = numbers.take(index_size) if version else 0
            start, length = base + numbers.take(offset_size), numbers.take(length_size)
            if item in wanted and pieces == 1 and method in (0, 1):
                store = inside.get(b"idat")
                yield (start + store.start if method and store else start), length
