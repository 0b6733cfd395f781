"""A file that says that the service is alive, for probes: a new one each beat, never half of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Health:
    """``state`` is running, stopping or stopped; times are ISO 8601; ``next`` and ``running`` are by schedule."""

    pid: int
    state: str
    started: str
    beat: str
    next: Mapping[str, str]
    running: Mapping[str, int]

    def write(self, path: Path) -> None:
        """Write it aside, and rename it. Raises OSError."""
        part = path.with_name(f"{path.name}.{uuid4().hex}.part")
        try:
            part.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
