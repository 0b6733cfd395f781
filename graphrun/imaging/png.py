"""PNG chunks as bytes: find them, read their text, put text in. No decoding and no Pillow.

A PNG is a signature and chunks: length (4 bytes, big-endian), kind (4), body, checksum (4). Files in the wild have
wrong checksums in text chunks and raw UTF-8 where the standard says Latin-1 (workflow-formats.md, 4.3), so chunks
are found by structure alone: checksums are ignored, and no length is trusted past the end of the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphrun.errors import PictureError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 89_478_485  # a GiB / 4 / 3, frames together: where Pillow too begins to suspect a decompression bomb
MAX_CHUNKS = 10_000  # besides pixel data, of which a large picture may have any number of chunks
MAX_TEXT = 64 * 2**20  # bytes of all texts of a file that are unpacked
LONG_TEXT = 2**20  # characters; where Pillow draws the line too

_HEADER_END = len(SIGNATURE) + 25  # the header chunk comes first and is 25 bytes long
_PIXEL_DATA = (b"IDAT", b"fdAT")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ALSO_NEEDED = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")  # transparency, orientation, animation
_MOST_GROWTH = 1032  # what deflate can make of one byte


class Chunk(NamedTuple):
    """Where one chunk lies: ``start`` is at its length field, ``stop`` behind its checksum."""

    kind: bytes
    start: int
    stop: int

    def body(self, png: bytes) -> bytes:
        """Return what the chunk holds."""
        return png[self.start + 8 : self.stop - 4]


def chunks(png: bytes) -> Iterator[Chunk]:
    """Yield the chunks that are there whole, up to IEND. Raises PictureError where there are too many."""
    position, count = len(SIGNATURE), 0
    while position + 12 <= len(png):
        length, kind = int.from_bytes(png[position : position + 4], "big"), png[position + 4 : position + 8]
        chunk = Chunk(kind, position, position + 12 + length)
        if chunk.stop > len(png):
            return
        count += kind not in _PIXEL_DATA
        if count > MAX_CHUNKS:
            raise PictureError(f"the PNG has more than {MAX_CHUNKS} chunks besides its pixels")
        yield chunk
        if kind == b"IEND":
            return
        position = chunk.stop


def png_size(png: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels. Raises PictureError where the bytes don't begin as a PNG does."""
    if not png.startswith(SIGNATURE) or png[8:16] != b"\0\0\0\rIHDR" or len(png) < _HEADER_END:
        raise PictureError("the bytes are no PNG, or end within its header")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def check_png(png: bytes, *, max_pixels: int = MAX_PIXELS) -> None:
    """Raise PictureError for a PNG that is cut short, or has no pixels or too many. Costs a walk over its chunks."""
    width, height = png_size(png)
    check_pixel_count(width, height, 1, max_pixels)
    kinds: set[bytes] = set()
    for chunk in chunks(png):
        kinds.add(chunk.kind)
        if chunk.kind == b"acTL":
            check_pixel_count(width, height, int.from_bytes(chunk.body(png)[:4], "big"), max_pixels)
    if not {b"IDAT", b"IEND"} <= kinds:
        raise PictureError("the PNG is cut short: its end is missing; fetch or export the file again")


def check_pixel_count(width: int, height: int, frames: int, max_pixels: int) -> None:
    """Raise PictureError unless there is at least one pixel, and at most ``max_pixels`` in all frames together."""
    if not width or not height:
        raise PictureError(f"the picture is {width} × {height} pixels: there is nothing to read")
    if width * height * max(frames, 1) > max_pixels:
        times = f" × {frames} frames" if frames > 1 else ""
        raise PictureError(f"the picture has {width} × {height}{times} pixels, and the limit is {max_pixels}")


def read_text(png: bytes, keywords: Collection[str] | None = None) -> dict[str, str]:
    """Return the texts of a PNG by keyword (or those of ``keywords``), the first of each, also of a file cut short.

    tEXt, zTXt, iTXt and ComfyUI's private ``comf`` chunk count (workflow-formats.md, 4.1). What can't be read, or
    would make the unpacked texts larger than MAX_TEXT, is left out. Raises PictureError for bytes that are no PNG.
    """
    png_size(png)
    found: dict[str, str] = {}
    inflater = _Inflater()
    for chunk in chunks(png):
        if chunk.kind in (*_TEXT, b"comf"):
            keyword, _, rest = chunk.body(png).partition(b"\0")
            name = keyword.decode("latin-1")
            wanted = name not in found and (keywords is None or name in keywords)
            text = _text(chunk.kind, rest, inflater) if wanted else None
            if text is not None:
                found[name] = text
    return found


