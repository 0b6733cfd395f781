"""Where a file is saved: the prefix of a workflow becomes a folder, a base name and a counter.

image-mask-nodes.md, 1.8, "Output path". Nothing is written here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from graphrun import PathError


@dataclass(frozen=True, slots=True)
class SavePath:
    """A folder inside the output folder, its name there, and the base name files get in it."""

    folder: Path
    subfolder: str
    base: str

    def first_counter(self) -> int:
        """Return one more than the highest counter in use. Gaps aren't filled. Raises OSError."""
        prefix = os.path.normcase(self.base + "_")
        with os.scandir(self.folder) as entries:
            names = [entry.name for entry in entries]
        if os.name == "nt":
            names = [os.path.normcase(name) for name in names]
        return max((_counter(name[len(prefix) :]) for name in names if name.startswith(prefix)), default=0) + 1

    def names(self, counter: int, batch_index: int, ending: str) -> Iterator[tuple[int, str]]:
        """Yield counters from ``counter`` on, each with its file name; ``ending`` is ``_.png`` for most pictures."""
        base = self.base.replace("%batch_num%", str(batch_index))
        return ((number, f"{base}_{number:05}{ending}") for number in count(counter))


def save_path(prefix: str, folder: Path, width: int, height: int, now: datetime) -> SavePath:
    """Return where files with this prefix go. Raises PathError where that is outside the folder.

    ``%width%``, ``%height%``, ``%year%`` … ``%second%`` are filled in; ``%batch_num%`` is by `SavePath.names`.
    """
    normal = os.path.normpath(_filled(prefix, width, height, now))
    subfolder, base = os.path.split(normal)
    directory = folder / subfolder
    if _is_no_relative_name(normal) or not _lies_in(directory, folder):
        raise PathError(
            "**** ERROR: Saving image outside the output folder is not allowed. "
            f"The prefix {prefix!r} must name a place inside {folder}, with / between folders."
        )
    return SavePath(directory, subfolder, base)


def _filled(prefix: str, width: int, height: int, now: datetime) -> str:
    values = {
        "width": f"{width}",
        "height": f"{height}",
        "year": f"{now.year}",
        "month": f"{now.month:02}",
        "day": f"{now.day:02}",
        "hour": f"{now.hour:02}",
        "minute": f"{now.minute:02}",
        "second": f"{now.second:02}",
    }
    for name, value in values.items():
        prefix = prefix.replace(f"%{name}%", value)
    return prefix


def _is_no_relative_name(name: str) -> bool:
    return bool(Path(name).anchor) or "\0" in name or "\\" in name or not _encodable(name)


def _encodable(name: str) -> bool:
    """JSON can hold half a surrogate pair; a file name can't."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _lies_in(directory: Path, folder: Path) -> bool:
    """Compare real paths: a symbolic link inside the folder may lead out of it. The folder itself is the user's."""
    return directory == folder or Path(os.path.realpath(directory)).is_relative_to(os.path.realpath(folder))


def _counter(rest: str) -> int:
    """Return the number before the next ``_`` or ``.``, or 0 where there is none."""
    try:
        return int(rest.partition("_")[0].partition(".")[0])
    except ValueError:
        return 0
