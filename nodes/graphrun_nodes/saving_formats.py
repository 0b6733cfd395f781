"""The kinds of file SaveImageAdvanced offers, and the inputs each brings (image-mask-nodes.md, 2). Data only."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from graphrun import DynamicCombo, Widget, input_of

_ANIMATED = (
    input_of("fps", Annotated[float, Field(ge=0.01, le=1000), Widget(default=6.0)]),
    input_of("loop_count", Annotated[int, Field(ge=0, le=1000), Widget(default=0)]),
)
_SAVE_MODES = DynamicCombo({"still images": (), "animated": _ANIMATED})

FORMATS = MappingProxyType(
    {
        "png": (
            input_of("bit_depth", Literal["8-bit", "16-bit"]),
            input_of("input_color_space", Literal["sRGB"]),
        ),
        "exr": (
            input_of("bit_depth", Literal["32-bit float"]),
            input_of("input_color_space", Literal["sRGB", "HDR", "linear"]),
        ),
        "avif": (
            input_of("bit_depth", Literal["auto", "8-bit YUV420", "10-bit YUV420"]),
            input_of("input_color_space", Literal["sRGB", "HDR", "HDR PQ"]),
            input_of("crf", Annotated[int, Field(ge=1, le=63), Widget(default=18)]),
            input_of("save_mode", Annotated[str, _SAVE_MODES]),
        ),
    }
)
