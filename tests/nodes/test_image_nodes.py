"""ImageScale, ImageBatch, EmptyImage, ImageInvert: expected values are computed apart, in numpy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from graphrun_nodes.batches import alpha_fix, fit_batch, flat, same_channels
from graphrun_nodes.image import empty_image, image_batch, image_invert, image_scale

METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]


def picture(batch: int = 1, height: int = 6, width: int = 9, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((batch, height, width, channels), dtype=np.float32))


def weights(method: str, size: int, wanted: int) -> np.ndarray:
    """The matrix (wanted, size) that resizes one axis, from the rules of image-mask-nodes.md, 1.6."""
    matrix = np.zeros((wanted, size))
    for i in range(wanted):
        for index, weight in taps(method, i, size, wanted):
            matrix[i, min(max(index, 0), size - 1)] += weight
    return matrix


def taps(method: str, i: int, size: int, wanted: int) -> list[tuple[int, float]]:
    if method == "nearest-exact":
        return [(math.floor((i + 0.5) * size / wanted), 1.0)]
    if method == "area":
        first, end = i * size // wanted, -(-(i + 1) * size // wanted)
        return [(index, 1 / (end - first)) for index in range(first, end)]
    centre = (i + 0.5) * size / wanted - 0.5
    base = math.floor(centre)
    if method == "bilinear":
        return [(base, 1 - (centre - base)), (base + 1, centre - base)]
    return [(base + k, cubic(abs(centre - base - k))) for k in range(-1, 3)]


def cubic(x: float, a: float = -0.75) -> float:
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resized(image: np.ndarray, width: int, height: int, method: str) -> np.ndarray:
    if method == "lanczos":
        return lanczos(image, width, height)
    rows, columns = weights(method, image.shape[1], height), weights(method, image.shape[2], width)
    return np.einsum("yi,xj,bijc->byxc", rows, columns, image.astype(np.float64))


def lanczos(image: np.ndarray, width: int, height: int) -> np.ndarray:
    pixels = np.clip(255.0 * image, 0, 255).astype(np.uint8)
    squeezed = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    pillow = [PillowImage.fromarray(one).resize((width, height), PillowImage.Resampling.LANCZOS) for one in squeezed]
    stacked = np.stack([np.asarray(one) for one in pillow]).reshape(len(image), height, width, -1)
    return stacked.astype(np.float32) / np.float32(255)


@pytest.mark.parametrize("size", [(4, 4), (18, 12), (9, 3), (5, 13), (1, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_scaling_follows_the_formula(method: str, size: tuple[int, int]) -> None:
    """Smaller and larger, stretched, without antialiasing save with lanczos."""
    image = picture(batch=2)
    scaled = image_scale(image, method, *size, "disabled")
    assert scaled.shape == (2, size[1], size[0], 3)
    assert scaled.dtype == torch.float32
    assert np.allclose(scaled.numpy(), resized(image.numpy(), *size, method), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lanczos_goes_through_eight_bits(channels: int) -> None:
    """For grey, RGB and RGBA, exactly as Pillow has it, also at the same size."""
    image = picture(channels=channels)
    for size in ((4, 4), (9, 6)):
        scaled = image_scale(image, "lanczos", *size, "disabled")
        assert np.array_equal(scaled.numpy(), lanczos(image.numpy(), *size))


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic"])
def test_the_same_size_changes_nothing(method: str) -> None:
    """Bit by bit."""
    assert torch.equal(image_scale(picture(), method, 9, 6, "disabled"), picture())


def test_bicubic_overshoot_is_kept() -> None:
    """Nothing is clamped between nodes."""
    edge = torch.zeros(1, 1, 8, 1)
    edge[:, :, 4:] = 1
    scaled = image_scale(edge, "bicubic", 16, 1, "disabled")
    assert scaled.min() < 0
    assert scaled.max() > 1


@pytest.mark.parametrize(
    ("size", "columns", "rows"), [((4, 4), (2, 7), (0, 6)), ((9, 2), (0, 9), (2, 4)), ((3, 1), (0, 9), (2, 4))]
)
def test_centre_crop_cuts_to_the_aspect_first(
    size: tuple[int, int], columns: tuple[int, int], rows: tuple[int, int]
) -> None:
    """The same amount on both sides, rounded half to even: 9 × 6 to a square keeps columns 2 to 7."""
    image = picture()
    kept = image.numpy()[:, slice(*rows), slice(*columns)]
    scaled = image_scale(image, "bilinear", *size, "center")
    assert np.allclose(scaled.numpy(), resized(kept, *size, "bilinear"), atol=1e-5)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_a_side_of_zero_follows_from_the_other(height: int, width: int, wanted: int) -> None:
    """By the aspect, rounded half to even, and at least one pixel."""
    image = torch.zeros(1, height, width, 1)
    by_height = image_scale(image, "nearest-exact", 0, wanted, "disabled")
    by_width = image_scale(image, "nearest-exact", wanted, 0, "disabled")
    assert by_height.shape == (1, wanted, max(1, round(width * wanted / height)), 1)
    assert by_width.shape == (1, max(1, round(height * wanted / width)), wanted, 1)


def test_both_sides_zero_leave_the_picture() -> None:
    """Lanczos too: nothing is quantised."""
    image = picture()
    assert torch.equal(image_scale(image, "lanczos", 0, 0, "center"), image)


def test_impossible_sizes_are_told() -> None:
    """From links come values that no widget allows; and a crop may leave nothing."""
    with pytest.raises(ValueError, match="can't resize 9 × 6 pixels to -3 × 5"):
        image_scale(picture(), "bilinear", -3, 5, "center")
    with pytest.raises(ValueError, match="a side is empty"):
        image_scale(torch.zeros(1, 1000, 3, 3), "bilinear", 1000, 1, "center")
    with pytest.raises(ValueError, match="lanczos resizes"):
        image_scale(picture(channels=5), "lanczos", 2, 2, "disabled")


def test_batches_of_one_size_are_put_behind_each_other() -> None:
    """Bit by bit."""
    first, second = picture(2), picture(3, seed=1)
    assert np.array_equal(image_batch(first, second).numpy(), np.concatenate([first, second]))


def test_the_second_batch_takes_the_size_of_the_first() -> None:
    """Bilinear, cut at the centre."""
    first, second = picture(1, 4, 4), picture(1, 6, 9, seed=1)
    joined = image_batch(first, second)
    assert torch.equal(joined[:1], first)
    assert np.allclose(joined[1:].numpy(), resized(second.numpy()[:, :, 2:7], 4, 4, "bilinear"), atol=1e-5)


@pytest.mark.parametrize("channels", [(3, 4), (4, 3)])
def test_a_picture_without_alpha_becomes_opaque_beside_one_with(channels: tuple[int, int]) -> None:
    """Whichever comes first."""
    images = [picture(channels=count) for count in channels]
    joined = image_batch(*images).numpy()
    assert joined.shape == (2, 6, 9, 4)
    for image, one in zip(images, joined, strict=True):
        assert np.array_equal(one[..., : image.shape[-1]], image[0])
        assert image.shape[-1] == 4 or (one[..., 3] == 1).all()


def test_grey_and_colour_cannot_be_batched() -> None:
    """One more channel doesn't make grey a colour."""
    with pytest.raises(ValueError, match="2 and 3 channels"):
        image_batch(picture(channels=1), picture(channels=3))


