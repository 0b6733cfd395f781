"""Where the state of a schedule file is kept, and the lock that lets one service at a time have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from graphrun.errors import PathError, UsageError
from graphrun.os_lock import OsLock


@dataclass(frozen=True, slots=True)
class StateFiles:
    """The files that belong to one schedule file, wherever the file is called from."""

    history: Path
    health: Path
    lock: Path

    @classmethod
    def of(cls, schedule_file: Path, folder: Path) -> StateFiles:
        """Return those in a folder."""
        digest = blake3(str(schedule_file.resolve()).encode("utf-8", "surrogateescape")).hexdigest(16)
        return cls(*(folder / f"{digest}.{ending}" for ending in ("sqlite3", "health.json", "lock")))

    def locked(self) -> OsLock:
        """Take the lock. Raises UsageError where another service has it, PathError where there can be none."""
        try:
            self.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = OsLock.try_acquire(self.lock)
        except OSError as error:
            raise PathError(f"can't write to {self.lock.parent}: {error.strerror}; name another --state") from error
        if lock is None:
            raise UsageError(f"another service runs this file already: see {self.health}, and stop it first")
        return lock
