"""Compositing: against a pixel-by-pixel reading of the reference."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrun_nodes.compose import (
    image_composite_masked,
    join_image_with_alpha,
    porter_duff_image_composite,
    split_image_with_alpha,
)


def picture(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def composite(destination: np.ndarray, source: np.ndarray, mask: np.ndarray, x: int, y: int) -> np.ndarray:
    """Every array of the destination's batch; source and mask of one size."""
    result = destination.copy()
    _, height, width, _ = destination.shape
    for row, column in np.ndindex(*source.shape[1:3]):
        if 0 <= y + row < height and 0 <= x + column < width:
            m = mask[:, row, column, None]
            below = destination[:, y + row, x + column]
            result[:, y + row, x + column] = m * source[:, row, column] + (1 - m) * below
    return result


@given(st.integers(-6, 9), st.integers(-6, 9), st.booleans())
def test_the_visible_part_is_blended(x: int, y: int, masked: bool) -> None:
    """out = m·s + (1-m)·d where the source lies, true offsets, wherever they are; without a mask m is 1."""
    destination, source = picture(2, 5, 6, 3), picture(2, 4, 3, 3, seed=1)
    mask = picture(2, 4, 3, seed=2) if masked else None
    result = image_composite_masked(destination, source, x, y, False, mask)
    weight = np.ones((2, 4, 3), dtype=np.float32) if mask is None else mask.numpy()
    assert np.allclose(result.numpy(), composite(destination.numpy(), source.numpy(), weight, x, y), atol=1e-6)


@pytest.mark.parametrize(("batch", "chosen"), [(1, [0, 0, 0]), (2, [0, 1, 0]), (5, [0, 1, 2])])
def test_source_and_mask_take_the_batch_of_the_destination(batch: int, chosen: list[int]) -> None:
    """Repeated over and over, or cut."""
    destination, source, mask = picture(3, 4, 4, 3), picture(batch, 4, 4, 3, seed=1), picture(batch, 4, 4, seed=2)
    result = image_composite_masked(destination, source, 0, 0, False, mask)
    expected = composite(destination.numpy(), source.numpy()[chosen], mask.numpy()[chosen], 0, 0)
    assert np.allclose(result.numpy(), expected, atol=1e-6)


def test_a_mask_takes_the_size_of_the_source() -> None:
    """A mask of one value stays that value at any size, with or without batch axis."""
    destination, source = picture(1, 4, 4, 3), picture(1, 2, 3, 3, seed=1)
    for mask in (torch.full((64, 64), 0.25), torch.full((1, 1, 1), 0.25)):
        result = image_composite_masked(destination, source, 1, 1, False, mask)
        expected = composite(destination.numpy(), source.numpy(), np.full((1, 2, 3), 0.25, np.float32), 1, 1)
        assert np.allclose(result.numpy(), expected, atol=1e-6)


def test_a_mask_is_enlarged_between_pixel_centres() -> None:
    """Bilinear: [0, 1] at twice the width is 0, 1/4, 3/4, 1."""
    result = image_composite_masked(
        torch.zeros(1, 1, 4, 1), torch.ones(1, 1, 4, 1), 0, 0, False, torch.tensor([[[0.0, 1.0]]])
    )
    assert result.ravel().tolist() == [0, 0.25, 0.75, 1]


def test_the_source_is_stretched_where_that_is_wanted() -> None:
    """To the destination's size, bilinear."""
    source = torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1)
    result = image_composite_masked(torch.full((1, 1, 4, 1), 9.0), source, 0, 0, True)
    assert result.ravel().tolist() == [0, 0.25, 0.75, 1]


def test_channels_follow_the_destination() -> None:
    """An RGB source is opaque upon RGBA, and the alpha of an RGBA source is dropped upon RGB."""
    rgb, rgba = picture(1, 2, 2, 3), picture(1, 2, 2, 4, seed=1)
    upon_rgba = image_composite_masked(rgba, rgb, 0, 0, False)
    assert torch.equal(upon_rgba[..., :3], rgb)
    assert upon_rgba[..., 3].eq(1).all()
    assert torch.equal(image_composite_masked(rgb, rgba, 0, 0, False), rgba[..., :3])


def test_grey_upon_colour_is_refused() -> None:
    """One more channel doesn't make grey a colour."""
    with pytest.raises(ValueError, match="3 and 2 channels"):
        image_composite_masked(picture(1, 2, 2, 3), picture(1, 2, 2, 1), 0, 0, False)


def test_nothing_is_clamped() -> None:
    """Values out of range survive."""
    result = image_composite_masked(torch.full((1, 1, 2, 1), -3.0), torch.full((1, 1, 1, 1), 5.0), 1, 0, False)
    assert result.ravel().tolist() == [-3, 5]


