"""One holder a key, between threads and processes; a killed holder has released."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from graphrun.os_lock import ByteLocks, FileLocks, OsLock

Locks = type[ByteLocks] | type[FileLocks]


@pytest.fixture(params=[ByteLocks, FileLocks])
def key_lock(request: pytest.FixtureRequest) -> Locks:
    """Both kinds, whichever this system's engine takes."""
    kind: Locks = request.param
    if kind is ByteLocks and sys.platform == "darwin":
        pytest.skip("its locks on bytes belong to the process")
    return kind


def test_a_key_has_one_holder_at_a_time(tmp_path: Path, key_lock: Locks) -> None:
    """Others get None, other keys are free, and release lets the next one in; once is enough."""
    locks = key_lock(tmp_path)
    held = locks.try_acquire("a/b")
    assert held
    assert locks.try_acquire("a/b") is None
    assert key_lock(tmp_path).try_acquire("a/b") is None
    other = locks.try_acquire("c")
    assert other
    held.release()
    held.release()
    with locks.try_acquire("a/b") or pytest.fail("it was released"):
        assert locks.try_acquire("a/b") is None
    other.release()


@pytest.mark.parametrize(("kind", "left"), [(ByteLocks, 1), (FileLocks, 0)])
def test_a_million_keys_leave_one_file_at_most(tmp_path: Path, kind: Locks, left: int) -> None:
    """An empty one, for all keys."""
    for key in ("a", "b"):
        (kind(tmp_path).try_acquire(key) or pytest.fail("it is free")).release()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.stat().st_size for path in files] == [0] * left


def test_the_files_of_killed_holders_are_removed(tmp_path: Path) -> None:
    """By the next process that takes any lock; the files of living ones stay."""
    held = FileLocks(tmp_path).try_acquire("living")
    (tmp_path / "locks" / "dead.lock").touch()
    other = FileLocks(tmp_path).try_acquire("a")
    assert held
    assert other
    other.release()
    assert len(list((tmp_path / "locks").iterdir())) == 1
    assert FileLocks(tmp_path).try_acquire("living") is None
    held.release()


def test_a_kernel_without_locks_on_bytes_gets_files(tmp_path: Path) -> None:
    """gVisor's says EINVAL to them. All processes there do the same, so a key still has one holder."""

    def refused(descriptor: int, byte: int) -> bool:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    held = ByteLocks(tmp_path, refused).try_acquire("a")
    assert held
    other = ByteLocks(tmp_path, refused)
    assert [other.try_acquire("a"), other.try_acquire("a")] == [None, None]
    held.release()
    (other.try_acquire("a") or pytest.fail("it was released")).release()


def test_there_are_never_two_holders_while_files_come_and_go(tmp_path: Path, key_lock: Locks) -> None:
    """Removing the file on release never lets two in: one on the removed file and one on a new one."""
    inside, worst, rounds = 0, 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, worst, rounds
        while rounds < 600:
            lock = key_lock(tmp_path).try_acquire("a")
            if lock is None:
                continue
            with counting:
                inside += 1
                worst, rounds = max(worst, inside), rounds + 1
            time.sleep(0)
            with counting:
                inside -= 1
            lock.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == 1


def test_a_killed_holder_releases_at_once(tmp_path: Path, key_lock: Locks) -> None:
    """The operating system does it, and what it left of a file is no obstacle."""
    code = (
        f"import sys, time; from pathlib import Path; from graphrun.os_lock import {key_lock.__name__} as Locks\n"
        "lock = Locks(Path(sys.argv[1])).try_acquire('a'); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    locks = key_lock(tmp_path)
    assert locks.try_acquire("a") is None
    holder.kill()
    holder.wait()
    holder.stdout.close()
    lock = locks.try_acquire("a")
    assert lock
    lock.release()


def test_waiting_for_a_lock_ends(tmp_path: Path) -> None:
    """With the lock when it is released, with TimeoutError when it isn't."""
    path = tmp_path / "lock"
    held = OsLock.acquire(path, seconds=1)
    with pytest.raises(TimeoutError, match="locked"):
        OsLock.acquire(path, seconds=0.02)
    timer = threading.Timer(0.05, held.release)
    timer.start()
    OsLock.acquire(path, seconds=30).release()
    timer.join()


def test_a_folder_that_cant_be_made_is_an_error(tmp_path: Path, key_lock: Locks) -> None:
    """Who asks decides whether to go on without a lock."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        key_lock(tmp_path / "file").try_acquire("a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_meanwhile_keeps_no_lock(tmp_path: Path, key_lock: Locks) -> None:
    """It has the lock's file open as well, as workers have that a node starts: released is released all the same."""
    held = key_lock(tmp_path).try_acquire("a") or pytest.fail("it is free")
    ending, may_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(may_end)
        os.read(ending, 1)  # until the parent has looked
        os._exit(0)
    try:
        held.release()
        with key_lock(tmp_path).try_acquire("a") or pytest.fail("it was released"):
            pass
    finally:
        os.close(may_end)
        os.waitpid(child, 0)
        os.close(ending)
