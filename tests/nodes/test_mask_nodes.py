"""Mask nodes: bit by bit, against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphrun_nodes.mask import (
    crop_mask,
    feather_mask,
    grow_mask,
    image_color_to_mask,
    image_to_mask,
    invert_mask,
    mask_composite,
    mask_to_image,
    solid_mask,
    threshold_mask,
)

OPERATIONS = ["multiply", "add", "subtract", "and", "or", "xor"]
EDGES = [0.0, 0.25, 0.49999997, 0.5, 0.50000006, 1.0, 1.5, 2.5, -0.75]


def masks(batch: int, height: int, width: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float32, (batch, height, width), elements=st.sampled_from([np.float32(v) for v in EDGES]))


def combined(d: np.float32, s: np.float32, operation: str) -> np.float32:
    """One pixel, by the reference's words; np.rint rounds half to even."""
    dest, src = bool(np.rint(d)), bool(np.rint(s))
    return {
        "multiply": lambda: d * s,
        "add": lambda: d + s,
        "subtract": lambda: d - s,
        "and": lambda: np.float32(dest and src),
        "or": lambda: np.float32(dest or src),
        "xor": lambda: np.float32(dest != src),
    }[operation]()


def composite(destination: np.ndarray, source: np.ndarray, x: int, y: int, operation: str) -> np.ndarray:
    result = destination.copy()
    batch, height, width = destination.shape
    for b, row, column in np.ndindex(batch, *source.shape[1:]):
        if 0 <= y + row < height and 0 <= x + column < width:
            s = source[b if len(source) > 1 else 0, row, column]
            result[b, y + row, x + column] = combined(destination[b, y + row, x + column], s, operation)
    return np.clip(result, 0, 1)


@given(
    masks(2, 4, 5),
    st.one_of(masks(1, 3, 3), masks(2, 3, 3), masks(1, 6, 2)),
    st.integers(-4, 7),
    st.integers(-4, 7),
    st.sampled_from(OPERATIONS),
)
def test_masks_are_combined_pixel_by_pixel(
    destination: np.ndarray, source: np.ndarray, x: int, y: int, operation: str
) -> None:
    """Where they overlap, wherever the origin is; then the whole result is clamped."""
    result = mask_composite(torch.from_numpy(destination), torch.from_numpy(source), x, y, operation)
    assert np.array_equal(result.numpy(), composite(destination, source, x, y, operation))


def test_half_is_not_selected() -> None:
    """and, or, xor count what rounds (half to even) to something else than 0."""
    values = torch.tensor([[[0.5, 0.5000001, 1.5]]])
    assert mask_composite(values, torch.ones(1, 1, 3), 0, 0, "and").tolist() == [[[0, 1, 1]]]


def test_masks_without_a_batch_axis_are_combined() -> None:
    """They count as a batch of one."""
    result = mask_composite(torch.zeros(2, 2), torch.ones(1, 1), 1, 1, "add")
    assert result.tolist() == [[[0, 0], [0, 1]]]


@pytest.mark.parametrize("batch", [2, 4])
def test_a_source_of_another_batch_is_refused(batch: int) -> None:
    """Only one for all or one for each."""
    with pytest.raises(ValueError, match=f"source has {batch} masks"):
        mask_composite(torch.zeros(3, 2, 2), torch.zeros(batch, 2, 2), 0, 0, "add")


@given(st.floats(0, 1), st.integers(1, 9), st.integers(1, 9))
def test_solid_masks_have_one_value(value: float, width: int, height: int) -> None:
    """(1, height, width) in float32."""
    assert np.array_equal(solid_mask(value, width, height).numpy(), np.full((1, height, width), np.float32(value)))


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_inverting_keeps_the_shape(shape: tuple[int, ...]) -> None:
    """1 - m, also of a mask without batch axis."""
    mask = torch.rand(shape)
    assert np.array_equal(invert_mask(mask).numpy(), np.float32(1) - mask.numpy())


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2), ("alpha", 3)])
def test_a_channel_becomes_a_mask_unchanged(channel: str, index: int) -> None:
    """Alpha isn't inverted."""
    image = torch.rand(2, 3, 4, 4)
    assert np.array_equal(image_to_mask(image, channel).numpy(), image.numpy()[..., index])


def test_a_channel_that_is_missing_is_told() -> None:
    """A picture of three channels has no alpha."""
    with pytest.raises(ValueError, match="has 3 channels, so it has no alpha"):
        image_to_mask(torch.rand(1, 2, 2, 3), "alpha")


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_a_mask_becomes_a_grey_picture(shape: tuple[int, ...]) -> None:
    """Three equal channels, with a batch axis."""
    mask = torch.rand(shape)
    image = mask_to_image(mask).numpy()
    assert image.shape == (*mask.reshape(-1, 3, 4).shape, 3)
    assert all(np.array_equal(image[..., channel], mask.numpy().reshape(-1, 3, 4)) for channel in range(3))


