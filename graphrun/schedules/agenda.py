"""When the schedules of a file fire, given what their history says. Pure: the clock and the history are passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge

from graphrun.schedules.timetable import Schedule
from graphrun.schedules.triggers import Cron, Trigger, interval, times_after


@dataclass(frozen=True, slots=True)
class Planned:
    """A fire that is to come, in the time zone of its schedule."""

    time: datetime
    schedule: str


def trigger_of(schedule: Schedule, since: datetime) -> Trigger:
    """Return when a schedule fires. Intervals are counted from ``since``, up to when it has been seen to."""
    if schedule.timing.cron is not None:
        return Cron(schedule.timing.cron, schedule.zone)
    seconds = schedule.timing.every or 0.0
    return interval(seconds, since.replace(microsecond=0) + timedelta(seconds=seconds), schedule.zone)


def timing_key(schedule: Schedule) -> str:
    """Return what tells one timing from another: what a new timing would have done before was not missed."""
    return f"{schedule.timing.text} {schedule.zone}" if schedule.timing.cron else schedule.timing.text


def coming(schedules: Iterable[tuple[Schedule, datetime | None]], now: datetime) -> Iterator[Planned]:
    """Yield the fires to come, in order of time. Schedules come with up to when they were seen to; None: never."""
    return merge(*(_of_one(schedule, since or now, now) for schedule, since in schedules), key=_time)


def _of_one(schedule: Schedule, since: datetime, now: datetime) -> Iterator[Planned]:
    return (
        Planned(time.astimezone(schedule.zone), schedule.name) for time in times_after(trigger_of(schedule, since), now)
    )


def _time(planned: Planned) -> datetime:
    return planned.time
