"""Writes every event of a run to a file: one JSON object a line, complete as soon as the event has happened."""

from __future__ import annotations

import json
from pathlib import Path

from graphrun.kernel.events import Event


class JsonLines:
    """A file of events. Raises OSError where it can't be made; an earlier file of that name is replaced."""

    def __init__(self, path: Path) -> None:
        self.name = f"the event file {path}"
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def __call__(self, event: Event) -> None:
        # A UI payload may hold anything; what JSON doesn't know is written as Python prints it.
        print(json.dumps(event.to_json(), default=str), file=self._file, flush=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
