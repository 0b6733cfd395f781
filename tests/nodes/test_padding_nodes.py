"""Nodes that pad, stitch, turn and mirror."""

import numpy as np
import pytest
import torch
from made_pictures import lanczos, picture, resized

from graphrun import NodeError, call
from graphrun_nodes.orientation import image_flip, image_rotate
from graphrun_nodes.padding import image_pad_for_outpaint, resize_and_pad_image
from graphrun_nodes.stitching import image_stitch

# ── resize and pad ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "inner", "offset"),
    [((20, 20), (20, 13), (0, 3)), ((20, 6), (9, 6), (5, 0)), ((18, 12), (18, 12), (0, 0)), ((5, 5), (5, 3), (0, 1))],
)
@pytest.mark.parametrize(("color", "value"), [("white", 1.0), ("black", 0.0)])
def test_a_picture_is_fitted_into_a_size_and_padded(
    target: tuple[int, int], inner: tuple[int, int], offset: tuple[int, int], color: str, value: float
) -> None:
    """9 × 6; sides are cut to whole numbers, the odd pixel of padding lies behind; alpha gets the same value."""
    image = picture(2, channels=4)
    result = resize_and_pad_image(image, *target, color, "bilinear").numpy()
    expected = np.full((2, target[1], target[0], 4), value)
    (left, top), (width, height) = offset, inner
    expected[:, top : top + height, left : left + width] = resized(image.numpy(), *inner, "bilinear")
    assert np.allclose(result, expected, atol=1e-5)


def test_equal_aspects_fill_the_target_exactly() -> None:
    """49 · (7/49) would be 7 less a little, cut to 6."""
    for side in range(1, 60):
        assert resize_and_pad_image(torch.ones(1, side, side, 1), 7, 7, "black", "nearest-exact").min() == 1


# ── outpaint ───────────────────────────────────────────────────────────────────────────────────────────────────


def feathered(height: int, width: int, margins: tuple[int, int, int, int], feathering: int) -> np.ndarray:
    """The mask by the rule of the reference, pixel by pixel."""
    left, top, right, bottom = margins
    mask = np.ones((height + top + bottom, width + left + right), dtype=np.float32)
    for i, j in np.ndindex(height, width):
        d = min(
            i if top else height, height - i if bottom else height, j if left else width, width - j if right else width
        )
        fades = feathering > 0 and 2 * feathering < height and 2 * feathering < width and d < feathering
        mask[top + i, left + j] = ((feathering - d) / feathering) ** 2 if fades else 0
    return mask[None]


@pytest.mark.parametrize("margins", [(8, 0, 0, 0), (0, 8, 16, 0), (8, 8, 8, 8), (0, 0, 0, 0), (0, 0, 0, 3)])
@pytest.mark.parametrize("feathering", [0, 3, 7, 9, 10, 40])
def test_outpainting_adds_grey_margins_and_a_feathered_mask(
    margins: tuple[int, int, int, int], feathering: int
) -> None:
    """Bit by bit; the mask is one, whatever the batch, and fades on padded sides only."""
    left, top, _, _ = margins
    image = picture(2, 20, 23, 4)
    padded, mask = image_pad_for_outpaint(image, *margins, feathering)
    expected = feathered(20, 23, margins, feathering)
    assert np.array_equal(mask.numpy(), expected)
    canvas = np.full((2, *expected.shape[1:], 4), 0.5, dtype=np.float32)
    canvas[:, top : top + 20, left : left + 23] = image.numpy()
    assert np.array_equal(padded.numpy(), canvas)


# ── stitch ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_second_picture_the_first_comes_back() -> None:
    """Unchanged."""
    assert torch.equal(image_stitch(picture(2), "right", True, 10, "red"), picture(2))


@pytest.mark.parametrize("direction", ["right", "down", "left", "up"])
@pytest.mark.parametrize("spacing", [0, 3])
def test_stitching_matches_the_size_with_lanczos(direction: str, spacing: int) -> None:
    """Along the join the aspect is kept, cut to whole numbers; the band is made even, opaque red."""
    first, second = picture(1, 6, 9), picture(1, 5, 7, seed=1)
    across = direction in ("left", "right")
    matched = lanczos(second.numpy(), int(6 * (7 / 5)), 6) if across else lanczos(second.numpy(), 9, int(9 / (7 / 5)))
    axis = 2 if across else 1
    shape = [1, 6, 9, 3]
    shape[axis] = 4 if spacing else 0
    band = np.broadcast_to(np.array([1, 0, 0], dtype=np.float32), shape)
    parts = [first.numpy(), band, matched]
    expected = np.concatenate(parts if direction in ("right", "down") else parts[::-1], axis=axis)
    assert np.array_equal(image_stitch(first, direction, True, spacing, "red", second).numpy(), expected)


@pytest.mark.parametrize(("color", "value"), [("white", 1), ("black", 0), ("green", 0)])
def test_unmatched_pictures_are_centred(color: str, value: float) -> None:
    """The smaller one is padded across the join, the odd pixel after it, in white or else in black."""
    first, second = picture(1, 4, 3), picture(1, 7, 5, seed=1)
    stitched = image_stitch(first, "right", False, 0, color, second).numpy()
    assert np.array_equal(stitched[:, 1:5, :3], first.numpy())
    assert np.array_equal(stitched[:, :, 3:], second.numpy())
    assert (stitched[:, [0, 5, 6], :3] == value).all()


def test_the_shorter_batch_repeats_its_last_picture() -> None:
    """Unlike elsewhere, where the whole sequence is repeated."""
    first, second = picture(2, 4, 4), picture(4, 4, 4, seed=1)
    stitched = image_stitch(first, "down", False, 0, "white", second)
    assert torch.equal(stitched[:, :4], first[[0, 1, 1, 1]])
    assert torch.equal(stitched[:, 4:], second)


def test_missing_channels_are_one() -> None:
    """RGB beside RGBA is opaque, and so is the band."""
    rgb, rgba = picture(1, 4, 4), picture(1, 4, 4, 4, seed=1)
    stitched = image_stitch(rgb, "right", False, 2, "blue", rgba)
    assert torch.equal(stitched[:, :, :4, :3], rgb)
    assert stitched[:, :, :6, 3].eq(1).all()
    assert stitched[0, 0, 4].tolist() == [0, 0, 1, 1]


# ── turn and mirror ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rotation", "quarters"), [("none", 0), ("90 degrees", 1), ("180 degrees", 2), ("270 degrees", 3)]
)
def test_pictures_are_turned_clockwise(rotation: str, quarters: int) -> None:
    """numpy turns the other way."""
    expected = np.rot90(picture(2).numpy(), -quarters, axes=(1, 2))
    assert np.array_equal(image_rotate(picture(2), rotation).numpy(), expected)


def test_an_unknown_rotation_is_named() -> None:
    """Only links bring one."""
    with pytest.raises(NodeError, match="rotation '45 degrees' is not one of none, 90 degrees, 180 degrees, 270"):
        call("ImageRotate", {"image": picture(), "rotation": ["45 degrees"]})


def test_pictures_are_mirrored() -> None:
    """x: top to bottom; y: left to right."""
    assert torch.equal(image_flip(picture(), "x-axis: vertically"), picture()[:, torch.arange(5, -1, -1)])
    assert torch.equal(image_flip(picture(), "y-axis: horizontally"), picture()[:, :, torch.arange(8, -1, -1)])
