"""The disk tier: entries and values that outlive the process and are shared by several.

A folder ``v1`` (another format would live in another folder, and never read this one) holds a SQLite index and blobs
named by content. Whenever a process dies, every later lookup is a correct value or a miss: rows appear in one
transaction, blobs are written aside and renamed, and both carry checksums.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from graphrun.cache.blobs import ABANDONED, BlobFolder, BlobGone, StagedBlob
from graphrun.cache.codec import Codec, CodecFailed, Encoded, decode, encode
from graphrun.cache.header import Header, checksum
from graphrun.cache.index import FORMAT, ClassTally, Index, NewRow, Row
from graphrun.cache.index_file import IndexFile
from graphrun.errors import Uncacheable
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import Entry

DEFAULT_BYTES = 20 * 10**9
_DAY = 86_400.0
_COMPARED = 1000  # how many of the newest entries of a class `nearest` looks at


@dataclass(frozen=True, slots=True)
class Stats:
    """What a store holds, in all namespaces. Times are Unix time, None where there are no entries."""

    entries: int
    bytes: int
    classes: tuple[ClassTally, ...]

    @property
    def oldest(self) -> float | None:
        """When the oldest entry was made."""
        return min((each.oldest for each in self.classes), default=None)

    @property
    def newest(self) -> float | None:
        """When the newest entry was made."""
        return max((each.newest for each in self.classes), default=None)


class DiskStore:
    """A `CacheStore` in a folder, bounded to ``max_bytes``: what was used longest ago goes first.

    Nothing is created before the first `put`. Its own trouble (a full disk, a folder that can't be written, a damaged
    index) is told to ``warn`` once a kind, and is a miss. Safe for threads and for processes; a forked child makes a
    store of its own. Values of a pack's own types are kept where ``codecs`` has their type.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int = DEFAULT_BYTES,
        namespace: str = "",
        *,
        codecs: Sequence[Codec] = (),
        warn: Callable[[str], None] = lambda message: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder / f"v{FORMAT}"
        self._max_bytes = max_bytes
        self._namespace = namespace
        self._codecs = tuple(codecs)
        self._clock = clock
        self._blobs = BlobFolder(self._folder)
        self._index = IndexFile(self._folder, warn)
        self._swept: Index | None = None
        self._used: dict[int, float] = {}  # when entries were used, by id, where the index doesn't know yet
        self._overdue = False

    def find(self, key: CacheKey) -> Entry | None:
        """Return the entry, or None. One SELECT; writes nothing."""
        header = self._index.use(lambda index: self._find(index, key), None)
        return header.entry if header else None

    def load(self, key: CacheKey) -> Sequence[Values] | None:
        """Return the value list of each slot, or None where they are gone or damaged; then the entry is dropped."""
        stored = self._index.use(lambda index: self._stored(index, key), None)
        if stored is None:
            return None
        id, header, document = stored
        try:
            return decode(document, [self._blobs.read(blob) for blob in header.blobs], self._codecs)
        except BlobGone as error:
            gone = error.digest
            self._index.use(lambda index: self._drop_readers(index, gone), None)
        except OSError as error:  # it may well be sound, and read another time
            self._index.tell_trouble(error)
        except Exception:  # a codec of a pack's may raise anything
            self._index.use(lambda index: self._drop(index, [id]), None)
        return None

    def put(self, key: CacheKey, entry: Entry, values: Sequence[Values]) -> bool:
        """Keep an entry with its values; return whether it did. Afterwards the values may be changed in place.

        Nothing is kept where a value has no stored form, or all are larger than the bound. What was there goes.
        """
        encoded = self._encoded(values)
        kept = encoded is not None and encoded.nbytes <= self._max_bytes and self._put(key, entry, encoded)
        if not kept:
            self.forget(key)
        return kept

    def forget(self, key: CacheKey) -> None:
        """Drop an entry."""
        self._index.use(lambda index: self._drop(index, [index.id_of(self._namespace, key)]), None)

    def nearest(self, class_type: str, parts: Mapping[str, str]) -> Entry | None:
        """Return the entry of a class whose key shares most parts with these, the newest of several."""
        none: list[Entry] = []
        entries = self._index.use(lambda index: self._recent(index, class_type), none)
        return max(entries, key=lambda entry: len(entry.parts.items() & parts.items()), default=None)

    def stats(self) -> Stats:
        """Return what the store holds, in all namespaces."""
        nothing = Stats(0, 0, ())
        return self._index.use(_stats, nothing)

    def prune(self, max_bytes: int | None = None) -> int:
        """Drop what was used longest ago until the bound (the store's, or this one) is kept, and all orphans.

        Returns the bytes freed.
        """
        bound = self._max_bytes if max_bytes is None else max_bytes
        return self._index.use(lambda index: self._shrink(index, lambda: self._evict(index, bound)), 0)

    def clear(self, namespace: str | None = None) -> int:
        """Drop the entries of a namespace, or of all. Returns the bytes freed."""
        return self._index.use(
            lambda index: self._shrink(index, lambda: [index.remove(id) for id in index.ids(namespace)]), 0
        )

    def close(self) -> None:
        """Close the index. A later call opens it again."""
        if self._overdue:
            self._index.use(self._note_used, None)
        self._index.close()

    # What happens inside the index. All of these run under the lock.

    def _find(self, index: Index, key: CacheKey) -> Header | None:
        row = index.find(self._namespace, key)
        if row is None:
            return None
        header = self._believed(key, row)
        if header is None:
            self._drop(index, [row.id])
            return None
        now = self._clock()
        self._used[row.id] = now
        self._overdue = self._overdue or (row.used < now - _DAY and not index.read_only)
        return header

    def _stored(self, index: Index, key: CacheKey) -> tuple[int, Header, bytes] | None:
        row = index.find(self._namespace, key)
        header = self._believed(key, row) if row else None
        if row is None or header is None:
            return None
        document = index.document(row.id)
        if not isinstance(document, bytes) or blake3(document).hexdigest() != header.document:
            self._drop(index, [row.id])
            return None
        return row.id, header, document

    def _believed(self, key: str, row: Row) -> Header | None:
        """Return a row's header, or None where a checksum says that it isn't what was written."""
        if not (isinstance(row.header, bytes) and isinstance(row.used, float)):
            return None
        if checksum(self._namespace, key, row.header) != row.checksum:
            return None
        return Header.from_bytes(row.header)

    def _recent(self, index: Index, class_type: str) -> list[Entry]:
        rows = index.recent(self._namespace, class_type, _COMPARED)
        return [header.entry for key, row in rows if (header := self._believed(key, row))]

    def _keep(self, index: Index, new: NewRow, staged: Sequence[StagedBlob]) -> bool:
        sizes = {blob.digest: blob.size for blob in staged}
        with index.writing():
            before = index.id_of(self._namespace, new.key)
            dropped = [] if before is None else index.remove(before)
            index.add(self._namespace, new, sizes, self._clock())
            for blob in staged:
                self._blobs.place(blob)
            index.touch(self._used)
            self._remove_blobs(index, [*dropped, *self._evict(index, self._max_bytes)])
        self._used.clear()
        self._overdue = False
        return True

    def _evict(self, index: Index, bound: int) -> list[str]:
        """Remove entries until the bound is kept, and return blobs that may be without readers."""
        dropped: list[str] = []
        while index.total() > bound and (id := index.least_recently_used()) is not None:
            dropped += index.remove(id)
        return dropped

    def _drop(self, index: Index, ids: Iterable[int | None]) -> None:
        present = [id for id in ids if id is not None]
        if present:
            with index.writing():
                self._remove_blobs(index, [blob for id in present for blob in index.remove(id)])

    def _drop_readers(self, index: Index, blob: str) -> None:
        """Drop all entries that refer to a blob, unless it was evicted a moment ago and is there again."""
        try:
            self._blobs.read(blob)
        except BlobGone:
            self._drop(index, index.readers_of(blob))

    def _remove_blobs(self, index: Index, blobs: Iterable[str]) -> None:
        for blob in blobs:
            if not index.refers_to(blob):
                self._blobs.remove(blob)

    def _shrink(self, index: Index, remove: Callable[[], object]) -> int:
        before = index.total()
        with index.writing():
            index.touch(self._used)
            remove()
            self._blobs.sweep(index.blobs())
            index.note_sweep(self._clock())
        index.give_back()
        return before - index.total()

    def _note_used(self, index: Index) -> None:
        """Write down when entries were used.

        Done together with the next put, or on closing where the last note is over a day old (as file systems do with
        access times): so a run that finds everything writes nothing.
        """
        with index.writing():
            index.touch(self._used)
        self._used.clear()
        self._overdue = False

    def _ready(self, index: Index) -> bool:
        """Sweep before the first put, unless someone just has; return True."""
        if self._swept is not index and not 0 <= self._clock() - index.swept() < ABANDONED:
            self._shrink(index, lambda: None)
        self._swept = index
        return True

    # How values become rows.

    def _put(self, key: CacheKey, entry: Entry, encoded: Encoded) -> bool:
        if not self._index.use(self._ready, False, create=True):
            return False
        staged: list[StagedBlob] = []
        try:
            # Outside the lock: large values take their time, and lookups of other threads go on.
            staged.extend(map(self._blobs.stage, encoded.blobs))
            new = self._new_row(key, entry, encoded.document, [blob.digest for blob in staged])
            return self._index.use(lambda index: self._keep(index, new, staged), False, create=True)
        except Uncacheable:  # its UI payload
            return False
        except OSError as error:
            self._index.tell_trouble(error)
            return False
        finally:
            for blob in staged:
                self._blobs.discard(blob)

    def _encoded(self, values: Sequence[Values]) -> Encoded | None:
        try:
            return encode(values, self._codecs)
        except CodecFailed as error:
            self._index.tell(str(error))
        except Uncacheable:
            pass
        return None

    def _new_row(self, key: CacheKey, entry: Entry, document: bytes, blobs: Sequence[str]) -> NewRow:
        header = Header(entry, blake3(document).hexdigest(), blobs).to_bytes()
        return NewRow(key, entry.class_type, checksum(self._namespace, key, header), header, document)


def _stats(index: Index) -> Stats:
    tallies = tuple(index.tallies())
    return Stats(sum(each.entries for each in tallies), index.total(), tallies)
