"""Pictures and mattes: exact values, lazily decoded, shared without harm."""

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graphrun import Matte, PictureError, Pictures
from graphrun.imaging import eight_bit, encode_png, mask_values, read_text, unit_floats

LEVELS = np.arange(256, dtype=np.uint8)


def pixels(batch: int = 1, height: int = 4, width: int = 5, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, channels), dtype=np.uint8)


def jpeg(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (10, 20, 30)).save(file, "JPEG")
    return file.getvalue()


def test_all_levels_survive_the_way_to_floats_and_back() -> None:
    """k/255 comes back as k, for every k."""
    pictures = Pictures.from_pixels(LEVELS.reshape(1, 16, 16, 1))
    tensor = pictures.tensor()
    assert tensor.dtype == torch.float32
    assert np.array_equal(tensor.numpy().ravel(), LEVELS.astype(np.float32) / 255.0)
    assert np.array_equal(eight_bit(tensor), pictures.pixels())


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_eight_bits_are_clipped_and_cut(values: list[float]) -> None:
    """uint8(clip(255 · x, 0, 255)) in float32, truncated."""
    array = np.array(values, dtype=np.float32).reshape(1, 1, -1, 1)
    with np.errstate(over="ignore"):
        expected = np.clip(np.float32(255.0) * array, 0, 255).astype(np.uint8)
    assert np.array_equal(eight_bit(torch.from_numpy(array)), expected)


def test_eight_bits_of_values_that_are_no_numbers() -> None:
    """NaN is black, infinities are the ends of the range, and nothing warns."""
    odd = torch.tensor([float("nan"), float("inf"), float("-inf")]).reshape(1, 1, 3, 1)
    assert eight_bit(odd).ravel().tolist() == [0, 255, 0]


def test_inverted_levels_are_off_by_one_as_they_must_be() -> None:
    """1 - k/255 gives 254 - k for 159 of the 256 levels (image-mask-nodes.md, 1.5)."""
    inverted = eight_bit(1 - torch.from_numpy(unit_floats(LEVELS)).reshape(1, 16, 16, 1)).ravel().astype(int)
    assert sorted(np.unique(inverted + LEVELS).tolist()) == [254, 255]
    assert np.count_nonzero(inverted + LEVELS == 254) == 159


def test_files_are_kept_as_they_came_and_decoded_to_rgba() -> None:
    """An image service's pictures have four channels when someone wants their pixels."""
    file = encode_png(pixels()[0])
    pictures = Pictures.from_files([file])
    assert pictures.files == pictures.encoded() == (file,)
    assert len(pictures) == 1
    assert pictures.pixels().shape == (1, 4, 5, 4)
    assert np.array_equal(pictures.pixels()[..., :3], pixels())
    assert (pictures.pixels()[..., 3] == 255).all()


def test_pixels_are_encoded_as_png() -> None:
    """Pictures without files make them."""
    pictures = Pictures.from_pixels(pixels(2, channels=4))
    assert pictures.files is None
    assert np.array_equal(Pictures.from_files(pictures.encoded()).pixels(), pictures.pixels())


def test_size_needs_no_decoding() -> None:
    """The header tells it, even of a file whose pixels are missing."""
    assert Pictures.from_files([encode_png(pixels()[0])[:40]]).size == (5, 4)
    assert Pictures.from_files([jpeg(7, 3)]).size == (7, 3)
    assert Pictures.from_pixels(pixels()).size == (5, 4)


def test_sixteen_bits_of_grey_become_eight() -> None:
    """The upper ones, instead of white nearly everywhere."""
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 255, 256], [0x7FFF, 0x8000, 0xFFFF]], np.uint16)).save(file, "PNG")
    grey = Pictures.from_files([file.getvalue()]).pixels()[0, :, :, 0]
    assert grey.tolist() == [[0, 0, 1], [127, 128, 255]]


def test_unequal_sizes_take_that_of_the_first() -> None:
    """Cut at the centre to its aspect, then bilinear (openai-images.md, 1.8)."""
    wide = np.zeros((2, 6, 3), dtype=np.uint8)
    wide[:, 2:4] = 200
    wide[:, :2] = 90
    pictures = Pictures.from_files([encode_png(pixels(1, 4, 4)[0]), encode_png(wide)])
    assert pictures.pixels().shape == (2, 4, 4, 4)
    assert (pictures.pixels()[1, :, :, :3] == 200).all()


