"""Write the pictures of a batch, never over another file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from graphrun import PathError, Pictures
from graphrun.imaging import check_png, eight_bit, encode_png, insert_text, is_keyword, picture_kind
from graphrun_nodes.saved_names import SavePath, save_path

if TYPE_CHECKING:
    import torch


def save_pictures(
    images: Pictures | torch.Tensor,
    prefix: str,
    folder: Path,
    metadata: Mapping[str, object],
    *,
    compress_level: int,
) -> list[tuple[str, str]]:
    """Write each picture as a PNG and return (file name, subfolder) of each.

    Files of an image service stay as they came but for the metadata. Raises PathError where the prefix leaves the
    folder or the disk refuses, PictureError for pictures that a PNG can't hold.
    """
    path = save_path(prefix, folder, *_size(images), datetime.now())
    try:
        path.folder.mkdir(parents=True, exist_ok=True)
        counter, saved = path.first_counter(), []
        for index, png in enumerate(_png_files(images, _texts(metadata), compress_level)):
            used, name = _write_new(path, counter, index, png)
            counter = used + 1
            saved.append((name, path.subfolder))
    except (OSError, UnicodeError) as error:
        raise PathError(f"can't save to {path.folder / path.base}: {error}") from error
    return saved


def _size(images: Pictures | torch.Tensor) -> tuple[int, int]:
    return images.size if isinstance(images, Pictures) else (images.shape[2], images.shape[1])


def _texts(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of a PNG, the prompt first (image-mask-nodes.md, 1.9)."""
    ordered = sorted(metadata.items(), key=lambda item: item[0] != "prompt")
    return {key: json.dumps(value) for key, value in ordered if value is not None and is_keyword(key)}


def _png_files(images: Pictures | torch.Tensor, text: Mapping[str, str], compress_level: int) -> Iterator[bytes]:
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


def _write_new(path: SavePath, counter: int, index: int, data: bytes) -> tuple[int, str]:
    """Write under the first free counter. Another process may be saving the same prefix: nothing is overwritten."""
    part = path.folder / f".{uuid4().hex}.part"  # unique, and no name that a counter is read from
    try:
        part.write_bytes(data)
        return next(found for found in path.names(counter, index) if _claim(part, path.folder / found[1], data))
    finally:
        part.unlink(missing_ok=True)


def _claim(part: Path, target: Path, data: bytes) -> bool:
    """Give the written file its name, unless that is taken. A reader never sees half a file under it."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        return create_new(target, data)
    return True


def create_new(target: Path, data: bytes) -> bool:
    """Write a file that isn't there and return True, or return False where it is. Raises OSError, leaving nothing."""
    try:
        file = target.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(data)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    return True
