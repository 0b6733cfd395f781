"""The ledger's SQLite file: made aside, opened when first needed, lent to one piece of work at a time.

It is never begun anew in place of one that is damaged, has gone, or is of a later format: money is in it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphrun.errors import LedgerError
from graphrun.os_lock import OsLock
from graphrun.providers.ledger.durable import make_folder, part_of, sync_folder
from graphrun.providers.ledger.rows import FORMAT, MIGRATIONS, SCHEMA
from graphrun.providers.ledger.transactions import Transactions
from graphrun.providers.ledger.trouble import damaged, trouble_told
from graphrun.sqlite_format import format_of, migrate

BUSY_SECONDS = 30.0  # a writer holds the lock for milliseconds; longer than this, something is wrong


class Database:
    """Two connections for all threads of a process: one that writes, and one that reads meanwhile what is committed.

    ``answers`` is the folder that is empty while there was no call. Methods raise LedgerError.
    """

    def __init__(self, path: Path, answers: Path, busy_seconds: float) -> None:
        self._path = path
        self._answers = answers
        self._busy_seconds = busy_seconds
        self._transactions = Transactions()
        self._writer: sqlite3.Connection | None = None
        self._guard = threading.Lock()  # of the one that reads
        self._reader: sqlite3.Connection | None = None
        self._inode: int | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Lend it to be read; None where nothing was ever recorded. Makes no file."""
        if self._transactions.is_mine:
            with trouble_told(self._path):
                yield self._writer_if_there()
            return
        with self._guard, trouble_told(self._path):
            if self._reader is None and self._is_there():
                self._reader = self._open()
            yield self._reader

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend it for a transaction, which is on the disk when this ends; inside `together`, for a part of that one."""
        with trouble_told(self._path), self._transactions.part(self._fit_for_writing) as db:
            yield db

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that this thread writes in the block: on the disk when it ends."""
        with trouble_told(self._path), self._transactions.together():
            yield

    def close(self) -> None:
        """Close the file. It is opened again when needed."""
        with self._transactions.together(), self._guard:
            for db in (self._reader, self._writer):
                if db is not None:
                    db.close()
            self._reader = self._writer = self._inode = None

    def __del__(self) -> None:
        self.close()  # a service that was never closed is no reason to leave a log beside the file

    def _fit_for_writing(self) -> sqlite3.Connection:
        db = self._writer_if_there() or self._open_new()
        self._check_in_place()
        return db

    def _writer_if_there(self) -> sqlite3.Connection | None:
        if self._writer is None and self._is_there():
            self._writer = self._open()
        return self._writer

    def _is_there(self) -> bool:
        """Whether the file exists. Raises LedgerError where it has gone from between its neighbours."""
        if self._path.exists():
            return True
        log = self._path.with_name(f"{self._path.name}-wal")
        if log.exists() or (self._answers.exists() and any(self._answers.iterdir())):
            raise damaged(self._path, "it is missing, though what belongs to it is still there")
        return False

    def _open_new(self) -> sqlite3.Connection:
        make_folder(self._path.parent)
        with OsLock.acquire(self._path.with_name("making.lock"), seconds=self._busy_seconds):
            if not self._is_there():
                self._make()
        self._writer = self._open()
        return self._writer

    def _make(self) -> None:
        """Make it whole under another name: whoever finds a file without tables knows that it was damaged."""
        part = part_of(self._path)
        for left in part.parent.glob(f"{part.name}*"):  # by a maker that was killed, its journal too
            left.unlink()
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # SQLite's own mode lets all users read
        db = sqlite3.connect(part, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = WAL")  # readers and a writer don't wait for each other
            db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT")
        finally:
            db.close()
        part.replace(self._path)
        sync_folder(self._path.parent)

    def _open(self) -> sqlite3.Connection:
        inode = self._path.stat().st_ino
        if self._inode not in (None, inode):
            raise self._replaced()
        self._inode = inode
        try:
            return self._connected("mode=rw")
        except sqlite3.OperationalError:
            if os.access(self._path.parent, os.W_OK):
                raise
        return self._connected_for_reading()

    def _connected_for_reading(self) -> sqlite3.Connection:
        """Open it where SQLite can make no files beside it, and so can't look into a log either."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise LedgerError(
                f"the newest calls are in {log}, which can't be read in a folder that can't be written: "
                "copy the folder to where it can, and set GRAPHRUN_DATA_DIR"
            )
        return self._connected("mode=ro&immutable=1")

    def _connected(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?{mode}"
        db = sqlite3.connect(uri, uri=True, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA synchronous = FULL")  # NORMAL would sync nothing when a transaction ends
            self._check_format(db, writable=mode == "mode=rw")
        except BaseException:
            db.close()
            raise
        return db

    def _check_format(self, db: sqlite3.Connection, *, writable: bool) -> None:
        version = format_of(db)
        if version > FORMAT:
            raise LedgerError(f"the ledger {self._path} was written by a later version of graphrun: update graphrun")
        if version in MIGRATIONS and not writable:
            raise LedgerError(
                f"the ledger {self._path} was written by an earlier version of graphrun, and its folder can't be "
                "written: copy the folder to where it can, and set GRAPHRUN_DATA_DIR"
            )
        if version in MIGRATIONS:
            migrate(db, MIGRATIONS)
        elif version != FORMAT:
            raise damaged(self._path, "it holds no calls")

    def _check_in_place(self) -> None:
        """What is written into a file that was removed or replaced meanwhile would be lost."""
        try:
            inode = self._path.stat().st_ino
        except FileNotFoundError:
            raise self._replaced() from None
        if inode != self._inode:
            raise self._replaced()

    def _replaced(self) -> LedgerError:
        return LedgerError(
            f"the ledger {self._path} was moved or replaced while it was in use: "
            "put it back if it was moved by mistake, and start graphrun again"
        )
