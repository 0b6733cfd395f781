"""Does one fire: a workflow once, or a batch, as its schedule says. What goes wrong is told, not raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from graphrun.batches.events import BatchFinished, BatchStarted, RowWarned
from graphrun.batches.job import Job
from graphrun.batches.job_workflow import load_workflow
from graphrun.batches.mask_checks import mask_problems
from graphrun.batches.rows import Draw, Row, Rows
from graphrun.batches.session import BatchOptions, prepared
from graphrun.engine import Engine
from graphrun.errors import GraphrunError, LimitError, Problem, WorkflowError
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Event, Warned
from graphrun.options import RunOptions
from graphrun.results import RunResult
from graphrun.schedules.history import NOTHING, Ended, Outcome
from graphrun.schedules.seeding import SeedFacts
from graphrun.schedules.timetable import Schedule
from graphrun.sinks.wording import failure_sentences, problem_sentences

Warn = Callable[[str], None]

_MAY_CHANGE = {"file_not_found", "invalid_image_file"}  # a picture may arrive before its time
_TOLD = 3  # failures in a message; a row's record and the log have the others


@dataclass(frozen=True)
class Fires:
    """Does fires in one engine. ``stop`` ends those under way by the one rule (DESIGN, 5)."""

    engine: Engine
    stop: StopSignal

    async def fire(self, schedule: Schedule, planned: datetime, seed: int | None, warn: Warn) -> Ended:
        """Do a fire to its end. ``planned`` is in the schedule's time zone."""
        do = self._batch if schedule.is_batch else self._workflow
        try:
            return await do(schedule, planned, seed, warn)
        except LimitError as error:
            return Ended("refused", 3, message=str(error), cost=NOTHING)
        except WorkflowError as error:
            return Ended("failed", 2, message=_few(problem_sentences(error.problems)), cost=NOTHING)
        except GraphrunError as error:  # of a batch, rows may have been paid for by then
            return Ended("failed", 2, message=str(error), cost=None if schedule.is_batch else NOTHING)
        except Exception as error:  # a fault of ours, or of a pack's, must not end the other schedules
            return Ended("failed", 1, message=f"unexpected {type(error).__name__}: {error}")

    async def check(self, schedule: Schedule, planned: datetime) -> list[str]:
        """Plan what a fire would do, and return what is wrong with it as things are now: files that are not there yet.

        Raises WorkflowError or UsageError for what won't change by itself.
        """
        problems = await self._batch_problems(schedule) if schedule.is_batch else self._problems(schedule, planned)
        lasting = [problem for problem in problems if problem.type not in _MAY_CHANGE]
        if lasting:
            raise WorkflowError(lasting)
        return problem_sentences(problems)

    async def _batch_problems(self, schedule: Schedule) -> Sequence[Problem]:
        try:
            await prepared(self.engine, schedule.job, BatchOptions())
        except WorkflowError as error:
            return error.problems
        return ()

    def _problems(self, schedule: Schedule, planned: datetime) -> Sequence[Problem]:
        rows, row = self._row(schedule.job, planned)
        input_dir = _folder(schedule.job, schedule.job.input_dir)
        if wrong := mask_problems(rows, self.engine.settings.folders(rows.workflow.path, input_dir=input_dir)):
            return wrong
        plan = self.engine.planned(rows.made(row), **self._options(rows, row))
        problems = [*plan.problems, *_seed_problems(schedule, rows, planned)]
        if not plan.targets and not problems:
            problems.append(_problem(schedule, "workflow", "the workflow has no output to make"))
        return problems

    def seed_facts(self, schedule: Schedule, last: int | None) -> SeedFacts:
        """Return what the schedule's next seed follows from. Raises as `check` does."""
        if schedule.job.rows is not None:
            return SeedFacts(last=last)
        rows, row = self._row(schedule.job.changed(seeds="keep"), datetime.now())
        numbers = [seed for seed in rows.seeds_of(row).values() if isinstance(seed, int)]
        return SeedFacts(numbers[0] if numbers else None, last, rows.most_seed)

    async def _workflow(self, schedule: Schedule, planned: datetime, seed: int | None, warn: Warn) -> Ended:
        job = schedule.job if seed is None else schedule.job.changed(seeds=[seed])
        rows, row = self._row(job, planned)

        def hear(event: Event) -> None:
            if isinstance(event, Warned):
                warn(event.message)

        options: RunOptions = {**self._options(rows, row), "stop": self.stop, "emit": hear}
        result = await self.engine.run(rows.made(row), **options)
        return replace(_ended(result), seeds=rows.seeds_of(row))

    async def _batch(self, schedule: Schedule, planned: datetime, seed: int | None, warn: Warn) -> Ended:
        job = schedule.job if seed is None else schedule.job.changed(seeds=[seed])
        if seed is None and schedule.timing.seed == "random":
            job = job.changed(seeds="random")
        sessions = [await self._session(job, BatchOptions(), warn)]
        if sessions[0].got_nowhere:
            warn("the rows left open by the fire before are still open (graphrun spend): a new run begins")
            sessions.append(await self._session(job, BatchOptions(new=True), warn))
        return _ended_batch(sessions)

    async def _session(self, job: Job, options: BatchOptions, warn: Warn) -> _Session:
        """Run a batch, or go on with one, to its end."""
        heard: list[Event] = []
        errors: list[str] = []

        def hear(event: Event) -> None:
            match event:
                case BatchStarted() | BatchFinished():
                    heard.append(event)
                case RowWarned(row=row, message=message):
                    warn(f"row {row}: {message}")
                case Warned(message=message):
                    warn(message)

        options |= BatchOptions(stop=self.stop, emit=hear)
        async with aclosing(self.engine.batch(job, **options)) as rows:
            async for row in rows:
                if row.record.error and len(errors) <= _TOLD:
                    errors.append(f"row {row.index}: {row.record.error}")
        begin, end = heard
        assert isinstance(begin, BatchStarted)
        assert isinstance(end, BatchFinished)
        return _Session(end, errors, begin.resumed)

    def _row(self, job: Job, planned: datetime) -> tuple[Rows, Row]:
        """Return the only row of a job without any: what the schedule sets, filled in."""
        # The workflow is read anew for each fire, so that what was edited counts.
        workflow = load_workflow(job, self.engine.types)
        rows = Rows(job, workflow, self.engine.types, Draw(date=f"{planned:%Y-%m-%d}"))
        return rows, next(iter(rows))

    def _options(self, rows: Rows, row: Row) -> RunOptions:
        job = rows.job
        options = RunOptions(
            provider=job.provider,
            targets=tuple(job.targets),
            input_dir=_folder(job, job.input_dir),
            output_dir=_folder(job, job.output_dir),
            map_models=job.map_models,
            strict_models=job.strict_models,
            way_on=job.way_on,
            **job.limits.caps,
        )
        return rows.options_of(row, options)


