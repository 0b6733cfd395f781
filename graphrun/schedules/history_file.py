"""The SQLite file of a history: made aside, brought up to date when it is opened, its trouble told in a sentence."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from graphrun.errors import UsageError
from graphrun.sqlite_format import format_of, migrate

FORMAT = 2
_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE schedules (name TEXT PRIMARY KEY, timing TEXT NOT NULL, since REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fires (
  id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, planned REAL NOT NULL, stands_for INTEGER NOT NULL,
  started REAL, ended REAL, outcome TEXT NOT NULL, exit_code INTEGER, seed INTEGER, seeds TEXT NOT NULL DEFAULT '{}',
  artifacts TEXT NOT NULL DEFAULT '[]', report TEXT, message TEXT, cost TEXT, known_cost TEXT
) STRICT;
CREATE INDEX fires_of_a_schedule ON fires (schedule, id);
"""
_MIGRATIONS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {1: ("ALTER TABLE fires ADD COLUMN cost TEXT", "ALTER TABLE fires ADD COLUMN known_cost TEXT")}
)
"""What brings a history of each earlier format one further. What fires of the first cost was never noted: NULL."""


def open_history(path: Path) -> sqlite3.Connection:
    """Open a history that is there. Raises UsageError for one that is damaged, or of a later format."""
    with trouble_told(path):
        db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _check_format(db, path)
        except BaseException:
            db.close()
            raise
        return db


def make_history(path: Path) -> None:
    """Begin a history if there is none, whole under another name first: no reader finds a file without tables.

    One service at a time makes it. Raises UsageError.
    """
    with trouble_told(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)


@contextmanager
def trouble_told(path: Path) -> Iterator[None]:
    """Say what is wrong with the file as a UsageError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        remedy = "make room and see that its folder can be written, or name another with --state"
        raise UsageError(f"the history {path} can't be used: {reason}; {remedy}") from None


def _make(path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    for left in path.parent.glob(f"{part.name}*"):
        left.unlink()
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    db = sqlite3.connect(part, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")  # `schedule history` reads while the service writes
        db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT")
    finally:
        db.close()
    part.replace(path)


def _check_format(db: sqlite3.Connection, path: Path) -> None:
    version = format_of(db)
    if version in _MIGRATIONS:
        migrate(db, _MIGRATIONS)
    elif version != FORMAT:
        why = "was written by a later version of graphrun: update graphrun" if version > FORMAT else "is damaged"
        raise UsageError(f"the history {path} {why}")
