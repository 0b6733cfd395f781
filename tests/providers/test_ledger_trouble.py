"""A ledger that is damaged, gone, of a later version, on a full disk or one that can't be written. Money is in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_calls import ADDRESS, BODY, DRAFT, call_in, draft, intend
from small_disk import files_no_larger_than

from graphrun.errors import LedgerError
from graphrun.providers.ledger import Ledger, State


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a ledger with one call of each state is."""
    ledger = Ledger(tmp_path / "ledger")
    for state in State:
        call_in(ledger, state, draft(state))
    ledger.close()
    return ledger.folder


def garble(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def overwrite_pages(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "garbled": garble,
    "cut": cut,
    "emptied": lambda path: path.write_bytes(b""),
    "overwritten": overwrite_pages,
    "removed": lambda path: path.unlink(),
    "another database": lambda path: change(path, "PRAGMA user_version = 0"),
    "an unknown state": lambda path: change(path, "UPDATE call SET state = 'lost' WHERE id = 3"),
    "an unreadable request": lambda path: change(path, "UPDATE call SET request = '{' WHERE id = 3"),
    "a request without its prompt": lambda path: change(path, "UPDATE call SET request = '{}' WHERE id = 3"),
    "flipped bits": lambda path: change(path, "UPDATE call SET identity = CAST(x'ff' AS TEXT) WHERE id = 3"),
    "no table": lambda path: change(path, "DROP TABLE call"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_ledger_is_told_and_never_begun_anew(folder: Path, damage: Callable[[Path], object]) -> None:
    """The file, the finding and the remedy in a sentence; reading and buying both stop, and nothing is changed."""
    path = folder / "calls.sqlite3"
    damage(path)
    before = path.read_bytes() if path.exists() else None
    ledger = Ledger(folder)
    with pytest.raises(LedgerError) as caught:
        [*ledger.calls(), ledger.latest("\ufffd", "")]
    if before is None or len(before) < 6000:
        with pytest.raises(LedgerError, match="damaged"):
            intend(ledger)
    ledger.close()
    assert str(caught.value).startswith(f"the ledger {path} is damaged (")
    assert "bring it back from a backup, or move its folder away" in str(caught.value)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_later_version_is_told_apart_from_damage(folder: Path) -> None:
    """An older graphrun must not write into it."""
    change(folder / "calls.sqlite3", "PRAGMA user_version = 3")
    for act in (Ledger(folder).calls, lambda: intend(Ledger(folder))):
        with pytest.raises(LedgerError, match=r"calls.sqlite3 was written by a later version of graphrun: update"):
            act()


def test_a_ledger_that_goes_while_it_is_used_is_told(folder: Path) -> None:
    """What would be written into the removed file would be lost with it."""
    ledger = Ledger(folder)
    call = intend(ledger)
    (folder / "calls.sqlite3").rename(folder / "elsewhere.sqlite3")
    with pytest.raises(LedgerError, match="was moved or replaced while it was in use"):
        ledger.sent(call.id)
    ledger.close()


def test_a_ledger_older_than_its_answers_buys_nothing(folder: Path) -> None:
    """Brought back from a backup, it would give an id again, and an old answer would pass for a new one."""
    ledger = Ledger(folder)
    call = intend(ledger)
    stale = folder / "answers" / f"{call.id:08d}-{ADDRESS[:16]}.json"
    stale.write_bytes(BODY)
    with pytest.raises(LedgerError, match=rf"it holds {stale.name}, and this call was never sent"):
        ledger.reserve(call, 100)
    assert stale.read_bytes() == BODY
    ledger.close()


def test_a_folder_that_cant_be_made_is_told(tmp_path: Path) -> None:
    """A file is in the way."""
    blocked = tmp_path / "a file, no folder"
    blocked.write_text("")
    ledger = Ledger(blocked / "ledger")
    for act in (lambda: ledger.lock(ADDRESS), lambda: intend(ledger)):
        with pytest.raises(LedgerError, match="GRAPHRUN_DATA_DIR") as caught:
            act()
        assert str(blocked) in str(caught.value)


def test_an_answer_that_cant_be_stored_is_told(folder: Path) -> None:
    """A folder is where the file should be; nothing is left behind."""
    ledger = Ledger(folder)
    call = intend(ledger)
    place = ledger.reserve(call, 100)
    place.path.mkdir()
    with pytest.raises(LedgerError, match="can't be used"):
        place.fill(BODY)
    assert not place.path.with_name(f"{place.path.name}.part").exists()
    ledger.close()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system can't reserve room in a file")
def test_room_is_missed_before_anything_is_sent(folder: Path) -> None:
    """The call fails unsent, and leaves no file."""
    ledger = Ledger(folder)
    call = intend(ledger)
    files = sorted((folder / "answers").iterdir())
    with files_no_larger_than(1_000_000), pytest.raises(LedgerError, match="free some room or set GRAPHRUN_DATA_DIR"):
        ledger.reserve(call, 8_000_000)
    assert sorted((folder / "answers").iterdir()) == files
    ledger.failed(call.id, "no room")
    ledger.close()


def test_an_answer_too_large_for_the_disk_is_told(folder: Path) -> None:
    """It leaves nothing behind, and the call can still be ended."""
    ledger = Ledger(folder)
    call = intend(ledger)
    place = ledger.reserve(call, 100)
    ledger.sent(call.id)
    with files_no_larger_than(1_000_000), pytest.raises(LedgerError, match="free some room"):
        place.fill(b"x" * 2_000_000)
    assert ledger.answer(call) is None
    ledger.answered(call.id, status=200)
    assert not ledger.call(call.id).answer_kept
    ledger.close()


def test_a_full_disk_stops_the_books_and_damages_nothing(folder: Path) -> None:
    """What could not be written is told; what was written before is there."""
    ledger = Ledger(folder)
    before = ledger.calls()
    with files_no_larger_than(40_000), pytest.raises(LedgerError, match="can't be used"):
        list(map(intend, [ledger] * 1000))
    assert ledger.calls()[: len(before)] == before
    intend(ledger)
    ledger.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, where mounting one is permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def test_the_books_are_read_where_nothing_can_be_written(disk: Path) -> None:
    """Nothing is settled there and nothing is bought; the sentence says what to do."""
    ledger = Ledger(disk / "ledger")
    sent, decoded = call_in(ledger, State.SENT), call_in(ledger, State.DECODED, draft("other"))
    ledger.close()
    read_only(disk)
    assert ledger.calls() == [sent, decoded]
    assert ledger.settle_dead() == []
    assert ledger.answer(decoded) == BODY
    assert ledger.standing(DRAFT.identity, "other") == decoded
    for act in (lambda: ledger.lock(ADDRESS), lambda: intend(ledger)):
        with pytest.raises(LedgerError, match="writable, or set GRAPHRUN_DATA_DIR to another folder"):
            act()
    ledger.close()


def test_calls_that_are_only_in_the_log_are_not_passed_over(disk: Path) -> None:
    """A copy without its index of the log can't be read where SQLite can't make one."""
    original = Ledger(disk / "ledger")
    call_in(original, State.SENT)
    copy = disk / "copy"
    copy.mkdir()
    for name in ("calls.sqlite3", "calls.sqlite3-wal"):
        shutil.copy(original.folder / name, copy / name)
    original.close()
    read_only(disk)
    with pytest.raises(LedgerError, match=r"the newest calls are in .*calls.sqlite3-wal"):
        Ledger(copy).calls()


def test_a_ledger_locked_by_another_program_is_told(folder: Path) -> None:
    """As by one that was stopped in a debugger."""
    ledger = Ledger(folder, busy_seconds=0.01)
    with closing(sqlite3.connect(folder / "calls.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"another process has kept it locked: end that one, or try again later"):
            intend(ledger)
        other.execute("ROLLBACK")
    intend(ledger)
    ledger.close()
