"""8 bits as numbers from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrun.imaging.lazy import lazy_import

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
else:
    np = lazy_import("numpy")


def unit_floats(eight_bit: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return ``k / 255`` in float32, in the one order of operations that `eight_bit` takes back exactly."""
    return eight_bit.astype(np.float32) / np.float32(255)
