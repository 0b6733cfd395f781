"""SolidMask, InvertMask, ImageToMask, MaskToImage, MaskComposite: bit by bit, against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from graphrun_nodes.mask import image_to_mask, invert_mask, mask_composite, mask_to_image, solid_mask

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