@dataclass(slots=True)
class _Inflater:
    """Unpacks the texts of one file, MAX_TEXT bytes in all: there may be thousands, each a thousand times its size."""

    left: int = MAX_TEXT

    def inflate(self, data: bytes) -> bytes | None:
        """Return the unpacked bytes, or None where they are damaged or too many."""
        if self.left < 1:
            return None
        stream = zlib.decompressobj()
        try:
            text = stream.decompress(data, self.left)
        except zlib.error:
            self.left -= len(data) * _MOST_GROWTH  # how far it came isn't told
            return None
        self.left -= len(text)
        return None if stream.unconsumed_tail else text


def _text(kind: bytes, rest: bytes, inflater: _Inflater) -> str | None:
    """Return the text behind a keyword, or None where it can't be read."""
    data: bytes | None = rest
    if kind == b"zTXt":
        data = inflater.inflate(rest[1:])
    elif kind == b"iTXt":
        _language, _, after = rest[2:].partition(b"\0")
        _translated, _, body = after.partition(b"\0")
        data = inflater.inflate(body) if rest[:1] == b"\1" else body
    return None if data is None else _decode(data)


def _decode(data: bytes) -> str:
    """UTF-8 first: writers put it where the standard says Latin-1 (workflow-formats.md, 4.3)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def is_keyword(keyword: str) -> bool:
    """Whether a PNG can carry a text under this name: 1 to 79 Latin-1 characters, none of them NUL."""
    return 0 < len(keyword) < 80 and "\0" not in keyword and all(ord(character) < 256 for character in keyword)


def insert_text(png: bytes, text: Mapping[str, str]) -> bytes:
    """Return the PNG with these texts behind its header, in place of any of the same keywords.

    Everything else stays byte for byte, what follows IEND included. Raises PictureError for bytes that are no PNG and
    ValueError for a keyword that isn't one.
    """
    png_size(png)
    if not text:
        return png
    replaced = {keyword.encode("latin-1", "replace") for keyword in text}
    parts = [png[:_HEADER_END], *(_text_chunk(keyword, value) for keyword, value in text.items())]
    kept_from = _HEADER_END
    for chunk in chunks(png):
        if chunk.kind in _TEXT and chunk.body(png).partition(b"\0")[0] in replaced:
            parts.append(png[kept_from : chunk.start])
            kept_from = chunk.stop
    return b"".join([*parts, png[kept_from:]])


def pixel_chunks(png: bytes, *, texts: Collection[str] = ()) -> bytes:
    """Return the PNG without the chunks that pixels don't depend on: Pillow refuses a file for a fault in any of them.

    The texts called ``texts`` are kept, written anew, unless they are longer than LONG_TEXT.
    """
    parts, kept_from = [], 0
    for chunk in chunks(png):
        if not (chunk.kind[:1].isupper() or chunk.kind in _ALSO_NEEDED):  # upper case: critical, by the standard
            parts.append(png[kept_from : chunk.start])
            kept_from = chunk.stop
    if not parts:
        return png
    kept = {keyword: text for keyword, text in read_text(png, texts).items() if len(text) <= LONG_TEXT}
    return insert_text(b"".join([*parts, png[kept_from:]]), kept)


def _text_chunk(keyword: str, text: str) -> bytes:
    if not is_keyword(keyword):
        raise ValueError(f"{keyword!r} can't name a text in a PNG: 1 to 79 Latin-1 characters can")
    name = keyword.encode("latin-1") + b"\0"
    if text.isascii():
        return png_chunk(b"tEXt", name + text.encode("ascii"))
    return png_chunk(b"iTXt", name + b"\0\0\0\0" + text.encode("utf-8", "surrogateescape"))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of this kind with its length and checksum."""
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
