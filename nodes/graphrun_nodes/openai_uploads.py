"""Turns IMAGE and MASK values into the files an edit request carries (openai-images.md, 1.2 and 1.4).

How many, how large and of which shape they may be depends on the model, so the image service says that.
CPU work: the nodes call it in a thread, so that other paid calls go on meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphrun import Image, Mask, Matte, Pictures, Upload, lazy_import
from graphrun.imaging import eight_bit, mask_values

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage

    Pixels = npt.NDArray[np.uint8]
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")

GPT_PIXELS = 2048 * 2048
DALLE2_PIXELS = 1536 * 1024
_NO_ALPHA_SIDE = 64  # a picture without alpha gives a zero mask of this size when it is loaded


@dataclass(frozen=True, slots=True)
class Uploads:
    """The files of an edit. ``mask_is_empty``: no pixel is fully masked, so the service will change nothing."""

    images: tuple[Upload, ...]
    mask: Upload | None = None
    mask_is_empty: bool = False


def gpt_uploads(images: Sequence[Pictures | Image], mask: Matte | Mask | None) -> Uploads:
    """Return every frame of every image, in order, as ``image_0.png`` …, and the mask as ``mask.png``.

    Raises ValueError where the frames don't suit the mask.
    """
    frames = [frame for image in images for frame in eight_bit(image)]
    if mask is not None and len(frames) != 1:
        raise ValueError("Cannot use a mask with multiple image")
    alpha = None if mask is None else _alpha_for(frames[0], mask)
    files = tuple(
        Upload.of_pixels(f"image_{index}.png", downscaled(_coloured(frame), GPT_PIXELS))
        for index, frame in enumerate(frames)
    )
    if alpha is None:
        return Uploads(files)
    scaled = downscaled(_with_alpha(np.zeros((*alpha.shape, 3), np.uint8), alpha), GPT_PIXELS)
    return Uploads(files, Upload.of_pixels("mask.png", scaled), mask_is_empty=bool(scaled[..., 3].all()))


def dalle2_upload(image: Pictures | Image, mask: Matte | Mask) -> Uploads:
    """Return the one picture DALL-E 2 edits, its alpha 0 where it is to be changed. Raises ValueError."""
    frames = eight_bit(image)
    if len(frames) != 1:
        raise ValueError(f"DALL-E 2 edits exactly one image; got a batch of {len(frames)}")
    pixels = downscaled(_with_alpha(_coloured(frames[0]), _alpha_for(frames[0], mask)), DALLE2_PIXELS)
    return Uploads((Upload.of_pixels("image.png", pixels),), mask_is_empty=bool(pixels[..., 3].all()))


def downscaled(pixels: Pixels, most: int) -> Pixels:
    """Return (H, W, C) pixels brought down to at most about ``most`` of them; never up.

    Each edge is rounded half to even, which Python's ``round`` does and ComfyUI relies on.
    """
    height, width = pixels.shape[:2]
    scale = math.sqrt(most / (width * height))
    if scale >= 1:
        return pixels
    size = (round(width * scale), round(height * scale))
    return np.asarray(PillowImage.fromarray(pixels).resize(size, PillowImage.Resampling.LANCZOS))


def _alpha_for(frame: Pixels, mask: Matte | Mask) -> Pixels:
    """The mask as alpha (H, W): masked is 0, kept is 255, cut and not rounded in between. Raises ValueError."""
    values = mask_values(mask)
    if len(values) != 1:
        raise ValueError(f"the mask must be a single one; got a batch of {len(values)}")
    if values.shape[1:] != frame.shape[:2]:
        raise ValueError(_sizes_differ(frame.shape[:2], values.shape[1:]))
    kept = np.fmin(np.fmax(np.float32(1) - values[0], np.float32(0)), np.float32(1))
    alpha: Pixels = (kept * np.float32(255)).astype(np.uint8)
    return alpha


def _sizes_differ(image: tuple[int, ...], mask: tuple[int, ...]) -> str:
    message = "Mask and Image must be the same size"
    if mask == (_NO_ALPHA_SIDE, _NO_ALPHA_SIDE):
        return (
            f"{message}: the loaded picture has no alpha channel, so its mask is 64x64; "
            "say what is to be changed with --mask on its LoadImage node, or link a mask of the picture's size"
        )
    return f"{message}: the image is {image[1]}x{image[0]}, the mask {mask[1]}x{mask[0]}"


def _coloured(pixels: Pixels) -> Pixels:
    """Grey pictures get three channels: the service documents none with one."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _with_alpha(pixels: Pixels, alpha: Pixels) -> Pixels:
    return np.dstack([pixels[..., :3], alpha])
