"""Memory in front of disk, and the rule which results are worth the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphrun.cache.memory import MemoryStore
from graphrun.cache.sizes import size_of
from graphrun.errors import Uncacheable
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import CacheStore, Entry


@dataclass(frozen=True, slots=True)
class CostRule:
    """Persist what costs more to make than to store.

    - Results of a paid service: always.
    - Nothing else that is larger than a quarter of the disk bound: it would push out everything.
    - Results that wrote files: always. The entry is small and is what keeps them from being written again.
    - All others when making them took longer than storing: a millisecond, and a second for each GB.
    """

    disk_bytes: int

    def __call__(self, entry: Entry, nbytes: int) -> bool:
        """Whether to persist an entry whose values take this many bytes of memory."""
        if entry.paid:
            return True
        if nbytes > self.disk_bytes / 4:
            return False
        return bool(entry.files) or entry.seconds > 0.001 + nbytes / 1e9


class TieredStore:
    """A `CacheStore` that looks in memory, then on disk, and keeps in memory what it loaded from there.

    Values are encoded for the disk before `put` returns, so before any reader starts: one that changes its input in
    place spoils what is in memory, which shows, and not what is on disk.
    """

    def __init__(self, memory: MemoryStore, disk: CacheStore, should_persist: Callable[[Entry, int], bool]) -> None:
        self._memory = memory
        self._disk = disk
        self._should_persist = should_persist

    def find(self, key: CacheKey) -> Entry | None:
        """Return the entry, or None."""
        return self._memory.find(key) or self._disk.find(key)

    def load(self, key: CacheKey) -> Sequence[Values] | None:
        """Return the value list of each slot, or None where both tiers have lost them."""
        values = self._memory.load(key)
        return self._promoted(key) if values is None else values

    def put(self, key: CacheKey, entry: Entry, values: Sequence[Values]) -> bool:
        """Keep an entry in memory, and on disk where the rule says so; return whether it is in either."""
        on_disk = self._is_worth_it(entry, values) and self._disk.put(key, entry, values)
        if not on_disk:
            self._disk.forget(key)  # an older result under this key must not come back later
        return self._memory.put(key, entry, values, elsewhere=on_disk) or on_disk

    def let_go(self, key: CacheKey) -> None:
        """Drop an entry from memory if the disk was given it too."""
        self._memory.let_go(key)

    def forget(self, key: CacheKey) -> None:
        """Drop an entry from both."""
        self._memory.forget(key)
        self._disk.forget(key)

    def _promoted(self, key: CacheKey) -> Sequence[Values] | None:
        entry = self._disk.find(key)
        values = None if entry is None else self._disk.load(key)
        if entry is not None and values is not None:
            self._memory.put(key, entry, values, elsewhere=True)
        return values

    def _is_worth_it(self, entry: Entry, values: Sequence[Values]) -> bool:
        try:
            return self._should_persist(entry, size_of([list(slot) for slot in values]))
        except Uncacheable:  # it has no end
            return False
