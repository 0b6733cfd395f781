"""Points in time as people write and read them: ``2026-11-01``, ``7d`` ago, ``2026-11-01 14:03``."""

from __future__ import annotations

import re
from datetime import datetime

from graphrun.errors import UsageError

_AGE = re.compile(r"(\d{1,6})\s*([mhdw])", re.IGNORECASE)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_moment(text: str, option: str, now: float) -> float:
    """Return the Unix time of a date, a date and time of this computer, or an age. Raises UsageError."""
    if age := _AGE.fullmatch(text.strip()):
        return now - int(age[1]) * _SECONDS[age[2].lower()]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):  # the latter two from years that computers don't count
        raise UsageError(f"{option} {text!r}: write a date or an age, for example 2026-11-01, 7d or 24h") from None


def timestamp(when: float | None) -> str | None:
    """Return a Unix time as machines read it, with the offset of this computer."""
    return None if when is None else datetime.fromtimestamp(when).astimezone().isoformat(timespec="seconds")


def moment(when: float) -> str:
    """Return a Unix time as people read it, to the minute."""
    return f"{datetime.fromtimestamp(when):%Y-%m-%d %H:%M}"
