"""Picture files of an image service to one batch of RGBA pixels (openai-images.md, 1.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.opening import open_picture

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")


def decode_rgba(files: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """Return the first frames as (B, H, W, 4) uint8, all of the size of the first. Raises PictureError."""
    pictures = [_rgba(open_picture(data)) for data in files]
    return np.stack([np.asarray(fitted(picture, pictures[0].size)) for picture in pictures])


def _rgba(picture: PillowImage.Image) -> PillowImage.Image:
    if picture.mode.startswith("I"):  # 16 bits of grey, of which Pillow would make white from 255 on
        picture = PillowImage.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8))
    return picture.convert("RGBA")


def fitted(picture: PillowImage.Image, size: tuple[int, int]) -> PillowImage.Image:
    """Return the picture at ``size``: cut at the centre to its aspect, then bilinear without antialiasing."""
    if picture.size == size:
        return picture
    # EXTENT samples at half-pixel centres and clamps at the edge as torch does; Pillow's resize would smooth.
    box = centred(picture.size, size)
    return picture.crop(box).transform(
        size,
        PillowImage.Transform.EXTENT,
        (0, 0, box[2] - box[0], box[3] - box[1]),
        PillowImage.Resampling.BILINEAR,
    )


def centred(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the box (left, top, right, bottom) of ``target``'s aspect in a picture (image-mask-nodes.md, 1.6)."""
    (width, height), aspect, wanted = size, size[0] / size[1], target[0] / target[1]
    x = round((width - width * (wanted / aspect)) / 2) if aspect > wanted else 0
    y = round((height - height * (aspect / wanted)) / 2) if aspect < wanted else 0
    return x, y, width - x, height - y