@given(st.integers(0, 0xFFFFFF))
def test_empty_images_have_the_colour_of_the_number(color: int) -> None:
    """0xRRGGBB, each divided by 255 in double precision and stored as float32."""
    image = empty_image(3, 2, 4, color)
    expected = np.array([color // 65536 / 255, color // 256 % 256 / 255, color % 256 / 255]).astype(np.float32)
    assert np.array_equal(image.numpy(), np.broadcast_to(expected, (4, 2, 3, 3)))


def test_inverting_is_one_minus_without_clamp() -> None:
    """Values out of range stay out of range; alpha stays."""
    image = picture(channels=4) * 3 - 1
    assert np.array_equal(image_invert(image[..., :3]).numpy(), 1 - image[..., :3].numpy())
    inverted = image_invert(image).numpy()
    assert np.array_equal(inverted[..., :3], 1 - image[..., :3].numpy())
    assert np.array_equal(inverted[..., 3], image[..., 3].numpy())
    assert np.array_equal(image_invert(image[..., :1]).numpy(), 1 - image[..., :1].numpy())


@given(st.integers(1, 7), st.integers(0, 20))
def test_fitting_a_batch_repeats_the_whole_sequence(length: int, size: int) -> None:
    """[a, b, c] to 5 is a b c a b; longer ones are cut."""
    assert fit_batch(torch.arange(length), size).tolist() == [index % length for index in range(size)]


def test_channels_are_cut_or_made_opaque() -> None:
    """alpha_fix and same_channels of image-mask-nodes.md, 1.7."""
    rgb, rgba = picture(), picture(channels=4)
    assert torch.equal(alpha_fix(rgb, rgba), rgba[..., :3])
    assert torch.equal(alpha_fix(rgba, rgb), torch.cat((rgb, torch.ones(1, 6, 9, 1)), dim=-1))
    assert [image.shape[-1] for image in same_channels([rgb, rgba, rgb])] == [4, 4, 4]
    assert flat(torch.zeros(2, 3)).shape == (1, 2, 3)
