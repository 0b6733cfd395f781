"""Nodes that read folders of pictures and captions, and write them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from graphrun import (
    Complaint,
    Folders,
    Image,
    Named,
    NodePack,
    PathError,
    PictureError,
    RunContext,
    Socket,
    Widget,
    lazy_import,
)
from graphrun.imaging import eight_bit, encode_png, unit_floats
from graphrun_nodes.inputs import LinkedText
from graphrun_nodes.loading import load_plain
from graphrun_nodes.saved_names import SavePath, save_path
from graphrun_nodes.saver_checks import check_output
from graphrun_nodes.saving import replace_file

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image as PillowImage
else:
    np = lazy_import("numpy")
    torch = lazy_import("torch")
    PillowImage = lazy_import("PIL.Image")

pack = NodePack("builtin")

_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_REPEATED = re.compile(r"(\d+)_.*", re.DOTALL)
_MOST_REPEATS = 1000
_PILLOW_LEVEL = 6  # zlib's own, which Pillow uses where nothing is asked for

Folder = Annotated[str, Socket("COMBO"), Field(description="A folder in the input folder, such as set or set/cats.")]
LoadedImages = Annotated[list[Image], Named("images")]
Texts = Annotated[list[str], Named("texts")]
ResizeMethod = Literal["None", "Stretch", "Crop", "Pad"]


def check_folder(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a folder that isn't there, before anything runs."""
    folder = arguments.get("folder")
    if isinstance(folder, str):
        try:
            folders.find_folder(folder)
        except PathError as error:
            yield Complaint("folder", str(error), "value_not_in_list", "choose the input folder with --input-dir")


def folder_digest(arguments: Mapping[str, object], folders: Folders) -> str | None:
    """Return a digest of names, sizes and times of what is in a folder and the folders in it."""
    folder = arguments.get("folder")
    if not isinstance(folder, str):
        return None
    base, digest = folders.find_folder(folder), hashlib.sha256()
    for path in sorted((*base.iterdir(), *base.glob("*/*"))):
        known = path.stat()
        digest.update(repr((str(path.relative_to(base)), known.st_size, known.st_mtime_ns)).encode("utf-8", "replace"))
    return digest.hexdigest()


_READS: dict[str, Any] = {"category": "image", "check": check_folder, "fingerprint": folder_digest}
_WRITES: dict[str, Any] = {
    "category": "dataset",
    "output_node": True,
    "list_input": True,
    "always_run": True,  # what it wrote is not shown, so nobody could tell whether it is still there
    "check": check_output,
}


@pack.node("LoadImageDataSetFromFolder", display_name="Load Image (from Folder)", **_READS)
def load_image_data_set_from_folder(folder: Folder, context: RunContext) -> LoadedImages:
    """Load every PNG, JPEG and WebP of a folder in the input folder, by name."""
    return _loaded(_pictures_in(context.folders.find_folder(folder)))


@pack.node("LoadImageTextDataSetFromFolder", display_name="Load Image-Text (from Folder)", **_READS)
def load_image_text_data_set_from_folder(folder: Folder, context: RunContext) -> tuple[LoadedImages, Texts]:
    """Load the pictures of a folder, each with the text file of its name; of a folder 3_cats in it, three times."""
    paths = [*_repeated_pictures_in(context.folders.find_folder(folder))]
    return _loaded(paths), [_caption(path.with_suffix(".txt")) for path in paths]


@pack.node(
    "LoadImageSetFromFolderNode", display_name="Load Image Dataset from Folder", **_READS | {"category": "loaders"}
)
def load_image_set_from_folder_node(
    folder: Folder, context: RunContext, *, resize_method: ResizeMethod = "None"
) -> Image:
    """Load the pictures of a folder as one batch of the first one's size."""
    images = _loaded(_pictures_in(context.folders.find_folder(folder)))
    height, width = images[0].shape[1:3]
    return torch.cat([_fitted(image, width, height, resize_method) for image in images])


@pack.node("SaveImageDataSetToFolder", display_name="Save Image Dataset to Folder", **_WRITES)
def save_image_data_set_to_folder(
    images: list[Image],
    folder_name: Annotated[list[str], Widget(default="dataset")],
    filename_prefix: Annotated[list[str], Widget(default="image")],
    mode: list[Literal["overwrite", "increment"]],
    context: RunContext,
) -> None:
    """Save pictures by number in a folder of the output folder, over those there or beside them."""
    _save_all(images, (), folder_name[0], filename_prefix[0], mode[0], context)


@pack.node("SaveImageTextDataSetToFolder", display_name="Save Image-Text Dataset to Folder", **_WRITES)
def save_image_text_data_set_to_folder(
    context: RunContext,
    *,
    images: list[Image],
    texts: list[LinkedText] | None = None,
    folder_name: Annotated[list[str], Widget(default="dataset")],
    filename_prefix: Annotated[list[str], Widget(default="image")],
    mode: list[Literal["overwrite", "increment"]],
) -> None:
    """Save pictures by number in a folder of the output folder, each with a text file of its name."""
    _save_all(images, texts or (), folder_name[0], filename_prefix[0], mode[0], context)


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())


def _repeated_pictures_in(folder: Path) -> Iterator[Path]:
    """Yield the pictures of a folder and of the folders in it; those of ``3_cats`` three times over."""
    yield from _pictures_in(folder)
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = _REPEATED.fullmatch(inner.name)
        yield from _pictures_in(inner) * (min(int(found[1]), _MOST_REPEATS) if found else 1)


def _loaded(paths: Iterable[Path]) -> list[torch.Tensor]:
    images = [_load(path) for path in paths]
    if not images:
        raise ValueError("No valid images found in input")
    return images


def _load(path: Path) -> torch.Tensor:
    try:
        return load_plain(path.read_bytes())
    except (OSError, PictureError) as error:
        raise PictureError(f"{path}: {error}") from error


def _caption(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _fitted(image: torch.Tensor, width: int, height: int, method: ResizeMethod) -> torch.Tensor:
    """Return a picture at the size. ``Pad`` does not pad, and ``Crop`` cuts from the top left, black beyond."""
    if image.shape[1:3] == (height, width):
        return image
    if method == "None":
        size = f"{image.shape[2]} × {image.shape[1]}"
        raise ValueError(f"a picture is {size} and the first is {width} × {height}: choose a resize_method")
    picture = PillowImage.fromarray(eight_bit(image)[0])
    if method == "Crop":
        picture = picture.crop((0, 0, width, height))
    else:
        picture = picture.resize((width, height), PillowImage.Resampling.LANCZOS)
    return torch.from_numpy(unit_floats(np.asarray(picture))).unsqueeze(0)


def _save_all(
    images: Iterable[torch.Tensor], texts: Iterable[str], folder: str, prefix: str, mode: str, context: RunContext
) -> None:
    path = save_path(f"{folder}/{prefix}", context.folders.output, 0, 0, datetime.now())
    start = _start(path, mode)
    frames = (pixels for image in images for pixels in eight_bit(image))
    captions = iter(texts)
    for index, pixels in enumerate(frames):
        target = path.folder / f"{path.base}_{start}{index:05}.png"
        replace_file(target, encode_png(pixels, compress_level=_PILLOW_LEVEL))
        if (caption := next(captions, None)) is not None:
            replace_file(target.with_suffix(".txt"), caption.encode())


def _start(path: SavePath, mode: str) -> str:
    """Return what stands before a picture's number: a counter, unless earlier pictures are to be written over."""
    if mode == "overwrite":
        return ""
    return f"{path.first_counter() if path.folder.is_dir() else 1:05}_"
