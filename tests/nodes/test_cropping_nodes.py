"""Cropping nodes: by numbers, by boxes, by masks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_pictures import lanczos, picture, resized

from graphrun import RunContext, call
from graphrun.imaging import picture_size
from graphrun_nodes.box_crops import crop_by_bboxes
from graphrun_nodes.boxes import box_lists
from graphrun_nodes.cropping import center_crop_images, image_crop, image_crop_v2, random_crop_images
from graphrun_nodes.mask_crops import image_crop_to_mask


def truncated(image: torch.Tensor) -> np.ndarray:
    """Through 8 bits and back."""
    return np.clip(255 * image.numpy(), 0, 255).astype(np.uint8).astype(np.float32) / np.float32(255)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((4, 3, 2, 1), (1, 4), (2, 6)),
        ((100, 100, 2, 1), (1, 6), (2, 9)),  # cut at the border
        ((3, 3, 50, 50), (5, 6), (8, 9)),  # an origin outside is brought back to the last pixel
        ((3, 3, -4, -4), (0, 3), (0, 3)),  # only links bring such ones
    ],
)
def test_cropping_slices(
    box: tuple[int, int, int, int], rows: tuple[int, int], columns: tuple[int, int], context: RunContext
) -> None:
    """(width, height, x, y), for all pictures and channels; a box says the same."""
    image = picture(2, channels=4)
    width, height, x, y = box
    expected = image[:, slice(*rows), slice(*columns)]
    assert torch.equal(image_crop(image, width, height, x, y), expected)
    shown = image_crop_v2(image, {"x": x, "y": y, "width": width, "height": height, "label": "cat"}, context)
    assert torch.equal(shown.value, expected)


def test_an_empty_crop_is_told() -> None:
    """It could only come from a link."""
    with pytest.raises(ValueError, match="can't cut out 0 × 3 pixels"):
        image_crop(picture(), 0, 3, 0, 0)


def test_a_box_may_leave_out_what_is_usual(context: RunContext) -> None:
    """x and y are 0, width and height 512."""
    image = picture(1, 600, 520, 1)
    assert torch.equal(image_crop_v2(image, {}, context).value, image[:, :512, :512])
    assert torch.equal(image_crop_v2(image, {"x": 500}, context).value, image[:, :512, 500:])
    with pytest.raises(TypeError, match="crop_region is one box"):
        image_crop_v2(image, [{"x": 1}, {"x": 2}], context)


def test_a_box_crop_shows_what_it_made(tmp_path: Path) -> None:
    """As preview files; the output is the picture itself."""
    result = call("ImageCropV2", {"image": picture(2), "crop_region": {"width": 3, "height": 2}}, temp_dir=tmp_path)
    assert result.image.shape == (2, 2, 3, 3)
    files = [tmp_path / each["subfolder"] / each["filename"] for each in result.ui["images"]]
    assert [picture_size(file.read_bytes()) for file in files] == [(3, 2), (3, 2)]
    assert {each["type"] for each in result.ui["images"]} == {"temp"}


def test_the_centre_is_cut_out_in_eight_bits() -> None:
    """An odd pixel more lies behind; a smaller picture stays."""
    image = picture(2)
    assert np.array_equal(center_crop_images(image, 4, 3).numpy(), truncated(image)[:, 1:4, 2:6])
    assert np.array_equal(center_crop_images(image, 50, 2).numpy(), truncated(image)[:, 2:4])


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**64 - 1])
def test_a_random_place_is_that_of_numpys_legacy_generator(seed: int) -> None:
    """Left is drawn before top, and nothing is drawn where there is no room; all pictures are cut alike."""
    image = picture(2, 20, 30)
    draw = np.random.RandomState(seed % (2**32 - 1))
    left, top = draw.randint(0, 30 - 5 + 1), draw.randint(0, 20 - 4 + 1)
    expected = truncated(image)[:, top : top + 4, left : left + 5]
    assert np.array_equal(random_crop_images(image, 5, 4, seed).numpy(), expected)
    top = np.random.RandomState(seed % (2**32 - 1)).randint(0, 20 - 4 + 1)
    assert np.array_equal(random_crop_images(image, 30, 4, seed).numpy(), truncated(image)[:, top : top + 4])


# ── boxes ──────────────────────────────────────────────────────────────────────────────────────────────────────

BOX, OTHER = {"x": 1, "y": 2, "width": 3, "height": 2}, {"x": 5, "y": 0, "width": 2, "height": 1}


def test_boxes_come_in_three_forms() -> None:
    """One, a flat list for all pictures, a list of lists; None in there is no box."""
    assert box_lists(BOX) == [[BOX]]
    assert box_lists([BOX, OTHER]) == [[BOX, OTHER]]
    assert box_lists([[BOX], [], None, OTHER]) == [[BOX], [], [], [OTHER]]
    assert box_lists([]) == []
    with pytest.raises(TypeError, match="boxes are mappings"):
        box_lists(7)


def test_all_boxes_of_a_picture_are_one_rectangle() -> None:
    """Joined, padded, kept inside, and stretched by area."""
    image = picture(2, 8, 12)
    result = crop_by_bboxes(image, [BOX, OTHER], 64, 64, 0, "stretch")
    assert np.allclose(result.numpy(), resized(image.numpy()[:, 0:4, 1:7], 64, 64, "area"), atol=1e-5)
    padded = crop_by_bboxes(image, BOX, 64, 64, 2, "stretch")
    assert np.allclose(padded.numpy(), resized(image.numpy()[:, 0:6, 0:6], 64, 64, "area"), atol=1e-5)


def test_pictures_without_boxes_are_dropped_and_the_last_list_counts_on() -> None:
    """Three pictures, the second without a box."""
    image = picture(4, 8, 12)
    result = crop_by_bboxes(image, [[BOX], [], [OTHER]], 64, 64, 0, "stretch")
    expected = [image.numpy()[:1, 2:4, 1:4], image.numpy()[2:3, 0:1, 5:7], image.numpy()[3:, 0:1, 5:7]]
    assert np.allclose(result.numpy(), np.concatenate([resized(part, 64, 64, "area") for part in expected]), atol=1e-5)


@pytest.mark.parametrize("boxes", [[], [[]], [[], []]])
def test_without_any_box_the_pictures_come_back(boxes: list[object]) -> None:
    """In their own size."""
    assert torch.equal(crop_by_bboxes(picture(2), boxes, 64, 64, 0, "pad"), picture(2))


def test_padding_keeps_the_aspect_on_black() -> None:
    """3 × 2 to 64 × 100: 64 × 43 in the middle."""
    image = picture(1, 8, 12)
    result = crop_by_bboxes(image, BOX, 64, 100, 0, "pad")
    assert np.allclose(result[:, 28:71].numpy(), resized(image.numpy()[:, 2:4, 1:4], 64, 43, "area"), atol=1e-5)
    assert result[:, :28].eq(0).all()
    assert result[:, 71:].eq(0).all()


def test_a_box_outside_gives_a_square_where_faces_are() -> None:
    """0.3 of the smaller side, in the middle of the width, a tenth down."""
    image = picture(1, 20, 30)
    result = crop_by_bboxes(image, {"x": 90, "y": 90, "width": 5, "height": 5}, 64, 64, 0, "stretch")
    assert np.allclose(result.numpy(), resized(image.numpy()[:, 2:8, 12:18], 64, 64, "area"), atol=1e-5)


# ── masks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def mask_of(rows: slice, columns: slice, height: int = 40, width: int = 60) -> torch.Tensor:
    mask = torch.zeros(1, height, width)
    mask[:, rows, columns] = 1
    return mask


def test_what_a_mask_selects_is_framed_in_the_wanted_aspect() -> None:
    """20 × 10 selected pixels in a square frame of 20, the background everywhere else, then Lanczos."""
    image, mask = picture(1, 40, 60), mask_of(slice(10, 20), slice(30, 50))
    result = image_crop_to_mask(image, mask, 64, 64, 1.0, 0, "#3366ff")
    # the middle is (39.5, 14.5); 10 pixels to each side, cut to whole numbers: columns 29 to 49, rows 4 to 24
    paint = np.array([0x33, 0x66, 0xFF], dtype=np.float32) / 255
    expected = np.broadcast_to(paint, (1, 20, 20, 3)).copy()
    expected[:, 6:16, 1:20] = image.numpy()[:, 10:20, 30:49]
    assert np.allclose(result.numpy(), lanczos(expected, 64, 64), atol=1.1 / 255)


def test_the_frame_of_a_tall_mask_is_computed_in_the_order_of_the_reference() -> None:
    """45 · (64 / 192) · 1.4 is 21, and 45 · 1.4 · (64 / 192) a little less, which would be cut to 20."""
    image, mask = picture(1, 60, 60), mask_of(slice(8, 53), slice(30, 34), 60, 60)
    result = image_crop_to_mask(image, mask, 64, 192, 1.4, 0, "#000000")
    # 22 × 62 pixels around (31.5, 30): columns 20 to 42, rows -1 to 61 (45 · 1.4 is a little less than 63)
    expected = np.zeros((1, 62, 22, 3), dtype=np.float32)
    expected[:, 9:54, 10:14] = image.numpy()[:, 8:53, 30:34]
    assert np.array_equal(result.numpy(), lanczos(expected, 64, 192))


def test_a_frame_that_leaves_the_picture_shows_the_background() -> None:
    """At the corner."""
    image, mask = torch.ones(1, 40, 60, 3), mask_of(slice(0, 8), slice(0, 8))
    result = image_crop_to_mask(image, mask, 64, 64, 2.0, 0, "#000000")
    assert result[0, 32, 32].eq(1).all()
    assert result[0, 0].eq(0).all()


def test_a_mask_that_selects_the_border_is_turned_round() -> None:
    """The subject is what is in the middle."""
    image = picture(1, 40, 60)
    mask = mask_of(slice(11, 29), slice(18, 44))
    assert torch.equal(
        image_crop_to_mask(image, 1 - mask, 64, 64, 1.0, 0, "#000000"),
        image_crop_to_mask(image, mask, 64, 64, 1.0, 0, "#000000"),
    )


def test_one_mask_serves_all_pictures_and_another_number_is_an_error() -> None:
    """Of any size: masks are enlarged."""
    images = picture(3, 40, 60)
    assert image_crop_to_mask(images, torch.ones(20, 30), 64, 128, 1.0, 0, "#000000").shape == (3, 128, 64, 3)
    with pytest.raises(ValueError, match="2 masks for 3 pictures"):
        image_crop_to_mask(images, torch.ones(2, 40, 60), 64, 64, 1.0, 0, "#000000")


def test_a_mask_grows_and_shrinks() -> None:
    """A radius of 2 makes 4 pixels 8, or takes a line of 4 away, so that nothing and then everything is selected."""
    image, mask = torch.ones(1, 40, 40, 3), mask_of(slice(18, 22), slice(18, 22), 40, 40)
    grown = image_crop_to_mask(image, mask, 64, 64, 1.0, 2, "#000000")
    assert torch.equal(
        grown, image_crop_to_mask(image, mask_of(slice(16, 24), slice(16, 24), 40, 40), 64, 64, 1, 0, "#000000")
    )
    assert image_crop_to_mask(image, mask, 64, 64, 1.0, -2, "#ff0000").eq(1).all()
