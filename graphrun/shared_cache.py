"""The cache that the runs of one engine share: memory in front of disk, and how one run uses them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Literal

from graphrun.cache import (
    Codec,
    CostRule,
    DiskStore,
    MemoryStore,
    TieredStore,
    content_digest,
    marks_of,
)
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.clerk import Clerk
from graphrun.kernel.run_cache import CacheUse
from graphrun.os_lock import KeyLock, OsLock

CacheMode = Literal["normal", "off", "only"]
"""``off`` neither reads nor writes. ``only`` refuses a run that would have to call a paid service."""


class SharedCache:
    """Both tiers of one engine. Nothing is created on disk before there is something to keep.

    ``warn`` is told of trouble with the disk, once a kind, in any thread.
    """

    def __init__(
        self,
        folder: Path,
        *,
        disk_bytes: int,
        memory_bytes: int,
        namespace: str,
        codecs: Sequence[Codec],
        warn: Callable[[str], None],
    ) -> None:
        self.disk = DiskStore(folder, disk_bytes, namespace, codecs=codecs, warn=warn)
        self._store = TieredStore(MemoryStore(memory_bytes), self.disk, CostRule(disk_bytes))
        self._locks = KeyLock(folder)  # they save work: a cache lock never authorises a purchase (DESIGN, 6)
        self._clerk = Clerk(nullcontext)
        self._namespace = namespace
        self._digest = partial(content_digest, codecs=codecs)

    def use(self, mode: CacheMode, refresh: Collection[str], *, metadata: bool = True) -> CacheUse:
        """Return how one run uses the cache. ``refresh`` are ids of nodes to make again.

        ``metadata``: whether saved pictures carry the workflow: one that does can't stand in for one that must not.
        """
        on = mode != "off"
        return CacheUse(
            self._store,
            self._digest,
            read=on,
            write=on,
            refresh=refresh,
            paid_calls=mode != "only",
            lock=self._lock if on else None,
            marks=marks_of,
            variant=metadata,
            clerk=self._clerk,
        )

    def let_go(self, keys: Iterable[CacheKey]) -> None:
        """Keep of these in memory only what the disk doesn't have. Who wants them again brings them back."""
        for key in keys:
            self._store.let_go(key)

    def _lock(self, key: CacheKey) -> OsLock | None:
        return self._locks.try_acquire(f"{self._namespace}\0{key}")  # tenants don't wait for each other

    def close(self) -> None:
        """Write what is still to be written and close the index."""
        self.disk.close()
