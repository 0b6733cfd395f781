"""Nodes that save animated pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from graphrun import Image, NodePack, Pictures, RunContext, Shown, Widget
from graphrun.imaging import eight_bit
from graphrun_nodes.animation import encode_apng, encode_webp
from graphrun_nodes.inputs import Prefix
from graphrun_nodes.picture_files import size_of
from graphrun_nodes.saver_checks import check_prefix
from graphrun_nodes.savers import SavedImages, saved

pack = NodePack("builtin")

FramesPerSecond = Annotated[float, Field(ge=0.01, le=1000), Widget(default=6.0, step=0.01)]
Effort = Literal["default", "fastest", "slowest"]

_EFFORTS: dict[Effort, int] = {"default": 4, "fastest": 0, "slowest": 6}


@pack.node(
    "SaveAnimatedWEBP", display_name="Save Animated WEBP", category="image", output_node=True, check=check_prefix
)
def save_animated_webp(
    images: Pictures | Image,
    filename_prefix: Prefix,
    fps: FramesPerSecond,
    lossless: Annotated[bool, Widget(default=True)],
    quality: Annotated[int, Field(ge=0, le=100), Widget(default=80)],
    method: Effort,
    context: RunContext,
) -> Shown[SavedImages]:
    """Save a batch as one animated WebP in the output folder, with the workflow inside, and pass it on."""
    frames, effort = eight_bit(images), _EFFORTS[method]
    file = encode_webp(frames, fps, context.metadata, lossless=lossless, quality=quality, effort=effort)
    return Shown(images, ui=_shown(saved([file], "_.webp", filename_prefix, context, size_of(images)), len(frames)))


@pack.node("SaveAnimatedPNG", display_name="Save Animated PNG", category="image", output_node=True, check=check_prefix)
def save_animated_png(
    images: Pictures | Image,
    filename_prefix: Prefix,
    fps: FramesPerSecond,
    compress_level: Annotated[int, Field(ge=0, le=9), Widget(default=4)],
    context: RunContext,
) -> Shown[SavedImages]:
    """Save a batch as one animated PNG in the output folder, with the workflow inside, and pass it on."""
    frames = eight_bit(images)
    file = encode_apng(frames, fps, context.metadata, compress_level=compress_level)
    return Shown(images, ui=_shown(saved([file], "_.png", filename_prefix, context, size_of(images)), len(frames)))


def _shown(files: list[object], frames: int) -> dict[str, Sequence[object]]:
    return {"images": files, "animated": [True]} if frames > 1 else {"images": files}
