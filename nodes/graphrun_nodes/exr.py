"""OpenEXR files of 32-bit floats, which Pillow can't write: scan lines without compression.

A file is a magic number, a version, attributes (name, type, size, value), a table of where each line begins, and per
line its number, its size and each channel's values, channels by name (openexr.com, "OpenEXR File Layout").
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from graphrun import PictureError, lazy_import

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy_import("numpy")

ColorSpace = Literal["sRGB", "HDR", "linear"]

_MAGIC_AND_VERSION = bytes([0x76, 0x2F, 0x31, 0x01, 2, 0, 0, 0])
_CHANNELS = {1: "Y", 3: "RGB", 4: "RGBA"}
_FLOAT = 2
_LONGEST_NAME = 31
# x and y of red, green, blue and white
_REC_709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_REC_2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)


def encode_exr(image: npt.NDArray[np.float32], color_space: ColorSpace, text: Mapping[str, str]) -> bytes:
    """Return an EXR of (H, W, C) floats, made linear, not clamped, with ``text`` as attributes.

    Raises PictureError for other than 1, 3 or 4 channels, and for pictures without pixels.
    """
    height, width, channels = image.shape
    if channels not in _CHANNELS or not image.size:
        raise PictureError(f"an EXR has pixels of 1, 3 or 4 channels, and this picture is {image.shape}")
    names = _CHANNELS[channels]
    by_name = sorted(range(channels), key=names.__getitem__)
    lines = np.ascontiguousarray(linear(image, color_space)[:, :, by_name].transpose(0, 2, 1), dtype="<f4")
    head = _header(width, height, sorted(names), color_space, text)
    return head + _offsets(len(head), lines) + b"".join(_line(number, values) for number, values in enumerate(lines))


def linear(image: npt.NDArray[np.float32], color_space: ColorSpace) -> npt.NDArray[np.float32]:
    """Return light for values of a screen: sRGB's curve undone, or HLG's of HDR. An alpha channel stays."""
    if color_space == "linear":
        return image
    x = image[:, :, :3].astype(np.float64)
    light = _from_srgb(x) if color_space == "sRGB" else _from_hlg(x)
    return np.concatenate([light.astype(np.float32), image[:, :, 3:]], axis=2)


def _from_srgb(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0) + 0.055) / 1.055) ** 2.4)


def _from_hlg(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(x <= 0.5, x**2 / 3, (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def _header(width: int, height: int, names: Iterable[str], color_space: ColorSpace, text: Mapping[str, str]) -> bytes:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name.encode() + b"\0" + struct.pack("<i4x2i", _FLOAT, 1, 1) for name in names) + b"\0"
    attributes = [
        _attribute("channels", "chlist", channels),
        _attribute("chromaticities", "chromaticities", struct.pack("<8f", *_primaries(color_space))),
        _attribute("compression", "compression", b"\0"),
        _attribute("dataWindow", "box2i", window),
        _attribute("displayWindow", "box2i", window),
        _attribute("lineOrder", "lineOrder", b"\0"),
        _attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
        _attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        _attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
        *(_attribute(key, "string", value.encode()) for key, value in text.items() if _is_name(key)),
    ]
    return _MAGIC_AND_VERSION + b"".join(attributes) + b"\0"


def _primaries(color_space: ColorSpace) -> tuple[float, ...]:
    return _REC_2020 if color_space == "HDR" else _REC_709


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return b"%b\0%b\0%b%b" % (name.encode(), kind.encode(), struct.pack("<i", len(value)), value)


def _is_name(key: str) -> bool:
    return 0 < len(key.encode("utf-8", "replace")) <= _LONGEST_NAME and "\0" not in key


def _offsets(start: int, lines: npt.NDArray[np.float32]) -> bytes:
    first = start + 8 * len(lines)
    table: bytes = (first + np.arange(len(lines), dtype="<u8") * (8 + lines[0].nbytes)).astype("<u8").tobytes()
    return table


def _line(number: int, values: npt.NDArray[np.float32]) -> bytes:
    return struct.pack("<2i", number, values.nbytes) + values.tobytes()
