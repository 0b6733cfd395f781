"""Runs the rows of a batch side by side: each is pulled when there is room for it, and none held when it has ended.

A row that fails stops no other. Stopping follows the one rule (DESIGN, 5): the first request starts no further row and
lets calls on their way finish and be kept; the second cancels them. What ends a batch is a record that can't be
written: then nothing more starts, what is on its way finishes, and the error is raised.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from decimal import Decimal

from graphrun.amounts import plain
from graphrun.batches import events
from graphrun.batches.events import Emit
from graphrun.batches.row_run import RowResult, RowRunner
from graphrun.batches.rows import Row, Rows
from graphrun.batches.run_folder import RunFolder
from graphrun.errors import GraphrunError
from graphrun.kernel.context import StopSignal

_BREATH = 256  # rows that may be passed over before the event loop gets a turn
_SYNC_SECONDS = 1.0  # a power cut may cost the record of the last second; its rows come from the cache then


class Runner:
    """The state of one session of a batch; lives on one event loop."""

    def __init__(self, rows: Rows, run: RunFolder, runner: RowRunner, stop: StopSignal, emit: Emit) -> None:
        self._rows = rows
        self._run = run
        self._runner = runner
        self._stop = stop
        self._emit = emit
        self._pending: Iterator[Row] = iter(rows)
        self._halted = False
        self._stopping = False
        self._told_of_change = False
        self._counts: Counter[str] = Counter()
        self._cost = Decimal(0)
        self._synced = self._began = time.monotonic()

    async def results(self, width: int) -> AsyncGenerator[RowResult, None]:
        """Yield what became of each row, as rows end. Leaving early cancels what runs."""
        self._emit(events.BatchStarted(self._run.manifest.rows, self._run.path, self._run.resumed))
        unlisten = self._stop.listen(asyncio.get_running_loop(), self._on_stop)
        ended: asyncio.Queue[RowResult | None] = asyncio.Queue(width)
        crew = asyncio.create_task(self._crew(width, ended))
        try:
            while (result := await ended.get()) is not None:
                yield result
            await crew
        finally:
            unlisten()
            crew.cancel()
            with suppress(asyncio.CancelledError, Exception):  # raised above, unless the caller has left
                await crew
        self._finish()

    async def _crew(self, width: int, ended: asyncio.Queue[RowResult | None]) -> None:
        """Keep so many rows running. Raises what ended the batch, after the last of them."""
        workers = [asyncio.create_task(self._work(ended), name=f"rows {number}") for number in range(width)]
        try:
            outcomes = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        await ended.put(None)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _work(self, ended: asyncio.Queue[RowResult | None]) -> None:
        try:
            while (found := await self._next()) is not None:
                self._emit(events.RowStarted(found[0].index))
                result = await self._runner.run(*found)
                if result is not None:
                    await self._record(result)
                    await ended.put(result)
        except BaseException:
            self._halted = True
            raise

    async def _next(self) -> tuple[Row, str] | None:
        """Return the next row that isn't done, with its identity."""
        passed = 0
        try:
            while not (self._halted or self._stop.requested):
                row = next(self._pending, None)
                if row is None:
                    return None
                id = self._identity(row)
                if not self._run.done.has(row.index, id):
                    self._warn_if_changed(row, id)
                    return row, id
                passed += 1
                if passed % _BREATH == 0:
                    await asyncio.sleep(0)
            return None
        finally:
            if passed:
                self._counts["skipped"] += passed
                self._emit(events.RowsSkipped(passed))

    def _warn_if_changed(self, row: Row, id: str) -> None:
        """Tell once that rows have changed in a run that is gone on with: a line taken out moves all that follow."""
        if not self._told_of_change and self._run.done.had(row.index, id):
            self._told_of_change = True
            message = "it was done and has changed since, as others may have: what has changed is made again"
            self._emit(events.RowWarned(row.index, message))

    def _identity(self, row: Row) -> str:
        try:
            return self._rows.identity(row)
        except (OSError, GraphrunError):  # its file has gone: running the row says so
            return "0" * 32

    async def _record(self, result: RowResult) -> None:
        record = result.record
        self._run.records.append(record)
        self._count(result)
        self._emit(
            events.RowFinished(
                record.row,
                record.state,
                record.seconds,
                len(record.ran),
                len(record.cached),
                result.artifacts,
                record.error,
                record.cost,
            )
        )
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._synced = time.monotonic()
            await asyncio.to_thread(self._run.records.sync)

    def _count(self, result: RowResult) -> None:
        record = result.record
        self._counts[record.state] += 1
        self._counts["from_cache"] += record.from_cache
        self._counts["refused"] += result.refused
        self._counts["unpriced"] += record.cost is None
        self._cost += Decimal(record.cost or 0)

    def _on_stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._emit(events.BatchStopping())

    def _finish(self) -> None:
        self._run.records.sync()
        count, total = self._counts, self._run.manifest.rows
        complete = count["done"] + count["failed"] + count["skipped"] == total
        if complete:
            self._run.complete()
        self._emit(
            events.BatchFinished(
                folder=self._run.path,
                rows=total,
                done=count["done"],
                from_cache=count["from_cache"],
                failed=count["failed"],
                open=count["open"],
                skipped=count["skipped"],
                seconds=time.monotonic() - self._began,
                stopped=self._stop.requested,
                complete=complete,
                refused=count["refused"],
                cost=plain(self._cost),
                unpriced=count["unpriced"],
            )
        )
