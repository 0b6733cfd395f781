"""Masks for services that change what is white, made of OpenAI's, where clear means change (openai-images.md, 2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun.imaging import open_picture
from graphrun.imaging.lazy import lazy_import
from graphrun.providers.base import Upload

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_import("numpy")


def white_where_clear(mask: Upload) -> Upload:
    """Return a grey PNG, white where ``mask`` is fully clear. Raises PictureError for one that can't be read."""
    alpha = np.asarray(open_picture(mask.data).convert("RGBA"))[..., 3:]
    return Upload.of_pixels(mask.file_name, 255 - alpha)
