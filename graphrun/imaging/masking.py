"""Masks drawn over a picture and put into its alpha, as LoadImage reads them (image-mask-nodes.md, LoadImage).

White is what is to be changed, and is alpha 0 in the picture: LoadImage's mask is 1 there. A selection is a Pillow
picture of mode L in that sense, of the size the picture has when it is turned upright.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphrun.errors import PictureError
from graphrun.imaging.encoding import encode_png
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.opening import open_picture, read_frames, upright, upright_size
from graphrun.imaging.shapes import Colour, Ellipse, Polygon, Rectangle, Shape, Size

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image as PillowImage
    from PIL import ImageChops, ImageDraw, ImageFilter
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")
    ImageChops = lazy_import("PIL.ImageChops")
    ImageDraw = lazy_import("PIL.ImageDraw")
    ImageFilter = lazy_import("PIL.ImageFilter")

MaskPart = Rectangle | bytes
"""A box, or the bytes of a mask picture."""


@dataclass(frozen=True, slots=True)
class MaskChange:
    """Puts a mask into a picture's alpha whenever the picture is read. Its parts add up."""

    parts: tuple[MaskPart, ...]

    @property
    def identity(self) -> bytes:
        """Bytes that differ whenever the mask does."""
        parts = (hashlib.sha256(each).hexdigest() if isinstance(each, bytes) else repr(each) for each in self.parts)
        return f"mask 1: {'; '.join(parts)}".encode()

    def fault(self, picture: Size) -> str | None:
        """Say why this can't be the mask of a picture of that size. Looks at headers alone. Raises PictureError."""
        return next((fault for part in self.parts if (fault := _part_fault(part, picture))), None)

    def __call__(self, content: bytes) -> bytes:
        """Return the picture as PNG with the mask in its alpha; the alpha it had is gone. Raises PictureError."""
        picture = single_picture(content)
        return masked_png(picture, _sum(picture.size, (self._selection(part, picture.size) for part in self.parts)))

    def _selection(self, part: MaskPart, size: Size) -> PillowImage.Image:
        selection = selection_of(part) if isinstance(part, bytes) else _drawn(part, PillowImage.new("RGB", size))
        if selection.size != size:
            raise PictureError(_size_fault(selection.size, size) or "")
        return selection


def single_picture(data: bytes) -> PillowImage.Image:
    """Return the colours of a picture, upright, in 8-bit RGB. Raises PictureError, also for an animation."""
    frames = read_frames(data)
    picture = _colours(upright(next(frames)))
    if next(frames, None) is not None:
        raise PictureError("the file holds more than one picture, and a mask goes with one: give it a single frame")
    return picture


def selection_of(mask: bytes) -> PillowImage.Image:
    """Return what a mask picture selects: what is transparent, if anything is; else by brightness. PictureError."""
    picture = upright(open_picture(mask))
    if picture.has_transparency_data:
        alpha = picture.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return ImageChops.invert(alpha)
    return _colours(picture).convert("L")


def select(
    picture: PillowImage.Image, shapes: Iterable[Shape], *, invert: bool = False, feather: float = 0
) -> PillowImage.Image:
    """Return the selection of shapes, which add up. ``feather`` is the radius of a Gaussian blur in pixels."""
    selection = _sum(picture.size, (_drawn(shape, picture) for shape in shapes))
    if invert:
        selection = ImageChops.invert(selection)
    return selection.filter(ImageFilter.GaussianBlur(feather)) if feather else selection


def masked_png(picture: PillowImage.Image, selection: PillowImage.Image, *, compress_level: int = 1) -> bytes:
    """Return the RGB picture as a PNG whose alpha is 0 where the selection is white. Raises PictureError."""
    # Not by putalpha() and save(): one encoder writes all our PNGs.
    pixels = np.dstack([np.asarray(picture), 255 - np.asarray(selection)])
    return encode_png(pixels, compress_level=compress_level)


def _colours(picture: PillowImage.Image) -> PillowImage.Image:
    """Return a picture in RGB, colours under transparency as they are."""
    if picture.mode.startswith("I;16"):  # Pillow's own conversion would cut everything above 255
        eight_bit = (np.asarray(picture).astype(np.uint32) * 255 + 32767) // 65535
        return PillowImage.fromarray(eight_bit.astype(np.uint8)).convert("RGB")
    if picture.mode == "I":
        eight_bit = np.clip(np.asarray(picture) / 255, 0, 255)
        return PillowImage.fromarray(eight_bit.astype(np.uint8)).convert("RGB")
    try:
        return picture.convert("RGB")
    except Exception as error:  # a palette picture without a palette
        raise PictureError(f"the picture is damaged: its pixels can't be read as colours ({error!r})") from error


def _drawn(shape: Shape, picture: PillowImage.Image) -> PillowImage.Image:
    if isinstance(shape, Colour):
        return _alike(shape, picture)
    selection = PillowImage.new("L", picture.size)
    draw = ImageDraw.Draw(selection)
    match shape:
        case Rectangle(x, y, width, height):
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=255)
        case Ellipse(x, y, width, height):
            draw.ellipse((x, y, x + width - 1, y + height - 1), fill=255)
        case Polygon(corners):
            draw.polygon(corners, fill=255)
    return selection


def _alike(colour: Colour, picture: PillowImage.Image) -> PillowImage.Image:
    wanted = np.array([colour.red, colour.green, colour.blue], dtype=np.int16)
    distance = np.abs(np.asarray(picture).astype(np.int16) - wanted).max(axis=2)
    return PillowImage.fromarray(np.where(distance <= colour.tolerance, 255, 0).astype(np.uint8))


def _sum(size: Size, selections: Iterable[PillowImage.Image]) -> PillowImage.Image:
    total = PillowImage.new("L", size)
    for selection in selections:
        total = ImageChops.lighter(total, selection)
    return total


def _part_fault(part: MaskPart, picture: Size) -> str | None:
    if isinstance(part, bytes):
        return _size_fault(upright_size(part), picture)
    fault = part.fault(picture)
    return fault and f"the box {part.x},{part.y},{part.width},{part.height} {fault}"


def _size_fault(mask: Size, picture: Size) -> str | None:
    if mask == picture:
        return None
    sizes = f"the mask is {mask[0]} × {mask[1]} pixels, the picture {picture[0]} × {picture[1]}"
    return f"{sizes}: scale the mask to the picture's size, or give a box x,y,width,height in its place"
