"""What a successful answer holds: pictures as base64 or addresses, strict where guessing would corrupt them. Pure.

Source of the rules: openai-images.md, 1.8 and the rows on unreadable answers in its section 5.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphrun.errors import PictureError
from graphrun.imaging import picture_kind, read_frames
from graphrun.imaging.png import check_png_pixels

# A file of ten 4K pictures has a few hundred megabytes: what unpacks to more than this is a trap.
_LARGEST_UNPACKED = 1024 * 1024 * 1024


class Unreadable(ValueError):
    """The answer is no answer with pictures. The message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a picture can be fetched."""

    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer; a picture is its bytes, or the address to fetch it from."""

    pictures: tuple[bytes | Address, ...] = field(repr=False)
    revised_prompts: tuple[str | None, ...]
    usage: Mapping[str, object] | None


def unpacked(body: bytes, encoding: str) -> bytes:
    """Undo a Content-Encoding, which a gateway may have put on although none was asked for. Raises Unreadable."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    # Of "deflate" both readings are about: with zlib's header, as the standard has it, and without.
    for window in {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}.get(encoding, ()):
        unpacker = zlib.decompressobj(window)
        try:
            data = unpacker.decompress(body, _LARGEST_UNPACKED)
        except zlib.error:
            continue
        if unpacker.eof:
            return data
    raise Unreadable(f"the answer is packed as {encoding[:40]} and can't be unpacked")


def read_answer(body: bytes) -> Answer:
    """Decode the body of a successful answer. Raises Unreadable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the answer is no JSON ({str(error)[:100]})") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or not data:
        raise Unreadable("No images returned from API endpoint")
    items = [item if isinstance(item, dict) else {} for item in data]
    usage = document.get("usage")
    return Answer(
        pictures=tuple(map(_picture, items)),
        revised_prompts=tuple(_text(item.get("revised_prompt")) for item in items),
        usage=usage if isinstance(usage, dict) else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _picture(item: Mapping[str, object]) -> bytes | Address:
    if encoded := _text(item.get("b64_json")):
        return checked_picture(_from_base64(encoded))
    if url := _text(item.get("url")):
        return Address(url)
    raise Unreadable("Invalid image payload – neither URL nor base64 data present.")


_DATA_URL = re.compile(r"\s*data:[^,]{0,200};base64,")


def _from_base64(encoded: str) -> bytes:
    """Gateways add a data-URL prefix and line breaks and drop the padding; anything else wrong is an error."""
    prefix = _DATA_URL.match(encoded)
    plain = "".join(encoded[prefix.end() if prefix else 0 :].split()).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"a picture's base64 is damaged ({error})") from None


def checked_picture(data: bytes) -> bytes:
    """Return the bytes if a whole picture is in them. Raises Unreadable.

    Found out here, where the answer is still at hand, and not when some later node first decodes it. Pillow is needed
    for other kinds than PNG only.
    """
    kind = picture_kind(data)
    if kind is None:
        raise Unreadable(
            "a picture is SVG, which graphrun does not read: choose another output_format, such as png"
            if _is_svg(data)
            else "what should be a picture is none"
        )
    try:
        check_png_pixels(data) if kind == "PNG" else _check_frames(data)
    except PictureError as error:
        finding, _, _advice = str(error).partition(";")  # the advice is for files of one's own
        raise Unreadable(f"a picture is damaged: {finding}") from None
    return data


def _check_frames(data: bytes) -> None:
    """Decode every frame. Raises PictureError also for what reading a file of one's own only warns of."""
    for _frame in read_frames(data, warn=_refuse):
        pass


def _refuse(warning: str) -> None:
    raise PictureError(warning.partition(":")[0])


def _is_svg(data: bytes) -> bool:
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!")) and b"<svg" in head and b"<html" not in head)
