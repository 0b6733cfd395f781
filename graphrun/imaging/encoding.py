"""Pixels to PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from graphrun.errors import PictureError
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.png import insert_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage
else:
    PillowImage = lazy_import("PIL.Image")

_NO_TEXT: Mapping[str, str] = MappingProxyType({})


def encode_png(pixels: npt.NDArray[np.uint8], *, compress_level: int = 4, text: Mapping[str, str] = _NO_TEXT) -> bytes:
    """Return a PNG of (H, W, C) pixels, C being 1 (grey), 3 (RGB) or 4 (RGBA), with ``text`` between header and pixels.

    Raises PictureError for other shapes and for pictures without pixels.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4):
        raise PictureError(f"a PNG has 1, 3 or 4 channels, and these pixels are {pixels.shape}")
    if not pixels.size:
        raise PictureError(f"a picture of {pixels.shape[1]} × {pixels.shape[0]} pixels can't be saved")
    squeezed = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    file = io.BytesIO()
    PillowImage.fromarray(squeezed).save(file, "PNG", compress_level=compress_level)
    return insert_text(file.getvalue(), text)
