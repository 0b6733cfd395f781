"""The record of a batch: one JSON object a row, appended as soon as the row has ended.

A file of lines that only grows: whenever a process dies, every line but the last is whole. A row that was tried again
in a later session has a later line, and the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from graphrun.errors import PathError

FILE_NAME = "rows.jsonl"

RowState = Literal["done", "failed", "open"]
"""``open``: something kept it from being made that may change: a limit, an empty account, a call of unknown fate."""


@dataclass(frozen=True, slots=True)
class RowArtifact:
    """A file a row wrote: its path below the folder of the run, its BLAKE3 digest, its size in bytes."""

    path: str
    node: str
    kind: str
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class RowRecord:
    """What became of a row.

    ``row`` is its number from 1, ``id`` tells it from itself after a change; ``place`` and ``columns`` are where it was
    read and what stood there, ``inputs`` what it set by ``id.input``, ``seeds`` all seeds it ran with; ``masks`` are
    boxes and base names of files, by node id. ``started`` is Unix time. ``ran`` and ``cached`` are ids of nodes.
    ``tries`` is how often it was run, ``error`` what the last try came to, ``cost`` what its calls cost in USD,
    exactly; None where that is not known.
    """

    row: int
    id: str
    state: RowState
    place: str | None = None
    columns: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seeds: Mapping[str, object] = field(default_factory=dict)
    artifacts: tuple[RowArtifact, ...] = ()
    started: float = 0.0
    seconds: float = 0.0
    ran: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()
    tries: int = 1
    error: str | None = None
    cost: str | None = "0"

    @property
    def from_cache(self) -> bool:
        """Whether nothing had to be made."""
        return self.state == "done" and not self.ran

    def to_line(self) -> str:
        """Return the record as a line of JSON."""
        # Not asdict: it copies every value to its depths, which takes longer than all else here.
        return json.dumps({name: getattr(self, name) for name in _FIELDS}, ensure_ascii=False, default=_plain)

    @classmethod
    def from_line(cls, line: str) -> Self | None:
        """Return the record in a line; None for a line that was cut short, or isn't ours."""
        try:
            known: dict[str, Any] = {name: value for name, value in json.loads(line).items() if name in _FIELDS}
            artifacts = tuple(RowArtifact(**each) for each in known.pop("artifacts", ()))
            lists: dict[str, Any] = {name: tuple(known.pop(name, ())) for name in ("ran", "cached")}
            return cls(**known, **lists, artifacts=artifacts)
        except (ValueError, TypeError, AttributeError):
            return None


_FIELDS = dict.fromkeys(field.name for field in fields(RowRecord))  # a later version may write more


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, RowArtifact) else str(value)


def read_records(folder: Path) -> Iterator[RowRecord]:
    """Yield the records in a run's folder, line by line; for a row that has several, the last one counts."""
    try:
        with (folder / FILE_NAME).open(encoding="utf-8", errors="replace", newline="\n") as lines:
            yield from (record for line in lines if (record := RowRecord.from_line(line)))
    except FileNotFoundError:
        return


class RecordFile:
    """Appends records. Raises PathError where the disk refuses; what is in the file stays whole then."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise self._refusal(error) from error
        self._size = _whole_lines(self._descriptor)
        self._cut()

    def append(self, record: RowRecord) -> None:
        """Write a line. It outlives the process; `sync` makes it outlive a power cut."""
        line = f"{record.to_line()}\n".encode("utf-8", "backslashreplace")
        try:
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            self._cut()
            raise self._refusal(error) from error
        self._size += len(line)

    def sync(self) -> None:
        """Wait until all that was appended is on the disk."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _cut(self) -> None:
        """Remove what of a line was written before it was cut short."""
        os.ftruncate(self._descriptor, self._size)

    def _refusal(self, error: OSError) -> PathError:
        return PathError(f"can't write the record {self._path}: {error.strerror}")


def _whole_lines(descriptor: int) -> int:
    """Return where the last whole line of a file ends."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 65_536)
        os.lseek(descriptor, start, os.SEEK_SET)
        found = os.read(descriptor, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
