"""Raw answers as files, so that what was paid for survives whatever happens next.

Room is reserved before anything is asked for: a full disk is to be found out before the picture is paid. An answer is
written into it, synced and renamed: what has its final name is whole. Names follow from the call alone, so that the
next owner of a call finds what a killed one left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from graphrun.providers.ledger.calls import OPEN, Call, State
from graphrun.providers.ledger.durable import PART, make_folder, part_of, store
from graphrun.providers.ledger.trouble import damaged, trouble_told

_CANNOT_RESERVE = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}  # said by file systems without reservation
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Place:
    """Reserved room for one answer. End it with `fill`, or with `release` where no answer came."""

    path: Path

    def fill(self, body: bytes) -> Path:
        """Store the answer's body durably and return its path. Raises LedgerError, and then leaves nothing behind."""
        with trouble_told(self.path):
            store(self.path, body)
        return self.path

    def release(self) -> None:
        """Give the room back. Never raises: what went wrong before is the better message."""
        with contextlib.suppress(OSError):
            part_of(self.path).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class AnswerFile:
    """A file among the answers. ``call`` is the id in its name; one that ``is_part`` never became an answer."""

    path: Path
    call: int
    is_part: bool
    size: int
    changed: float


class Answers:
    """The folder of raw answers. Methods raise LedgerError. Only a call's owner writes or removes its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, call: Call) -> Path:
        """Return where the answer of a call is, or would be."""
        # A digest everywhere; but an address is any text, and a file name is not.
        address = re.sub(r"[^0-9A-Za-z]", "_", call.draft.address[:16])
        return self._folder / f"{call.id:08d}-{address}.json"

    def reserve(self, call: Call, room: int) -> Place:
        """Take ``room`` bytes, readable by their owner only."""
        path = self.path(call)
        with trouble_told(path):
            make_folder(self._folder)
            if path.exists():
                raise damaged(path.parent, f"it holds {path.name}, and this call was never sent")
            _reserve(path, room)
        return Place(path)

    def read(self, call: Call) -> bytes | None:
        """Return a call's raw answer, packed as it came; None where it isn't kept."""
        return _read(self.path(call))

    def has(self, call: Call) -> bool:
        """Whether a call's answer is there; if it is, it is whole."""
        with trouble_told(self.path(call)):
            return self.path(call).exists()

    def encoding(self, call: Call) -> str:
        """Return how an answer is packed of which only the file is known."""
        with trouble_told(self.path(call)), self.path(call).open("rb") as file:
            return "gzip" if file.read(len(_GZIP)) == _GZIP else ""

    def discard(self, call: Call) -> None:
        """Remove the answer of an attempt that is to be repeated, or it would be taken for the next one's."""
        with trouble_told(self.path(call)):
            self.path(call).unlink(missing_ok=True)

    def release(self, call: Call) -> None:
        """Give back the room that a dead owner reserved. Never raises."""
        Place(self.path(call)).release()

    def keep_picture(self, call: Call, index: int, data: bytes) -> None:
        """Store a picture that the answer only names, durably."""
        path = self._picture(call, index)
        with trouble_told(path):
            make_folder(self._folder)
            store(path, data)

    def picture(self, call: Call, index: int) -> bytes | None:
        """Return a picture that was kept."""
        return _read(self._picture(call, index))

    def remove(self, files: Iterable[AnswerFile]) -> int:
        """Remove files and return their bytes."""
        freed = 0
        for file in files:
            with trouble_told(file.path):
                file.path.unlink(missing_ok=True)
            freed += file.size
        return freed

    def files(self) -> list[AnswerFile]:
        """Return all files here whose names are ours."""
        with trouble_told(self._folder):
            return list(_files(self._folder)) if self._folder.exists() else []

    def _picture(self, call: Call, index: int) -> Path:
        return self.path(call).with_suffix(f".picture{index}")


def idle(files: Iterable[AnswerFile], calls: Mapping[int, Call], before: float) -> list[AnswerFile]:
    """Return the files last written before a Unix time that no call needs. Pure."""
    return [file for file in files if file.changed < before and not _is_needed(file, calls.get(file.call))]


def _is_needed(file: AnswerFile, call: Call | None) -> bool:
    if call is None or file.is_part:
        return call is not None and call.state in OPEN
    return call.state in OPEN or (call.answer_kept and call.state is not State.FAILED)


def _reserve(path: Path, room: int) -> None:
    descriptor = os.open(part_of(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _allocate(descriptor, room)
    except OSError:
        part_of(path).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, room: int) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows
        return
    try:
        os.posix_fallocate(descriptor, 0, room)
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise


def _read(path: Path) -> bytes | None:
    with trouble_told(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _files(folder: Path) -> Iterator[AnswerFile]:
    for path in sorted(folder.iterdir()):
        id, dash, _ = path.name.partition("-")
        with contextlib.suppress(FileNotFoundError):  # filled or released this moment
            if dash and id.isdecimal():
                found = path.stat()
                yield AnswerFile(path, int(id), path.suffix == PART, found.st_size, found.st_mtime)
