"""Where a workflow came from, and how a refusal names the place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graphrun.errors import FileFormatError, Problem

Mark = tuple[int, int]
"""A line and a column, both counted from 1."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file a workflow is read from; without a path, bytes or a mapping a program handed over."""

    path: Path | None = None

    def place(self, mark: Mark | None = None) -> str | None:
        """Return ``name.yaml:3:5``, or the name alone; None for nameless content without a mark."""
        name = self.path.name if self.path else None
        return f"{name or 'workflow'}:{mark[0]}:{mark[1]}" if mark else name

    def problem(self, type: str, message: str, mark: Mark | None = None) -> Problem:
        """Return a problem of the file itself, at a place in it."""
        return Problem(type, message, place=self.place(mark))

    def refusal(self, type: str, message: str, mark: Mark | None = None) -> FileFormatError:
        """Return the exception that says why this can't be read. Raise it."""
        return FileFormatError([self.problem(type, message, mark)], self.path)
