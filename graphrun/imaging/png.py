"""PNG chunks as bytes: find them, read their text, put text in. No decoding and no Pillow.

A PNG is a signature and chunks: length (4 bytes, big-endian), kind (4), body, checksum (4). Files in the wild have
wrong checksums in text chunks and raw UTF-8 where the standard says Latin-1 (workflow-formats.md, 4.3), so chunks
are found by structure alone: checksums are ignored, and no length is trusted past the end of the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphrun.errors import PictureError
from graphrun.imaging.slices import Slices

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PIXELS = 89_478_485  # a GiB / 4 / 3, frames together: where Pillow too begins to suspect a decompression bomb
MAX_CHUNKS = 10_000  # besides pixel data
MAX_PIXEL_CHUNKS = 1_000_000  # at the usual 8 KB each, far more than MAX_PIXELS need; a walk over them takes a second
MAX_TEXT = 64 * 2**20  # bytes of all texts of a file that are unpacked
LONG_TEXT = 2**20  # characters; where Pillow draws the line too

_HEADER_END = len(SIGNATURE) + 25  # the header chunk comes first and is 25 bytes long
_PIXEL_DATA = (b"IDAT", b"fdAT")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_ALSO_NEEDED = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")  # transparency, orientation, animation
_MOST_GROWTH = 1032  # what deflate can make of one byte
_STEP = 2**20  # bytes unpacked at once
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_INTERLACED = (  # first column and row, then the steps to the next ones
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
_LONGEST_KEYWORD = 79


class Chunk(NamedTuple):
    """Where one chunk lies: ``start`` is at its length field, ``stop`` behind its checksum."""

    kind: bytes
    start: int
    stop: int

    def body(self, png: Slices) -> bytes:
        """Return what the chunk holds."""
        return png[self.start + 8 : self.stop - 4]


def chunks(png: Slices) -> Iterator[Chunk]:
    """Yield the chunks that are there whole, up to IEND. Raises PictureError where there are too many."""
    position, size = len(SIGNATURE), len(png)
    left = {True: MAX_PIXEL_CHUNKS, False: MAX_CHUNKS}
    while position + 12 <= size:
        head = png[position : position + 8]
        chunk = Chunk(head[4:], position, position + 12 + int.from_bytes(head[:4], "big"))
        if chunk.stop > size:
            return
        left[chunk.kind in _PIXEL_DATA] -= 1
        if min(left.values()) < 0:
            raise PictureError(f"the PNG has more than {MAX_CHUNKS} chunks besides its pixels, or a million of those")
        yield chunk
        if chunk.kind == b"IEND":
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


def check_png_pixels(png: bytes) -> None:
    """Raise PictureError for a PNG whose pixels aren't all there, unharmed: lengths, checksums and unpacked size.

    The strict sister of `check_png`, for files that come from where they were made. Costs the unpacking, and no
    memory to speak of. Only chunks that pixels depend on are judged (those called critical by the standard).
    """
    check_png(png)
    critical = [chunk for chunk in chunks(png) if chunk.kind[:1].isupper()]
    for chunk in critical:
        if zlib.crc32(png[chunk.start + 4 : chunk.stop - 4]) != int.from_bytes(png[chunk.stop - 4 : chunk.stop], "big"):
            raise PictureError(f"the PNG is damaged: the checksum of its {chunk.kind.decode('latin-1')} chunk is wrong")
    expected = _unpacked_size(png)
    try:
        found = _unpacked_pixels((chunk.body(png) for chunk in critical if chunk.kind == b"IDAT"), expected)
    except zlib.error as error:
        raise PictureError(f"the PNG is damaged: its pixels can't be unpacked ({error})") from None
    if found < expected:
        raise PictureError("the PNG is damaged: some of its pixels are missing")


def _unpacked_pixels(packed: Iterator[bytes], enough: int) -> int:
    """How many bytes there are, counted up to a little more than ``enough``. Raises zlib.error."""
    stream, found = zlib.decompressobj(), 0
    for data in packed:
        rest = data
        while rest and not stream.eof and found <= enough:
            found += len(stream.decompress(rest, _STEP))
            rest = stream.unconsumed_tail
    return found + (len(stream.flush()) if not stream.eof and found < enough else 0)


def _unpacked_size(png: bytes) -> int:
    """Bytes of all rows, each with the byte that names its filter (PNG standard, 7.2 and 8.2)."""
    (width, height), (depth, colour, interlace) = png_size(png), (png[24], png[25], png[28])
    bits = depth * _CHANNELS.get(colour, 1)
    passes = _INTERLACED if interlace else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


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
    for keyword, text in text_chunks(png, lambda name: name not in found and (keywords is None or name in keywords)):
        if text is not None:
            found[keyword] = text
    return found


def text_chunks(
    png: Slices, wanted: Callable[[str], bool], *, max_text: int = MAX_TEXT
) -> Iterator[tuple[str, str | None]]:
    """Yield keyword and text of each text chunk whose keyword is wanted; others aren't read.

    None stands for a text that is damaged, or longer than ``max_text`` bytes, or unpacks to more than are left of
    ``max_text`` for the file. Raises PictureError where there are too many chunks.
    """
    inflater = _Inflater(max_text)
    for chunk in chunks(png):
        if chunk.kind in (*_TEXT, b"comf"):
            start, stop = chunk.start + 8, chunk.stop - 4
            keyword = png[start : min(start + _LONGEST_KEYWORD + 1, stop)].partition(b"\0")[0]
            name, text_start = keyword.decode("latin-1"), start + len(keyword) + 1
            if wanted(name):
                fits = stop - text_start <= max_text
                yield name, _text(chunk.kind, png[text_start:stop], inflater) if fits else None


@dataclass(slots=True)
class _Inflater:
    """Unpacks the texts of one file, so many bytes in all: there may be thousands, each a thousand times its size."""

    left: int

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
    return None if data is None else decode_text(data)


def decode_text(data: bytes) -> str:
    """Return metadata as text: UTF-8 first, which stands where Latin-1 should (workflow-formats.md, 4.3)."""
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
