"""WebP: the EXIF chunk of a RIFF file (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.formats.carriers.exif import read_exif
from graphrun.imaging.slices import Slices


def read_webp(data: Slices) -> Iterator[Entry]:
    """Yield the texts of every EXIF chunk. A chunk that is cut short is read as far as it goes."""
    position = 12
    for _ in range(MAX_PARTS):
        head = data[position : position + 8]
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            yield from read_exif(data[position + 8 : position + 8 + min(length, MAX_TEXT)])
        position += 8 + length + length % 2  # padded to an even length
