"""Locks between processes that the operating system releases when their holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class OsLock:
    """A held lock. ``release()`` it, or use it in a with statement; a killed process has released it.

    Not the filelock package: it leaves its files behind, and an import that takes longer than a whole cached run.
    """

    def __init__(self, descriptor: int, file: Path | None = None) -> None:
        self._descriptor = descriptor
        self._file = file

    @classmethod
    def try_acquire(cls, path: Path) -> OsLock | None:
        """Return the lock, or None where another holder has it, in this process or any other. Raises OSError.

        The file exists only while someone holds or wants it.
        """
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                locked = _lock(descriptor)
            except OSError:
                os.close(descriptor)
                raise
            if locked and os.fstat(descriptor).st_nlink:
                return cls(descriptor, path)
            os.close(descriptor)
            if not locked:
                return None
            # Its last holder removed the file between our open and our lock: that file guards nothing any more.

    @classmethod
    def acquire(cls, path: Path, *, seconds: float) -> OsLock:
        """Wait for the lock, at most that long. Raises TimeoutError, and OSError as `try_acquire` does."""
        deadline = time.monotonic() + seconds
        while (lock := cls.try_acquire(path)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} has been locked for {seconds} seconds")
            time.sleep(0.005)
        return lock

    def release(self) -> None:
        """Let others have it. Once is enough; more does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if self._file is None:
            _unlock_bytes(descriptor)
            os.close(descriptor)
        elif sys.platform == "win32":
            os.close(descriptor)
            with suppress(OSError):  # open elsewhere: then it is wanted, and removed by that one
                self._file.unlink()
        else:
            with suppress(OSError):  # in a folder that turned unwritable it stays, and guards what it did
                self._file.unlink()  # while held, so that it is ours and no one else's
            os.close(descriptor)

    def __enter__(self) -> OsLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ByteLocks:
    """A lock per key, between all processes and threads that share the folder: a byte of one file, beyond its end.

    Nothing waits here: who gets None looks again later, in a loop of its own that can be stopped. A holder that is
    killed releases at once. Not a file per key where that can be helped: without a journal, ext4 looks at every file
    that was removed in the last minutes before it makes another, which took a fifth of the time of a large batch. Where
    the kernel has no such locks (gVisor's), the files it is.
    """

    def __init__(self, folder: Path, lock_byte: Callable[[int, int], bool] | None = None) -> None:
        self._file = folder / "keys.lock"
        self._lock_byte = lock_byte or _lock_byte
        self._instead: FileLocks | None = None

    def try_acquire(self, key: str) -> OsLock | None:
        """Return the key's lock, or None while another has it. Raises OSError where there can be no locks."""
        if self._instead is not None:
            return self._instead.try_acquire(key)
        descriptor = self._opened()
        try:
            if self._lock_byte(descriptor, _byte_of(key)):
                return OsLock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno != errno.EINVAL:
                raise
            self._instead = FileLocks(self._file.parent)
            return self._instead.try_acquire(key)
        os.close(descriptor)
        return None

    def _opened(self) -> int:
        """Open the file once more: a lock belongs to its opening, so that threads of a process exclude each other."""
        try:
            return os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)


class FileLocks:
    """The same as `ByteLocks`, for systems whose locks on parts of a file belong to the process: a file per key."""

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


KeyLock = ByteLocks if sys.platform in ("linux", "win32") else FileLocks


def _byte_of(key: str) -> int:
    # Windows takes offsets below 2**31. Two keys that share a byte wait for each other, and no more.
    return int.from_bytes(blake3(key.encode()).digest(8), "big") >> (33 if sys.platform == "win32" else 2)


def _lock_byte(descriptor: int, byte: int) -> bool:
    """Take the lock of one byte for this opening of the file. For Linux and Windows."""
    if sys.platform == "linux":
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, byte, 1))
        except (BlockingIOError, PermissionError):
            return False
        return True
    os.lseek(descriptor, byte, os.SEEK_SET)
    return _lock(descriptor)


def _unlock_bytes(descriptor: int) -> None:
    """Give up what this opening has locked. To close it is not enough: a child forked meanwhile has it open too."""
    if sys.platform == "linux":
        with suppress(OSError):  # to close it is the best that is left
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, 0, 0))


def _flock(kind: int, start: int, length: int) -> bytes:
    """Return a ``struct flock``; a length of 0 is all that follows."""
    return struct.pack("hhqqi", kind, os.SEEK_SET, start, length, 0)


def _lock(descriptor: int) -> bool:
    """Take the lock of a whole file; on Windows, of the byte it stands at."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
