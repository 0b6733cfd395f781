"""Pictures and masks as they travel between nodes before anyone wants a float tensor.

An IMAGE travels as a torch tensor (B, H, W, C) or as `Pictures`; a MASK as a tensor (B, H, W) or as `Matte`.
"""

from __future__ import annotations

from typing import ClassVar

from graphrun.kernel.node_types import Socket


class Pictures:
    """Encoded picture files as they came, or 8-bit pixels. Immutable."""

    socket: ClassVar[Socket] = Socket("IMAGE")


class Matte:
    """A MASK still in 8 bits: the alpha it was cut from; mask = 1 - alpha / 255. Immutable."""

    socket: ClassVar[Socket] = Socket("MASK")
