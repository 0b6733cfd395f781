"""From an accepted request to finished picture files: opens what was uploaded, checks its pixels, draws, encodes."""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blake3 import blake3

from graphrun.imaging.lazy import lazy_import
from graphrun.providers.model_table import abilities_of
from graphrun.providers.offline_drawing import Scene, draw, draw_around, draw_inside
from graphrun.providers.offline_png import to_png
from graphrun.providers.offline_rules import Heard, HeardFile, Refused
from graphrun.providers.offline_type import Fonts
from graphrun.providers.offline_usage import made_up_usage

if TYPE_CHECKING:
    from PIL import Image, ImageOps
else:
    Image = lazy_import("PIL.Image")
    ImageOps = lazy_import("PIL.ImageOps")


@dataclass(frozen=True)
class Order:
    """What to paint. ``selection`` (L, 255 where to paint) is None where all of the picture may change."""

    prompt: str
    model: str
    size: tuple[int, int]
    count: int
    quality: str
    transparent: bool
    output_format: str
    seed: str
    images: tuple[Image.Image, ...] = field(repr=False, default=())
    selection: Image.Image | None = field(repr=False, default=None)

    @property
    def described(self) -> Mapping[str, object]:
        """What a GPT image model says about its pictures, and the tokens it would have taken."""
        return {
            "background": "transparent" if self.transparent else "opaque",
            "output_format": self.output_format,
            "size": _size_text(self.size),
            "quality": self.quality,
            "usage": made_up_usage(
                self.model,
                self.prompt,
                quality=self.quality,
                size=self.size,
                count=self.count,
                references=len(self.images),
            ),
        }

    def scene(self, index: int) -> Scene:
        """Return the scene of picture ``index`` (from 0)."""
        of = f"picture {index + 1} of {self.count} · " if self.count > 1 else ""
        about = f"{self.model} · {_size_text(self.size)} · {self.quality} · {of}stand-in picture, no model was asked"
        return Scene(self.size, self.prompt, about, f"{self.seed}/{index}", self.transparent)


def _size_text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def read_order(asked: Heard) -> Order:
    """Open and check the uploads and settle what ``auto`` leaves open. Raises Refused."""
    images = tuple(_opened(file) for file in asked.images)
    mask = _opened(asked.mask) if asked.mask else None
    if asked.model == "dall-e-2" and images:
        _check_dalle2(images[0], mask)
    if mask is not None:
        _check_mask(mask, images[0])
    selection = _selection(asked.model, images, mask)
    is_gpt = abilities_of(asked.model).is_gpt
    quality = asked.text("quality", "auto" if is_gpt else "standard")
    size = _settled_size(asked, images)
    return Order(
        prompt=asked.text("prompt", ""),
        model=asked.model,
        size=size,
        count=int(asked.text("n", "1")),
        quality="medium" if quality == "auto" else quality,
        transparent=_is_transparent(asked),
        output_format=asked.text("output_format", "png"),
        seed=_digest(asked),
        images=images,
        selection=selection,
    )


def paint(order: Order, fonts: Fonts) -> list[bytes]:
    """Return the finished files, all different."""
    return [_encoded(_painted(order, order.scene(index), fonts), order.output_format) for index in range(order.count)]


def _painted(order: Order, scene: Scene, fonts: Fonts) -> Image.Image:
    if not order.images:
        return draw(scene, fonts)
    if order.selection is None:
        return draw_around(scene, order.images, fonts)
    # Alike for both, and nothing is resampled where the size is that of the upload: kept pixels stay exact.
    first = _fitted(order.images[0], order.size, Image.Resampling.LANCZOS)
    return draw_inside(scene, first, _fitted(order.selection, order.size, Image.Resampling.NEAREST), fonts)


def _fitted(picture: Image.Image, size: tuple[int, int], method: Image.Resampling) -> Image.Image:
    return picture if picture.size == size else ImageOps.fit(picture, size, method)


def _encoded(picture: Image.Image, output_format: str) -> bytes:
    file = io.BytesIO()
    match output_format:
        case "png":
            return to_png(picture)
        case "jpeg":
            picture.convert("RGB").save(file, "JPEG", quality=92)
        case "gif":
            picture.save(file, "GIF")
        case "svg":
            return _svg(picture.size, _encoded(picture, "png"))
        case _:
            picture.save(file, "WEBP", lossless=True, method=0)  # an eighth of the time, a quarter more bytes
    return file.getvalue()


def _svg(size: tuple[int, int], png: bytes) -> bytes:
    """A drawing that holds the picture, for whoever asks for one."""
    width, height = size
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
    return f'{head}<image width="{width}" height="{height}" href="{address}"/></svg>'.encode()


def _digest(asked: Heard) -> str:
    """The landscape follows from the content, and from the client's request id: that one holds the seed."""
    fields = json.dumps(asked.fields, sort_keys=True).encode()
    parts = [fields, asked.client_request_id.encode(), *(file.data for file in asked.files)]
    return blake3(b"".join(blake3(part).digest() for part in parts)).hexdigest()


def _opened(file: HeardFile) -> Image.Image:
    """Return an upload as RGB or RGBA, or refuse it."""
    param = file.name.removesuffix("[]")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow only warns of a picture that decompresses into gigabytes
            picture = Image.open(io.BytesIO(file.data))
            picture.load()
    except Exception as error:  # Pillow raises whatever its decoders raise
        raise Refused(
            f"Invalid image file or mode for '{param}', please check your image file.",
            "invalid_image_file",
            param,
            type="image_generation_user_error",
        ) from error
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _check_dalle2(image: Image.Image, mask: Image.Image | None) -> None:
    if image.width != image.height:
        raise Refused("Uploaded image must be a square PNG.", "invalid_image_format", "image")
    if mask is None and image.mode != "RGBA":
        message = "Invalid input image - format must be in ['RGBA', 'LA', 'L'], got RGB."
        raise Refused(message, "invalid_image_format", "image")


def _check_mask(mask: Image.Image, first: Image.Image) -> None:
    if mask.mode != "RGBA":
        raise Refused("Invalid mask image format - mask needs an alpha channel.", "invalid_mask_image_format", "mask")
    if mask.size != first.size:
        raise Refused("Invalid mask image - mask must have the same size as the image.", "invalid_mask_size", "mask")


def _selection(model: str, images: tuple[Image.Image, ...], mask: Image.Image | None) -> Image.Image | None:
    """What to paint: where alpha is 0, hard. DALL-E 2 takes the picture's own alpha where there is no mask."""
    carrier = mask or (images[0] if images and model == "dall-e-2" else None)
    return carrier.getchannel("A").point([255] + [0] * 255) if carrier else None


def _settled_size(asked: Heard, images: tuple[Image.Image, ...]) -> tuple[int, int]:
    text = asked.text("size", "auto")
    if text == "auto":
        return images[0].size if images else (1024, 1024)
    width, _, height = text.partition("x")
    return int(width), int(height)


def _is_transparent(asked: Heard) -> bool:
    return asked.text("background", "auto") == "transparent" and asked.text("output_format", "png") != "jpeg"
