"""Write new files, never over another one, and never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from graphrun import PathError
from graphrun_nodes.saved_names import SavePath


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was written: its name, and the sub-folder of the folder for files of its kind."""

    name: str
    subfolder: str

    def shown(self, folder: str) -> dict[str, str]:
        """Return it as a front end is told of it; ``folder`` is ``output`` or ``temp``."""
        return {"filename": self.name, "subfolder": self.subfolder, "type": folder}


def save_files(files: Iterable[bytes], path: SavePath, ending: str) -> list[SavedFile]:
    """Write each file under the next free counter. Raises PathError where the disk refuses."""
    try:
        path.folder.mkdir(parents=True, exist_ok=True)
        counter, saved = path.first_counter(), []
        for index, file in enumerate(files):
            used, name = _write_new(path, counter, index, ending, file)
            counter = used + 1
            saved.append(SavedFile(name, path.subfolder))
    except (OSError, UnicodeError) as error:
        raise PathError(f"can't save to {path.folder / path.base}: {error}") from error
    return saved


def replace_file(target: Path, data: bytes) -> None:
    """Write a file whole, in place of one of that name. Raises PathError where the disk refuses."""
    part = _part_in(target.parent)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, UnicodeError) as error:
        raise PathError(f"can't save to {target}: {error}") from error


def _write_new(path: SavePath, counter: int, index: int, ending: str, data: bytes) -> tuple[int, str]:
    """Write under the first free counter. Another process may be saving the same prefix: nothing is overwritten."""
    part = _part_in(path.folder)
    try:
        part.write_bytes(data)
        names = path.names(counter, index, ending)
        return next(found for found in names if _claim(part, path.folder / found[1], data))
    finally:
        part.unlink(missing_ok=True)


def _part_in(folder: Path) -> Path:
    return folder / f".{uuid4().hex}.part"  # unique, and no name that a counter is read from


def _claim(part: Path, target: Path, data: bytes) -> bool:
    """Give the written file its name, unless that is taken. A reader never sees half a file under it."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        return create_new(target, data)
    return True


def create_new(target: Path, data: bytes) -> bool:
    """Write a file that isn't there and return True, or return False where it is. Raises OSError, leaving nothing."""
    try:
        file = target.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(data)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    return True
