"""Transactions that hold the work of several callers: each part stands or fails alone, all reach the disk at once.

A transaction's price is the wait for the disk. Calls that come to their next step at the same time share it, as they
do in databases (group commit).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Transactions:
    """Those of one connection, a thread at a time. Methods raise what SQLite raises."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._depth = 0
        self._owner: int | None = None
        self._db: sqlite3.Connection | None = None
        self._lost: sqlite3.Error | None = None
        self._refused: sqlite3.Error | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this thread is in one, and so sees what isn't committed yet."""
        return self._owner == threading.get_ident()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit, at the end of the block, all parts that this thread did in it; none of them if that fails."""
        with self._guard:
            self._depth, self._owner = self._depth + 1, threading.get_ident()
            try:
                yield
                if self._depth == 1:
                    self._commit()
            finally:
                self._depth -= 1
                if not self._depth:
                    self._end()

    @contextmanager
    def part(self, opened: Callable[[], sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
        """Lend the connection for a part of the transaction, or for one of its own. A part that raises leaves nothing.

        ``opened`` returns a connection that is fit to be written to.
        """
        with self.together():
            db = self._db = self._db or self._begun(opened)
            if self._lost is not None:
                raise self._lost
            db.execute("SAVEPOINT part")
            try:
                yield db
            except BaseException as error:
                self._undo(db, error)
                raise
            db.execute("RELEASE part")

    def _begun(self, opened: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        if self._refused is not None:  # no part waits once more for what the first one waited for in vain
            raise self._refused
        try:
            db = opened()
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._refused = error
            raise
        return db

    def _undo(self, db: sqlite3.Connection, error: BaseException) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK TO part")
            db.execute("RELEASE part")
        elif isinstance(error, sqlite3.Error):  # a full disk rolls all of it back, the parts that were done too
            self._lost = error

    def _commit(self) -> None:
        if self._lost is not None:
            raise self._lost
        if self._db is not None:
            self._db.execute("COMMIT")

    def _end(self) -> None:
        db, self._db, self._lost, self._refused, self._owner = self._db, None, None, None, None
        if db is not None and db.in_transaction:
            db.execute("ROLLBACK")
