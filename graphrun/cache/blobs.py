"""Blobs in a folder, each named by the BLAKE3 of its content, so equal ones are stored once and damage shows.

A blob is written aside and renamed: no reader sees half of one. Placing and removing happen while the caller holds
the index's write lock, so no process removes what another is just referring to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from blake3 import blake3

from graphrun.cache.codec import Buffer

ABANDONED = 600  # seconds after which a half-written file's writer is taken for dead


class BlobGone(Exception):
    """The blob isn't there, or isn't what its name says. ``.digest`` is its name."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"blob {digest} is gone or damaged")


@dataclass(frozen=True, slots=True)
class StagedBlob:
    """A blob written aside, or one that was there already (``part`` is None). ``data`` is for when it vanishes."""

    digest: str
    size: int
    data: Buffer
    part: Path | None


class BlobFolder:
    """Blobs under ``folder/blobs``, half-written ones under ``folder/parts``. Methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._parts = folder / "parts"

    def path(self, digest: str) -> Path:
        """Return where a blob is or would be."""
        return self._blobs / digest[:2] / digest

    def read(self, digest: str) -> bytes:
        """Return a blob's content, checked. Raises BlobGone, or another OSError than that there is no such file."""
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError as error:
            raise BlobGone(digest) from error
        if blake3(data).hexdigest() != digest:
            raise BlobGone(digest)
        return data

    def stage(self, data: Buffer) -> StagedBlob:
        """Write a blob aside, unless it is there."""
        digest, size = blake3(data).hexdigest(), memoryview(data).nbytes
        part = None if self._is_there(digest, size) else self._write_aside(data)
        return StagedBlob(digest, size, data, part)

    def place(self, staged: StagedBlob) -> None:
        """Give a staged blob its name. Under the write lock."""
        if self._is_there(staged.digest, staged.size):
            return
        path = self.path(staged.digest)
        path.parent.mkdir(exist_ok=True)
        part = staged.part or self._write_aside(staged.data)  # evicted since it was staged
        part.replace(path)

    def discard(self, staged: StagedBlob) -> None:
        """Remove what staging left aside, if anything."""
        if staged.part is not None:
            with suppress(OSError):
                staged.part.unlink(missing_ok=True)

    def remove(self, digest: str) -> None:
        """Remove a blob. Under the write lock. Who has it open can still read it."""
        if digest.isalnum():  # a damaged index must not name a file elsewhere
            with suppress(OSError):  # Windows keeps an open file: a later sweep gets it
                self.path(digest).unlink()

    def sweep(self, wanted: Container[str]) -> None:
        """Remove all blobs but the wanted ones, and what dead writers left aside. Under the write lock."""
        for path in _files(self._blobs):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
        for path in _files(self._parts):
            with suppress(OSError):  # its writer has just renamed it
                if path.stat().st_mtime < time.time() - ABANDONED:
                    path.unlink()

    def _is_there(self, digest: str, size: int) -> bool:
        """Whether a blob is there whole: a power cut may have left its name without its content."""
        try:
            return self.path(digest).stat().st_size == size
        except OSError:
            return False

    def _write_aside(self, data: Buffer) -> Path:
        for folder in (self._parts, self._blobs):
            folder.mkdir(exist_ok=True)
        part = self._parts / f"{uuid4().hex}.part"  # unique: other processes write here too
        try:
            # Not synced: after a power cut the checksum turns what was lost into a miss, and a sync costs milliseconds.
            part.write_bytes(data)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return part


def _files(folder: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(folder):  # nothing where there is no folder
        for name in names:
            yield Path(directory, name)
