"""APScheduler, cut down to what is wanted of it: it calls back with the times that have come.

It would also skip, coalesce and drop late times itself, by other rules at run time than after a restart; here it is
told not to, and `missed` decides all of it. Jobs are in memory only: its other stores pickle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from graphrun.schedules.triggers import Trigger

TakeDue = Callable[[str, Sequence[datetime]], None]
"""Is told, on the event loop, which times of a schedule have come."""


class _Handover(BaseExecutor):  # type: ignore[misc]  # APScheduler has no type hints
    """What APScheduler takes for the place where jobs run: it hands their times over, and is done."""

    def __init__(self, take: TakeDue) -> None:
        super().__init__()
        self._take = take

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._take(job.id, run_times)
        self._run_job_success(job.id, [])


class Clockwork:
    """Runs on the event loop it is started on."""

    def __init__(self, take: TakeDue) -> None:
        stores, executors = {"default": MemoryJobStore()}, {"default": _Handover(take)}
        self._scheduler = AsyncIOScheduler(jobstores=stores, executors=executors, timezone=UTC)

    def add(self, name: str, trigger: Trigger, first: datetime) -> None:
        """Call back for a schedule from its first time on."""
        self._scheduler.add_job(
            _nothing, trigger, id=name, next_run_time=first, coalesce=False, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def look(self) -> None:
        """Look at the clock now. Timers stand still while a computer sleeps, so that they would come late."""
        self._scheduler.wakeup()

    def next_times(self) -> dict[str, datetime]:
        """Return the next time of each schedule that has one."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time}

    async def stop(self) -> None:
        """Call back no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # it only asks the event loop to do it


def _nothing() -> None:
    """APScheduler wants a function to call; what calls here is the handover instead."""
