"""One call for a batch: its job is read and checked, its run begun or gone on with, its rows run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from blake3 import blake3

from graphrun.batches import events
from graphrun.batches.events import Emit
from graphrun.batches.job import Job, job_error
from graphrun.batches.job_workflow import load_workflow
from graphrun.batches.mask_checks import mask_problems
from graphrun.batches.row_checks import check_names, count_rows
from graphrun.batches.row_run import RowEngine, RowResult, RowRunner
from graphrun.batches.rows import Draw, Row, Rows
from graphrun.batches.run_folder import RunFolder, fit_for_a_folder
from graphrun.batches.runner import Runner
from graphrun.errors import Problem, UsageError, WorkflowError
from graphrun.formats import dump_api
from graphrun.kernel.cache_key import encode
from graphrun.kernel.context import StopSignal
from graphrun.kernel.workflow import Workflow
from graphrun.options import RunOptions
from graphrun.paying import budget_for
from graphrun.providers.base import ImageService
from graphrun.providers.errand import Errand
from graphrun.settings import Settings
from graphrun.shared_cache import CacheMode


class BatchOptions(TypedDict, total=False):
    """What may differ from session to session of a batch, besides its job.

    provider, input_dir, output_dir: in place of what the job says. resume: the run to go on with, by folder or start
    time; new: begin one even where the last is incomplete. max_cost, max_images: in place of the job's limits;
    map_models, strict_models: besides what it says. emit: is called with every event (`batches.events`) on the thread
    of the event loop. stop, cache, metadata, debug, retry_unknown: as in `RunOptions`. refresh: so too, for the rows
    that this session runs: those that the run has done stay as they are, and a call that rows share is bought once.
    """

    provider: str | ImageService | None
    input_dir: str | os.PathLike[str] | None
    output_dir: str | os.PathLike[str] | None
    resume: str | os.PathLike[str] | None
    new: bool
    emit: Emit
    stop: StopSignal
    cache: CacheMode
    refresh: Iterable[str] | Literal["all"]
    metadata: bool
    debug: bool
    retry_unknown: bool
    max_cost: float | Decimal | str | None
    max_images: int | str | None
    map_models: bool
    strict_models: bool


_OPTIONS = {"workflow", "definitions", "carried", "limits", "output_dir", "name", "map_models", "strict_models"}


@dataclass(frozen=True)
class Ready:
    """A job that was checked: its rows, how many they are, and the options each of them is run with."""

    job: Job
    workflow: Workflow
    rows: Rows
    count: int
    options: RunOptions


async def prepared(engine: RowEngine, job: Job, options: BatchOptions, *, runs: bool = True) -> Ready:
    """Check a job: all its names, all its values, and the whole plan of its first row. Nothing has run by then.

    Where nothing ``runs`` afterwards either, it is no fault that an image service isn't set up. Raises WorkflowError
    with every fault at its place, UsageError where an option names what isn't there.
    """
    _check_options(options)
    workflow = load_workflow(job, engine.types)
    check_names(job, workflow)
    rows = Rows(job, workflow, engine.types, Draw(date=f"{datetime.now():%Y-%m-%d}"))
    count = await asyncio.to_thread(count_rows, rows)
    each = _run_options(job, options, workflow, engine.settings)
    folders = engine.settings.folders(workflow.path, input_dir=cast(Path | None, each["input_dir"]))
    if problems := await asyncio.to_thread(mask_problems, rows, folders):
        raise WorkflowError(problems)
    _check_first(engine, rows, next(iter(rows)), each, runs=runs)
    return Ready(job, workflow, rows, count, each)


async def run_batch(
    engine: RowEngine, job: Job, options: BatchOptions, *, output: Path, width: Callable[[Workflow], int]
) -> AsyncGenerator[RowResult, None]:
    """Run a job and yield what became of each row. Raises as `prepared` and `RunFolder.open` do, before any row runs.

    ``output`` is where the folder of the job is made where neither job nor options say it; ``width`` is how many rows
    of a workflow run at a time where the job doesn't.
    """
    ready = await prepared(engine, job, options)
    resume = options.get("resume")
    run = await asyncio.to_thread(
        lambda: RunFolder.open(
            _output(job, options, output) / fit_for_a_folder(job.title),
            _digest(job, ready.workflow),
            ready.count,
            resume=None if resume is None else str(resume),
            new=options.get("new", False),
        )
    )
    try:
        emit, stop = options.get("emit") or (lambda event: None), ready.options["stop"]
        rows = Rows(job, ready.workflow, engine.types, run.manifest.draw)
        runner = RowRunner(
            engine, rows, run.path, ready.count, ready.options, lambda row, text: emit(events.RowWarned(row, text))
        )
        results = Runner(rows, run, runner, stop, emit).results(job.limits.jobs or width(rows.workflow))
        async with aclosing(results):
            async for result in results:
                yield result
    finally:
        run.close()


def _check_options(options: BatchOptions) -> None:
    for name in options.keys() - BatchOptions.__optional_keys__:
        raise UsageError(f"no option of a batch is called {name!r}; what differs from row to row, the job says")
    if options.get("new") and options.get("resume") is not None:
        raise UsageError("new and resume contradict each other: leave one of them out")


def _run_options(job: Job, options: BatchOptions, workflow: Workflow, settings: Settings) -> RunOptions:
    """Return the options of each row's run. One errand for all: a cap counts what all of them buy.

    Raises UsageError where ``refresh`` names no node: each row would fail at it.
    """
    names = ("cache", "metadata", "debug", "retry_unknown")
    own = {name: value for name in names if (value := cast(dict[str, Any], options).get(name)) is not None}
    input_dir = options.get("input_dir") or (job.path(job.input_dir) if job.input_dir else None)
    return {
        **cast(RunOptions, own),
        "provider": options.get("provider") or job.provider,
        "targets": tuple(job.targets),
        "refresh": _refreshed(options, workflow),
        "input_dir": input_dir,
        "map_models": options.get("map_models") or job.map_models,
        "strict_models": options.get("strict_models") or job.strict_models,
        "way_on": job.way_on,
        "let_go": True,
        "stop": options.get("stop") or StopSignal(),
        "errand": Errand(
            f"{job.title} {datetime.now():%Y-%m-%d %H:%M:%S}",
            retry_unknown=options.get("retry_unknown", False),
            budget=budget_for(settings, _caps(job, options)),
        ),
    }


def _refreshed(options: BatchOptions, workflow: Workflow) -> Iterable[str] | Literal["all"]:
    names = options.get("refresh", ())
    if names == "all":
        return "all"
    return tuple(workflow.node_id(name) for name in ([names] if isinstance(names, str) else names))


def _caps(job: Job, options: BatchOptions) -> RunOptions:
    """Return the caps of a batch, as options: those of the call, else of the job; else the settings decide."""
    given = {name: value for name, value in options.items() if name in ("max_cost", "max_images")}
    return cast(RunOptions, {**job.limits.caps, **given})


def _output(job: Job, options: BatchOptions, default: Path) -> Path:
    if given := options.get("output_dir"):
        return Path(given)
    return job.path(job.output_dir) if job.output_dir else default


def _check_first(engine: RowEngine, rows: Rows, row: Row, options: RunOptions, *, runs: bool) -> None:
    """Raise WorkflowError where the first row can't run whole: neither can the others, most likely."""
    workflow, own = rows.made(row), rows.options_of(row, options)
    plan = engine.planned(workflow, **own) if runs else engine.forecast(workflow, **own).plan
    if plan.problems or plan.refused:
        problems = plan.problems or [Problem("refused", text, node) for node, text in plan.refused.items()]
        raise WorkflowError(problems)
    if not plan.targets:
        raise job_error(rows.job, "the workflow has no output to make", "workflow")


def _digest(job: Job, workflow: Workflow) -> str:
    """Return what tells a job from every other. What an option may say too is not in it: so a refused run goes on."""
    fields = job.model_dump(mode="python", exclude=_OPTIONS)
    if job.rows is not None and not isinstance(job.rows, list):
        fields["rows"] = str(job.path(job.rows).absolute())
    asked = repr(sorted(fields.items()))
    return blake3(encode([dump_api(workflow), asked])).hexdigest(16)
