"""PNG of 16 bits a channel, which Pillow can't write in colour."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from graphrun import PictureError, lazy_import
from graphrun.imaging import png_chunk

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy_import("numpy")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # grey, RGB, RGBA
_DIFFERENCE_TO_ROW_ABOVE = 2  # the filter that is easiest on a whole array, and does well


def encode_deep_png(image: npt.NDArray[np.float32]) -> bytes:
    """Return a PNG of (H, W, C) floats: ``clip(65535 · x, 0, 65535)`` in float32, cut and not rounded.

    Raises PictureError for other than 1, 3 or 4 channels, and for pictures without pixels.
    """
    height, width, channels = image.shape
    if channels not in _COLOUR_TYPES or not image.size:
        raise PictureError(f"a PNG has pixels of 1, 3 or 4 channels, and this picture is {image.shape}")
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, _COLOUR_TYPES[channels], 0, 0, 0])
    body = zlib.compress(_filtered_rows(_deep(image)), 4)
    return _SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def _deep(image: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    values = np.fmin(np.fmax(image, np.float32(0)), np.float32(1)) * np.float32(65535)  # fmax, unlike clip, ends NaN
    return values.astype(np.uint16)


def _filtered_rows(pixels: npt.NDArray[np.uint16]) -> bytes:
    """Return the rows as a PNG has them: each a number of its filter, then bytes, high ones first."""
    rows = pixels.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    filtered = np.empty((len(rows), rows.shape[1] + 1), dtype=np.uint8)
    filtered[:, 0] = _DIFFERENCE_TO_ROW_ABOVE
    filtered[0, 1:] = rows[0]
    filtered[1:, 1:] = rows[1:] - rows[:-1]
    return filtered.tobytes()
