"""Nodes that make batches, and the rules by which batches and channels are brought to agree."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import picture, resized

from graphrun import NodeError, WorkflowError, call
from graphrun_nodes.batches import alpha_fix, fit_batch, flat, same_channels, single_frames
from graphrun_nodes.batching import (
    batch_images,
    batch_masks,
    empty_image,
    image_batch,
    image_from_batch,
    rebatch_images,
    repeat_image_batch,
)


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
    frames = single_frames([rgb.expand(2, -1, -1, -1), rgba])
    assert [frame.shape[0] for frame in frames] == [1, 1, 1]
    assert [frame.shape[3] for frame in frames] == [3, 3, 4]


def test_any_number_of_pictures_makes_a_batch() -> None:
    """All take the size of the first, bilinear, cut at the centre; RGB becomes opaque beside RGBA."""
    first, second, third = picture(2, 4, 4), picture(1, 6, 9, 4, seed=1), picture(1, 4, 4, seed=2)
    joined = batch_images({"image0": first, "image2": second, "image10": third}).numpy()
    assert np.array_equal(joined[:2, ..., :3], first.numpy())
    assert np.allclose(joined[2:3], resized(second.numpy()[:, :, 2:7], 4, 4, "bilinear"), atol=1e-5)
    assert np.array_equal(joined[3:, ..., :3], third.numpy())
    assert (joined[[0, 1, 3], ..., 3] == 1).all()


def test_masks_make_a_batch_like_pictures() -> None:
    """Also those without batch axis."""
    first, second = picture(2, 4, 4, 1)[..., 0], picture(1, 6, 9, 1, seed=1)[0, ..., 0]
    joined = batch_masks({"mask0": first, "mask1": second}).numpy()
    assert np.array_equal(joined[:2], first.numpy())
    expected = resized(second.numpy()[None, :, 2:7, None], 4, 4, "bilinear")[..., 0]
    assert np.allclose(joined[2:], expected, atol=1e-5)


def test_growing_inputs_are_written_with_dots() -> None:
    """In the order of the slots, whatever the order of the file; gaps are allowed, but not before the first."""
    parts = {f"images.image{index}": torch.full((1, 1, 1, 3), index / 4) for index in (3, 0, 1)}
    assert call("BatchImagesNode", parts).image[:, 0, 0, 0].tolist() == [0, 0.25, 0.75]
    assert call("BatchMasksNode", {"masks.mask0": torch.ones(2, 3)}).mask.shape == (1, 2, 3)
    with pytest.raises(WorkflowError, match=r"images\.image0"):
        call("BatchImagesNode", {"images.image1": torch.zeros(1, 1, 1, 3)})


def test_a_whole_batch_is_repeated() -> None:
    """a b becomes a b a b a b."""
    assert torch.equal(repeat_image_batch(picture(2), 3), picture(2)[[0, 1, 0, 1, 0, 1]])


@pytest.mark.parametrize(
    ("index", "length", "expected"),
    [
        (0, 1, [0]),
        (1, 2, [1, 2]),
        (3, 9, [3, 4]),  # no more than there are
        (9, 1, [4]),  # beyond the end: the last
        (-2, 1, [3]),  # from the end
        (-2, 9, [3, 4]),
        (-9, 2, [0, 1]),  # beyond the beginning: the first
    ],
)
def test_pictures_are_taken_out_of_a_batch(index: int, length: int, expected: list[int]) -> None:
    """As a copy."""
    image = picture(5)
    taken = image_from_batch(image, index, length)
    assert torch.equal(taken, image[expected])
    assert taken.data_ptr() != image[expected[0] :].data_ptr()


@pytest.mark.parametrize(("size", "expected"), [(1, [1] * 6), (2, [2, 2, 2]), (4, [4, 2]), (9, [6])])
def test_batches_are_grouped_anew(size: int, expected: list[int]) -> None:
    """All pictures in their order, through the engine: one list in, one list out."""
    images = [picture(1), picture(3, seed=1), picture(2, seed=2)]
    (batches,) = call("RebatchImages", {"images": images, "batch_size": size}).outputs
    assert [len(batch) for batch in batches] == expected
    assert torch.equal(torch.cat(batches), torch.cat(images))


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_pictures(size: int) -> None:
    """Only links bring less than one."""
    with pytest.raises(NodeError, match=f"a batch holds at least one picture, not {size}"):
        call("RebatchImages", {"images": picture(2), "batch_size": [size]})


def test_different_sizes_do_not_go_into_one_batch() -> None:
    """Unless they fall into different groups."""
    images = [picture(2), picture(2, 4, 4)]
    assert [batch.shape[1] for batch in rebatch_images(images, [2])] == [6, 4]
    with pytest.raises(NodeError, match="4 × 4 × 3 and 9 × 6 × 3 don't go into one batch"):
        call("RebatchImages", {"images": images, "batch_size": 3})