def _seed_problems(schedule: Schedule, rows: Rows, planned: datetime) -> Iterator[Problem]:
    policy = schedule.timing.seed
    if policy != "keep" and not rows.seeds:
        yield _problem(schedule, "seed", f"seed: {policy} has no use: the workflow has no seed to set")
    elif policy == "date" and int(f"{planned:%Y%m%d}") > rows.most_seed:
        yield _problem(
            schedule, "seed", f"seed: a date is more than the {rows.most_seed} that the workflow's seed takes"
        )


def _problem(schedule: Schedule, key: str, message: str) -> Problem:
    return Problem("bad_schedule", f"{schedule.name}: {message}", place=schedule.job.place(key))


def _folder(job: Job, written: object) -> Path | None:
    return job.path(str(written)) if written else None


def _ended(result: RunResult) -> Ended:
    """Say how a run ended. A stop that cut nothing short is no stop."""
    told = [*failure_sentences(result.failures), *problem_sentences(result.problems, result.refused)]
    outcome, exit_code = _outcome(result)
    return Ended(
        outcome,
        exit_code,
        artifacts=tuple(str(artifact.path) for artifact in result.artifacts),
        message=_few(told) if told else None,
        cost=result.cost,
        known_cost=sum((node.cost for node in result.nodes.values() if node.cost is not None), NOTHING),
    )


def _outcome(result: RunResult) -> tuple[Outcome, int]:
    if result.stopped and any(node.state in ("skipped", "failed") for node in result.nodes.values()):
        return "stopped", 130
    if any(isinstance(failure.__cause__, LimitError) for failure in result.failures):
        return "refused", 3
    failed = bool(result.failures or result.problems or result.refused)
    return "failed" if failed else "done", int(failed)


@dataclass(frozen=True, slots=True)
class _Session:
    """What one call of a batch came to: its end, what rows failed of, and whether it went on with an earlier run."""

    end: BatchFinished
    errors: list[str]
    resumed: bool

    @property
    def got_nowhere(self) -> bool:
        """Whether the run waits for a person: no fire would ever end it, or begin another."""
        end = self.end
        return self.resumed and bool(end.open) and not (end.done or end.failed or end.refused or end.stopped)


def _ended_batch(sessions: Sequence[_Session]) -> Ended:
    """Say how a batch ended, by its last session; what it cost is the cost of all."""
    end, errors = sessions[-1].end, sessions[-1].errors
    counts = {"done": end.done, "done before": end.skipped, "failed": end.failed, "left open": end.open}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    message = "; ".join([f"{end.rows} rows: {told or 'none done'}", *([_few(errors)] if errors else [])])
    outcome, exit_code = _batch_outcome(end)
    cost = sum((Decimal(each.end.cost) for each in sessions), NOTHING)
    return Ended(
        outcome,
        exit_code,
        report=str(end.folder),
        message=message,
        cost=None if any(each.end.unpriced for each in sessions) else cost,
        known_cost=cost,
    )


def _batch_outcome(end: BatchFinished) -> tuple[Outcome, int]:
    if end.stopped and not end.complete:
        return "stopped", 130
    if end.open and end.refused:
        return "refused", 3
    failed = bool(end.failed or end.open)
    return "failed" if failed else "done", int(failed)


def _few(sentences: list[str]) -> str:
    more = len(sentences) - _TOLD
    return "; ".join([*sentences[:_TOLD], *([f"and {more} more"] if more > 0 else [])])
