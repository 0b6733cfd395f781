"""A PNG is taken for whole only if every pixel is there, unharmed."""

from __future__ import annotations

import io
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun import PictureError
from graphrun.imaging.png import SIGNATURE, check_png_pixels


def saved(mode: str, width: int, height: int) -> bytes:
    pixels = bytes(place * 7 % 256 for place in range(width * height * 3))
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def written(width: int, height: int, rows: bytes, *, colour: int = 0, depth: int = 8, interlace: int = 0) -> bytes:
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, interlace])
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@settings(deadline=None)
@given(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"]), st.integers(1, 40), st.integers(1, 40))
def test_every_sound_png_is_sound(mode: str, width: int, height: int) -> None:
    """Of every colour type, depth and size."""
    check_png_pixels(saved(mode, width, height))


@pytest.mark.parametrize(
    ("colour", "depth", "row"), [(0, 1, 2), (0, 2, 2), (0, 4, 3), (0, 16, 9), (2, 16, 25), (6, 16, 33)]
)
def test_every_depth_has_its_size(colour: int, depth: int, row: int) -> None:
    """Rows begin at whole bytes, and each with the name of its filter."""
    check_png_pixels(written(4, 4, bytes(row) * 4, colour=colour, depth=depth))
    with pytest.raises(PictureError, match="missing"):
        check_png_pixels(written(4, 4, bytes(row * 4 - 1), colour=colour, depth=depth))


PICTURE = saved("RGB", 23, 17)


@settings(deadline=None)
@given(st.integers(8, len(PICTURE) - 1), st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(place: int, bit: int) -> None:
    """Wherever behind the signature it is: in lengths, names, pixels or checksums."""
    damaged = bytearray(PICTURE)
    damaged[place] ^= 1 << bit
    with pytest.raises(PictureError):
        check_png_pixels(bytes(damaged))


@given(st.integers(0, len(PICTURE) - 1))
def test_no_missing_end_goes_unnoticed(length: int) -> None:
    """However little is missing."""
    with pytest.raises(PictureError):
        check_png_pixels(PICTURE[:length])


def test_pixels_that_are_missing_inside_a_well_formed_file_are_noticed() -> None:
    """All checksums are right, and yet the last row isn't there."""
    check_png_pixels(written(4, 4, bytes(5) * 4))
    with pytest.raises(PictureError, match="some of its pixels are missing"):
        check_png_pixels(written(4, 4, bytes(5) * 3))


def test_more_data_than_pixels_is_harmless() -> None:
    """Some encoders leave something behind the last row, and a bomb is not unpacked."""
    check_png_pixels(written(4, 4, bytes(5) * 5))
    check_png_pixels(written(4, 4, bytes(200_000_000)))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (9, 1), (3, 5), (8, 8), (33, 17)])
def test_interlaced_pictures_are_counted_by_their_passes(width: int, height: int) -> None:
    """Adam7: seven smaller pictures, of which narrow ones lack some."""
    starts_and_steps = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = b""
    for x, y, dx, dy in starts_and_steps:
        columns = len(range(x, width, dx))
        rows += b"".join(bytes(1 + columns * 3) for _ in range(y, height, dy) if columns)
    whole = written(width, height, rows, colour=2, interlace=1)
    assert Image.open(io.BytesIO(whole)).convert("RGB").size == (width, height)
    check_png_pixels(whole)
    with pytest.raises(PictureError):
        check_png_pixels(written(width, height, rows[:-1], colour=2, interlace=1))


def test_pixels_that_are_no_deflate_stream_are_damaged() -> None:
    """Right checksum, wrong content."""
    noise = random.Random(1).randbytes(100)
    data = PICTURE[:33] + chunk(b"IDAT", noise) + chunk(b"IEND", b"")
    with pytest.raises(PictureError, match="can't be unpacked"):
        check_png_pixels(data)


def test_a_wrong_checksum_of_a_text_is_no_damage() -> None:
    """Programs in the wild write such, and no pixel depends on it (workflow-formats.md, 4.3)."""
    text = chunk(b"tEXt", b"prompt\0{}")[:-1] + b"?"
    check_png_pixels(PICTURE[:33] + text + PICTURE[33:])
