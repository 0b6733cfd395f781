"""Lengths of time as people write them: ``90``, ``90s``, ``15m``, ``1h30m``, ``1d``."""

from __future__ import annotations

import re

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([wdhms])\s*", re.IGNORECASE)
_WHOLE = re.compile(rf"\s*(?:{_PART.pattern})+", re.IGNORECASE)


def parse_duration(written: object) -> float:
    """Return the seconds of a number of seconds, or of a text such as ``1h30m``. Raises ValueError."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return float(written)
    if not isinstance(written, str) or not _WHOLE.fullmatch(written):
        raise ValueError(f"{written!r} is no length of time: write seconds, or 90s, 15m, 6h, 1h30m, 1d")
    return sum(float(number) * _UNITS[unit.lower()] for number, unit in _PART.findall(written))


def duration_text(seconds: float) -> str:
    """Return a length of time as `parse_duration` reads it: ``1h30m``."""
    left = round(seconds, 3)
    parts: list[str] = []
    for unit, size in _UNITS.items():
        number, left = divmod(left, size)
        if unit == "s" and (number or left or not parts):
            parts.append(f"{number + left:g}s")
        elif number:
            parts.append(f"{number:g}{unit}")
    return "".join(parts)
