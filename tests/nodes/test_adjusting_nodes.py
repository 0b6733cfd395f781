"""Nodes that compute each pixel from itself, and blending: expected values are computed apart, in numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_pictures import picture, resized

from graphrun import NodeError, call
from graphrun_nodes.adjusting import (
    adjust_brightness,
    adjust_contrast,
    image_add_noise,
    image_invert,
    image_rgb_to_yuv,
    image_yuv_to_rgb,
    normalize_images,
)
from graphrun_nodes.blending import image_blend


def test_inverting_is_one_minus_without_clamp() -> None:
    """Values out of range stay out of range; alpha stays."""
    image = picture(channels=4) * 3 - 1
    assert np.array_equal(image_invert(image[..., :3]).numpy(), 1 - image[..., :3].numpy())
    inverted = image_invert(image).numpy()
    assert np.array_equal(inverted[..., :3], 1 - image[..., :3].numpy())
    assert np.array_equal(inverted[..., 3], image[..., 3].numpy())
    assert np.array_equal(image_invert(image[..., :1]).numpy(), 1 - image[..., :1].numpy())


def test_normalizing_does_not_clamp() -> None:
    """(x - mean) / std."""
    result = normalize_images(picture(2), 0.4, 0.01).numpy()
    assert np.allclose(result, (picture(2).numpy() - 0.4) / 0.01, atol=1e-4)
    assert result.max() > 1


@given(st.floats(0, 2))
def test_brightness_and_contrast_are_clamped(factor: float) -> None:
    """x·f, and (x - ½)·f + ½."""
    image = picture().numpy()
    assert np.allclose(adjust_brightness(picture(), factor).numpy(), np.clip(image * factor, 0, 1), atol=1e-6)
    expected = np.clip((image - 0.5) * factor + 0.5, 0, 1)
    assert np.allclose(adjust_contrast(picture(), factor).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 42, 2**64 - 1])
def test_noise_is_torchs_own_for_the_seed(seed: int) -> None:
    """Bit by bit that of the global generator, which stays as it was."""
    image = picture(2, channels=4)
    state = torch.get_rng_state()
    result = image_add_noise(image, seed, 0.3)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        noise = torch.randn(image.shape)
    assert torch.equal(result, torch.clamp(image + 0.3 * noise, 0, 1))


def test_noise_clamps_at_strength_0_too() -> None:
    """And changes nothing else."""
    image = picture() * 3 - 1
    assert torch.equal(image_add_noise(image, 1, 0.0), image.clamp(0, 1))


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_become_brightness_and_differences(channels: int) -> None:
    """Each a grey picture of three channels, without clamp; alpha is left out."""
    image = picture(2, channels=channels)
    r, g, b = np.moveaxis(image.numpy()[..., :3].astype(np.float64), -1, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    expected = [y, 0.564 * (b - y) + 0.5, 0.713 * (r - y) + 0.5]
    for part, values in zip(image_rgb_to_yuv(image), expected, strict=True):
        assert part.shape == (2, 6, 9, 3)
        assert np.allclose(part.numpy(), values[..., None], atol=1e-5)


def test_grey_pictures_have_brightness_alone() -> None:
    """The two differences are in the middle."""
    y, u, v = image_rgb_to_yuv(picture(channels=1))
    assert torch.allclose(y, picture(channels=1).expand(-1, -1, -1, 3), atol=1e-6)
    assert torch.allclose(u, torch.full_like(u, 0.5), atol=1e-6)
    assert torch.allclose(v, torch.full_like(v, 0.5), atol=1e-6)


def test_brightness_and_differences_become_colours() -> None:
    """The mean over the channels of each counts, and the result is clamped; there and back is nearly the same."""
    parts = [picture(2, seed=seed) for seed in range(3)]
    y, u, v = (part.numpy().mean(axis=-1) for part in parts)
    expected = np.stack([y + 1.403 * (v - 0.5), y - 0.714 * (v - 0.5) - 0.344 * (u - 0.5), y + 1.773 * (u - 0.5)], -1)
    assert np.allclose(image_yuv_to_rgb(*parts).numpy(), np.clip(expected, 0, 1), atol=1e-5)
    assert torch.allclose(image_yuv_to_rgb(*image_rgb_to_yuv(picture())), picture(), atol=2e-3)
    assert [each.shape[-1] for (each,) in call("ImageRGBToYUV", {"image": picture()}).outputs] == [3, 3, 3]


# ── blending ───────────────────────────────────────────────────────────────────────────────────────────────────


def softened(x: float) -> float:
    return ((16 * x - 12) * x + 4) * x if x <= 0.25 else x**0.5


BLENDS = {
    "normal": lambda a, b: b,
    "multiply": lambda a, b: a * b,
    "screen": lambda a, b: 1 - (1 - a) * (1 - b),
    "overlay": lambda a, b: 2 * a * b if a <= 0.5 else 1 - 2 * (1 - a) * (1 - b),
    "soft_light": lambda a, b: a - (1 - 2 * b) * a * (1 - a) if b <= 0.5 else a + (2 * b - 1) * (softened(a) - a),
    "difference": lambda a, b: a - b,
}


def blended(first: np.ndarray, second: np.ndarray, factor: float, mode: str) -> np.ndarray:
    blend = np.vectorize(BLENDS[mode])(first.astype(np.float64), second.astype(np.float64))
    return np.clip(first * (1 - factor) + blend * factor, 0, 1)


@pytest.mark.parametrize("mode", BLENDS)
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_two_pictures_are_blended(mode: str, factor: float) -> None:
    """a(1 - f) + blend·f, clamped: so a negative difference ends at 0."""
    first, second = picture(2), picture(2, seed=1)
    expected = blended(first.numpy(), second.numpy(), factor, mode)
    assert np.allclose(image_blend(first, second, factor, mode).numpy(), expected, atol=1e-5)


def test_the_second_takes_size_and_channels_of_the_first() -> None:
    """Bicubic, cut at the centre."""
    first, second = picture(1, 4, 4), picture(1, 6, 9, 4, seed=1)
    fitted = resized(second.numpy()[:, :, 2:7, :3], 4, 4, "bicubic")
    expected = blended(first.numpy(), fitted, 0.5, "multiply")
    assert np.allclose(image_blend(first, second, 0.5, "multiply").numpy(), expected, atol=1e-5)


def test_the_alpha_of_the_first_is_kept() -> None:
    """Whether the second has one or not, and as it is."""
    first = picture(2, channels=4) * 2
    for channels in (3, 4):
        result = image_blend(first, picture(2, channels=channels, seed=1), 0.7, "screen")
        assert torch.equal(result[..., 3], first[..., 3])
        expected = blended(first.numpy(), picture(2, channels=4, seed=1).numpy(), 0.7, "screen")
        if channels == 4:
            assert np.allclose(result[..., :3].numpy(), expected[..., :3], atol=1e-5)


def test_one_picture_is_blended_with_each_of_several() -> None:
    """Other numbers don't go together."""
    one, three = picture(1), picture(3, seed=1)
    assert image_blend(one, three, 0.5, "normal").shape[0] == image_blend(three, one, 0.5, "normal").shape[0] == 3
    assert image_blend(picture(1, channels=4), three, 0.5, "normal").shape == (3, 6, 9, 4)
    with pytest.raises(ValueError, match="2 and 3 pictures"):
        image_blend(picture(2), three, 0.5, "normal")


def test_an_unknown_mode_from_a_link_is_told() -> None:
    """A literal one is refused before the run."""
    inputs = {"image1": picture(), "image2": picture(), "blend_factor": 0.5, "blend_mode": ["dodge"]}
    with pytest.raises(NodeError, match="Unsupported blend mode: dodge"):
        call("ImageBlend", inputs)