# mode: (alpha, premultiplied colour) of source alpha a, destination alpha b, premultiplied s and d
RULES = {
    "ADD": lambda a, b, s, d: (min(a + b, 1), min(s + d, 1)),
    "CLEAR": lambda a, b, s, d: (0, 0),
    "DARKEN": lambda a, b, s, d: (a + b - a * b, (1 - b) * s + (1 - a) * d + min(s, d)),
    "LIGHTEN": lambda a, b, s, d: (a + b - a * b, (1 - b) * s + (1 - a) * d + max(s, d)),
    "DST": lambda a, b, s, d: (b, d),
    "SRC": lambda a, b, s, d: (a, s),
    "DST_ATOP": lambda a, b, s, d: (a, a * d + (1 - b) * s),
    "DST_IN": lambda a, b, s, d: (a * b, d * a),
    "DST_OUT": lambda a, b, s, d: ((1 - a) * b, (1 - a) * d),
    "DST_OVER": lambda a, b, s, d: (b + (1 - b) * a, d + (1 - b) * s),
    "MULTIPLY": lambda a, b, s, d: (a * b, s * d),
    "OVERLAY": lambda a, b, s, d: (
        a + b - a * b,
        2 * s * d if b > 2 * d else a * b - 2 * (b - s) * (a - d),
    ),
    "SCREEN": lambda a, b, s, d: (a + b - a * b, s + d - s * d),
    "SRC_ATOP": lambda a, b, s, d: (b, b * s + (1 - a) * d),
    "SRC_IN": lambda a, b, s, d: (a * b, s * b),
    "SRC_OUT": lambda a, b, s, d: ((1 - b) * a, (1 - b) * s),
    "SRC_OVER": lambda a, b, s, d: (a + (1 - a) * b, s + (1 - a) * d),
    "XOR": lambda a, b, s, d: ((1 - b) * a + (1 - a) * b, (1 - b) * s + (1 - a) * d),
}


@pytest.mark.parametrize("mode", RULES)
def test_porter_duff_rules(mode: str) -> None:
    """Masks are transparency; colours come out straight, black where nothing covers."""
    levels = np.array([0, 0.25, 0.5, 1], dtype=np.float32)
    grid = np.stack(np.meshgrid(levels, levels, levels, levels), axis=-1).reshape(1, 16, 16, 4)
    source, destination, clear_source, clear_destination = (grid[..., i] for i in range(4))
    image, mask = porter_duff_image_composite(
        torch.from_numpy(source)[..., None].repeat(1, 1, 1, 3),
        torch.from_numpy(clear_source),
        torch.from_numpy(destination)[..., None].repeat(1, 1, 1, 3),
        torch.from_numpy(clear_destination),
        mode,
    )
    for index in np.ndindex(1, 16, 16):
        a, b = 1 - float(clear_source[index]), 1 - float(clear_destination[index])
        alpha, colour = RULES[mode](a, b, float(source[index]) * a, float(destination[index]) * b)
        straight = min(max(colour / alpha, 0), 1) if alpha > 1e-5 else 0
        assert mask[index] == pytest.approx(1 - alpha, abs=1e-5)
        assert image[index].tolist() == pytest.approx([straight] * 3, abs=1e-5)


def test_porter_duff_takes_the_least_batch_and_the_size_of_the_destination() -> None:
    """Sources are cut at the centre to its aspect; masks may lack a batch axis."""
    destination = picture(3, 4, 4, 3)
    source = torch.cat([torch.zeros(2, 4, 2, 3), torch.ones(2, 4, 4, 3) * 0.5, torch.zeros(2, 4, 2, 3)], dim=2)
    image, mask = porter_duff_image_composite(source, torch.zeros(4, 8), destination, torch.zeros(1, 4, 4), "SRC")
    assert image.shape == (1, 4, 4, 3)
    assert mask.shape == (1, 4, 4)
    assert torch.equal(image, torch.full((1, 4, 4, 3), 0.5))
    large, _ = porter_duff_image_composite(
        source[:1], torch.zeros(1, 9, 9), picture(1, 8, 8, 3), torch.zeros(8, 8), "SRC"
    )
    assert torch.allclose(large, torch.full((1, 8, 8, 3), 0.5))


def test_porter_duff_refuses_other_channels() -> None:
    """Three and four don't go together."""
    with pytest.raises(ValueError, match="3 and 4 channels"):
        porter_duff_image_composite(
            picture(1, 2, 2, 3), torch.zeros(1, 2, 2), picture(1, 2, 2, 4), torch.zeros(1, 2, 2), "SRC"
        )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_picture_is_split_from_its_transparency(channels: int) -> None:
    """The first three channels, and 1 - alpha; zeros where there is no alpha."""
    image = picture(2, 3, 4, channels)
    colours, mask = split_image_with_alpha(image)
    assert np.array_equal(colours.numpy(), image.numpy()[..., :3])
    expected = 1 - image.numpy()[..., 3] if channels == 4 else np.zeros((2, 3, 4), dtype=np.float32)
    assert np.array_equal(mask.numpy(), expected)


@pytest.mark.parametrize(
    ("images", "masks", "chosen"),
    [(1, 1, [(0, 0)]), (2, 3, [(0, 0), (1, 1), (0, 2)]), (3, 1, [(0, 0), (1, 0), (2, 0)])],
)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_picture_gets_a_transparency(images: int, masks: int, chosen: list[tuple[int, int]], channels: int) -> None:
    """1 - mask; the shorter batch is repeated; an alpha it had is replaced."""
    image, mask = picture(images, 3, 4, channels), picture(masks, 3, 4, seed=1)
    joined = join_image_with_alpha(image, mask).numpy()
    assert joined.shape == (len(chosen), 3, 4, 4)
    for frame, (i, m) in zip(joined, chosen, strict=True):
        assert np.array_equal(frame[..., :3], image.numpy()[i, ..., :3])
        assert np.array_equal(frame[..., 3], 1 - mask.numpy()[m])


def test_a_transparency_takes_the_size_of_the_picture() -> None:
    """Stretched between pixel centres: [0, 1] at twice the width is 0, 1/4, 3/4, 1."""
    joined = join_image_with_alpha(torch.zeros(1, 1, 4, 3), torch.tensor([[0.0, 1.0]]))
    assert joined[0, 0, :, 3].tolist() == [1, 0.75, 0.25, 0]
