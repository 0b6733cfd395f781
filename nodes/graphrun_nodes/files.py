"""Nodes that read picture files and write them."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

from graphrun import (
    BoundFile,
    Complaint,
    Folders,
    Image,
    Mask,
    Matte,
    Named,
    NodePack,
    PathError,
    PictureError,
    Pictures,
    RunContext,
    Shown,
    Socket,
    Widget,
    lazy_import,
)
from graphrun.imaging import check_png, picture_kind
from graphrun_nodes.loading import load_picture
from graphrun_nodes.saved_names import save_path
from graphrun_nodes.saving import save_pictures

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_import("numpy")

pack = NodePack("builtin")

PictureFile = Annotated[str | BoundFile, Socket("COMBO"), Widget(file=True)]
SavedImages = Annotated[Pictures | Image, Named("images")]


def check_picture_file(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a file that isn't there or is no whole picture, before anything runs or is paid for."""
    file = arguments.get("image")
    if isinstance(file, str | BoundFile):
        try:
            _check_picture(folders.original(file))
        except (PathError, PictureError) as error:
            name = file if isinstance(file, str) else file.name
            # ComfyUI's mask editor keeps what was painted under such a name, on the machine it was painted on.
            mask = " (and what to change of it with --mask NODE=x,y,w,h)" if name.startswith("clipspace/") else ""
            remedy = f"choose a file with --file NODE.image=PATH{mask}, or the folder with --input-dir"
            yield Complaint("image", f"Invalid image file: {name}: {error}", "invalid_image_file", remedy)
    elif isinstance(file, bool | int | float | list | dict):
        message = f"Invalid image file: {file!r:.80}: a file has a name, which is text in quotes"
        yield Complaint("image", message, "invalid_image_file")


def _check_picture(data: bytes) -> None:
    """Look at the structure only: a plan decodes nothing."""
    match picture_kind(data):
        case None:
            raise PictureError("the file is no picture of a known kind")
        case "PNG":
            check_png(data)


def file_digest(arguments: Mapping[str, object], folders: Folders) -> str | None:
    """Return the SHA-256 of a named file as hex. A bound file is in the key by its content already."""
    file = arguments.get("image")
    return hashlib.sha256(folders.read(file)).hexdigest() if isinstance(file, str) else None


@pack.node("LoadImage", display_name="Load Image", category="image", check=check_picture_file, fingerprint=file_digest)
def load_image(image: PictureFile, context: RunContext) -> tuple[Pictures | Image, Matte | Mask]:
    """Load a picture, all its frames, and its transparency as a mask; without any, a mask of 64 × 64 zeros."""
    loaded = load_picture(context.folders.read(image), context.warn)
    if loaded.alpha is None:
        return loaded.image(), _opaque(len(loaded.colours), 64, 64)
    return loaded.image(), Matte(loaded.alpha)


@pack.node(
    "LoadImageMask",
    display_name="Load Image (as Mask)",
    category="image",
    check=check_picture_file,
    fingerprint=file_digest,
)
def load_image_mask(
    image: PictureFile, channel: Literal["alpha", "red", "green", "blue"], context: RunContext
) -> Matte | Mask:
    """Load one channel of a picture as a mask: a colour as it is, or the transparency."""
    loaded = load_picture(context.folders.read(image), context.warn)
    if channel != "alpha":
        return loaded.channel(("red", "green", "blue").index(channel))
    return _opaque(*loaded.colours.shape[:3]) if loaded.alpha is None else Matte(loaded.alpha)


def _opaque(batch: int, height: int, width: int) -> Matte:
    return Matte(np.full((batch, height, width), 255, dtype=np.uint8))


def check_prefix(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a prefix that leaves the output folder; its size and date are not known yet and don't matter."""
    prefix = arguments.get("filename_prefix")
    if isinstance(prefix, str):
        try:
            save_path(prefix, folders.output, 0, 0, datetime.now())
        except PathError as error:
            yield Complaint("filename_prefix", str(error))
    yield from _unwritable(folders, "output")


def check_temp(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a temp folder that can't be written."""
    return _unwritable(folders, "temp")


def _unwritable(folders: Folders, folder: str) -> Iterable[Complaint]:
    if reason := folders.why_not_writable(folder):
        yield Complaint("images", f"can't be saved: {reason}; choose another folder with --output-dir", "invalid_path")


@pack.node("SaveImage", display_name="Save Image", category="image", output_node=True, check=check_prefix)
def save_image(
    images: Pictures | Image, filename_prefix: Annotated[str, Widget(default="ComfyUI")], context: RunContext
) -> Shown[SavedImages]:
    """Save pictures as PNG in the output folder, with the workflow inside, and pass them on."""
    saved = save_pictures(images, filename_prefix, context.folders.output, context.metadata, compress_level=4)
    return Shown(images, ui=_shown(saved, "output"))


@pack.node("PreviewImage", display_name="Preview Image", category="image", output_node=True, check=check_temp)
def preview_image(images: Pictures | Image, context: RunContext) -> Shown[SavedImages]:
    """Save pictures as PNG in the temp folder and pass them on."""
    prefix = "ComfyUI_temp_" + "".join(random.choices(string.ascii_lowercase, k=5))
    saved = save_pictures(images, prefix, context.folders.temp, context.metadata, compress_level=1)
    return Shown(images, ui=_shown(saved, "temp"))


def _shown(saved: Iterable[tuple[str, str]], folder: str) -> dict[str, list[object]]:
    return {"images": [{"filename": name, "subfolder": subfolder, "type": folder} for name, subfolder in saved]}
