"""A request's digest, which addresses it in the ledger, follows its content and no encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun import ImageRequest, PictureError, Upload
from graphrun.imaging import encode_png

Pixels = npt.NDArray[np.uint8]


def pixels(height: int = 4, width: int = 4, channels: int = 3, *, start: int = 0) -> Pixels:
    """Counted through, so that equally many values are equal values, whatever the shape."""
    return np.arange(start, start + height * width * channels, dtype=np.uint8).reshape(height, width, channels)


def changed(one: Pixels) -> Pixels:
    other = one.copy()
    other[-1, -1, -1] ^= 1
    return other


A, B = Upload.of_pixels("image_0.png", pixels()), Upload.of_pixels("image_1.png", pixels(start=50))
REQUEST = ImageRequest("gpt-image-2", "a fox", {"n": 1, "quality": "low"}, (A, B), seed=3)


@pytest.mark.parametrize("compress_level", [0, 1, 9])
def test_equal_pixels_are_equal_however_they_are_packed(compress_level: int) -> None:
    """Another version of zlib or Pillow writes another file, and what was paid for is still found."""
    packed = replace(A, data=encode_png(pixels(), compress_level=compress_level))
    assert packed.data != A.data
    assert replace(REQUEST, images=(packed, B)).digest == REQUEST.digest


@pytest.mark.parametrize(
    "change",
    [
        lambda request: replace(request, images=(Upload.of_pixels("image_0.png", changed(pixels())), B)),
        lambda request: replace(request, images=(B, A)),
        lambda request: replace(request, images=(A,)),
        lambda request: replace(request, images=(A,), mask=B),
        lambda request: replace(request, images=(A, B), mask=B),
        lambda request: replace(request, images=(A, Upload(B.file_name, B.data))),
        lambda request: replace(request, seed=4),
        lambda request: replace(request, prompt="a Fox"),
        lambda request: replace(request, model="gpt-image-1"),
        lambda request: replace(request, parameters={"n": "1", "quality": "low"}),
        lambda request: replace(request, parameters={"n": 1}),
    ],
)
def test_whatever_a_request_says_counts(change: Callable[[ImageRequest], ImageRequest]) -> None:
    """A pixel, the order and number of pictures, what is the mask, the seed, every parameter and its type."""
    assert change(REQUEST).digest != REQUEST.digest


def test_names_of_files_and_the_order_of_parameters_do_not_count() -> None:
    """No picture depends on them."""
    renamed = replace(REQUEST, images=(replace(A, file_name="x.png"), B), parameters={"quality": "low", "n": 1})
    assert renamed.digest == REQUEST.digest


@given(st.permutations([(2, 8, 3), (4, 4, 3), (8, 2, 3), (12, 4, 1), (4, 12, 1), (3, 4, 4)]))
def test_the_shape_counts(shapes: list[tuple[int, int, int]]) -> None:
    """The same 48 bytes in another shape are another picture."""
    one, other = (Upload.of_pixels("a.png", pixels(*shape)) for shape in shapes[:2])
    assert one.content != other.content


def test_a_view_is_what_it_shows() -> None:
    """However its pixels lie in memory."""
    seen = np.asfortranarray(pixels())[:, ::-1]
    assert Upload.of_pixels("a.png", seen).content == Upload.of_pixels("a.png", seen.copy(order="C")).content


def test_a_file_without_pixels_is_known_by_its_bytes() -> None:
    """For services that are handed files."""
    assert Upload("a", b"one").content == Upload("b", b"one").content != Upload("a", b"two").content


def test_unusual_channels_make_no_upload() -> None:
    """As they make no PNG."""
    with pytest.raises(PictureError):
        Upload.of_pixels("a.png", pixels(channels=2))
