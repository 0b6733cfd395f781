"""Cron expressions and intervals: the times they mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.schedules.triggers import ENOUGH, Cron, check_cron, interval, times_after, times_between

BERLIN = ZoneInfo("Europe/Berlin")


def first(expression: str, number: int, after: str = "2026-11-20T12:00", zone: ZoneInfo = BERLIN) -> list[str]:
    """Return the next times of an expression, as its clock shows them: weekday, date and time."""
    start = datetime.fromisoformat(after).replace(tzinfo=zone)
    return [f"{time:%a %m-%d %H:%M}" for time in islice(times_after(Cron(expression, zone), start), number)]


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("0 2 * * *", ["Sat 11-21 02:00", "Sun 11-22 02:00"]),
        ("*/20 * * * *", ["Fri 11-20 12:20", "Fri 11-20 12:40", "Fri 11-20 13:00"]),
        ("0 0 * * 0", ["Sun 11-22 00:00", "Sun 11-29 00:00"]),
        ("0 0 * * 7", ["Sun 11-22 00:00", "Sun 11-29 00:00"]),
        ("0 0 * * 1-5", ["Mon 11-23 00:00", "Tue 11-24 00:00"]),
        ("0 0 * * fri-sun", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Fri 11-27 00:00"]),
        ("0 0 * * sun,wed", ["Sun 11-22 00:00", "Wed 11-25 00:00"]),
        ("0 0 * * */2", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Tue 11-24 00:00", "Thu 11-26 00:00"]),
        ("0 0 * * 5-7", ["Sat 11-21 00:00", "Sun 11-22 00:00", "Fri 11-27 00:00"]),
        ("0 0 1 jan *", ["Fri 01-01 00:00"]),
        ("@weekly", ["Sun 11-22 00:00"]),
        ("@Monthly", ["Tue 12-01 00:00"]),
    ],
)
def test_an_expression_means_what_cron_means_by_it(expression: str, times: list[str]) -> None:
    """Sunday is 0 and 7; names, steps and ranges."""
    assert first(expression, len(times)) == times


def test_day_and_weekday_are_alternatives() -> None:
    """crontab(5): where both are limited, either is enough."""
    assert first("0 0 1,22 * 5", 3) == ["Sun 11-22 00:00", "Fri 11-27 00:00", "Tue 12-01 00:00"]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("61 * * * *", "61"),
        ("* * *", "has 3 fields"),
        ("0 0 0 2 * *", "has 6 fields"),
        ("@often", "there are @hourly"),
        ("0 0 * * 8", "weekday '8' is unknown"),
        ("0 0 * * fri-mon", "weekday 'fri-mon' makes no sense"),
        ("0 0 * * 1/0", "makes no sense"),
        ("0 0 31 2 *", "never comes"),
        ("a * * * *", "a"),
        ("", "has 0 fields"),
    ],
)
def test_what_is_no_expression_is_told(expression: str, said: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(ValueError, match=said):
        check_cron(expression)


def test_an_hour_that_is_left_out_comes_an_hour_later() -> None:
    """Summer time begins: 02:30 is 03:30 on that day."""
    assert first("30 2 * * *", 3, "2026-03-28T03:00") == ["Sun 03-29 03:30", "Mon 03-30 02:30", "Tue 03-31 02:30"]


def test_an_hour_that_is_repeated_counts_once() -> None:
    """Summer time ends: what is nightly fires once that night; what is hourly fires in both hours."""
    assert first("30 2 * * *", 3, "2026-10-24T03:00") == ["Sun 10-25 02:30", "Mon 10-26 02:30", "Tue 10-27 02:30"]
    assert first("30 * * * *", 4, "2026-10-25T01:00")[1:3] == ["Sun 10-25 02:30", "Sun 10-25 02:30"]


@settings(deadline=None)
@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 0 13 * 5", "15 1-4 * * 0"]),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
)
def test_times_only_go_forwards(expression: str, start: datetime) -> None:
    """Whatever clocks do, the next time is later."""
    times = list(islice(times_after(Cron(expression, BERLIN), start.replace(tzinfo=UTC)), 10))
    assert times[0] > start.replace(tzinfo=UTC)
    assert all(one.astimezone(UTC) < other.astimezone(UTC) for one, other in pairwise(times))


@settings(deadline=None)
@given(st.floats(1, 10**6), st.floats(0, 10**7))
def test_an_interval_keeps_to_its_grid(seconds: float, passed: float) -> None:
    """The next time is a whole number of intervals after the anchor, and at most one interval away."""
    anchor = datetime(2026, 1, 1, tzinfo=UTC)
    now = anchor + timedelta(seconds=passed)
    following = next(times_after(interval(seconds, anchor, BERLIN), now))
    assert -1e-5 < (following - now).total_seconds() < seconds + 1e-5
    steps = (following - anchor).total_seconds() / seconds
    assert abs(steps - round(steps)) < 1e-5


def test_times_between_two_moments() -> None:
    """The first is exclusive: its fire was done."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    trigger = interval(60, start, BERLIN)
    assert times_between(trigger, start, start + timedelta(seconds=180)) == [
        start + timedelta(seconds=seconds) for seconds in (60, 120, 180)
    ]
    assert times_between(trigger, start, start) == []


def test_a_year_of_seconds_is_not_counted() -> None:
    """The latest are looked at."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=365)
    found = times_between(interval(1, start, BERLIN), start, end)
    assert found[-1] == end
    assert ENOUGH <= len(found) <= 3601
