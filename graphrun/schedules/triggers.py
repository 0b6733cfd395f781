"""When a schedule fires: cron expressions and intervals as triggers of APScheduler. Pure: no clock is read.

A cron expression means here what it means in crontab(5), which is not what APScheduler 3 makes of it: its weekday 0 is
Monday, it fires only where day and weekday both fit, and in the hour that is repeated when summer time ends it fires
twice. All of that is put right here. Jitter is none of its business either: it would shift every later interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, takewhile
from typing import Protocol

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

FIELDS = ("minute", "hour", "day", "month", "day_of_week")
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
ENOUGH = 100
"""How many of the times that have passed are looked at, at least: of more, the earliest are not even counted."""

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_TICK = timedelta(microseconds=1)
_SPANS = tuple(
    timedelta(seconds=seconds) for seconds in (60, 3600, 86_400, 32 * 86_400, 366 * 86_400, 8 * 366 * 86_400)
)


class Trigger(Protocol):
    """What APScheduler wants of a trigger."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first time after the previous one, or from ``now`` on; None where there is none any more."""


class Cron(BaseTrigger):  # type: ignore[misc]  # APScheduler has no type hints
    """The times of a cron expression in a time zone. Raises ValueError where there are none."""

    __slots__ = ("_fixed_hour", "_triggers", "_zone")

    def __init__(self, expression: str, zone: tzinfo) -> None:
        fields = _fields(expression)
        self._zone = zone
        self._fixed_hour = not fields["hour"].startswith("*")
        self._triggers = [CronTrigger(**each, timezone=zone) for each in _alternatives(fields)]

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the next time, as a time that clocks show: 02:30 comes as 03:30 where that hour is left out."""
        start = now if previous_fire_time is None else min(now, previous_fire_time.astimezone(UTC) + _TICK)
        found = self._first(start)
        while found is not None and self._fixed_hour and found.fold:  # it has been that time an hour ago
            found = self._first(found.astimezone(UTC) + _TICK)
        return found

    def _first(self, start: datetime) -> datetime | None:
        found = [trigger.get_next_fire_time(None, start.astimezone(self._zone)) for trigger in self._triggers]
        moments = [each.astimezone(UTC) for each in found if each is not None]
        return min(moments).astimezone(self._zone) if moments else None


def interval(seconds: float, anchor: datetime, zone: tzinfo) -> Trigger:
    """Return the trigger of every so many seconds, counted from ``anchor``, which is the first time."""
    trigger: Trigger = IntervalTrigger(seconds=seconds, start_date=anchor, timezone=zone)
    return trigger


def times_after(trigger: Trigger, moment: datetime) -> Iterator[datetime]:
    """Yield the times of a trigger that come after a moment."""
    found = trigger.get_next_fire_time(None, moment.astimezone(UTC) + _TICK)
    while found is not None:
        yield found
        found = trigger.get_next_fire_time(None, found.astimezone(UTC) + _TICK)


def times_between(trigger: Trigger, after: datetime, until: datetime) -> list[datetime]:
    """Return the times after one moment and not after another; of very many, the latest `ENOUGH` or some more.

    Looked for from the end, so that a second's interval and a year of absence cost nothing.
    """
    for span in _SPANS:
        start = max(after, until - span)
        found = list(takewhile(lambda time: time <= until, times_after(trigger, start)))
        if start == after or len(found) >= ENOUGH:
            return found
    return found


def check_cron(expression: str) -> None:
    """Raise ValueError, with a remedy, for an expression that is none, or whose time never comes."""
    if next(islice(times_after(Cron(expression, UTC), datetime(2024, 1, 1, tzinfo=UTC)), 1), None) is None:
        raise ValueError(f"{expression!r} never comes: no month has that day")


def _fields(expression: str) -> dict[str, str]:
    words = NAMED.get(expression.strip().lower(), expression).lower().split()
    if expression.strip().startswith("@") and words[0].startswith("@"):
        raise ValueError(f"{expression!r} is unknown; there are {', '.join(NAMED)}")
    if len(words) != len(FIELDS):
        count = f"{len(words)} field{'' if len(words) == 1 else 's'}"
        raise ValueError(f"{expression!r} has {count}; a cron expression has five: minute hour day month weekday")
    return dict(zip(FIELDS, words, strict=True))


def _alternatives(fields: dict[str, str]) -> list[dict[str, str]]:
    """Return what CronTrigger is to be told: where day and weekday are both limited, either is enough."""
    told = {**fields, "day_of_week": _weekdays(fields["day_of_week"])}
    if fields["day"].startswith("*") or fields["day_of_week"].startswith("*"):
        return [told]
    return [{**told, "day_of_week": "*"}, {**told, "day": "*"}]


def _weekdays(field: str) -> str:
    """Return a weekday field with names for numbers: 0 and 7 are Sunday."""
    if field == "*":
        return field
    numbers = {number % 7 for part in field.split(",") for number in _weekday_range(part)}
    return ",".join(_DAYS[number] for number in sorted(numbers))


def _weekday_range(part: str) -> range:
    days, _, step = part.partition("/")
    first, dash, last = ("0", "-", "6") if days == "*" else days.partition("-")
    start, end = _weekday(first, part), _weekday(last if dash else first, part)
    if end < start and last in ("0", "sun"):
        end = 7
    if end < start or (step and not step.isdecimal()) or step == "0":
        raise ValueError(f"weekday {part!r} makes no sense: write as 1-5, mon-fri, */2 or 0,6")
    return range(start, (6 if step and not dash else end) + 1, int(step or 1))


def _weekday(text: str, part: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdecimal() and int(text) <= 7:
        return int(text)
    raise ValueError(f"weekday {part!r} is unknown: 0 to 7 (0 and 7 are Sunday), or sun, mon, tue, wed, thu, fri, sat")
