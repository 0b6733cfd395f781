"""Animated pictures: WebP, AVIF and PNG, with the workflow inside (image-mask-nodes.md, 1.9)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphrun import PictureError, lazy_import
from graphrun.imaging import png_chunk
from graphrun_nodes.picture_files import json_texts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage
else:
    PillowImage = lazy_import("PIL.Image")

_MODEL = 0x0110  # the EXIF tag that holds the prompt; all else goes into the tags below it
_FILL_ORDER = 0x010A  # the first tag on the way down that can't hold text


def encode_webp(
    frames: npt.NDArray[np.uint8],
    fps: float,
    metadata: Mapping[str, object],
    *,
    lossless: bool,
    quality: int,
    effort: int,
) -> bytes:
    """Return (B, H, W, C) pixels as a WebP, animated if there are several. Raises PictureError."""
    options = {"lossless": lossless, "quality": quality, "method": effort}
    exif = _exif(metadata)
    return _encoded("WEBP", frames, fps, {**options, "exif": exif} if exif else options)


def encode_avif(frames: npt.NDArray[np.uint8], fps: float, metadata: Mapping[str, object], *, crf: int) -> bytes:
    """Return (B, H, W, C) pixels as an AVIF in YUV 4:2:0, animated if there are several.

    Raises PictureError, also where Pillow is too old or built without an encoder.
    """
    options = {"subsampling": "4:2:0", "codec": "aom", "advanced": {"end-usage": "q", "cq-level": f"{crf}"}}
    exif = _exif(metadata)
    return _encoded("AVIF", frames, fps, {**options, "exif": exif} if exif else options)


def encode_apng(
    frames: npt.NDArray[np.uint8], fps: float, metadata: Mapping[str, object], *, compress_level: int
) -> bytes:
    """Return (B, H, W, C) pixels as a PNG, animated if there are several. Raises PictureError."""
    png = _encoded("PNG", frames, fps, {"compress_level": compress_level})
    end = len(png) - 12  # IEND, which is empty
    return b"".join([png[:end], *map(_comf, json_texts(metadata).items()), png[end:]])


def _encoded(kind: str, frames: npt.NDArray[np.uint8], fps: float, options: Mapping[str, Any]) -> bytes:
    pictures = [PillowImage.fromarray(_squeezed(frame)) for frame in frames]
    if not pictures or not frames.size:
        raise PictureError(f"there is nothing to save: the pictures are {frames.shape}")
    file = io.BytesIO()
    duration = int(1000.0 / fps)  # milliseconds
    try:
        pictures[0].save(file, kind, save_all=True, append_images=pictures[1:], duration=duration, **options)
    except (KeyError, OSError, ValueError) as error:
        raise PictureError(f"Pillow can't write the {kind} picture ({error}): a newer one may") from error
    return file.getvalue()


def _squeezed(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if frame.shape[2] not in (1, 3, 4):
        raise PictureError(f"a picture is saved with 1, 3 or 4 channels, and this one has {frame.shape[2]}")
    return frame[:, :, 0] if frame.shape[2] == 1 else frame


def _exif(metadata: Mapping[str, object]) -> PillowImage.Exif:
    """Put each text into a tag of its own, as ``key:json``."""
    texts, exif = json_texts(metadata), PillowImage.Exif()
    if prompt := texts.pop("prompt", None):
        exif[_MODEL] = f"prompt:{prompt}"
    for tag, (key, text) in zip(range(_MODEL - 1, _FILL_ORDER, -1), texts.items(), strict=False):
        exif[tag] = f"{key}:{text}"
    return exif


def _comf(item: tuple[str, str]) -> bytes:
    """Return ComfyUI's private chunk: a key, NUL, and JSON."""
    return png_chunk(b"comf", item[0].encode("latin-1", "replace") + b"\0" + item[1].encode("ascii"))
