"""The service: starts what is due, never more of a schedule at once than it allows, and ends in order.

Stopping follows the one rule (DESIGN, 5). The first request starts nothing new, no fire, no row and no node, and lets
what is in flight finish and be kept; the second cancels it. What was cut short, or waited for its turn, is not done:
the next service finds it in the history and goes by the misfire rule.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from graphrun.engine import Engine
from graphrun.errors import GraphrunError, Problem, UsageError, WorkflowError
from graphrun.kernel.context import StopSignal
from graphrun.schedules.agenda import timing_key, trigger_of
from graphrun.schedules.clockwork import Clockwork
from graphrun.schedules.fires import Fires
from graphrun.schedules.health import Health
from graphrun.schedules.history import History
from graphrun.schedules.logs import EventLog
from graphrun.schedules.missed import Due, judge
from graphrun.schedules.recorded import Clock, RecordedFires
from graphrun.schedules.timetable import Schedule, Timetable
from graphrun.schedules.triggers import times_after, times_between

BEAT_SECONDS = 10.0
_MOST_TRIES = 3  # of one planned time: a fire that kills the service must not do so for ever


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Service:
    """One run of a schedule file; lives on one event loop, and is run once."""

    def __init__(
        self,
        timetable: Timetable,
        engine: Engine,
        history: History,
        log: EventLog,
        *,
        stop: StopSignal,
        health: Path | None = None,
        clock: Clock = utc_now,
        beat_seconds: float = BEAT_SECONDS,
        draw: random.Random | None = None,
    ) -> None:
        self._timetable = timetable
        self._history = history
        self._log = log
        self._stop = stop
        self._health = health
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._draw = draw or random.SystemRandom()
        self._fires = RecordedFires(Fires(engine, stop), history, log, clock, self._draw)
        self._clockwork = Clockwork(self._take)
        self._waiting: dict[str, list[datetime]] = {name: [] for name in timetable.schedules}
        self._running: dict[str, int] = dict.fromkeys(timetable.schedules, 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._broken: Exception | None = None
        self._started = clock()
        self._unwell = False

    async def run(self) -> None:
        """Run until a stop is asked for and what is in flight has ended.

        Raises, before anything runs, WorkflowError with every fault of every schedule; later, what kept the history
        from being written, after everything in flight has ended.
        """
        await self._check()
        unlisten = self._stop.listen(asyncio.get_running_loop(), self._on_stop)
        self._log("started", pid=os.getpid(), schedules=len(self._timetable.schedules))
        try:
            self._begin()
            while not self._stop.requested:
                self._beat("running")
                self._clockwork.look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._beat_seconds)
            await self._clockwork.stop()
            await self._drain()
        finally:
            unlisten()
            await self._clockwork.stop()
            await self._cancel()
            self._beat("stopped")
        self._log("stopped", cancelled=self._stop.cancelled or None)
        if self._broken is not None:
            raise self._broken

    async def _check(self) -> None:
        """Raise WorkflowError with all that is wrong for good; tell what may yet change."""
        problems: list[Problem] = []
        for name, schedule in self._timetable.schedules.items():
            try:
                await self._fires.check(schedule)
            except WorkflowError as error:
                problems += [replace(each, place=each.place or schedule.place) for each in error.problems]
            except GraphrunError as error:
                problems.append(Problem("bad_schedule", f"{name}: {error}", place=schedule.place))
        if problems:
            raise WorkflowError(problems)

    def _begin(self) -> None:
        for fire in self._history.settle_dead():
            self._log("died", fire.schedule, planned=fire.planned.astimezone())
        now = self._clock()
        for name, schedule in self._timetable.schedules.items():
            since = self._history.since(name, timing_key(schedule), now)
            trigger = trigger_of(schedule, since)
            late = times_between(trigger, since, now)
            self._take(name, [*self._unfinished(schedule, now), *late])
            first = next(times_after(trigger, now), None)
            if first is not None:
                self._clockwork.add(name, trigger, first)
                self._log("scheduled", name, when=schedule.timing.text, next=first.astimezone(schedule.zone))
        self._clockwork.start()

    def _unfinished(self, schedule: Schedule, now: datetime) -> list[datetime]:
        """Return the last planned time if its fire was cut short, not too long ago and not too often."""
        for last in self._history.fires(schedule.name, 1):
            late = (now - last.planned).total_seconds()
            tries = len(self._history.of_time(schedule.name, last.planned))
            if (
                last.end.outcome in ("stopped", "died")
                and late <= schedule.timing.misfire_grace
                and tries < _MOST_TRIES
            ):
                return [last.planned]
        return []

    def _take(self, name: str, times: Sequence[datetime]) -> None:
        """Times have come. What there is no room for waits."""
        self._waiting[name] += [time.astimezone(UTC) for time in times]
        self._advance(name)

    def _advance(self, name: str) -> None:
        """Start what may start now."""
        schedule = self._timetable.schedules[name]
        while self._waiting[name] and self._running[name] < schedule.timing.max_instances and not self._stop.requested:
            verdict = judge(self._waiting[name], self._clock(), schedule.timing.rule)
            self._waiting[name] = [*verdict.waiting]
            if verdict.missed:
                self._miss(schedule, verdict.missed)
            if verdict.start is not None:
                self._running[name] += 1
                task = asyncio.create_task(self._fire(schedule, verdict.start), name=f"fire of {name}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _miss(self, schedule: Schedule, missed: Sequence[datetime]) -> None:
        late = (self._clock() - max(missed)).total_seconds()
        message = f"{late:.0f} s late, and misfire_grace is {schedule.timing.misfire_grace:g} s"
        try:
            self._history.miss(schedule.name, missed, message)
        except UsageError as error:
            self._break(error)
        planned = max(missed).astimezone(schedule.zone)
        self._log("missed", schedule.name, planned=planned, times=len(missed), message=message)

    async def _fire(self, schedule: Schedule, due: Due) -> None:
        try:
            await self._hold_back(schedule)
            if not self._stop.requested:
                await self._fires.do(schedule, due)
        except Exception as error:
            self._break(error)
        finally:
            self._running[schedule.name] -= 1
            self._advance(schedule.name)

    async def _hold_back(self, schedule: Schedule) -> None:
        """Wait for a drawn part of the jitter, or until a stop is asked for."""
        if schedule.timing.jitter:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._draw.uniform(0, schedule.timing.jitter))

    def _break(self, error: Exception) -> None:
        """Without its history the service would not know what it has done: end it, and say why."""
        self._broken = self._broken or error
        if not self._stop.requested:
            self._stop.stop()

    def _on_stop(self) -> None:
        self._stopping.set()
        self._log("cancelling" if self._stop.cancelled else "stopping", running=sum(self._running.values()))

    async def _drain(self) -> None:
        while self._tasks:
            self._beat("stopping")
            await asyncio.wait(self._tasks, timeout=self._beat_seconds)

    async def _cancel(self) -> None:
        """Where the service itself is cancelled: leave nothing behind."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _beat(self, state: str) -> None:
        if self._health is None:
            return
        zones = {name: schedule.zone for name, schedule in self._timetable.schedules.items()}
        following = self._clockwork.next_times() if state == "running" else {}
        health = Health(
            pid=os.getpid(),
            state=state,
            started=self._started.astimezone().isoformat(timespec="seconds"),
            beat=self._clock().astimezone().isoformat(timespec="seconds"),
            next={name: time.astimezone(zones[name]).isoformat(timespec="seconds") for name, time in following.items()},
            running={name: number for name, number in self._running.items() if number},
        )
        try:
            health.write(self._health)
            self._unwell = False
        except OSError as error:  # a probe will notice; no reason to stop what runs
            if not self._unwell:
                self._log("warning", message=f"the health file {self._health} can't be written: {error.strerror}")
            self._unwell = True
