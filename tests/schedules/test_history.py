"""The history: what became of fires, whatever befalls the service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from graphrun import UsageError
from graphrun.schedules.history import Ended, History, read_history

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
    ended = Ended("done", 0, {"1.seed": 7}, ("out/a.png",), "runs/1", "fine")
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
