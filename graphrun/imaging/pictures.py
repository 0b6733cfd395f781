"""Pictures and masks as they travel between nodes before anyone wants a float tensor.

An IMAGE travels as a torch tensor (B, H, W, C) or as `Pictures`; a MASK as a tensor (B, H, W) or as `Matte`.
Both are immutable, so consumers may share them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from graphrun.imaging.decoding import decode_rgba
from graphrun.imaging.encoding import encode_png
from graphrun.imaging.lazy import lazy_import
from graphrun.imaging.opening import picture_size
from graphrun.imaging.unit import unit_floats
from graphrun.kernel.node_types import Socket

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")


class Pictures:
    """A batch of pictures: encoded files as they came, or 8-bit pixels. Made by `from_files` or `from_pixels`."""

    socket: ClassVar[Socket] = Socket("IMAGE")

    def __init__(self, files: tuple[bytes, ...] | None, pixels: npt.NDArray[np.uint8] | None) -> None:
        self._files = files
        self._pixels = pixels
        self._decoding = threading.Lock()

    @classmethod
    def from_files(cls, files: Sequence[bytes]) -> Pictures:
        """Keep encoded files untouched. They are decoded, to RGBA, when someone first wants their pixels."""
        if not files:
            raise ValueError("a batch of pictures needs at least one file")
        return cls(tuple(files), None)

    @classmethod
    def from_pixels(cls, pixels: npt.NDArray[np.uint8]) -> Pictures:
        """Keep (B, H, W, C) pixels. An array that its owner could still write to is copied."""
        if pixels.ndim != 4 or pixels.dtype != np.uint8:
            raise ValueError(f"pixels are uint8 (batch, height, width, channels), not {pixels.dtype} {pixels.shape}")
        return cls(None, _read_only(pixels))

    @property
    def files(self) -> tuple[bytes, ...] | None:
        """The encoded files as they came, or None where there are only pixels."""
        return self._files

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the first picture, from its header where it isn't decoded. Raises PictureError."""
        if self._pixels is not None:
            return self._pixels.shape[2], self._pixels.shape[1]
        assert self._files is not None
        return picture_size(self._files[0])

    @property
    def nbytes(self) -> int:
        """Bytes of memory held now; more once files have been decoded."""
        encoded = sum(len(file) for file in self._files or ())
        return encoded + (0 if self._pixels is None else self._pixels.nbytes)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Return (B, H, W, C) pixels, read-only, decoded once whoever asks. Raises PictureError.

        Files become RGBA; of unequal sizes all get that of the first (openai-images.md, 1.8).
        """
        with self._decoding:
            if self._pixels is None:
                assert self._files is not None
                self._pixels = _read_only(decode_rgba(self._files))
            return self._pixels

    def tensor(self) -> torch.Tensor:
        """Return a new float32 tensor (B, H, W, C), every value exactly k/255. Raises PictureError."""
        return torch.from_numpy(unit_floats(self.pixels()))

    def encoded(self) -> tuple[bytes, ...]:
        """Return picture files: as they came, or the pixels as PNG. Raises PictureError for unusual channels."""
        return self._files or tuple(encode_png(pixels) for pixels in self.pixels())

    def __len__(self) -> int:
        if self._files is not None:
            return len(self._files)
        assert self._pixels is not None
        return len(self._pixels)

    def __repr__(self) -> str:
        kind = "files" if self._files else "pixels"
        return f"<Pictures: {len(self)} as {kind}, {self.nbytes} bytes>"


class Matte:
    """A MASK still in 8 bits: the alpha (B, H, W) it was cut from; mask = 1 - alpha / 255."""

    socket: ClassVar[Socket] = Socket("MASK")

    def __init__(self, alpha: npt.NDArray[np.uint8]) -> None:
        if alpha.ndim != 3 or alpha.dtype != np.uint8:
            raise ValueError(f"an alpha is uint8 (batch, height, width), not {alpha.dtype} {alpha.shape}")
        self._alpha = _read_only(alpha)

    @property
    def alpha(self) -> npt.NDArray[np.uint8]:
        """The alpha (B, H, W), read-only; 255 is opaque and so not masked."""
        return self._alpha

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""
        return self._alpha.nbytes

    def values(self) -> npt.NDArray[np.float32]:
        """Return a new float32 array (B, H, W); 1 is masked."""
        return np.float32(1) - unit_floats(self._alpha)

    def tensor(self) -> torch.Tensor:
        """Return a new float32 tensor (B, H, W); 1 is masked."""
        return torch.from_numpy(self.values())

    def __len__(self) -> int:
        return len(self._alpha)

    def __repr__(self) -> str:
        batch, height, width = self._alpha.shape
        return f"<Matte: {batch} of {width} × {height}>"


def _read_only(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if array.flags.writeable or not array.flags.c_contiguous:
        array = array.copy(order="C")
        array.flags.writeable = False
    return array
