"""Writes files and folders so that they survive a power cut. Functions raise OSError."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PART = ".part"


def part_of(path: Path) -> Path:
    """Return where a file is written before it gets its name."""
    # No random name: a call has one owner at a time, and the next one is to find and remove it.
    return path.with_name(f"{path.name}{PART}")


def store(path: Path, data: bytes) -> None:
    """Write a file aside, sync it, and give it its name. Leaves nothing behind where it fails."""
    part = part_of(path)
    try:
        _write_through(part, data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only, unless it is there."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable as well as what they name, where the system can."""
    if os.name == "nt":  # Windows can't open folders, and needs no such step
        return
    with contextlib.suppress(OSError):  # the file is there; a folder that can't be synced is no reason to fail
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_through(path: Path, data: bytes) -> None:
    """Write into room that may have been reserved, and cut the file to size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
