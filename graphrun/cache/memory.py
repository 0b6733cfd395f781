"""The memory tier: values by reference, least recently used first out, bounded by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from graphrun.cache.flat import flatten
from graphrun.cache.in_place import Marks, changed_in_place, marks_of
from graphrun.cache.sizes import size_of_parts
from graphrun.errors import Uncacheable
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import Entry


@dataclass(frozen=True, slots=True)
class _Kept:
    entry: Entry
    slots: tuple[tuple[object, ...], ...]
    marks: tuple[Marks, ...]
    size: int
    elsewhere: bool


class MemoryStore:
    """A `CacheStore` in memory, for the runs of one engine. Keeps any object.

    Values are shared with whoever made and reads them; one that was changed in place since is a miss (see
    `graphrun.cache.in_place` for what shows). Sizes are taken when values are put and when they are read: pictures that
    someone decodes grow.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[CacheKey, _Kept] = OrderedDict()  # the one used last is last
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._bytes

    def find(self, key: CacheKey) -> Entry | None:
        """Return the entry, or None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept.entry

    def load(self, key: CacheKey) -> Sequence[Values] | None:
        """Return the value list of each slot, or None where they are gone or were changed in place."""
        with self._lock:
            kept = self._take(key)
            if kept is None or _is_changed(kept):
                return None
            self._keep(key, _measured(kept.entry, kept.slots, kept.elsewhere))  # anew: pictures have been decoded since
            return [list(slot) for slot in kept.slots]

    def put(self, key: CacheKey, entry: Entry, values: Sequence[Values], *, elsewhere: bool = False) -> bool:
        """Keep an entry and refer to its values, unless they are larger than the bound; return whether it did.

        ``elsewhere``: another store has it too.
        """
        slots = tuple(tuple(slot) for slot in values)
        kept = _measured(entry, slots, elsewhere)
        with self._lock:
            self._take(key)
            return self._keep(key, kept)

    def forget(self, key: CacheKey) -> None:
        """Drop an entry."""
        with self._lock:
            self._take(key)

    def let_go(self, key: CacheKey) -> None:
        """Drop an entry if another store has it too."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.elsewhere:
                self._take(key)

    def _take(self, key: CacheKey) -> _Kept | None:
        kept = self._kept.pop(key, None)
        self._bytes -= kept.size if kept else 0
        return kept

    def _keep(self, key: CacheKey, kept: _Kept | None) -> bool:
        if kept is None or kept.size > self._max_bytes:
            return False
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._max_bytes:
            self._take(next(iter(self._kept)))
        return True


def _measured(entry: Entry, slots: tuple[tuple[object, ...], ...], elsewhere: bool) -> _Kept | None:
    try:
        return _Kept(entry, slots, tuple(map(marks_of, slots)), size_of_parts(flatten(slots)), elsewhere)
    except Uncacheable:  # it has no end
        return None


def _is_changed(kept: _Kept) -> bool:
    try:
        return any(changed_in_place(slot, marks) for slot, marks in zip(kept.slots, kept.marks, strict=True))
    except Uncacheable:  # it has no end now
        return True
