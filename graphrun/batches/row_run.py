"""Runs one row: as often as it may be tried, and says what became of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol, Unpack

from graphrun.amounts import plain
from graphrun.batches.job_masks import told
from graphrun.batches.record import RowArtifact, RowRecord, RowState
from graphrun.batches.rows import Row, Rows
from graphrun.errors import GraphrunError, LedgerError, LimitError, ProviderError
from graphrun.kernel.cache_key import path_digest
from graphrun.kernel.clerk import Clerk
from graphrun.kernel.events import Event, Warned
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.plan import Plan
from graphrun.kernel.workflow import Workflow
from graphrun.options import RunOptions
from graphrun.outlook import Forecast
from graphrun.providers.abilities import UNFIT
from graphrun.providers.errand import Errand
from graphrun.results import Artifact, RunResult
from graphrun.settings import Settings

_SHELF = 1_000  # rows whose files share a folder: a saver reads all names in it to find the next


class RowEngine(Protocol):
    """What a batch needs of an engine."""

    @property
    def settings(self) -> Settings:
        """What holds where neither job nor call says otherwise."""

    @property
    def types(self) -> Mapping[str, NodeType]:
        """The node types."""

    async def run(self, workflow: Workflow, **options: Unpack[RunOptions]) -> RunResult:
        """Run a workflow. Raises WorkflowError, UsageError or LimitError where nothing can run."""

    def planned(self, workflow: Workflow, **options: Unpack[RunOptions]) -> Plan:
        """Plan a workflow as `run` would, whose problems a missing image service is one of."""

    def forecast(self, workflow: Workflow, **options: Unpack[RunOptions]) -> Forecast:
        """Plan a workflow and look up what the cache has of it."""


@dataclass(frozen=True)
class RowResult:
    """What became of a row. ``result`` is that of its run; None where it could not even be planned.

    ``refused``: a limit of the user's stood in its way.
    """

    record: RowRecord
    folder: Path
    result: RunResult | None = None
    refused: bool = False

    @property
    def index(self) -> int:
        """The row's number, from 1."""
        return self.record.row

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for was done."""
        return self.record.state == "done"

    @property
    def artifacts(self) -> tuple[Path, ...]:
        """The files it wrote."""
        return tuple(self.folder / each.path for each in self.record.artifacts)


@dataclass(frozen=True, slots=True)
class _Ended:
    """What a try came to: an error, or a result, or both; ``stopped`` where a stop cut it short."""

    result: RunResult | None
    error: str | None
    state: RowState
    refused: bool = False
    stopped: bool = False

    @property
    def cost(self) -> Decimal | None:
        """What its calls cost in USD, None where nobody knows."""
        return Decimal(0) if self.result is None else self.result.cost


class RowRunner:
    """Runs rows of one batch. ``options`` are those of every run, ``errand`` is what all their purchases share.

    ``warn`` hears of trouble with a row.
    """

    def __init__(
        self,
        engine: RowEngine,
        rows: Rows,
        folder: Path,
        total: int,
        options: RunOptions,
        warn: Callable[[int, str], None],
    ) -> None:
        self._engine = engine
        self._rows = rows
        self._folder = folder
        self._shelved = total > _SHELF
        self._options = options
        self._errand: Errand = options["errand"]
        self._warn = warn
        self._clerk = Clerk(nullcontext)

    async def run(self, row: Row, id: str) -> RowResult | None:
        """Run a row until it is done or may not be tried again.

        None where a stop was asked for before its end, unless it had paid by then: the record accounts for all money.
        """
        started, clock = time.time(), time.perf_counter()
        tries = [await self._try(row)]
        while self._may_try_again(tries[-1], len(tries)):
            tries.append(await self._try(row))
        cost = _sum([each.cost for each in tries])
        if tries[-1].stopped and cost == 0:
            return None
        seconds = time.perf_counter() - clock
        return await self._told(row, id, tries[-1], len(tries), cost, started, seconds)

    def _may_try_again(self, ended: _Ended, tries: int) -> bool:
        stopped = self._options["stop"].requested
        return ended.state == "failed" and tries <= self._rows.job.limits.retry_rows and not stopped

    async def _try(self, row: Row) -> _Ended:
        try:
            result = await self._engine.run(self._rows.made(row), **self._options_of(row))
        except GraphrunError as error:
            refused = isinstance(error, LimitError)
            return _Ended(None, str(error), "open" if refused else "failed", refused)
        except Exception as error:  # a fault of ours, or of a pack's, in one row is no reason to end the others
            return _Ended(None, f"unexpected {type(error).__name__}: {error}", "failed")
        if result.stopped and (result.failures or any(node.state == "skipped" for node in result.nodes.values())):
            return _Ended(result, "stopped before its end", "open", stopped=True)
        causes = [failure.__cause__ for failure in result.failures]
        told = "; ".join(map(str, result.failures)) or None
        refused = any(isinstance(cause, LimitError) for cause in causes)
        return _Ended(result, told, self._state(causes) if causes else "done", refused)

    def _options_of(self, row: Row) -> RunOptions:
        folder = self._folder
        if self._shelved:
            folder /= f"{(row.index - 1) // _SHELF * _SHELF + 1:07}"

        def hear(event: Event) -> None:
            if isinstance(event, Warned):
                self._warn(row.index, event.message)

        options = self._rows.options_of(row, self._options)
        return {**options, "output_dir": folder, "strict": True, "emit": hear}

    def _state(self, causes: Sequence[BaseException | None]) -> RowState:
        """Say of a row with failures whether it may come out otherwise when its user has done something."""
        return "open" if self._errand.ended or any(map(_may_change, causes)) else "failed"

    async def _told(
        self, row: Row, id: str, ended: _Ended, tries: int, cost: Decimal | None, started: float, seconds: float
    ) -> RowResult:
        nodes = ended.result.nodes.values() if ended.result else ()
        artifacts = ended.result.artifacts if ended.result else ()
        record = RowRecord(
            row=row.index,
            id=id,
            state=ended.state,
            place=row.place,
            columns=row.columns,
            inputs=row.inputs,
            files={name: str(path) for name, path in row.files.items()},
            masks={node_id: told(masks) for node_id, masks in row.masks.items()},
            seeds=self._rows.seeds_of(row),
            artifacts=await self._clerk.do(lambda: tuple(_kept(each, self._folder) for each in artifacts)),
            started=started,
            seconds=round(seconds, 3),
            ran=tuple(node.node_id for node in nodes if node.state == "ran"),
            cached=tuple(node.node_id for node in nodes if node.state == "cached"),
            tries=tries,
            error=ended.error,
            cost=None if cost is None else plain(cost),
        )
        return RowResult(record, self._folder, ended.result, ended.refused)


def _may_change(cause: BaseException | None) -> bool:
    """Whether a limit, the network, the ledger, or a call of unknown fate stands behind a failure."""
    if isinstance(cause, ProviderError):
        return cause.maybe_billed or (cause.status is None and cause.code != UNFIT)
    return isinstance(cause, LimitError | LedgerError)


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def _kept(artifact: Artifact, folder: Path) -> RowArtifact:
    path = Path(os.path.relpath(artifact.path, folder)).as_posix()
    digest, size = path_digest(artifact.path), artifact.path.stat().st_size
    return RowArtifact(path, artifact.node_id, artifact.kind, digest, size)