@pytest.mark.parametrize("channels", [3, 4])
def test_one_colour_is_selected(channels: int) -> None:
    """After rounding half to even in float32 and clamping; alpha doesn't matter."""
    values = np.array([-1, 0, 0.5 / 255, 1 / 255, 1.5 / 255, 2.5 / 255, 0.5, 254.5 / 255, 1, 9], dtype=np.float32)
    image = np.stack(np.meshgrid(values, values, values[:3], values[:2]), axis=-1).reshape(1, -1, 1, 4)[..., :channels]
    levels = np.rint(np.clip(image[..., :3], 0, 1) * np.float32(255)).astype(int)
    numbers = levels @ np.array([65536, 256, 1])
    for color in {0, 0xFF0000, 0x020200, *map(int, numbers.ravel()[:20])}:
        mask = image_color_to_mask(torch.from_numpy(image), color)
        assert mask.dtype == torch.float32
        assert np.array_equal(mask.numpy(), (numbers == color).astype(np.float32))


def test_a_grey_picture_has_no_colour_to_select() -> None:
    """One channel is no red, green and blue."""
    with pytest.raises(ValueError, match="has 1 channels"):
        image_color_to_mask(torch.rand(1, 2, 2, 1), 0)


@pytest.mark.parametrize("shape", [(4, 5), (2, 4, 5)])
@pytest.mark.parametrize(
    ("x", "y", "width", "height"), [(0, 0, 5, 4), (1, 2, 2, 1), (3, 3, 9, 9), (5, 0, 1, 1), (0, 9, 2, 2)]
)
def test_a_mask_is_cut_at_its_border(shape: tuple[int, ...], x: int, y: int, width: int, height: int) -> None:
    """The origin is not moved: beyond the border nothing is left."""
    mask = torch.rand(shape)
    expected = mask.numpy().reshape(-1, 4, 5)[:, y : y + height, x : x + width]
    found = crop_mask(mask, x, y, width, height)
    assert found.shape == expected.shape
    assert np.array_equal(found.numpy(), expected)


def feathered(mask: np.ndarray, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Column by column and row by row, as the reference tells it."""
    result = mask.reshape(-1, *mask.shape[-2:]).copy()
    height, width = result.shape[1:]
    left, right, top, bottom = min(left, width), min(right, width), min(top, height), min(bottom, height)
    for k in range(left):
        result[:, :, k] *= np.float32((k + 1) / left)
    for k in range(right):
        result[:, :, width - 1 - k] *= np.float32((k + 1) / right)
    for k in range(top):
        result[:, k, :] *= np.float32((k + 1) / top)
    for k in range(bottom):
        result[:, height - 1 - k, :] *= np.float32((k + 1) / bottom)
    return result


@given(st.tuples(*[st.integers(0, 9)] * 4), st.sampled_from([(5, 6), (1, 5, 6), (3, 7, 4)]))
def test_a_mask_fades_out_towards_its_edges(edges: tuple[int, int, int, int], shape: tuple[int, ...]) -> None:
    """To 1/n at the very edge, alike on all sides; amounts are cut at the size."""
    mask = np.random.default_rng(1).random(shape, dtype=np.float32)
    assert np.array_equal(feather_mask(torch.from_numpy(mask), *edges).numpy(), feathered(mask, *edges))


def test_the_far_edges_fade_like_the_near_ones() -> None:
    """An older release was off by one there."""
    assert feather_mask(torch.ones(1, 1, 4), 0, 0, 2, 0).tolist() == [[[1, 1, 1, 0.5]]]


def grown(mask: np.ndarray, expand: int, tapered: bool) -> np.ndarray:
    """Pixel by pixel, round by round; what is outside doesn't count."""
    result = mask.reshape(-1, *mask.shape[-2:])
    choose = np.max if expand > 0 else np.min
    for _ in range(abs(expand)):
        before, result = result, result.copy()
        for b, i, j in np.ndindex(*result.shape):
            around = [
                before[b, i + di, j + dj]
                for di in (-1, 0, 1)
                for dj in (-1, 0, 1)
                if not (tapered and di and dj) and 0 <= i + di < result.shape[1] and 0 <= j + dj < result.shape[2]
            ]
            result[b, i, j] = choose(around)
    return result


@pytest.mark.parametrize("shape", [(4, 6), (2, 5, 3), (1, 1, 1)])
@pytest.mark.parametrize("tapered", [True, False])
@pytest.mark.parametrize("expand", [-9, -2, -1, 0, 1, 2, 3, 20])
def test_masks_grow_and_shrink(shape: tuple[int, ...], tapered: bool, expand: int) -> None:
    """Soft values are kept; with tapered corners diagonal steps count double."""
    mask = np.random.default_rng(2).random(shape, dtype=np.float32) - 0.3
    assert np.array_equal(grow_mask(torch.from_numpy(mask), expand, tapered).numpy(), grown(mask, expand, tapered))


def test_growing_by_any_number_ends() -> None:
    """By then all pixels are alike."""
    mask = torch.rand(1, 3, 40)
    for tapered in (True, False):
        assert torch.equal(grow_mask(mask, 16384, tapered), torch.full((1, 3, 40), float(mask.max())))


@pytest.mark.parametrize("shape", [(5,), (1, 5), (1, 1, 5)])
def test_only_what_is_above_the_threshold_is_selected(shape: tuple[int, ...]) -> None:
    """Strictly; the shape stays."""
    mask = torch.tensor([0.0, 0.4999999, 0.5, 0.5000001, 2.0]).reshape(shape)
    assert threshold_mask(mask, 0.5).reshape(-1).tolist() == [0, 0, 0, 1, 1]
    assert threshold_mask(mask, 0.5).shape == mask.shape
