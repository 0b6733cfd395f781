"""ResizeImageMaskNode: nine rules, for pictures and masks, each through the engine with its dotted inputs."""

import numpy as np
import pytest
import torch
from made_pictures import picture, resized

from graphrun import Matte, NodeError, Pictures, WorkflowError, call

# rule, its inputs, and (width, height) that 9 × 6 comes to
RULES = [
    ("scale dimensions", {"width": 12, "height": 0, "crop": "disabled"}, (12, 8)),
    ("scale dimensions", {"width": 0, "height": 5, "crop": "center"}, (8, 5)),  # 7.5 is rounded to even
    ("scale by multiplier", {"multiplier": 1.5}, (14, 9)),
    ("scale longer dimension", {"longer_size": 20}, (20, 13)),
    ("scale shorter dimension", {"shorter_size": 5}, (8, 5)),
    ("scale width", {"width": 4}, (4, 3)),
    ("scale height", {"height": 12}, (18, 12)),
    ("scale total pixels", {"megapixels": 0.01}, (125, 84)),  # √(10485 / 54) = 13.9344
    ("scale to multiple", {"multiple": 4}, (8, 4)),
]


def resize(either: torch.Tensor, rule: str, inputs: dict[str, object], method: str = "area") -> torch.Tensor:
    """Run the node; the one value of its one output."""
    dotted = {f"resize_type.{name}": value for name, value in inputs.items()}
    node = call("ResizeImageMaskNode", {"input": either, "resize_type": rule, **dotted, "scale_method": method})
    ((value,),) = node.outputs
    assert isinstance(value, torch.Tensor)
    return value


@pytest.mark.parametrize(("rule", "inputs", "expected"), RULES)
def test_each_rule_has_its_size(rule: str, inputs: dict[str, object], expected: tuple[int, int]) -> None:
    """Of pictures and of masks alike."""
    width, height = expected
    assert resize(picture(2), rule, inputs).shape == (2, height, width, 3)
    assert resize(picture(2)[..., 0], rule, inputs).shape == (2, height, width)


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
def test_a_mask_is_resized_like_a_grey_picture(method: str) -> None:
    """Stretched, with every method."""
    mask = picture(2, 6, 9, 1)
    result = resize(mask[..., 0], "scale dimensions", {"width": 4, "height": 5, "crop": "disabled"}, method)
    assert np.allclose(result.numpy(), resized(mask.numpy(), 4, 5, method)[..., 0], atol=1e-5)


def test_pictures_and_mattes_become_tensors_here() -> None:
    """What a loader hands on in 8 bits is resized like any other, and matched as well."""
    pixels = np.full((1, 6, 9, 3), 51, dtype=np.uint8)
    both = {"input": Pictures.from_pixels(pixels), "resize_type.match": Matte(np.zeros((1, 2, 3), dtype=np.uint8))}
    choice = {"resize_type": "match size", "resize_type.crop": "disabled", "scale_method": "area"}
    result = call("ResizeImageMaskNode", {**both, **choice}).value
    assert result.shape == (1, 2, 3, 3)
    assert np.allclose(result.numpy(), 0.2)


def test_a_mask_without_batch_axis_gets_one() -> None:
    """As everywhere."""
    assert resize(torch.zeros(6, 9), "scale width", {"width": 3}).shape == (1, 2, 3)


def test_the_centre_is_kept_where_the_crop_says_so() -> None:
    """9 × 6 to a square keeps columns 2 to 7."""
    result = resize(picture(), "scale dimensions", {"width": 4, "height": 4, "crop": "center"}, "bilinear")
    assert np.allclose(result.numpy(), resized(picture().numpy()[:, :, 2:7], 4, 4, "bilinear"), atol=1e-5)


@pytest.mark.parametrize("match", [torch.zeros(3, 4, 5, 3), torch.zeros(3, 4, 5), torch.zeros(4, 5)])
def test_the_size_of_another_is_matched(match: torch.Tensor) -> None:
    """A picture's or a mask's, whichever kind is resized."""
    inputs = {"match": match, "crop": "disabled"}
    assert resize(picture(), "match size", inputs).shape == (1, 4, 5, 3)
    assert resize(picture()[..., 0], "match size", inputs).shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("rule", "inputs"),
    [
        ("scale dimensions", {"width": 0, "height": 0, "crop": "center"}),
        ("scale width", {"width": 0}),
        ("scale height", {"height": 0}),
        ("scale to multiple", {"multiple": 1}),
        ("scale to multiple", {"multiple": 3}),  # 9 × 6 are multiples already
        ("scale to multiple", {"multiple": 7}),  # 6 // 7 is 0
    ],
)
def test_what_asks_for_nothing_leaves_the_values(rule: str, inputs: dict[str, object]) -> None:
    """With Lanczos too: nothing is quantised."""
    assert torch.equal(resize(picture(), rule, inputs, "lanczos"), picture())


def test_to_a_multiple_the_picture_covers_the_size_and_is_cut_in_the_middle() -> None:
    """9 × 6 to multiples of 4: 8/9 > 4/6, so it is scaled to 8 × ⌈6 · 8/9⌉ = 8 × 6, and rows 1 to 5 are kept."""
    result = resize(picture(), "scale to multiple", {"multiple": 4}, "bilinear")
    assert np.allclose(result.numpy(), resized(picture().numpy(), 8, 6, "bilinear")[:, 1:5], atol=1e-5)
    upright = resize(picture(1, 9, 6), "scale to multiple", {"multiple": 4}, "bilinear")
    assert np.allclose(upright.numpy(), resized(picture(1, 9, 6).numpy(), 6, 8, "bilinear")[:, :, 1:5], atol=1e-5)


def test_the_result_is_found_as_what_it_is() -> None:
    """The one output may hold either."""
    inputs = {"resize_type": "scale width", "resize_type.width": 3, "scale_method": "area"}
    assert call("ResizeImageMaskNode", {"input": picture(), **inputs}).image.shape == (1, 2, 3, 3)
    assert call("ResizeImageMaskNode", {"input": picture()[..., 0], **inputs}).mask.shape == (1, 2, 3)


def test_a_side_of_zero_is_told() -> None:
    """Where a rule has no meaning for 0."""
    with pytest.raises(NodeError, match="a side is empty"):
        resize(picture(), "scale longer dimension", {"longer_size": 0})


def test_only_the_inputs_of_the_chosen_rule_are_asked_for() -> None:
    """A missing one is told by its dotted name."""
    with pytest.raises(WorkflowError, match=r"resize_type\.width"):
        resize(picture(), "scale width", {})
