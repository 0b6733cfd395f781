"""A picture file as LoadImage reads it: colours without alpha, and the alpha beside them (image-mask-nodes.md, 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphrun import PictureError, Pictures, lazy_import
from graphrun.imaging import open_picture, read_frames, unit_floats

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")

_ORIENTATION = 0x0112  # EXIF tag
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


@dataclass(frozen=True, slots=True)
class LoadedPicture:
    """What a file holds: colours (N, H, W, 3) in uint8, or float32 where 8 bits don't do, and alpha (N, H, W)."""

    colours: npt.NDArray[Any]
    alpha: npt.NDArray[np.uint8] | None

    def image(self) -> Pictures | torch.Tensor:
        """Return the pictures as an IMAGE."""
        if self.colours.dtype == np.uint8:
            return Pictures.from_pixels(self.colours)
        return torch.from_numpy(self.colours)

    def channel(self, index: int) -> torch.Tensor:
        """Return one colour as a MASK (N, H, W)."""
        return torch.from_numpy(_floats(self.colours[..., index]))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Colours (H, W, 3) and alpha (H, W), if there is one."""

    colours: npt.NDArray[Any]
    alpha: npt.NDArray[np.uint8] | None = None


def load_picture(data: bytes, warn: Callable[[str], None]) -> LoadedPicture:
    """Read all frames that have the first one's size, turned upright. Raises PictureError; ``warn`` hears of damage."""
    frames: list[_Frame] = []
    for picture in read_frames(data, warn=warn):
        frame = _whole(_upright(picture))
        if not frames or frame.colours.shape == frames[0].colours.shape:
            frames.append(frame)
    return LoadedPicture(_colours(frames), _alpha(frames))


def load_plain(data: bytes) -> torch.Tensor:
    """Read the first frame's colours as (1, H, W, 3), not turned upright, as data sets are read. PictureError."""
    return torch.from_numpy(_floats(_whole(open_picture(data)).colours)).unsqueeze(0)


def _upright(picture: PillowImage.Image) -> PillowImage.Image:
    try:
        orientation = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return picture
    turn = _UPRIGHT.get(orientation)
    return picture.transpose(PillowImage.Transpose[turn]) if turn else picture


def _whole(picture: PillowImage.Image) -> _Frame:
    try:
        return _read(picture)
    except Exception as error:  # Pillow decodes a palette picture that has no palette, and stumbles over it here
        raise PictureError(f"the picture is damaged: its pixels can't be read as colours ({error!r})") from error


def _read(picture: PillowImage.Image) -> _Frame:
    if picture.mode.startswith("I;16"):  # Pillow's own conversion would cut everything above 255
        values = np.asarray(picture)
        return _Frame(_grey(values.astype(np.float32) / np.float32(65535)), _alpha_of_key(values, picture))
    if picture.mode == "I":
        return _Frame(_grey(np.clip(np.asarray(picture) / 255, 0, 255).astype(np.uint8)))
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"))
        return _Frame(rgba[:, :, :3], rgba[:, :, 3])
    return _Frame(np.asarray(picture.convert("RGB")))


def _grey(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.repeat(values[:, :, np.newaxis], 3, axis=2)


def _alpha_of_key(values: npt.NDArray[Any], picture: PillowImage.Image) -> npt.NDArray[np.uint8] | None:
    """Return the alpha of a picture in which one grey value is transparent (tRNS of a PNG)."""
    key = picture.info.get("transparency")
    return None if key is None else np.where(values == key, 0, 255).astype(np.uint8)


def _colours(frames: Sequence[_Frame]) -> npt.NDArray[Any]:
    """Return one array, of floats where any frame is."""
    eight_bit = all(frame.colours.dtype == np.uint8 for frame in frames)
    return np.stack([frame.colours if eight_bit else _floats(frame.colours) for frame in frames])


def _floats(colours: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return unit_floats(colours) if colours.dtype == np.uint8 else colours


def _alpha(frames: Sequence[_Frame]) -> npt.NDArray[np.uint8] | None:
    """Return the alpha of all frames, opaque for those without, or None where no frame has one.

    GIFs mix both: their first frame may be opaque and the others not.
    """
    if all(frame.alpha is None for frame in frames):
        return None
    opaque = np.full(frames[0].colours.shape[:2], 255, dtype=np.uint8)
    return np.stack([opaque if frame.alpha is None else frame.alpha for frame in frames])
