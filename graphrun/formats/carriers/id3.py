"""MP3: the TXXX frames of an ID3v2 tag (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.imaging.png import decode_text
from graphrun.imaging.slices import Slices


def read_mp3(data: Slices) -> Iterator[Entry]:
    """Yield the user-defined texts of a tag at the file's start, versions 2.3 and 2.4."""
    head = data[:10]
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (3, 4):
        return
    version, flags = head[3], head[5]
    tag = data[10 : 10 + min(_seven_bits(head[6:]), MAX_TEXT)]
    if flags & 0x80 and version == 3:
        tag = _resynchronised(tag)
    position = _extended_header(tag, version) if flags & 0x40 else 0
    for _ in range(MAX_PARTS):
        frame = tag[position : position + 10]
        if len(frame) < 10 or frame[0] == 0:  # behind the frames stand zeros
            return
        length = _seven_bits(frame[4:8]) if version == 4 else int.from_bytes(frame[4:8], "big")
        body = tag[position + 10 : position + 10 + length]
        if frame[:4] == b"TXXX":
            yield _entry(_whole(body, frame[9]) if version == 4 else body)
        position += 10 + length


def _seven_bits(written: bytes) -> int:
    """ID3's numbers leave the highest bit of each byte free."""
    value = 0
    for byte in written:
        value = value << 7 | byte & 0x7F
    return value


def _resynchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\0", b"\xff")


def _extended_header(tag: bytes, version: int) -> int:
    """Return its length; version 2.4 counts the four bytes of the length too."""
    return _seven_bits(tag[:4]) if version == 4 else 4 + int.from_bytes(tag[:4], "big")


def _whole(body: bytes, flags: int) -> bytes:
    """Undo what version 2.4 may do to a frame: a length before it, zeros within it."""
    body = body[4:] if flags & 1 else body
    return _resynchronised(body) if flags & 2 else body


def _entry(body: bytes) -> Entry:
    """Split description and text. The first byte names the encoding; Latin-1 is often UTF-8 in truth."""
    if body[:1] in (b"\1", b"\2"):
        decoded = body[1:].decode("utf-16" if body[:1] == b"\1" else "utf-16-be", "replace")
        name, _, text = decoded.partition("\0")
        return Entry(name, text.lstrip("\ufeff\ufffe").rstrip("\0"))
    description, _, value = body[1:].partition(b"\0")
    return Entry(decode_text(description), decode_text(value.rstrip(b"\0")))
