"""Keeps a service's raw answers on disk, so that what was paid for survives whatever happens next.

Room is reserved before anything is asked for: a full disk is to be found out before the picture is paid.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

_CANNOT_RESERVE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}  # said by file systems without reservation


@dataclass(frozen=True, slots=True)
class Place:
    """Reserved room for one answer. End it with `fill`, or with `release` where no answer came."""

    path: Path
    part: Path

    def fill(self, body: bytes) -> Path:
        """Store the answer's body durably and return its path. Raises OSError, and then leaves nothing behind."""
        try:
            _write_through(self.part, body)
            self.part.replace(self.path)
        except OSError:
            self.release()
            raise
        with contextlib.suppress(OSError):  # the answer is there; a folder that can't be synced is no reason to fail
            _sync_folder(self.path.parent)
        return self.path

    def release(self) -> None:
        """Give the room back. Never raises: what went wrong before is the better message."""
        with contextlib.suppress(OSError):
            self.part.unlink(missing_ok=True)


def reserve(folder: Path, digest: str, room: int) -> Place:
    """Take ``room`` bytes for ``<UTC time>-<digest>.json``, readable by its owner only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{digest[:16]}.json"
    place = Place(path, path.with_name(f"{path.name}.{uuid4().hex}.part"))  # unique: other runs share this folder
    descriptor = os.open(place.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _allocate(descriptor, room)
    except OSError:
        place.release()
        raise
    finally:
        os.close(descriptor)
    return place


def _allocate(descriptor: int, room: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows
        return
    try:
        os.posix_fallocate(descriptor, 0, room)
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise


def _write_through(path: Path, body: bytes) -> None:
    """Write into the reserved room and cut the file to size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable. Windows can't open folders, and needs no such step."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
