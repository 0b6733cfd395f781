"""Open a picture of any kind safely: no bombs, no half files, no warnings, no settings of the process touched."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graphrun.errors import PictureError
from graphrun.imaging.kinds import READABLE, picture_kind
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.png import MAX_PIXELS, check_pixel_count, check_png, pixel_chunks, png_size

if TYPE_CHECKING:
    from PIL import Image as PillowImage
    from PIL import ImageOps
    from PIL.ImageFile import ImageFile
else:
    PillowImage = lazy_import("PIL.Image")
    ImageOps = lazy_import("PIL.ImageOps")

_PLUGINS = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "WEBP": "WebPImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "ICO": "IcoImagePlugin",
    "PPM": "PpmImagePlugin",
    "QOI": "QoiImagePlugin",
}

# Where a PNG without an eXIf chunk may say how it is to be turned, which Pillow's getexif() reads.
_TURNING_TEXTS = ("Raw profile type exif", "XML:com.adobe.xmp")

_ORIENTATION = 0x0112  # EXIF tag
_LYING = (5, 6, 7, 8)  # orientations that change width and height over


def open_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Return a Pillow image with its first frame decoded. Raises PictureError as `read_frames` does."""
    return next(read_frames(data, max_pixels=max_pixels))


def read_frames(
    data: bytes, *, max_pixels: int = MAX_PIXELS, warn: Callable[[str], None] = lambda message: None
) -> Iterator[ImageFile]:
    """Yield one Pillow image again and again, each time with its next frame decoded.

    Raises PictureError for bytes that are no picture, for more than ``max_pixels`` pixels in all frames together (told
    from the headers, before anything is decoded) and for a damaged PNG: pixels nobody has seen aren't guessed. Of
    other kinds the missing part is blank, grey or black mostly (image-mask-nodes.md, LoadImage), and ``warn`` is told.
    """
    kind = _known_kind(data)
    if kind == "PNG":
        check_png(data, max_pixels=max_pixels)
        data = pixel_chunks(data, texts=_TURNING_TEXTS)
    elif kind == "JPEG" and _has_no_end(data):
        data += b"\xff\xd9"  # so that the decoder gives what it has
        warn("the JPEG picture is cut short: its missing part is blank")
    picture = _open(data, kind)
    try:
        check_pixel_count(*picture.size, frame_count(picture), max_pixels)
        yield from _decoded_frames(picture, max_pixels, warn)
    except PictureError:
        raise
    except Exception as error:  # plugins raise a dozen types on bytes they don't understand
        raise PictureError(f"the {kind} picture is damaged: {error}") from error


def frame_count(picture: PillowImage.Image) -> int:
    """Return how many frames count. Of an MPO only the first: the others are the same view for other screens."""
    return 1 if picture.format == "MPO" else int(getattr(picture, "n_frames", 1))


def picture_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels from the header. Raises PictureError."""
    kind = _known_kind(data)
    return png_size(data) if kind == "PNG" else _open(data, kind).size


def upright_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels of the picture turned upright, from the header. Raises PictureError."""
    kind = _known_kind(data)
    marks = (b"eXIf", *(text.encode() for text in _TURNING_TEXTS))
    if kind == "PNG" and not any(mark in data for mark in marks):
        return png_size(data)  # without Pillow
    picture = _open(data, kind)
    width, height = picture.size
    return (height, width) if _orientation(picture) in _LYING else (width, height)


def upright(picture: PillowImage.Image) -> PillowImage.Image:
    """Return a decoded picture turned as its EXIF block says."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return picture


def _orientation(picture: PillowImage.Image) -> object:
    try:
        return picture.getexif().get(_ORIENTATION)
    except Exception:  # damaged, as above
        return None


def _known_kind(data: bytes) -> str:
    kind = picture_kind(data)
    if kind is None:
        raise PictureError(f"the bytes are no picture that can be read ({READABLE})")
    return kind


def _open(data: bytes, kind: str) -> ImageFile:
    """Read the header. Not with Image.open, which warns of large pictures through the filters of the whole process."""
    try:
        importlib.import_module(f"PIL.{_PLUGINS[kind]}")
        factory, _ = PillowImage.OPEN[kind]
        return factory(io.BytesIO(data), "")
    except Exception as error:
        raise PictureError(f"the {kind} picture is damaged or of a sort Pillow can't read: {error}") from error


def _has_no_end(jpeg: bytes) -> bool:
    """Whether the end marker is missing behind the last scan, in whose data it can't occur by chance."""
    return jpeg.find(b"\xff\xd9", jpeg.rfind(b"\xff\xda")) < 0


def _decoded_frames(picture: ImageFile, max_pixels: int, warn: Callable[[str], None]) -> Iterator[ImageFile]:
    pixels = 0
    for index in range(frame_count(picture)):
        try:
            picture.seek(index)
        except EOFError:  # the header promised more frames than there are
            return
        pixels += picture.width * picture.height
        if pixels > max_pixels:  # pages of a TIFF differ in size, so the first doesn't tell
            raise PictureError(f"the pictures in the file have more than {max_pixels} pixels together")
        if not _load_all(picture):
            warn(f"the {picture.format} picture is damaged or cut short: its missing part is blank")
        yield picture


def _load_all(picture: ImageFile) -> bool:
    """Decode the frame and return True, or keep what could be decoded of it and return False.

    Pillow's own leniency is a switch for the whole process, which other threads would feel.
    """
    try:
        picture.load()
    except OSError:
        if picture.format == "PNG":
            raise
        if picture.tile:  # the file ended: finish as Pillow does behind the last tile
            picture.tile = []
            picture.load_end()
        return False
    return True
