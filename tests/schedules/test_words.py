"""Small parts: lengths of time, seeds, lines of the log, the health file."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.schedules.durations import duration_text, parse_duration
from graphrun.schedules.health import Health
from graphrun.schedules.logs import EventLog
from graphrun.schedules.seeding import SeedFacts, SeedPolicy, seed_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1H 30M", 5400),
        ("1d", 86_400),
        ("1w", 604_800),
    ],
)
def test_a_length_of_time_is_read(written: object, seconds: float) -> None:
    """As a number of seconds, or with units."""
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "soon", "5", "5 minutes", "-5s", None, True, "m5"])
def test_what_is_no_length_of_time_is_told(written: object) -> None:
    """With examples."""
    with pytest.raises(ValueError, match="is no length of time: write seconds, or 90s"):
        parse_duration(written)


@settings(deadline=None)
@given(st.integers(0, 10**8))
def test_a_length_of_time_is_told_as_it_is_read(seconds: int) -> None:
    """There and back."""
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("policy", "facts", "seed"),
    [
        ("keep", SeedFacts(7, 3), None),
        ("increment", SeedFacts(7), 7),
        ("increment", SeedFacts(None), 0),
        ("increment", SeedFacts(7, 11), 12),
        ("increment", SeedFacts(7, 100, most=100), 0),
        ("date", SeedFacts(7, 3), 20261120),
    ],
)
def test_a_seed_follows_its_policy(policy: SeedPolicy, facts: SeedFacts, seed: int | None) -> None:
    """Counting starts at the file's seed, and begins anew after the largest."""
    assert seed_of(policy, NOON, facts, random.Random(1)) == seed


def test_a_drawn_seed_fits() -> None:
    """Whatever is drawn."""
    assert {seed_of("random", NOON, SeedFacts(most=1), random.Random(number)) for number in range(20)} == {0, 1}


def test_a_line_of_the_log_can_be_read_by_people_and_machines() -> None:
    """Values with blanks are quoted, fields without a value left out, control characters shown."""
    lines: list[str] = []
    log = EventLog(lines.append, lambda: NOON)
    log("finished", "nightly", seconds=1.23456, message='a "b" c\x1b[31m', seed=None, files=2)
    [line] = lines
    time, _, rest = line.partition(" ")
    assert datetime.fromisoformat(time) == NOON
    assert rest == 'schedule=nightly event=finished seconds=1.235 message="a \\"b\\" c\\\\x1b[31m" files=2'


def test_the_log_as_json() -> None:
    """An object a line."""
    lines: list[str] = []
    EventLog(lines.append, lambda: NOON, as_json=True)("started", planned=NOON, fire=3)
    told = json.loads(lines[0])
    assert datetime.fromisoformat(told.pop("time")) == NOON
    assert told == {"event": "started", "planned": "2026-11-20T12:00:00+00:00", "fire": 3}


def test_the_health_file_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing else is left beside it, also where it can't be written."""
    path = tmp_path / "health.json"
    for beat in ("1", "2"):
        Health(7, "running", "0", beat, {"a": "x"}, {"a": 1}).write(path)
    assert json.loads(path.read_text())["beat"] == "2"
    with pytest.raises(OSError, match="directory"):
        Health(7, "running", "0", "3", {}, {}).write(tmp_path / "none" / "health.json")
    assert [each.name for each in tmp_path.iterdir()] == ["health.json"]
