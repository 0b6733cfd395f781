"""Where rows come from: a CSV file, a JSONL file, a folder of pictures, or a list that a program hands over.

A source is read as a stream, once to check and count it and once to run it; nothing of it is held. Every fault is told
with its line. Files are UTF-8, with or without a byte order mark, or UTF-16 with one.
"""

from __future__ import annotations

import codecs
import csv
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from graphrun.errors import Problem, UsageError, WorkflowError

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class SourceRow:
    """The columns of one row, and where it stands."""

    place: str
    columns: Mapping[str, object]


class Source(Protocol):
    """Something to read rows from, as often as one likes."""

    @property
    def name(self) -> str:
        """What to call it."""

    def __iter__(self) -> Iterator[SourceRow]:
        """Read from the start. Raises WorkflowError with the place where a row makes no sense."""


def open_source(rows: Path | Sequence[Mapping[str, object]]) -> Source:
    """Return the reader for what is given. Raises UsageError where there is none. Nothing is read yet."""
    if not isinstance(rows, Path):
        return Listed(rows)
    if rows.is_dir():
        return PictureFolder(rows)
    if not rows.is_file():
        raise UsageError(f"rows: there is no file or folder {str(rows)!r}")
    kinds: dict[str, type[CsvFile] | type[JsonLinesFile]] = {
        ".csv": CsvFile, ".tsv": CsvFile, ".jsonl": JsonLinesFile, ".ndjson": JsonLinesFile,
    }  # fmt: skip
    kind = kinds.get(rows.suffix.lower())
    if kind is None:
        raise UsageError(f"rows: {str(rows)!r} is none of {', '.join(kinds)}, and no folder of pictures")
    return kind(rows)


@dataclass(frozen=True)
class Listed:
    """Rows that a program, or the job file itself, holds."""

    rows: Sequence[Mapping[str, object]]
    name: str = "rows"

    def __iter__(self) -> Iterator[SourceRow]:
        return (SourceRow(f"rows[{number}]", columns) for number, columns in enumerate(self.rows))


@dataclass(frozen=True)
class PictureFolder:
    """A row per picture, by name: ``path``, ``file`` (its name) and ``name`` (without the suffix)."""

    folder: Path

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.folder)

    def __iter__(self) -> Iterator[SourceRow]:
        with os.scandir(self.folder) as entries:
            names = sorted(entry.name for entry in entries if _is_picture(entry))
        for name in names:
            path = self.folder / name
            yield SourceRow(str(path), {"path": str(path.absolute()), "file": name, "name": path.stem})


class _TextFile:
    """Reads the lines of a file, each with its number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name

    def _lines(self) -> Iterator[str]:
        """Yield lines with their ends. Raises WorkflowError for what is no text."""
        with self._path.open("rb") as file:
            encoding = _encoding(file.read(3))
            file.seek(0)
            if encoding == "utf-16":  # its line ends are no bytes to split at
                yield from _utf16_lines(self._path, self)
                return
            for number, line in enumerate(file, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise self.fault(number, "is no text in UTF-8; save the file as UTF-8") from None

    def fault(self, line: int, message: str) -> WorkflowError:
        """Return the exception for a line."""
        return WorkflowError([Problem("bad_rows", message, place=f"{self.name}:{line}")])


class CsvFile(_TextFile):
    """Comma-separated values with a header; tabs in a ``.tsv``, semicolons where the header has no comma."""

    def __iter__(self) -> Iterator[SourceRow]:
        header: list[str] | None = None
        for line, cells in self._records():
            if header is None:
                header = self._header(line, cells)
            elif len(cells) != len(header):
                found = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
                told = f"has {found}, and the header {len(header)}; quote a field with a comma"
                raise self.fault(line, told)
            else:
                yield SourceRow(f"{self.name}:{line}", dict(zip(header, cells, strict=True)))
        if header is None:
            raise self.fault(1, "is empty: the first line names the columns")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each record that isn't blank, with the line it starts in."""
        lines = self._lines()
        first = next(lines, "")
        reader = csv.reader(_again(first, lines), delimiter=self._delimiter(first), strict=True)
        start = 1
        try:
            for cells in reader:
                if any(cells):
                    yield start, cells
                start = reader.line_num + 1
        except csv.Error as error:
            raise self.fault(start, f"is no CSV: {error}; look at the quotes here") from None

    def _delimiter(self, header: str) -> str:
        if self._path.suffix.lower() == ".tsv":
            return "\t"
        return ";" if ";" in header and "," not in header else ","

    def _header(self, line: int, cells: list[str]) -> list[str]:
        names = [cell.strip() for cell in cells]
        if "" in names:
            raise self.fault(line, f"column {names.index('') + 1} has no name")
        twice = [name for name, number in Counter(names).items() if number > 1]
        if twice:
            raise self.fault(line, f"column {twice[0]!r} is there more than once")
        return names


class JsonLinesFile(_TextFile):
    """One JSON object a line; blank lines are skipped."""

    def __iter__(self) -> Iterator[SourceRow]:
        for number, line in enumerate(self._lines(), 1):
            if line.strip():
                yield SourceRow(f"{self.name}:{number}", self._columns(number, line))

    def _columns(self, number: int, line: str) -> Mapping[str, object]:
        try:
            columns = json.loads(line.rstrip(), parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:  # its own "line 1" would be one of this line
            raise self.fault(number, f"is no JSON: {error.msg} at column {error.colno}") from None
        except (ValueError, RecursionError) as error:
            raise self.fault(number, f"is no JSON: {error}") from None
        if not isinstance(columns, dict):
            raise self.fault(number, 'is no JSON object: write {"column": value, …}')
        return columns


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"


def _utf16_lines(path: Path, file: _TextFile) -> Iterator[str]:
    with path.open(encoding="utf-16", newline="") as text:
        try:
            yield from text
        except UnicodeDecodeError:
            raise file.fault(1, "is no text in UTF-16, though it starts like one; save the file as UTF-8") from None


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and Path(entry.name).suffix.lower() in _PICTURES and entry.is_file()
