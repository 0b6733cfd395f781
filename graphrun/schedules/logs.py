"""The log of the service: a line per event, as text that people and machines can read, or as JSON.

2026-11-01T02:00:13+01:00 schedule=nightly event=finished outcome=done seconds=12.3 files=2
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime

from graphrun.sinks.wording import one_line

Write = Callable[[str], None]

_PLAIN = re.compile(r"[^\s\"=\\]+")


class EventLog:
    """Writes a line per event. ``clock`` gives an aware time; fields that are None are left out."""

    def __init__(self, write: Write, clock: Callable[[], datetime], *, as_json: bool = False) -> None:
        self._write = write
        self._clock = clock
        self._as_json = as_json

    def __call__(self, event: str, schedule: str | None = None, **fields: object) -> None:
        """Write of an event of the service, or of one schedule."""
        told = {"schedule": schedule, "event": event, **{name: _told(value) for name, value in fields.items()}}
        told = {name: value for name, value in told.items() if value is not None}
        time = self._clock().astimezone().isoformat(timespec="seconds")
        if self._as_json:
            self._write(json.dumps({"time": time, **told}, ensure_ascii=False))
        else:
            self._write(" ".join([time, *(f"{name}={_quoted(value)}" for name, value in told.items())]))


def _told(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat(timespec="seconds")
        case float():
            return round(value, 3)
        case bool() | int() | None:
            return value
    return one_line(str(value))


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
