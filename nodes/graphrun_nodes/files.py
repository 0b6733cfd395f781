"""Nodes that read picture files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from graphrun import (
    BoundFile,
    Complaint,
    Folders,
    Image,
    Mask,
    Matte,
    NodePack,
    PathError,
    PictureError,
    Pictures,
    RunContext,
    Socket,
    Widget,
    lazy_import,
)
from graphrun.imaging import check_png, picture_kind
from graphrun_nodes.loading import LoadedPicture, load_picture

if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy_import("numpy")

pack = NodePack("builtin")

PictureFile = Annotated[str | BoundFile, Socket("COMBO"), Widget(file=True)]
CapturedFile = Annotated[str | BoundFile, Socket("WEBCAM"), Widget(file=True)]


def check_picture_file(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a file that isn't there or is no whole picture, before anything runs or is paid for."""
    file = arguments.get("image")
    if isinstance(file, str | BoundFile):
        try:
            check_structure(folders.original(file))
        except (PathError, PictureError) as error:
            name = file if isinstance(file, str) else file.name
            # ComfyUI's mask editor keeps what was painted under such a name, on the machine it was painted on.
            mask = " (and what to change of it with --mask NODE=x,y,w,h)" if name.startswith("clipspace/") else ""
            remedy = f"choose a file with --file NODE.image=PATH{mask}, or the folder with --input-dir"
            yield Complaint("image", f"Invalid image file: {name}: {error}", "invalid_image_file", remedy)
    elif isinstance(file, bool | int | float | list | dict):
        message = f"Invalid image file: {file!r:.80}: a file has a name, which is text in quotes"
        yield Complaint("image", message, "invalid_image_file")


def check_structure(data: bytes) -> None:
    """Raise PictureError for bytes that are no whole picture, by their structure only: a plan decodes nothing."""
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
    return _image_and_mask(load_picture(context.folders.read(image), context.warn))


@pack.node(
    "LoadImageOutput",
    display_name="Load Image (from Outputs)",
    category="image",
    check=check_picture_file,
    fingerprint=file_digest,
)
def load_image_output(image: PictureFile, context: RunContext) -> tuple[Pictures | Image, Matte | Mask]:
    """Load a picture that an earlier run saved, named with [output] behind it; without that, an input."""
    return _image_and_mask(load_picture(context.folders.read(image), context.warn))


def _image_and_mask(loaded: LoadedPicture) -> tuple[Pictures | Image, Matte | Mask]:
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


@pack.node(
    "WebcamCapture",
    display_name="Webcam Capture",
    category="image",
    check=check_picture_file,
    fingerprint=file_digest,
)
def webcam_capture(
    image: CapturedFile,
    width: Annotated[int, Widget(default=0)],
    height: Annotated[int, Widget(default=0)],
    capture_on_queue: Annotated[bool, Widget(default=True)],
    context: RunContext,
) -> Pictures | Image:
    """Load the picture that a browser took and uploaded. Here nothing is taken: the file must be there."""
    return load_picture(context.folders.read(image), context.warn).image()


def _opaque(batch: int, height: int, width: int) -> Matte:
    return Matte(np.full((batch, height, width), 255, dtype=np.uint8))
