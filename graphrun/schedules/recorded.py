"""Does fires between two entries in the history, and tells the log of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from graphrun.errors import GraphrunError
from graphrun.schedules.fires import Fires
from graphrun.schedules.history import NOTHING, Ended, History
from graphrun.schedules.logs import EventLog
from graphrun.schedules.missed import Due
from graphrun.schedules.seeding import seed_of
from graphrun.schedules.timetable import Schedule

Clock = Callable[[], datetime]
"""Returns the time, aware of its zone."""


@dataclass(frozen=True)
class RecordedFires:
    """What fires are done with, and where they are written down."""

    fires: Fires
    history: History
    log: EventLog
    clock: Clock
    draw: random.Random

    async def check(self, schedule: Schedule) -> None:
        """Tell the log what is wrong with a schedule as things are now. Raises as `Fires.check` does."""
        for sentence in await self.fires.check(schedule, self.clock().astimezone(schedule.zone)):
            self.log("warning", schedule.name, message=sentence)

    async def do(self, schedule: Schedule, due: Due) -> None:
        """Do a fire between two entries in the history. Raises UsageError where it can't be written."""
        planned = due.planned.astimezone(schedule.zone)
        seed, fault = self._seed(schedule, due, planned)
        fire = self.history.begin(schedule.name, due.planned, due.stands_for, seed, self.clock())
        started = self.clock()
        times = due.stands_for if due.stands_for > 1 else None
        self.log("started", schedule.name, fire=fire, planned=planned, times=times, seed=seed)
        ended = fault or Ended("stopped", 130, message="cancelled")
        try:
            if fault is None:
                ended = await self.fires.fire(
                    schedule, planned, seed, lambda text: self.log("warning", schedule.name, fire=fire, message=text)
                )
        finally:
            self.history.end(fire, ended, self.clock())
            self._log_end(schedule, fire, ended, (self.clock() - started).total_seconds())

    def _log_end(self, schedule: Schedule, fire: int, ended: Ended, seconds: float) -> None:
        self.log(
            "finished",
            schedule.name,
            fire=fire,
            outcome=ended.outcome,
            exit_code=ended.exit_code,
            seconds=seconds,
            files=len(ended.artifacts) or None,
            report=ended.report,
            message=ended.message,
        )

    def _seed(self, schedule: Schedule, due: Due, planned: datetime) -> tuple[int | None, Ended | None]:
        """Return the seed of a fire, or why there is none.

        One that is taken up again has the seed it had, so that nothing is paid for twice.
        """
        policy = schedule.timing.seed
        if policy == "keep" or (policy == "random" and schedule.is_batch):
            return None, None
        for before in self.history.of_time(schedule.name, due.planned):
            return before.seed, None
        try:
            facts = self.fires.seed_facts(schedule, self.history.last_seed(schedule.name))
        except GraphrunError as error:  # the workflow has gone, or has changed
            return None, Ended("failed", 2, message=str(error), cost=NOTHING)
        return seed_of(policy, planned, facts, self.draw), None
