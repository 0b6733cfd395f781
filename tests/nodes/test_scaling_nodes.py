"""Scaling nodes: expected values are computed apart, in numpy and Pillow."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import METHODS, lanczos, picture, resized

from graphrun_nodes.scaling import (
    FLUX_KONTEXT_SIZES,
    flux_kontext_image_scale,
    image_scale,
    image_scale_by,
    image_scale_to_max_dimension,
    image_scale_to_total_pixels,
    resize_images_by_longer_edge,
    resize_images_by_shorter_edge,
)


def size(image: torch.Tensor) -> tuple[int, int]:
    """(width, height)"""
    return image.shape[2], image.shape[1]


@pytest.mark.parametrize("wanted", [(4, 4), (18, 12), (9, 3), (5, 13), (1, 1)])
@pytest.mark.parametrize("method", METHODS)
def test_scaling_follows_the_formula(method: str, wanted: tuple[int, int]) -> None:
    """Smaller and larger, stretched, without antialiasing save with lanczos."""
    image = picture(batch=2)
    scaled = image_scale(image, method, *wanted, "disabled")
    assert scaled.shape == (2, wanted[1], wanted[0], 3)
    assert scaled.dtype == torch.float32
    assert np.allclose(scaled.numpy(), resized(image.numpy(), *wanted, method), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lanczos_goes_through_eight_bits(channels: int) -> None:
    """For grey, RGB and RGBA, exactly as Pillow has it, also at the same size."""
    image = picture(channels=channels)
    for wanted in ((4, 4), (9, 6)):
        scaled = image_scale(image, "lanczos", *wanted, "disabled")
        assert np.array_equal(scaled.numpy(), lanczos(image.numpy(), *wanted))


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
    ("wanted", "columns", "rows"), [((4, 4), (2, 7), (0, 6)), ((9, 2), (0, 9), (2, 4)), ((3, 1), (0, 9), (2, 4))]
)
def test_centre_crop_cuts_to_the_aspect_first(
    wanted: tuple[int, int], columns: tuple[int, int], rows: tuple[int, int]
) -> None:
    """The same amount on both sides, rounded half to even: 9 × 6 to a square keeps columns 2 to 7."""
    image = picture()
    kept = image.numpy()[:, slice(*rows), slice(*columns)]
    scaled = image_scale(image, "bilinear", *wanted, "center")
    assert np.allclose(scaled.numpy(), resized(kept, *wanted, "bilinear"), atol=1e-5)


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
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        image_scale(picture(channels=5), "lanczos", 2, 2, "disabled")


@pytest.mark.parametrize(("factor", "expected"), [(1.5, (14, 9)), (0.5, (4, 3)), (0.05, None), (1.0, (9, 6))])
def test_scaling_by_a_factor_rounds_half_to_even(factor: float, expected: tuple[int, int] | None) -> None:
    """9 · 1.5 = 13.5 becomes 14, 9 · 0.5 = 4.5 becomes 4; a side that comes to 0 is an error."""
    if expected is None:
        with pytest.raises(ValueError, match="a side is empty"):
            image_scale_by(picture(), "area", factor)
        return
    scaled = image_scale_by(picture(), "bicubic", factor)
    assert np.allclose(scaled.numpy(), resized(picture().numpy(), *expected, "bicubic"), atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "megapixels", "step", "expected"),
    [
        ((100, 200), 0.01, 1, (145, 72)),  # √(10485.76 / 20000) = 0.72408
        ((100, 200), 0.01, 8, (144, 72)),
        ((100, 200), 0.01, 64, (128, 64)),
        ((64, 64), 0.01, 1, (102, 102)),
        ((10, 10), 0.01, 256, None),  # 102 / 256 rounds to 0
    ],
)
def test_total_pixels_are_megapixels_of_1024_squared(
    shape: tuple[int, int], megapixels: float, step: int, expected: tuple[int, int] | None
) -> None:
    """Each side is rounded to a multiple of the step."""
    image = torch.zeros(1, *shape, 3)
    if expected is None:
        with pytest.raises(ValueError, match="a side is empty"):
            image_scale_to_total_pixels(image, "area", megapixels, step)
        return
    assert size(image_scale_to_total_pixels(image, "nearest-exact", megapixels, step)) == expected


def test_a_file_without_resolution_steps_means_1() -> None:
    """The input came in 2026."""
    image = torch.zeros(1, 100, 200, 3)
    assert size(image_scale_to_total_pixels(image, "area", 0.01)) == (145, 72)


@pytest.mark.parametrize(("shape", "expected"), [((6, 9), (20, 13)), ((9, 6), (13, 20)), ((7, 7), (20, 20))])
def test_the_longer_side_takes_the_largest_size(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """Also where that enlarges; 6/9 · 20 = 13.3."""
    assert size(image_scale_to_max_dimension(torch.zeros(1, *shape, 3), "bilinear", 20)) == expected


@pytest.mark.parametrize(("shape", "shorter", "longer"), [((6, 9), (15, 10), (10, 6)), ((9, 7), (10, 12), (7, 10))])
def test_edges_are_cut_to_whole_numbers_and_scaled_with_lanczos(
    shape: tuple[int, int], shorter: tuple[int, int], longer: tuple[int, int]
) -> None:
    """9 · (10/6) = 15, 6 · (10/9) = 6.67 → 6; 9 · (10/7) = 12.86 → 12, 7 · (10/9) = 7.78 → 7."""
    image = picture(2, *shape)
    assert np.array_equal(resize_images_by_shorter_edge(image, 10).numpy(), lanczos(image.numpy(), *shorter))
    assert np.array_equal(resize_images_by_longer_edge(image, 10).numpy(), lanczos(image.numpy(), *longer))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((10, 10), (1024, 1024)), ((9, 16), (1392, 752)), ((30, 10), (672, 1568)), ((2, 9), (1568, 672))],
)
def test_flux_kontext_takes_the_size_of_nearest_aspect(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    """Cut at the centre, with Lanczos: a multiple of 1/255."""
    scaled = flux_kontext_image_scale(picture(1, *shape))
    assert size(scaled) == expected
    assert torch.equal((scaled * 255).round() / 255, scaled)


def test_every_flux_kontext_size_has_its_mirror_image() -> None:
    """There are 17, in order of width."""
    assert len(FLUX_KONTEXT_SIZES) == 17
    assert sorted(FLUX_KONTEXT_SIZES) == list(FLUX_KONTEXT_SIZES)
    assert {(height, width) for width, height in FLUX_KONTEXT_SIZES} == set(FLUX_KONTEXT_SIZES)
