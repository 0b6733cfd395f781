"""One process makes an expensive value while the others wait for it: a lock per cache key.

It saves work and nothing else: a cache lock never authorises a purchase (DESIGN, 6).
"""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from graphrun.cache.os_lock import OsLock


class KeyLock:
    """A lock per key, between all processes and threads that share the folder.

    Nothing waits here: who gets None looks again later, in a loop of its own that can be stopped. A holder that is
    killed releases at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "locks"
        self._swept = False

    def try_acquire(self, key: str) -> OsLock | None:
        """Return the key's lock, or None while another has it. Raises OSError where there can be no locks."""
        if not self._swept:
            self._sweep()
        # Digested: a key is any text, and a file name is not.
        return OsLock.try_acquire(self._folder / f"{blake3(key.encode()).hexdigest(16)}.lock")

    def _sweep(self) -> None:
        """Remove what killed holders left: taking a lock and releasing it removes its file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.glob("*.lock"):
            if lock := OsLock.try_acquire(path):
                lock.release()
        self._swept = True
