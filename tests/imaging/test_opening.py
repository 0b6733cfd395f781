"""Pictures of any kind are opened safely: bombs and half PNGs refused, other half files read as far as they go."""

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graphrun import PictureError
from graphrun.imaging import open_picture, picture_kind, picture_size, read_frames, read_text

KINDS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "ICO", "PPM", "QOI"]
DAMAGED = Path(__file__).parents[3] / "shared" / "data" / "workflows" / "embedded-media" / "bad-crc-nonascii.png"


def noise(width: int = 48, height: int = 64, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_known_and_opened(kind: str) -> None:
    """The first bytes tell the kind, the header the size, and the pixels are decoded."""
    data = encoded(noise(32, 32), kind)
    assert picture_kind(data) == kind
    assert picture_size(data) == (32, 32)
    assert open_picture(data).convert("RGB").size == (32, 32)


@pytest.mark.parametrize("data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg/>", b"\x00" * 100])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """The message lists what can be read."""
    with pytest.raises(PictureError, match=r"no picture that can be read .*PNG"):
        open_picture(data)


@given(st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"RIFF1234WEBP", b"P5 ", b"qoif"]), st.binary())
def test_junk_behind_a_known_beginning_is_refused_in_words(beginning: bytes, junk: bytes) -> None:
    """Whatever Pillow raises, callers see a PictureError (or, by luck, a picture)."""
    with suppress(PictureError):
        open_picture(beginning + junk, max_pixels=10_000)


def huge_bmp() -> bytes:
    data = bytearray(encoded(noise(2, 2), "BMP"))
    data[18:26] = (60_000).to_bytes(4, "little") * 2
    return bytes(data)


def huge_gif() -> bytes:
    data = bytearray(encoded(noise(2, 2), "GIF"))
    data[6:10] = (60_000).to_bytes(2, "little") * 2
    return bytes(data)


@pytest.mark.parametrize("make", [huge_bmp, huge_gif])
def test_a_bomb_is_refused_before_it_is_decoded(make: Callable[[], bytes]) -> None:
    """The header promises billions of pixels: an error, and no warning of Pillow's."""
    with pytest.raises(PictureError, match="60000 × 60000 pixels, and the limit"):
        open_picture(make())


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_limit_holds_for_all_frames_together(kind: str) -> None:
    """Three frames of 100 pixels are within a limit of 300 and beyond one of 299."""
    data = encoded(noise(10, 10), kind, save_all=True, append_images=[noise(10, 10, 1), noise(10, 10, 2)])
    assert len(list(read_frames(data, max_pixels=300))) == 3
    with pytest.raises(PictureError, match="10 × 10 × 3 frames"):
        open_picture(data, max_pixels=299)


def test_a_larger_later_page_is_refused() -> None:
    """The first page of a TIFF says nothing of the others."""
    data = encoded(noise(2, 2), "TIFF", save_all=True, append_images=[noise(20, 20)])
    with pytest.raises(PictureError, match="more than 100 pixels together"):
        list(read_frames(data, max_pixels=100))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_png_cut_short_is_refused(share: float) -> None:
    """Pixels nobody has seen aren't guessed."""
    data = encoded(noise(), "PNG")
    with pytest.raises(PictureError, match="cut short"):
        open_picture(data[: int(len(data) * share)])


def test_a_png_whose_pixels_are_damaged_is_refused() -> None:
    """Its structure is whole, but the pixels don't match their checksum."""
    data = bytearray(encoded(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(PictureError, match="PNG picture is damaged"):
        open_picture(bytes(data))


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP", "PPM", "TIFF"])
def test_other_kinds_keep_what_came(kind: str) -> None:
    """The first row is that of the whole file, the last is blank, and a warning tells."""
    data = encoded(noise(), kind)
    warnings: list[str] = []
    whole = np.asarray(open_picture(data).convert("RGB"))
    (picture,) = read_frames(data[: int(len(data) * 0.6)], warn=warnings.append)
    half = np.asarray(picture.convert("RGB"))
    first = -1 if kind == "BMP" else 0  # BMP begins with the last row
    assert np.array_equal(half[first], whole[first])
    assert len(np.unique(half[-1 - first], axis=0)) == 1
    assert [message for message in warnings if "cut short" in message] == warnings
    assert len(warnings) == 1


def test_an_animation_cut_in_its_last_frame_keeps_the_others() -> None:
    """Frames before the cut are whole."""
    data = encoded(noise(), "GIF", save_all=True, append_images=[noise(seed=1), noise(seed=2)])
    frames = [np.asarray(frame.convert("RGB")) for frame in read_frames(data)]
    cut = [np.asarray(frame.convert("RGB")) for frame in read_frames(data[: int(len(data) * 0.9)])]
    assert len(frames) == len(cut) == 3
    assert np.array_equal(cut[0], frames[0])
    assert np.array_equal(cut[1], frames[1])


def test_a_wrong_checksum_in_a_text_does_not_matter() -> None:
    """Pillow refuses such files whole; people edit the texts of their pictures."""
    with io.BytesIO() as file:
        noise(4, 4).save(file, "PNG", pnginfo=None)
        data = file.getvalue()
    damaged = data[:33] + b"\0\0\0\x04tEXtk\0ab" + b"\0\0\0\0" + data[33:]
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(damaged))
    assert open_picture(damaged).tobytes() == open_picture(data).tobytes()


@pytest.mark.parametrize("kind", [b"gAMA", b"pHYs", b"iCCP", b"tIME"])
def test_a_damaged_chunk_that_pixels_do_not_depend_on_does_not_matter(kind: bytes) -> None:
    """Pillow refuses such files whole unless its lenient switch, which is one for the process, is on."""
    with io.BytesIO() as file:
        noise(4, 4).save(file, "PNG")
        data = file.getvalue()
    damaged = data[:33] + b"\0\0\0\x01" + kind + b"x" + b"\0\0\0\0" + data[33:]
    assert open_picture(damaged).tobytes() == open_picture(data).tobytes()


@pytest.mark.corpus
@pytest.mark.skipif(not DAMAGED.exists(), reason="the folder of real files is missing")
def test_a_real_file_with_a_wrong_checksum_is_read() -> None:
    """Its texts, in raw UTF-8, and its pixels."""
    data = DAMAGED.read_bytes()
    assert open_picture(data).size == (592, 680)
    assert set(read_text(data)) == {"prompt", "workflow"}


def test_the_first_view_of_an_mpo_counts() -> None:
    """The other views of such a file are for other screens."""
    data = encoded(noise(), "MPO", save_all=True, append_images=[noise(seed=1)])
    assert len(list(read_frames(data))) == 1
