"""The report of a run: ``report.html``, one file that needs nothing beside it but the full pictures, and ``index.csv``.

entries reads the record · summary adds it up · thumbnails shrinks the pictures · markup, cards and page write HTML ·
index_csv writes the table. Rows are read as a stream, three times; of a run with more rows than a page can show, the
page has those in trouble and the first others, and the table has all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

from graphrun.batches.report.cards import CardMaker
from graphrun.batches.report.entries import Entries, Entry
from graphrun.batches.report.index_csv import write_index
from graphrun.batches.report.page import page_end, page_start
from graphrun.batches.report.summary import Summary, summarised
from graphrun.batches.report.thumbnails import MOST, room_for_each
from graphrun.errors import PathError

REPORT, INDEX = "report.html", "index.csv"
_MOST_ROWS = 10_000  # about where a browser begins to think before it scrolls
_AT_A_TIME = 64  # rows whose pictures are in memory together


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write the report of the run in a folder, in place of an earlier one, and return the page's path.

    The run need not be over. Raises UsageError where the folder is none of a run, PathError where it can't be written.
    """
    folder = Path(folder)
    entries = Entries(folder)
    summary = summarised(folder, entries)
    with _aside(folder / INDEX) as file:
        write_index(file, entries, summary.varied)
    with _aside(folder / REPORT) as file:
        _write_page(file, folder, entries, summary)
    return folder / REPORT


def _write_page(file: TextIO, folder: Path, entries: Entries, summary: Summary) -> None:
    rows = min(summary.rows, _MOST_ROWS)
    pictures = max(1, MOST // max(rows, 1))
    maker = CardMaker(folder, summary.varied, pictures, room_for_each(min(summary.pictures, MOST)))
    file.write(page_start(summary, rows))
    for card in _in_parallel(maker.card, _on_the_page(entries, summary)):
        file.write(f"{card}\n")
    file.write(page_end())


def _on_the_page(entries: Entries, summary: Summary) -> Iterator[Entry]:
    """Yield the rows a page has room for: those in trouble first of all, but in the order of all."""
    troubled = min(summary.counts["failed"] + summary.counts["open"], _MOST_ROWS)
    room = {True: troubled, False: _MOST_ROWS - troubled}
    for entry in entries:
        if room[entry.in_trouble]:
            room[entry.in_trouble] -= 1
            yield entry


def _in_parallel(make: Callable[[Entry], str], entries: Iterator[Entry]) -> Iterator[str]:
    """Yield what is made of each, in order. Decoders let go of the interpreter's lock, so threads are enough."""
    with ThreadPoolExecutor(thread_name_prefix="graphrun-report") as pool:
        while some := list(islice(entries, _AT_A_TIME)):
            yield from pool.map(make, some)


@contextmanager
def _aside(path: Path) -> Iterator[TextIO]:
    """Open a file that gets its name when it is whole. Raises PathError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two processes may report at once
    try:
        with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise PathError(f"can't write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