def test_enlarging_is_bilinear_between_pixel_centres() -> None:
    """One row [0, 100] at twice the width is 0, 25, 75, 100."""
    row = np.repeat(np.array([[0, 100], [0, 100]], dtype=np.uint8)[..., None], 3, axis=2)
    pictures = Pictures.from_files([encode_png(np.zeros((4, 4, 3), dtype=np.uint8)), encode_png(row)])
    assert pictures.pixels()[1, 0, :, 0].tolist() == [0, 25, 75, 100]


def test_bytes_that_are_no_picture_are_told_when_pixels_are_wanted() -> None:
    """Keeping them is no error."""
    pictures = Pictures.from_files([b"no picture"])
    with pytest.raises(PictureError):
        pictures.pixels()


def test_pixels_are_decoded_once_whoever_asks() -> None:
    """Threads that ask together get the same read-only array."""
    pictures = Pictures.from_files([encode_png(pixels(1, 64, 64)[0])])
    before = pictures.nbytes
    with ThreadPoolExecutor(8) as pool:
        arrays = list(pool.map(lambda _: pictures.pixels(), range(32)))
    assert all(array is arrays[0] for array in arrays)
    assert pictures.nbytes == before + 64 * 64 * 4
    with pytest.raises(ValueError, match="read-only"):
        arrays[0][:] = 0


def test_changing_the_source_or_a_tensor_changes_no_picture() -> None:
    """Pictures own their pixels, and each tensor is a new one."""
    source = pixels()
    pictures, matte = Pictures.from_pixels(source), Matte(source[..., 0])
    source[:] = 0
    pictures.tensor().zero_()
    matte.tensor().zero_()
    assert np.array_equal(pictures.pixels(), pixels())
    assert np.array_equal(matte.alpha, pixels()[..., 0])


def test_a_matte_is_one_minus_alpha() -> None:
    """In float32, for every level."""
    matte = Matte(LEVELS.reshape(1, 16, 16))
    assert np.array_equal(matte.values().ravel(), np.float32(1) - LEVELS.astype(np.float32) / np.float32(255))
    assert np.array_equal(matte.tensor().numpy(), matte.values())
    assert (len(matte), matte.nbytes) == (1, 256)


def test_mask_values_have_a_batch_axis_and_cannot_be_written() -> None:
    """Mattes and tensors of two or three axes give (B, H, W)."""
    tensor = torch.full((2, 3), 0.25)
    values = mask_values(tensor)
    assert values.shape == (1, 2, 3)
    with pytest.raises(ValueError, match="read-only"):
        values[:] = 1
    assert tensor.eq(0.25).all()
    assert mask_values(tensor.repeat(4, 1, 1)).shape == (4, 2, 3)
    assert mask_values(Matte(np.zeros((1, 2, 3), dtype=np.uint8))).tolist() == np.ones((1, 2, 3)).tolist()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pngs_hold_pixels_exactly(channels: int) -> None:
    """Grey, RGB and RGBA, with texts."""
    image = pixels(channels=channels)[0]
    png = encode_png(image, compress_level=1, text={"prompt": "{}"})
    decoded = np.asarray(Image.open(io.BytesIO(png)))
    assert np.array_equal(decoded.reshape(image.shape), image)
    assert read_text(png) == {"prompt": "{}"}


@pytest.mark.parametrize("shape", [(4, 4, 2), (4, 4, 5), (0, 4, 3), (4, 4)])
def test_shapes_a_png_cannot_hold_are_refused(shape: tuple[int, ...]) -> None:
    """With the shape in the message."""
    with pytest.raises(PictureError, match=r"channels|can't be saved"):
        encode_png(np.zeros(shape, dtype=np.uint8))


def test_wrong_shapes_and_types_are_refused() -> None:
    """Pictures have four axes, masks two or three, both of bytes."""
    with pytest.raises(ValueError, match="uint8"):
        Pictures.from_pixels(np.zeros((1, 2, 2, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="uint8"):
        Matte(np.zeros((2, 2), dtype=np.uint8))
    with pytest.raises(ValueError, match="at least one file"):
        Pictures.from_files([])
    with pytest.raises(ValueError, match="IMAGE has the axes"):
        eight_bit(torch.zeros(2, 2, 3))
    with pytest.raises(ValueError, match="MASK has the axes"):
        mask_values(torch.zeros(1, 2, 2, 3))


def test_pixels_are_had_without_torch() -> None:
    """Decoding and encoding pictures loads numpy and Pillow only; importing loads none of them."""
    program = """
import sys, graphrun
assert not {"torch", "numpy", "PIL", "httpx"} & set(sys.modules)
from graphrun.imaging import Pictures, eight_bit, encode_png
import numpy
file = encode_png(numpy.zeros((2, 2, 3), dtype=numpy.uint8))
assert eight_bit(Pictures.from_files([file])).shape == (1, 2, 2, 4)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
