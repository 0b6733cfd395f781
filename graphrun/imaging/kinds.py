"""Which kind of picture some bytes are, told by their first bytes alone."""

from __future__ import annotations

import re

READABLE = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, ICO, PPM, QOI"

# Pillow's names. Kinds that Pillow reads with another program (EPS, WMF) are left out on purpose: a picture is
# untrusted data. So are kinds without a signature (TGA), for which any bytes might pass.
_BEGINNINGS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "AVIF": rb"....ftyp(?:avif|avis|mif1|msf1)",
    "JPEG2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ",
    "ICO": rb"\x00\x00\x01\x00",
    "PPM": rb"P[1-6]\s",
    "QOI": rb"qoif",
}
_PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in _BEGINNINGS.items()}


def picture_kind(data: bytes) -> str | None:
    """Return Pillow's name for the kind of picture these bytes begin like, or None."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.match(data)), None)
