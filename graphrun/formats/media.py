"""Recognises pictures, sound, films and 3D files by their first bytes (workflow-formats.md, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphrun.formats.origin import Origin

_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "a PNG picture"),
    (re.compile(rb"\xff\xd8\xff"), "a JPEG picture"),
    (re.compile(rb"GIF8[79]a"), "a GIF picture"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "a WebP picture"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "a WAV sound file"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "an AVIF picture"),
    (re.compile(rb"....ftyp(hei|mif|msf)", re.DOTALL), "a HEIF picture"),
    (re.compile(rb"....ftyp", re.DOTALL), "an MP4 film"),
    (re.compile(rb"ID3|\xff[\xfa\xfb\xf2\xf3]"), "an MP3 sound file"),
    (re.compile(rb"fLaC"), "a FLAC sound file"),
    (re.compile(rb"OggS"), "an Ogg sound file"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "a WebM film"),
    (re.compile(rb"glTF[\x00-\x0f]"), "a GLB model"),
    (re.compile(rb"BM....\x00\x00\x00\x00", re.DOTALL), "a BMP picture"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "a TIFF picture"),
    (re.compile(rb".{5}\x00{3}\{\"", re.DOTALL), "a safetensors file"),
    (
        re.compile(
            rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.{0,2000}?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg\b", re.DOTALL
        ),
        "an SVG picture",
    ),
)


def media_kind(content: bytes) -> str | None:
    """Return what kind of media file this is, as a person would say it, or None."""
    head = content[:4096]
    return next((name for signature, name in _SIGNATURES if signature.match(head)), None)


def refuse_media(content: bytes, origin: Origin) -> None:
    """Raise FileFormatError where the content is a media file, telling what to do instead."""
    kind = media_kind(content)
    if kind is None:
        return
    inside = _what_a_png_holds(content) if kind == "a PNG picture" else ""
    raise origin.refusal(
        "media_not_supported_yet",
        f"this is {kind}, and graphrun can't read workflows out of media files yet{inside}; "
        "drop it on ComfyUI's canvas, use Workflow → Export (API) and run that file",
    )


def _what_a_png_holds(content: bytes) -> str:
    found = sorted({keyword for keyword in _png_keywords(content) if keyword in ("prompt", "workflow")})
    if found:
        return f" (this one seems to hold a {' and a '.join(found)} text)"
    return " (and this one holds no prompt text)"


def _png_keywords(content: bytes) -> Iterator[str]:
    """Yield the lower-cased keywords of text chunks. Checksums are ignored: edited files have wrong ones (4.3)."""
    position = 8
    while position + 8 <= len(content):
        length, kind = int.from_bytes(content[position : position + 4]), content[position + 4 : position + 8]
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"comf"):
            start = position + 8
            yield content[start : start + min(length, 80)].split(b"\0")[0].decode("latin-1").lower()
        position += 12 + length
