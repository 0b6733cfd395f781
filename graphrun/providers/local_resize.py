"""Scales an answer's pictures here, where the model that made them can't make the size asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from graphrun.imaging import encode_png, open_picture, picture_size
from graphrun.imaging.lazy import lazy_import
from graphrun.providers.base import ImageAnswer

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")


def resized_answer(answer: ImageAnswer, size: tuple[int, int]) -> ImageAnswer:
    """Return the answer with its pictures at ``size``, (width, height) in pixels. CPU work. Raises PictureError."""
    return replace(answer, files=resized(answer.files, size))


def resized(files: Sequence[bytes], size: tuple[int, int]) -> tuple[bytes, ...]:
    """Return each picture as a PNG of ``size``, (width, height) in pixels; one of that size stays as it came.

    8-bit Pillow LANCZOS, as DALL-E pictures are scaled on their way up (openai-images.md, 1.4). Raises PictureError.
    """
    return tuple(data if picture_size(data) == size else _scaled(data, size) for data in files)


def _scaled(data: bytes, size: tuple[int, int]) -> bytes:
    picture = open_picture(data)
    coloured = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return encode_png(np.asarray(coloured.resize(size, PillowImage.Resampling.LANCZOS)))
