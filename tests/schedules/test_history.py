"""The history: what became of fires, whatever befalls the service."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from graphrun import UsageError
from graphrun.schedules.history import Ended, History, read_history
from graphrun.schedules.history_file import FORMAT

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the history is."""
    return tmp_path / "state" / "history.sqlite3"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    """A new one."""
    made = History.create(path)
    yield made
    made.close()


def test_a_fire_is_there_from_its_start(history: History, path: Path) -> None:
    """And a reader of the same file sees it."""
    history.since("a", "hourly", NOON - HOUR)
    number = history.begin("a", NOON, 2, 7, NOON + timedelta(seconds=1))
    reader = read_history(path)
    assert reader
    [fire] = reader.fires()
    assert (fire.id, fire.planned, fire.stands_for, fire.seed, fire.end) == (number, NOON, 2, 7, Ended("running"))
    assert fire.end.cost is None, "not known before its end"
    ended = Ended("done", 0, {"1.seed": 7}, ("out/a.png",), "runs/1", "fine", Decimal("0.0305"), Decimal("0.0305"))
    history.end(number, ended, NOON + timedelta(seconds=3))
    [fire] = reader.fires()
    assert (fire.end, fire.seconds) == (ended, 2.0)
    reader.close()


def test_a_schedule_has_been_seen_to_up_to_its_last_fire(history: History) -> None:
    """A missed one counts; what is started late, for an earlier time, doesn't set it back."""
    assert history.since("a", "hourly", NOON) == NOON
    history.begin("a", NOON + 2 * HOUR, 1, None, NOON)
    history.miss("a", [NOON, NOON + HOUR], "late")
    assert history.since("a", "hourly", NOON + 9 * HOUR) == NOON + 2 * HOUR
    assert history.fires("a", 1)[0].stands_for == 2


def test_a_new_timing_begins_anew(history: History) -> None:
    """What it would have done before it was written was not missed."""
    history.since("a", "hourly", NOON)
    assert history.known_since("a", "daily") is None
    assert history.since("a", "daily", NOON + HOUR) == NOON + HOUR
    assert history.known_since("a", "daily") == NOON + HOUR


def test_fires_without_an_end_have_died(history: History) -> None:
    """With the service that ran them."""
    history.begin("a", NOON, 1, None, NOON)
    ended = history.begin("a", NOON, 1, None, NOON)
    history.end(ended, Ended("done", 0), NOON)
    assert [fire.id for fire in history.settle_dead()] == [1]
    assert [fire.end.outcome for fire in history.fires()] == ["done", "died"]
    assert history.settle_dead() == []


def test_the_last_seed_is_that_of_the_newest_fire(history: History) -> None:
    """Of its own schedule, and of those that were given one."""
    assert history.last_seed("a") is None
    for name, seed in (("a", 3), ("a", None), ("b", 9)):
        history.begin(name, NOON, 1, seed, NOON)
    assert history.last_seed("a") == 3


def test_looking_makes_no_file(path: Path) -> None:
    """Nothing was run, and nothing is there."""
    assert read_history(path) is None
    assert not path.parent.exists()


@pytest.mark.parametrize(("content", "said"), [(b"rubbish" * 100, "can't be used"), (b"", "is damaged")])
def test_a_damaged_file_is_told(path: Path, content: bytes, said: str) -> None:
    """And kept as it is."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        History.create(path)
    assert path.read_bytes() == content


FIRST_FORMAT = """
CREATE TABLE schedules (name TEXT PRIMARY KEY, timing TEXT NOT NULL, since REAL NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE fires (
  id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, planned REAL NOT NULL, stands_for INTEGER NOT NULL,
  started REAL, ended REAL, outcome TEXT NOT NULL, exit_code INTEGER, seed INTEGER, seeds TEXT NOT NULL DEFAULT '{}',
  artifacts TEXT NOT NULL DEFAULT '[]', report TEXT, message TEXT
) STRICT;
CREATE INDEX fires_of_a_schedule ON fires (schedule, id);
INSERT INTO schedules VALUES ('a', 'hourly', 1795176000.0);
INSERT INTO fires VALUES (5, 'a', 1795176000.0, 2, 1795176001.0, 1795176003.0, 'done', 0, 41, '{"1.seed": 41}',
  '["out/a.png"]', NULL, NULL);
PRAGMA user_version = 1;
"""


def test_a_history_of_the_first_format_is_brought_up_to_date(path: Path) -> None:
    """Whatever opens it: nothing is lost, and what its fires cost is not known."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(f"PRAGMA journal_mode = WAL; {FIRST_FORMAT}")
    reader, history = read_history(path), History.create(path)
    assert reader
    [fire] = reader.fires()
    assert (fire.id, fire.planned, fire.seed, fire.seconds) == (5, NOON, 41, 2.0)
    assert fire.end == Ended("done", 0, {"1.seed": 41}, ("out/a.png",), cost=None)
    history.end(history.begin("a", NOON + HOUR, 1, 42, NOON), Ended("done", 0, cost=Decimal("0.5")), NOON)
    assert [(fire.id, fire.end.cost) for fire in reader.fires()] == [(6, Decimal("0.5")), (5, None)]
    assert history.known_since("a", "hourly") == NOON + HOUR
    history.close()
    reader.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_a_history_of_a_later_format_is_left_alone(history: History, path: Path) -> None:
    """It may hold what this version would not keep."""
    history.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(UsageError, match="later version of graphrun: update graphrun"):
        read_history(path)
