"""What goes wrong with the ledger's files, as one sentence that names the file and the remedy."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphrun.errors import LedgerError

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_ELSEWHERE = "set GRAPHRUN_DATA_DIR to another folder"

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another process has kept it locked: end that one, or try again later",
    sqlite3.SQLITE_LOCKED: "another process has kept it locked: end that one, or try again later",
    sqlite3.SQLITE_FULL: f"free some room or {_ELSEWHERE}",
    sqlite3.SQLITE_IOERR: f"free some room, look after the disk, or {_ELSEWHERE}",
    sqlite3.SQLITE_READONLY: f"make it and its folder writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_CANTOPEN: f"make it and its folder readable and writable, or {_ELSEWHERE}",
    sqlite3.SQLITE_PERM: f"make it and its folder readable and writable, or {_ELSEWHERE}",
}


@contextmanager
def trouble_told(path: Path) -> Iterator[None]:
    """Raise what goes wrong with a file as LedgerError."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(_of_database(path, error)) from error
    except OSError as error:
        raise LedgerError(_of_file(path, error)) from error
    except UnicodeDecodeError as error:  # SQLite's text, where bits have flipped
        raise damaged(path, str(error)) from error


def damaged(path: Path, finding: str) -> LedgerError:
    """Return the error for a file that can't be trusted."""
    return LedgerError(
        f"the ledger {path} is damaged ({finding}): bring it back from a backup, or move its folder away to begin "
        "a new one, which knows of no call paid so far"
    )


def _of_database(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if remedy := _REMEDIES.get(code):
        return f"the ledger {path} can't be used ({error}): {remedy}"
    return str(damaged(path, str(error)))


def _of_file(path: Path, error: OSError) -> str:
    remedy = f"free some room or {_ELSEWHERE}" if error.errno in _NO_ROOM else f"make it writable, or {_ELSEWHERE}"
    return f"{path} can't be used ({error.strerror or error}): {remedy}"
