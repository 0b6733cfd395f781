"""Nodes that tell or hold a size."""

import pytest
import torch

from graphrun import Pictures, call
from graphrun.imaging import encode_png
from graphrun_nodes.sizes import get_image_size, primitive_bounding_box, resolution_selector


def test_the_size_of_pictures_is_told() -> None:
    """Width, height, how many."""
    assert get_image_size(torch.zeros(4, 5, 6, 3)) == (6, 5, 4)
    assert call("GetImageSize", {"image": torch.zeros(4, 5, 6, 3)}).outputs == [[6], [5], [4]]


def test_files_are_not_decoded_for_their_size() -> None:
    """The header says it; what follows may even be cut off."""
    import numpy as np

    file = encode_png(np.zeros((5, 6, 3), dtype=np.uint8))
    assert get_image_size(Pictures.from_files([file[:40], file])) == (6, 5, 2)


@pytest.mark.parametrize(
    ("aspect", "megapixels", "multiple", "expected"),
    [
        ("1:1 (Square)", 1.0, 8, (1024, 1024)),
        ("2:3 (Portrait Photo)", 1.0, 8, (840, 1256)),
        ("16:9 (Widescreen)", 1.0, 8, (1368, 768)),
        ("21:9 (Ultrawide)", 2.0, 64, (2240, 960)),
        ("9:16 (Portrait Widescreen)", 0.1, 128, (256, 384)),
    ],
)
def test_a_resolution_follows_from_aspect_and_pixels(
    aspect: str, megapixels: float, multiple: int, expected: tuple[int, int]
) -> None:
    """16:9 of 1024²: √(1048576/144) = 85.33, so 1365.33 and 768, rounded to multiples of 8."""
    assert resolution_selector(aspect, megapixels, multiple) == expected


def test_early_files_without_multiple_mean_8() -> None:
    """The input came later."""
    inputs = {"aspect_ratio": "1:1 (Square)", "megapixels": 0.5}
    assert call("ResolutionSelector", inputs).outputs == [[728], [728]]


def test_a_bounding_box_is_held() -> None:
    """In pixels."""
    assert primitive_bounding_box(1, 2, 3, 4) == {"x": 1, "y": 2, "width": 3, "height": 4}
