"""What becomes of times that are due: the misfire rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.schedules.missed import Due, MisfireRule, Verdict, judge

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ago(*seconds: float) -> tuple[datetime, ...]:
    """Return times so long ago."""
    return tuple(NOW - timedelta(seconds=each) for each in seconds)


def test_what_is_on_time_starts() -> None:
    """One time, one fire."""
    assert judge(ago(0), NOW, MisfireRule(60, coalesce=True)) == Verdict(Due(NOW), (), ())


def test_the_latest_stands_for_all_that_are_coalesced() -> None:
    """What is too late is missed, not stood for."""
    [too_late, *others] = ago(90, 50, 30, 10)
    assert judge([too_late, *others], NOW, MisfireRule(60, coalesce=True)) == Verdict(
        Due(others[-1], 3), (too_late,), ()
    )


def test_without_coalescing_each_has_its_turn() -> None:
    """The earliest first; the others wait."""
    [too_late, one, other] = ago(90, 50, 30)
    assert judge([too_late, one, other], NOW, MisfireRule(60, coalesce=False)) == Verdict(
        Due(one), (too_late,), (other,)
    )


def test_all_too_late() -> None:
    """Nothing starts."""
    assert judge(ago(90, 61), NOW, MisfireRule(60, coalesce=True)) == Verdict(None, ago(90, 61), ())


@settings(deadline=None)
@given(st.lists(st.floats(0, 1000), unique=True), st.floats(1, 1000), st.booleans())
def test_no_time_is_lost(lateness: list[float], grace: float, coalesce: bool) -> None:
    """Each is missed, waits, or is that of a fire, if need be by standing for it."""
    due = sorted(ago(*lateness))
    verdict = judge(due, NOW, MisfireRule(grace, coalesce))
    started = verdict.start.stands_for if verdict.start else 0
    assert started + len(verdict.missed) + len(verdict.waiting) == len(due)
    assert set(verdict.missed) == {each for each in due if (NOW - each).total_seconds() > grace}
    assert not (coalesce and verdict.waiting)
