"""WebM and MKV: the names and texts of SimpleTag elements (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_TEXT, Entry
from graphrun.imaging.png import decode_text
from graphrun.imaging.slices import Slices

# Elements whose insides are walked through: Segment, Tags, Tag, SimpleTag.
_OPENED = (0x18538067, 0x1254C367, 0x7373, 0x67C8)
_TAG_NAME, _TAG_STRING = 0x45A3, 0x4487
_MOST_ELEMENTS = 200_000  # a film's clusters stand before its tags: one a second, or far more of them


def read_webm(data: Slices) -> Iterator[Entry]:
    """Yield the tags, wherever in the file they stand. What else it holds is skipped, not read."""
    name, position = "", 0
    for _ in range(_MOST_ELEMENTS):
        head = data[position : position + 12]
        id_width, size_width = _width(head), 0
        element = int.from_bytes(head[:id_width], "big")
        size_width = _width(head[id_width:])
        if not (id_width and size_width):
            return
        start = position + id_width + size_width
        length = _size(head[id_width : id_width + size_width])
        if element == _TAG_NAME and length is not None:
            name = decode_text(data[start : start + min(length, 80)])
        elif element == _TAG_STRING and length is not None:
            yield Entry(name, decode_text(data[start : start + length]) if length <= MAX_TEXT else None)
        # An element of unknown length (a live recording) is walked through too.
        position = start if length is None or element in _OPENED else start + length


def _width(written: bytes) -> int:
    """Return how many bytes a number has: as many as zeros lead its first byte, and one. 0 where there is none."""
    return 9 - written[0].bit_length() if written and written[0] else 0


def _size(written: bytes) -> int | None:
    """Return a number without the bit that marks its width; None for all ones, which say "unknown"."""
    mark = 1 << 7 * len(written)
    value = int.from_bytes(written, "big") & mark - 1
    return None if value == mark - 1 else value
