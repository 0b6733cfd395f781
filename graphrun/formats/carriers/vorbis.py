"""FLAC and Ogg (Opus, Vorbis): comments ``prompt=JSON``, ``workflow=JSON`` (workflow-formats.md, 4.1)."""

from __future__ import annotations

from collections.abc import Iterator

from graphrun.formats.carriers.entries import MAX_PARTS, MAX_TEXT, Entry
from graphrun.imaging.png import decode_text
from graphrun.imaging.slices import Slices

_COMMENT_BLOCK = 4


def read_flac(data: Slices) -> Iterator[Entry]:
    """Yield the comments of a FLAC file."""
    position = 4
    for _ in range(MAX_PARTS):
        head = data[position : position + 4]
        if len(head) < 4:
            return
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == _COMMENT_BLOCK:
            yield from _comments(data[position + 4 : position + 4 + length])
        if head[0] & 0x80:  # the last block
            return
        position += 4 + length


def read_ogg(data: Slices) -> Iterator[Entry]:
    """Yield the comments of an Ogg file: its second packet, which may lie in many pages."""
    packet, ended = bytearray(), 0
    position = 0
    for _ in range(MAX_PARTS):
        head = data[position : position + 27]
        if len(head) < 27 or head[:4] != b"OggS" or len(packet) > MAX_TEXT:
            return
        lengths = data[position + 27 : position + 27 + head[26]]
        position += 27 + len(lengths)
        for length in lengths:
            packet += data[position : position + length] if ended == 1 else b""
            position += length
            ended += length < 255  # a packet ends with the first part that isn't full
            if ended == 2:
                yield from _comments(bytes(packet).removeprefix(b"OpusTags").removeprefix(b"\3vorbis"))
                return


def _comments(block: bytes) -> Iterator[Entry]:
    """Yield the comments behind the writer's name. Each has its length before it, in four bytes."""
    position = 4 + int.from_bytes(block[:4], "little") + 4
    for _ in range(MAX_PARTS):
        if position + 4 > len(block):
            return
        start = position + 4
        position = start + int.from_bytes(block[position:start], "little")
        name, _, value = block[start:position].partition(b"=")
        yield Entry(decode_text(name[:80]), decode_text(value))
