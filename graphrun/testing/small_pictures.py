"""Real pictures of one colour, made in milliseconds: what an image service answers where the pixels don't matter."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Literal

from blake3 import blake3

from graphrun.imaging.png import SIGNATURE

Kind = Literal["png", "jpeg", "webp", "gif", "svg"]
Colour = tuple[int, int, int]

MEDIA_TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}


def colour_of(*parts: str) -> Colour:
    """Return a colour that differs, almost surely, wherever any part differs."""
    red, green, blue = blake3("\0".join(parts).encode("utf-8", "surrogatepass")).digest()[:3]
    return red, green, blue


def picture(kind: Kind, size: tuple[int, int], colour: Colour) -> bytes:
    """Return a file of one colour. ``size`` is (width, height) in pixels. PNG and SVG need no Pillow."""
    makers: dict[str, Callable[[tuple[int, int], Colour], bytes]] = {"png": _png, "svg": _svg}
    return makers[kind](size, colour) if kind in makers else _by_pillow(kind, size, colour)


def _png(size: tuple[int, int], colour: Colour) -> bytes:
    width, height = size
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))  # 8 bits, RGB
    rows = zlib.compress((b"\0" + bytes(colour) * width) * height, level=1)
    return SIGNATURE + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (header, rows, b"")))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _svg(size: tuple[int, int], colour: Colour) -> bytes:
    width, height = size
    box = f'<rect width="{width}" height="{height}" fill="rgb{colour}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{box}</svg>'.encode()


def _by_pillow(kind: Kind, size: tuple[int, int], colour: Colour) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind.upper())
    return file.getvalue()
