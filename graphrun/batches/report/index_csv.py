"""``index.csv``: a line per row, for spreadsheets and for programs. UTF-8 without a byte order mark.

A spreadsheet takes a cell that begins like a formula for one, whoever wrote it. Such text gets an apostrophe before
it; numbers stay numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TextIO

from graphrun.batches.report.entries import Entry, shown

_ABOUT = ("row", "state")
_OUTCOME = ("artifacts", "error", "cost_usd", "started", "seconds", "tries", "ran", "cached", "place")

_FORMULA = re.compile(r"\s*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def write_index(file: TextIO, entries: Iterable[Entry], varied: Sequence[str]) -> None:
    """Write the header and a line per row. ``varied`` names the values that have columns of their own.

    Several files of a row stand in one cell, one a line, as paths from the folder of the run.
    """
    writer = csv.writer(file)
    writer.writerow(guarded(name) for name in (*_ABOUT, *varied, *_OUTCOME))
    writer.writerows(map(guarded, _cells(entry, varied)) for entry in entries)


def guarded(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _cells(entry: Entry, varied: Sequence[str]) -> Iterator[str]:
    record, values = entry.record, entry.values
    yield str(record.row)
    yield entry.state
    yield from (shown(values[name]) if name in values else "" for name in varied)
    yield "\n".join(each.path for each in record.artifacts)
    yield record.error or ""
    yield "" if entry.cost is None else f"{entry.cost:f}"
    yield datetime.fromtimestamp(record.started, UTC).isoformat(timespec="seconds") if record.started else ""
    yield str(record.seconds)
    yield str(record.tries)
    yield str(len(record.ran))
    yield str(len(record.cached))
    yield entry.place or ""
