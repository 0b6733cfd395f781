"""The file of the disk tier's index: made when first needed, put aside when damaged, its trouble told once."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from graphrun.cache.index import BUSY_SECONDS, DamagedIndex, Index, is_damage
from graphrun.os_lock import OsLock

T = TypeVar("T")


class IndexFile:
    """Lends the index to one piece of work at a time. Nothing here raises for trouble with files."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._folder = folder
        self._path = folder / "index.sqlite3"
        self._warn = warn
        self._told: set[str] = set()
        self._lock = threading.RLock()
        self._index: Index | None = None
        self._inode = 0

    def use(self, work: Callable[[Index], T], otherwise: T, *, create: bool = False) -> T:
        """Return what ``work`` does with the index; ``otherwise`` where there is none, or it can't be used."""
        with self._lock:
            try:
                return self._use(work, otherwise, create)
            except (sqlite3.Error, OSError) as error:
                self.tell_trouble(error)
                return otherwise

    def close(self) -> None:
        """Close the file. It is opened again when needed."""
        with self._lock:
            if self._index is not None:
                self._index.close()
            self._index = None

    def __del__(self) -> None:
        self.close()  # a result may load a value after its engine was closed; nobody closes the file then

    def tell(self, message: str) -> None:
        """Pass a warning on, unless it was said before."""
        if message not in self._told:
            self._told.add(message)
            self._warn(message)

    def tell_trouble(self, error: Exception) -> None:
        """Warn, once for all trouble of the kind that may pass: a full disk, a folder that can't be written."""
        if "trouble" not in self._told:
            self._told.add("trouble")
            self._warn(f"the cache in {self._folder} can't be used fully ({error}): not everything is kept or found")

    def _use(self, work: Callable[[Index], T], otherwise: T, create: bool) -> T:
        try:
            index = self._opened(create)
            return otherwise if index is None else work(index)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            self._put_aside(error)
        index = self._opened(create)
        return otherwise if index is None else work(index)

    def _opened(self, create: bool) -> Index | None:
        if self._index is None and (create or self._path.exists()):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._index = self._open()
        return self._index

    def _open(self) -> Index:
        if not self._path.exists():
            self._create()
        self._inode = self._path.stat().st_ino
        try:
            return Index(self._path)
        except DamagedIndex:  # perhaps its maker was killed before it was ready
            self._create()
            return Index(self._path)
        except sqlite3.OperationalError:
            if os.access(self._folder, os.W_OK):
                raise
            return Index(self._path, immutable=True)

    def _create(self) -> None:
        with self._locked():
            Index.create(self._path)

    def _put_aside(self, error: Exception) -> None:
        """Rename a damaged index, unless another process just did."""
        self.close()
        with self._locked():
            if not self._path.exists() or self._path.stat().st_ino != self._inode:
                return
            # Its log first: left beside a new file, SQLite would replay it there.
            for log in ("-wal", "-shm"):
                self._path.with_name(self._path.name + log).unlink(missing_ok=True)
            self._path.replace(self._folder / "damaged.sqlite3")
        self.tell(f"the cache index {self._path} was damaged ({error}): it was put aside, and the cache starts anew")

    def _locked(self) -> OsLock:
        return OsLock.acquire(self._folder / "opening.lock", seconds=BUSY_SECONDS)
