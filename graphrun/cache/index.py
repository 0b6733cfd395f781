"""The SQLite index of the disk tier: which entries there are, and which blobs each refers to.

entry ──< link >── blob: equal blobs are stored once and live as long as an entry refers to them. ``state`` holds the
bytes of all entries and blobs, kept by triggers, so that the bound is checked without adding up.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = 1
BUSY_SECONDS = 10.0  # a writer holds the lock for milliseconds; longer than this, something is wrong

_SCHEMA = """
CREATE TABLE entry(
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: an id says which of several puts under a key is meant
    namespace TEXT NOT NULL, key TEXT NOT NULL, class TEXT NOT NULL,
    made REAL NOT NULL, used REAL NOT NULL, size INTEGER NOT NULL,
    checksum BLOB NOT NULL, header BLOB NOT NULL,
    document BLOB NOT NULL,                -- last: SQLite doesn't read a long row's end where it isn't asked for
    UNIQUE(namespace, key));
CREATE INDEX entry_by_use ON entry(used, id);
CREATE INDEX entry_by_class ON entry(namespace, class, made);
CREATE TABLE blob(digest TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE link(entry INTEGER NOT NULL, blob TEXT NOT NULL, PRIMARY KEY(entry, blob)) WITHOUT ROWID;
CREATE INDEX link_by_blob ON link(blob);
CREATE TABLE state(name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('bytes', 0), ('swept', 0);
CREATE TRIGGER entry_in AFTER INSERT ON entry BEGIN
    UPDATE state SET value = value + NEW.size WHERE name = 'bytes'; END;
CREATE TRIGGER entry_out AFTER DELETE ON entry BEGIN
    UPDATE state SET value = value - OLD.size WHERE name = 'bytes'; END;
CREATE TRIGGER blob_in AFTER INSERT ON blob BEGIN
    UPDATE state SET value = value + NEW.size WHERE name = 'bytes'; END;
CREATE TRIGGER blob_out AFTER DELETE ON blob BEGIN
    UPDATE state SET value = value - OLD.size WHERE name = 'bytes'; END;
"""


class DamagedIndex(sqlite3.DatabaseError):
    """A database that isn't ours, is of another format, or holds what we never write."""


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is no sound index of ours, rather than that it can't be used just now.

    Our queries are fixed: one that SQLite finds wrong, or a constraint that fails, has met tables that aren't ours.
    """
    if isinstance(error, DamagedIndex | UnicodeDecodeError):  # the latter from a message that quotes a damaged schema
        return True
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    return code in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
    )


class Row(NamedTuple):
    """What the index tells of an entry. ``used`` is Unix time, and lags behind by up to a day."""

    id: int
    used: float
    checksum: bytes
    header: bytes


class NewRow(NamedTuple):
    """What is written of an entry."""

    key: str
    class_type: str
    checksum: bytes
    header: bytes
    document: bytes


class ClassTally(NamedTuple):
    """How many entries of a class there are, and their bytes; a blob that several share counts for each."""

    class_type: str
    entries: int
    bytes: int
    oldest: float
    newest: float


class Index:
    """An open index. For one thread at a time. Methods raise sqlite3.Error."""

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        """Open the file, which must exist. Raises DamagedIndex too: then `create` may be what is missing.

        ``immutable`` is for a file system that can't be written, where there can be no log beside the file.
        """
        # WAL: readers and a writer don't wait for each other. With it, synchronous=NORMAL never corrupts the file; a
        # power cut may lose the last commits, which then are misses, and each commit is spared a sync.
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro&immutable=1' if immutable else 'rw'}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        self.read_only = immutable
        self._db.text_factory = _text
        try:
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._check_format()
        except BaseException:
            self._db.close()
            raise

    def _check_format(self) -> None:
        if self._one("PRAGMA user_version") != FORMAT:
            raise DamagedIndex("not an index of this format")

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty index, unless there is one. For one process at a time."""
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            if db.execute("PRAGMA user_version").fetchone() == (0,):
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT")
        finally:
            db.close()

    def close(self) -> None:
        """Close it. The last one to close folds the log into the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock; all that is changed inside becomes visible together, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            raise

    def find(self, namespace: str, key: str) -> Row | None:
        """Return an entry's row."""
        found = self._db.execute(
            "SELECT id, used, checksum, header FROM entry WHERE namespace = ? AND key = ?", (namespace, key)
        ).fetchone()
        return Row(*found) if found else None

    def document(self, id: int) -> object:
        """Return an entry's document, None where it has gone since; whatever it is, it wants checking."""
        return self._one("SELECT document FROM entry WHERE id = ?", id)

    def recent(self, namespace: str, class_type: str, limit: int) -> list[tuple[str, Row]]:
        """Return keys and rows of a class, the newest first."""
        found = self._db.execute(
            "SELECT key, id, used, checksum, header FROM entry WHERE namespace = ? AND class = ?"
            " ORDER BY made DESC, id DESC LIMIT ?",
            (namespace, class_type, limit),
        )
        return [(key, Row(*rest)) for key, *rest in found]

    def add(self, namespace: str, new: NewRow, blobs: Mapping[str, int], now: float) -> None:
        """Add an entry that isn't there, and the sizes of its blobs."""
        size = len(new.checksum) + len(new.header) + len(new.document)
        added = self._db.execute(
            "INSERT INTO entry(namespace, key, class, checksum, header, document, made, used, size)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (namespace, *new, now, now, size),
        )
        self._db.executemany("INSERT OR IGNORE INTO blob VALUES (?, ?)", blobs.items())
        self._db.executemany("INSERT INTO link VALUES (?, ?)", [(added.lastrowid, digest) for digest in blobs])

    def remove(self, id: int) -> list[str]:
        """Remove an entry, and return the blobs to which nothing refers any more."""
        blobs = self._column("SELECT blob FROM link WHERE entry = ?", id)
        self._db.execute("DELETE FROM link WHERE entry = ?", (id,))
        self._db.execute("DELETE FROM entry WHERE id = ?", (id,))
        unused = [blob for blob in blobs if not self._one("SELECT 1 FROM link WHERE blob = ? LIMIT 1", blob)]
        self._db.executemany("DELETE FROM blob WHERE digest = ?", [(blob,) for blob in unused])
        return unused

    def id_of(self, namespace: str, key: str) -> int | None:
        """Return the id of a key's entry."""
        id: int | None = self._one("SELECT id FROM entry WHERE namespace = ? AND key = ?", namespace, key)
        return id

    def ids(self, namespace: str | None = None) -> list[int]:
        """Return the ids of a namespace, or of all."""
        if namespace is None:
            return self._column("SELECT id FROM entry")
        return self._column("SELECT id FROM entry WHERE namespace = ?", namespace)

    def readers_of(self, blob: str) -> list[int]:
        """Return the ids of the entries that refer to a blob."""
        return self._column("SELECT entry FROM link WHERE blob = ?", blob)

    def least_recently_used(self) -> int | None:
        """Return the id of the entry that should go first."""
        id: int | None = self._one("SELECT id FROM entry ORDER BY used, id LIMIT 1")
        return id

    def touch(self, used: Mapping[int, float]) -> None:
        """Note when entries were used."""
        self._db.executemany(
            "UPDATE entry SET used = max(used, ?) WHERE id = ?", [(when, id) for id, when in used.items()]
        )

    def refers_to(self, blob: str) -> bool:
        """Whether any entry refers to a blob."""
        return self._one("SELECT 1 FROM blob WHERE digest = ?", blob) is not None

    def blobs(self) -> set[str]:
        """Return all blobs that an entry refers to."""
        return set(self._column("SELECT digest FROM blob"))

    def total(self) -> int:
        """Return the bytes of all entries and blobs."""
        return int(self._state("bytes"))

    def swept(self) -> float:
        """Return when orphans were last looked for, in Unix time."""
        return self._state("swept")

    def note_sweep(self, now: float) -> None:
        """Note that orphans were looked for."""
        self._db.execute("UPDATE state SET value = ? WHERE name = 'swept'", (now,))

    def tallies(self) -> list[ClassTally]:
        """Return what there is of each class, the largest first."""
        found = self._db.execute(
            "SELECT class, count(*), sum(size + coalesce(linked, 0)) AS bytes, min(made), max(made) FROM entry"
            " LEFT JOIN (SELECT entry AS owner, sum(blob.size) AS linked"
            "            FROM link JOIN blob ON digest = blob GROUP BY entry) ON owner = id"
            " GROUP BY class ORDER BY bytes DESC, class"
        )
        return [ClassTally(*row) for row in found]

    def give_back(self) -> None:
        """Return unused pages to the file system."""
        self._db.execute("PRAGMA incremental_vacuum").fetchall()

    def _state(self, name: str) -> float:
        value = self._one("SELECT value FROM state WHERE name = ?", name)
        if not isinstance(value, float) or not math.isfinite(value):
            raise DamagedIndex(f"it doesn't know its {name}")
        return value

    def _one(self, query: str, *arguments: object) -> Any:
        found = self._db.execute(query, arguments).fetchone()
        return found[0] if found else None

    def _column(self, query: str, *arguments: object) -> list[Any]:
        return [row[0] for row in self._db.execute(query, arguments)]


def _text(data: bytes) -> str:
    return data.decode(errors="replace")  # strict, one flipped bit would keep its row from ever being removed
