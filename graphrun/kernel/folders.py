"""The three declared folders, and the only way a name from a workflow becomes a path.

A workflow file is untrusted: its names resolve inside these folders or not at all. Names may end in `` [input]``,
`` [output]`` or `` [temp]`` to choose the folder (image-mask-nodes.md, 1.8).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from graphrun.errors import PathError
from graphrun.kernel.workflow import BoundFile, did_you_mean

_ANNOTATED = re.compile(r"(?P<name>.*) \[(?P<folder>input|output|temp)\]", re.DOTALL)


_WORKFLOWS = (".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where inputs are read, outputs written and previews kept."""

    input: Path
    output: Path
    temp: Path

    def named(self, folder: str) -> Path:
        """Return the folder called ``input``, ``output`` or ``temp``."""
        return {"input": self.input, "output": self.output, "temp": self.temp}[folder]

    def find(self, name: str) -> Path:
        """Return the real path of an existing file that a workflow names.

        Raises PathError, with the nearest existing name, where the name leaves its folder or names no file.
        """
        plain, folder = split_annotation(name)
        base = self.named(folder)
        path = inside(base, plain)
        if stat.S_ISDIR(_mode(path)):
            raise PathError(f"{_shown(plain)} in {base} is a folder, not a file")
        if not stat.S_ISREG(_mode(path)):
            hint = did_you_mean(plain, _names_in(base, plain))
            raise PathError(f"there is no file {_shown(plain)} in {base}{hint}")
        return path

    def find_folder(self, name: str) -> Path:
        """Return the real path of an existing folder in the input folder that a workflow names.

        Raises PathError, with the nearest existing name, where the name leaves the input folder or names no folder.
        """
        path = inside(self.input, name)
        if not stat.S_ISDIR(_mode(path)):
            hint = did_you_mean(name, _names_in(self.input, name, stat.S_ISDIR))
            raise PathError(f"there is no folder {_shown(name)} in {self.input}{hint}")
        return path

    def why_not_writable(self, folder: str) -> str | None:
        """Return why nothing can be written into the folder of this name, or None. It need not exist yet.

        Asked before anything runs: a picture that was paid for and can't be saved is money lost.
        """
        base = self.named(folder)
        nearest = next((path for path in (base, *base.absolute().parents) if path.exists()), base)
        if not nearest.is_dir():
            return f"{nearest} is a file, not a folder"
        if not os.access(nearest, os.W_OK | os.X_OK):
            return f"{nearest} can't be written to"
        return None

    def read(self, file: str | BoundFile) -> bytes:
        """Return the content of a file a workflow names, or that the user bound. Raises PathError.

        What the user has done to it, such as a mask put in, is done; that may raise PictureError.
        """
        content = self.original(file)
        return file.change(content) if isinstance(file, BoundFile) and file.change else content

    def original(self, file: str | BoundFile) -> bytes:
        """Return the content as it lies there: a check needs no more. Raises PathError."""
        try:
            return file.original() if isinstance(file, BoundFile) else self.find(file).read_bytes()
        except OSError as error:
            name = file if isinstance(file, str) else file.name
            raise PathError(f"can't read {_shown(name)}: {error.strerror}") from error


def split_annotation(name: str) -> tuple[str, str]:
    """Split ``"a.png [output]"`` into ``("a.png", "output")``; without annotation the folder is ``input``."""
    match = _ANNOTATED.fullmatch(name)
    return (match["name"], match["folder"]) if match else (name, "input")


def inside(base: Path, name: str) -> Path:
    """Return the real path of ``name`` under ``base``, which need not exist. Raises PathError where it leaves."""
    if not name or "\0" in name or "\\" in name:
        raise PathError(f"{_shown(name)} is no file name: use / between folders, and no NUL or backslash")
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        raise PathError(f"{_shown(name)} would leave {base}: only names inside it are allowed")
    try:
        real = Path(os.path.realpath(base / name))
    except (OSError, ValueError) as error:  # ValueError: half a character, which JSON can write and no disk can hold
        raise PathError(f"{_shown(name)} can't be looked up: {error}") from error
    if not real.is_relative_to(os.path.realpath(base)):
        raise PathError(f"{_shown(name)} is a symbolic link that leaves {base}: only files inside it are allowed")
    return real


def _names_in(base: Path, like: str, is_wanted: Callable[[int], bool] = stat.S_ISREG) -> list[str]:
    """Return the files (or folders) beside the one that ``like`` would be, named as ``like`` names it."""
    parent = Path(like).parent
    try:
        with os.scandir(base / parent) as entries:
            found = [str(parent / entry.name) for entry in entries if is_wanted(_mode(Path(entry)))]
    except OSError:
        return []
    # The workflow that names a picture often lies beside it under nearly the same name.
    return [name for name in found if not name.endswith(_WORKFLOWS)]


def _mode(path: Path) -> int:
    """Return what is at a path, as ``stat`` tells it; 0 for nothing, and for names that no disk can hold."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:79]}…")
