"""The format of an SQLite file of ours: a number in the file, brought up to date whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence


def format_of(db: sqlite3.Connection) -> int:
    """Return the format a file says it has; 0 for one that says nothing. Raises sqlite3.Error."""
    [version] = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection, migrations: Mapping[int, Sequence[str]]) -> None:
    """Bring a file up to date: ``migrations`` holds, by format, the statements that make the next one of it.

    The connection commits for itself (``isolation_level=None``). Raises sqlite3.Error, and leaves the file as it was.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another process may have done it since.
        while (version := format_of(db)) in migrations:
            for statement in migrations[version]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version + 1}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
