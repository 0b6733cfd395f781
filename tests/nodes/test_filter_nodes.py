"""Nodes that look at the surroundings of each pixel: expected values by the sums of the reference, in numpy."""

import numpy as np
import pytest
import torch
from made_pictures import picture

from graphrun_nodes.blurring import image_blur, image_sharpen
from graphrun_nodes.edges import canny
from graphrun_nodes.morphology import morphology


def gaussian(radius: int, sigma: float) -> np.ndarray:
    """The square kernel on a grid of -1 … 1."""
    line = np.linspace(-1, 1, 2 * radius + 1)
    kernel = np.exp(-(line[:, None] ** 2 + line[None] ** 2) / (2 * sigma**2))
    return kernel / kernel.sum()


def convolved(image: np.ndarray, kernel: np.ndarray, mode: str = "reflect") -> np.ndarray:
    """(B, H, W, C) with each window's weighted sum, the border as numpy pads it."""
    radius = len(kernel) // 2
    padded = np.pad(image.astype(np.float64), [(0, 0), (radius, radius), (radius, radius), (0, 0)], mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(1, 2))
    return np.einsum("bijcyx,yx->bijc", windows, kernel)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("radius", "sigma"), [(1, 1.0), (2, 0.1), (5, 0.7), (7, 10.0)])
def test_blurring_is_a_weighted_mean(channels: int, radius: int, sigma: float) -> None:
    """Sigma in units of the radius, mirrored at the border, alpha included, without clamp."""
    image = picture(2, 8, 9, channels) * 3 - 1
    expected = convolved(image.numpy(), gaussian(radius, sigma))
    assert np.allclose(image_blur(image, radius, sigma).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("radius", "sigma", "alpha"), [(1, 1.0, 1.0), (3, 0.5, 5.0), (7, 2.0, 0.1), (2, 1.0, 0.0)])
def test_sharpening_takes_ten_times_alpha_of_the_kernel_away(radius: int, sigma: float, alpha: float) -> None:
    """The sum of the kernel stays 1, and the result is clamped."""
    image = picture(2, 8, 9)
    kernel = -10 * alpha * gaussian(radius, sigma)
    kernel[radius, radius] += 1 - kernel.sum()
    expected = np.clip(convolved(image.numpy(), kernel), 0, 1)
    assert np.allclose(image_sharpen(image, radius, sigma, alpha).numpy(), expected, atol=1e-4)


def test_a_picture_must_be_larger_than_the_radius() -> None:
    """It couldn't be mirrored. Radius 0, which only links bring, changes nothing."""
    with pytest.raises(ValueError, match="a radius of 6 needs a picture larger than that, and this one is 9 × 6"):
        image_blur(picture(), 6, 1.0)
    assert torch.equal(image_blur(picture(), 0, 1.0), picture())
    assert torch.equal(image_sharpen(picture(), 0, 1.0, 1.0), picture())


# ── morphology ─────────────────────────────────────────────────────────────────────────────────────────────────


def extreme(image: np.ndarray, size: int, *, greatest: bool) -> np.ndarray:
    """Each window's greatest or least value; an even window reaches further ahead to dilate, back to erode."""
    before = size // 2 if size % 2 else size // 2 - greatest
    result = np.empty_like(image)
    for i, j in np.ndindex(image.shape[1:3]):
        window = image[:, max(0, i - before) : i - before + size, max(0, j - before) : j - before + size]
        result[:, i, j] = window.max(axis=(1, 2)) if greatest else window.min(axis=(1, 2))
    return result


@pytest.mark.parametrize("size", [3, 4, 5, 8, 25])
@pytest.mark.parametrize("operation", ["erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"])
def test_morphology_is_bit_exact(operation: str, size: int) -> None:
    """Odd and even kernels, also larger than the picture; what lies outside doesn't count."""
    image = picture(2, 7, 10).numpy()

    def dilated(x: np.ndarray) -> np.ndarray:
        return extreme(x, size, greatest=True)

    def eroded(x: np.ndarray) -> np.ndarray:
        return extreme(x, size, greatest=False)

    expected = {
        "erode": eroded(image),
        "dilate": dilated(image),
        "open": dilated(eroded(image)),
        "close": eroded(dilated(image)),
        "gradient": dilated(image) - eroded(image),
        "bottom_hat": eroded(dilated(image)) - image,
        "top_hat": image - dilated(eroded(image)),
    }[operation]
    assert np.array_equal(morphology(torch.from_numpy(image), operation, size).numpy(), expected)


# ── edges ──────────────────────────────────────────────────────────────────────────────────────────────────────

SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float64)


def edges(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(B, H, W) of 0 and 1, pixel by pixel from the rule of the reference."""
    grey = image.astype(np.float64)[..., :3] @ [0.299, 0.587, 0.114] if image.shape[-1] > 1 else image[..., 0]
    smooth = convolved(grey[..., None], gaussian(2, 0.5))
    across, down = (convolved(smooth, kernel, "edge")[..., 0] for kernel in (SOBEL, SOBEL.T))
    magnitude = np.sqrt(across**2 + down**2 + 1e-6)
    eighths = np.round(np.degrees(np.arctan2(down, across)) / 45).astype(int) % 4
    padded = np.pad(magnitude, [(0, 0), (1, 1), (1, 1)])
    thin = np.zeros_like(magnitude)
    for b, i, j in np.ndindex(magnitude.shape):
        di, dj = ((0, 1), (1, 1), (1, 0), (1, -1))[eighths[b, i, j]]
        rivals = padded[b, i + 1 + di, j + 1 + dj], padded[b, i + 1 - di, j + 1 - dj]
        thin[b, i, j] = magnitude[b, i, j] if magnitude[b, i, j] > max(rivals) else 0
    found = thin > high
    while True:
        grown = np.pad(found, [(0, 0), (1, 1), (1, 1)])
        near = np.lib.stride_tricks.sliding_window_view(grown, (3, 3), axis=(1, 2)).any(axis=(3, 4))
        more = found | (near & (thin > low))
        if (more == found).all():
            return found.astype(np.float32)
        found = more


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_edges_follow_the_rule(channels: int) -> None:
    """Strong pixels, and weak ones connected to them; three equal channels of 0 and 1."""
    image = torch.nn.functional.interpolate(picture(2, 7, 6, channels).movedim(-1, 1), scale_factor=6, mode="bicubic")
    image = image.movedim(1, -1)
    result = canny(image, 0.4, 0.8).numpy()
    expected = edges(image.numpy(), 0.4, 0.8)
    assert 0 < expected.sum() < (edges(image.numpy(), 0.4, 0.4)).sum()
    assert result.shape == (2, 42, 36, 3)
    assert (result[..., 0] == expected).mean() >= 0.995
    assert (result == result[..., :1]).all()


def test_a_weak_line_hangs_on_to_its_strong_end() -> None:
    """However long it is; without a strong end it isn't drawn."""
    contrast = torch.linspace(1.0, 0.2, 64)[:, None, None] * torch.cat([torch.zeros(32), torch.ones(32)])[None, :, None]
    drawn = canny(contrast[None], 0.3, 0.9)[0, :, :, 0]
    assert drawn[2:-2].sum(dim=1).ge(1).all()
    assert canny(contrast[None], 0.3, 0.99)[0].sum() > 0
    assert canny(contrast[None] * 0.2, 0.3, 0.9).sum() == 0


def test_too_small_a_picture_has_no_edges_to_find() -> None:
    """It couldn't be mirrored."""
    with pytest.raises(ValueError, match="a radius of 2 needs a picture larger than that"):
        canny(torch.zeros(1, 2, 9, 3), 0.4, 0.8)
