"""JPEG: the EXIF block in an APP1 segment, at most 64 KB (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_PARTS, Entry
from graphrun.formats.carriers.exif import read_exif
from graphrun.imaging.slices import Slices

_APP1, _START_OF_SCAN, _END = 0xE1, 0xDA, 0xD9


def read_jpeg(data: Slices) -> Iterator[Entry]:
    """Yield the texts of every EXIF segment before the pixels."""
    position = 2
    for _ in range(MAX_PARTS):
        head = data[position : position + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] in (_START_OF_SCAN, _END):
            return
        if head[1] == 0xFF:  # a fill byte
            position += 1
            continue
        stop = position + 2 + int.from_bytes(head[2:], "big")
        if head[1] == _APP1 and data[position + 4 : position + 10] == b"Exif\0\0":
            yield from read_exif(data[position + 4 : stop])
        position = stop
