"""Sizes in bytes as people write and read them: ``5GB``, ``1.5 GiB``, ``3.4 MB``."""

from __future__ import annotations

import re
from decimal import Decimal

from graphrun.errors import UsageError

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(?:([kmgt])(i?)b?|b?)", re.IGNORECASE)


def parse_size(text: str, option: str) -> int:
    """Return a size in bytes: k, M, G and T are powers of 1000, Ki, Mi, Gi and Ti of 1024. Raises UsageError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{option} {text!r}: write a size, for example {option} 5GB")
    number, letter, binary = match.groups()
    power = " kmgt".index((letter or " ").lower())
    return int(Decimal(number) * (1024 if binary else 1000) ** power)


def size_said(nbytes: int) -> str:
    """Return a size as people say it: ``0 bytes``, ``3.4 MB``, ``20 GB``."""
    number, units = float(nbytes), ["bytes", "kB", "MB", "GB", "TB"]
    while round(number, 1) >= 1000 and len(units) > 1:
        number /= 1000
        del units[0]
    return f"{round(number, 1):.15g} {units[0]}" if nbytes != 1 else "1 byte"
