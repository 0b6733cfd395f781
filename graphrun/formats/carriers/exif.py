"""EXIF, the metadata block of WebP, JPEG and AVIF: a small TIFF file (workflow-formats.md, 4.1 and 4.3).

A tag's text is ``name:json`` (``prompt:{…}``), whichever tag it stands in, or one object with both. Editors that
let the first text grow often leave the offset of the second one as it was, so that its tag points into the middle of
the first. So the block is also searched for ``prompt:{`` and ``workflow:{``, after its tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal, NamedTuple

from graphrun.formats.carriers.entries import Entry
from graphrun.imaging.png import decode_text

_EXIF_IFD = 0x8769
_ASCII, _UNDEFINED = 2, 7
_MOST_TAGS = 1000
_MOST_FOUND = 16  # by searching; each may be as long as the block
_NAMED = re.compile(r"\s*(prompt|workflow)\s*:", re.IGNORECASE)
_ANYWHERE = re.compile(rb"(prompt|workflow)\s*:\s*(?=\{)", re.IGNORECASE)


def read_exif(block: bytes) -> Iterator[Entry]:
    """Yield the texts of a block, those that its tags point to first."""
    block = block.removeprefix(b"Exif\0\0")
    for text in _tag_texts(block):
        named = _NAMED.match(text)
        yield Entry(named[1], text[named.end() :]) if named else Entry("tag", text)
    for found in islice(_ANYWHERE.finditer(block), _MOST_FOUND):
        rest = block[found.end() :].partition(b"\0")[0]
        yield Entry(found[1].decode("ascii"), decode_text(rest))


class _Tag(NamedTuple):
    number: int
    type: int
    length: int
    offset: int
    place: int


def _tag_texts(block: bytes) -> Iterator[str]:
    """Yield the texts of the first directory and of the camera's, where UserComment stands."""
    order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"
    tags = list(_tags(block, int.from_bytes(block[4:8], order), order))
    camera = next((tag.offset for tag in tags if tag.number == _EXIF_IFD), None)
    if camera is not None:
        tags += _tags(block, camera, order)
    left = 2 * len(block)  # a thousand tags may all claim the whole block
    for tag in (tag for tag in tags if tag.type in (_ASCII, _UNDEFINED)):
        left -= min(tag.length, len(block))
        if left < 0:
            return
        yield _text(_value(block, tag))


def _tags(block: bytes, start: int, order: Literal["little", "big"]) -> Iterator[_Tag]:
    count = int.from_bytes(block[start : start + 2], order)
    for place in range(start + 2, min(start + 2 + 12 * min(count, _MOST_TAGS), len(block)), 12):
        number, type = (int.from_bytes(block[at : at + 2], order) for at in (place, place + 2))
        length, offset = (int.from_bytes(block[at : at + 4], order) for at in (place + 4, place + 8))
        yield _Tag(number, type, length, offset, place)


def _value(block: bytes, tag: _Tag) -> bytes:
    """Four bytes and fewer stand in the tag itself."""
    start = tag.place + 8 if tag.length <= 4 else tag.offset
    return block[start : start + tag.length]


def _text(value: bytes) -> str:
    """Return a tag's text. UserComment names its character set in eight bytes."""
    if value.startswith(b"UNICODE\0"):
        return _wide(value[8:])
    return decode_text(value.removeprefix(b"ASCII\0\0\0").removeprefix(b"\0" * 8).partition(b"\0")[0])


def _wide(value: bytes) -> str:
    """Return a text that is said to be UTF-16. In which byte order, and whether it is, its first letter tells.

    The standard says the block's order; writers use either, or UTF-8.
    """
    if value[:1] == b"\0" or value.startswith(b"\xfe\xff"):
        encoding = "utf-16-be"
    elif value[1:2] == b"\0" or value.startswith(b"\xff\xfe"):
        encoding = "utf-16-le"
    else:
        return decode_text(value)
    return value.decode(encoding, "replace").lstrip("\ufeff").partition("\0")[0]
