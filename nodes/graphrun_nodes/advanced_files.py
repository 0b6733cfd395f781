"""The files SaveImageAdvanced writes: PNG of 8 or 16 bits, EXR, AVIF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from graphrun import Pictures
from graphrun.imaging import eight_bit, insert_text
from graphrun_nodes.animation import encode_avif
from graphrun_nodes.deep_png import encode_deep_png
from graphrun_nodes.exr import encode_exr
from graphrun_nodes.picture_files import json_texts, png_files, png_texts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch

Choices = Mapping[str, Any]


def refusal(choices: Choices) -> str | None:
    """Return why files of this sort can't be written, by the choices that are known; or None."""
    if choices.get("format") != "avif":
        return None
    if choices.get("bit_depth") == "10-bit YUV420" or choices.get("input_color_space") in ("HDR", "HDR PQ"):
        return "graphrun writes AVIF of 8 bits and sRGB only: choose those, or exr for HDR"
    if choices.get("loop_count"):
        return "graphrun writes AVIF that repeats for ever: set loop_count to 0"
    return None


def is_animated(format: Choices) -> bool:
    """Whether a batch goes into one file."""
    return bool(format.get("save_mode", {}).get("save_mode") == "animated")


def advanced_files(images: Pictures | torch.Tensor, format: Choices, metadata: Mapping[str, object]) -> Iterator[bytes]:
    """Yield the files of a batch: one a picture, or a single animated one. Raises PictureError, and ValueError."""
    mode: Choices = format.get("save_mode", {})
    if reason := refusal({**format, **mode}):
        raise ValueError(reason)
    match format:
        case {"format": "png", "bit_depth": "16-bit"}:
            text = png_texts(metadata)
            yield from (insert_text(encode_deep_png(image), text) for image in _floats(images))
        case {"format": "png"}:
            yield from png_files(images, metadata, compress_level=4)
        case {"format": "exr", "input_color_space": color_space}:
            yield from (encode_exr(image, color_space, json_texts(metadata)) for image in _floats(images))
        case {"format": "avif", "crf": crf}:
            frames = eight_bit(images)
            parts = [frames] if is_animated(format) else [frame[None] for frame in frames]
            yield from (encode_avif(part, mode.get("fps", 1.0), metadata, crf=crf) for part in parts)


def _floats(images: Pictures | torch.Tensor) -> Iterator[npt.NDArray[np.float32]]:
    for image in images.tensor() if isinstance(images, Pictures) else images:
        yield image.detach().cpu().float().numpy()
