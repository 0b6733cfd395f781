"""Keeps a service's raw answers on disk, so that what was paid for survives whatever happens next."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4


def keep_raw(folder: Path, digest: str, body: bytes) -> Path:
    """Store an answer's body durably as ``<UTC time>-<digest>.json``, readable by its owner only. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{digest[:16]}.json"
    part = path.with_name(f"{path.name}.{uuid4().hex}.part")  # unique: other runs share this folder
    try:
        _write_through(part, body)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return path


def _write_through(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
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
