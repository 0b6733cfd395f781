"""Pictures as the files that savers write, with the workflow inside (image-mask-nodes.md, 1.9)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from graphrun import Pictures
from graphrun.imaging import check_png, eight_bit, encode_png, insert_text, is_keyword, picture_kind

if TYPE_CHECKING:
    import torch


def size_of(images: Pictures | torch.Tensor) -> tuple[int, int]:
    """Return (width, height) of the first picture."""
    return images.size if isinstance(images, Pictures) else (images.shape[2], images.shape[1])


def json_texts(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return what goes into a picture as JSON in ASCII, the prompt first; what is None is left out."""
    ordered = sorted(metadata.items(), key=lambda item: item[0] != "prompt")
    return {key: json.dumps(value) for key, value in ordered if value is not None}


def png_texts(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of a PNG: those with a name that one can carry."""
    return {key: text for key, text in json_texts(metadata).items() if is_keyword(key)}


def png_files(
    images: Pictures | torch.Tensor, metadata: Mapping[str, object], *, compress_level: int
) -> Iterator[bytes]:
    """Yield each picture as a PNG; files of an image service stay as they came but for the metadata.

    Raises PictureError for pictures that a PNG can't hold.
    """
    text = png_texts(metadata)
    if isinstance(images, Pictures) and images.files:
        for file in images.files:
            yield _with_text(file, text, compress_level)
    else:
        for pixels in eight_bit(images):
            yield encode_png(pixels, compress_level=compress_level, text=text)


def _with_text(file: bytes, text: Mapping[str, str], compress_level: int) -> bytes:
    if picture_kind(file) != "PNG":
        return encode_png(Pictures.from_files([file]).pixels()[0], compress_level=compress_level, text=text)
    check_png(file)
    return insert_text(file, text)
