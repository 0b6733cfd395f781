"""Small WebP pictures inside the page, each within a number of characters, so that the page has a known bound."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphrun.errors import PictureError
from graphrun.imaging import open_picture, picture_kind
from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    from PIL import Image as PillowImage
    from PIL import ImageOps
else:
    PillowImage = lazy_import("PIL.Image")
    ImageOps = lazy_import("PIL.ImageOps")

ROOM = 13_000_000
"""Characters for all thumbnails of a page. With the text of 1,000 rows, the page stays below 15 MB."""
MOST = 10_000
"""Thumbnails of a page. More rows than that have no place in it either."""

_MOST_EACH = 14_000
_LEAST_EACH = 2_000  # below that there is nothing to be seen; 10,000 of them are 20 MB
_LONGEST_FILE = 256 * 2**20
_RUNGS = (
    (320, 72),
    (256, 72),
    (256, 50),
    (192, 50),
    (128, 50),
    (96, 45),
    (64, 40),
    (48, 30),
)  # longest side in pixels, quality
_HOPELESS = 12  # pixels a character: more than that fits with the plainest pictures only, and is not worth a try
_LONGEST_SHAPE = 4  # a strip of pixels is cut to this aspect: shrunk as a whole it would be a line


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture as a ``data:`` address, and its size in pixels."""

    url: str
    width: int
    height: int


def room_for_each(pictures: int) -> int:
    """Return how many characters each of so many thumbnails may have."""
    return min(_MOST_EACH, max(_LEAST_EACH, ROOM // max(pictures, 1)))


def thumbnail(path: Path, room: int) -> Thumbnail | None:
    """Return a picture small enough for ``room`` characters; None where the file is gone, no picture, or damaged."""
    try:
        if path.stat().st_size > _LONGEST_FILE:
            return None
        with path.open("rb") as file:
            head = file.read(64)
            if picture_kind(head) is None:
                return None
            picture = _upright(open_picture(head + file.read()))
    except (OSError, PictureError):
        return None
    rungs = ((side, quality) for side, quality in _RUNGS if side**2 <= _HOPELESS * room)
    return next((made for side, quality in rungs if (made := _shrunk(picture, side, quality, room))), None)


def _upright(picture: PillowImage.Image) -> PillowImage.Image:
    """Return the picture as it is looked at, in 8 bits, no larger than needed."""
    if picture.mode.startswith("I"):  # 16 bits of grey, of which Pillow would make white from 255 on
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture = ImageOps.exif_transpose(picture)
    shape = (min(picture.width, picture.height * _LONGEST_SHAPE), min(picture.height, picture.width * _LONGEST_SHAPE))
    if shape != picture.size:
        picture = ImageOps.fit(picture, shape)
    picture.thumbnail((_RUNGS[0][0],) * 2)
    return picture


def _shrunk(picture: PillowImage.Image, side: int, quality: int, room: int) -> Thumbnail | None:
    """Return the picture at a size and quality, or None where that needs more room."""
    small = picture.copy()
    small.thumbnail((side, side))
    small.info.clear()  # what a file tells of itself (place, camera, workflow) is not for whoever gets the page
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=quality, method=4)
    url = f"data:image/webp;base64,{base64.b64encode(encoded.getbuffer()).decode()}"
    return Thumbnail(url, *small.size) if len(url) <= room else None
