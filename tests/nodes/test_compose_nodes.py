"""ImageCompositeMasked: against a pixel-by-pixel reading of the reference."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrun_nodes.compose import image_composite_masked


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
