"""Pictures for tests, and resizing by the rules of image-mask-nodes.md, 1.6, computed apart from torch."""

import math

import numpy as np
import torch
from PIL import Image as PillowImage

METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]


def picture(batch: int = 1, height: int = 6, width: int = 9, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((batch, height, width, channels), dtype=np.float32))


def weights(method: str, size: int, wanted: int) -> np.ndarray:
    """The matrix (wanted, size) that resizes one axis, from the rules of image-mask-nodes.md, 1.6."""
    matrix = np.zeros((wanted, size))
    for i in range(wanted):
        for index, weight in taps(method, i, size, wanted):
            matrix[i, min(max(index, 0), size - 1)] += weight
    return matrix


def taps(method: str, i: int, size: int, wanted: int) -> list[tuple[int, float]]:
    if method == "nearest-exact":
        return [(math.floor((i + 0.5) * size / wanted), 1.0)]
    if method == "area":
        first, end = i * size // wanted, -(-(i + 1) * size // wanted)
        return [(index, 1 / (end - first)) for index in range(first, end)]
    centre = (i + 0.5) * size / wanted - 0.5
    base = math.floor(centre)
    if method == "bilinear":
        return [(base, 1 - (centre - base)), (base + 1, centre - base)]
    return [(base + k, cubic(abs(centre - base - k))) for k in range(-1, 3)]


def cubic(x: float, a: float = -0.75) -> float:
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def resized(image: np.ndarray, width: int, height: int, method: str) -> np.ndarray:
    if method == "lanczos":
        return lanczos(image, width, height)
    rows, columns = weights(method, image.shape[1], height), weights(method, image.shape[2], width)
    return np.einsum("yi,xj,bijc->byxc", rows, columns, image.astype(np.float64))


def lanczos(image: np.ndarray, width: int, height: int) -> np.ndarray:
    pixels = np.clip(255.0 * image, 0, 255).astype(np.uint8)
    squeezed = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    pillow = [PillowImage.fromarray(one).resize((width, height), PillowImage.Resampling.LANCZOS) for one in squeezed]
    stacked = np.stack([np.asarray(one) for one in pillow]).reshape(len(image), height, width, -1)
    return stacked.astype(np.float32) / np.float32(255)
