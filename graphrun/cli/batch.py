"""``graphrun batch``: runs a workflow for every row of a job; prints the files as they are written."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Annotated, cast

import typer

from graphrun.batches.events import BatchFinished
from graphrun.batches.forecast import BatchForecast
from graphrun.batches.job import Job
from graphrun.batches.session import BatchOptions
from graphrun.cli import options
from graphrun.cli.batch_ending import batch_exit_code, forecast_lines, summary
from graphrun.cli.batch_job import JobWords
from graphrun.cli.batch_lines import BatchLines
from graphrun.cli.cache_options import cache_options
from graphrun.cli.caps import caps
from graphrun.cli.exit_codes import ALL_DONE, SOME_FAILED
from graphrun.cli.faults import faults_told
from graphrun.cli.listeners import event_file, strangers_print_to_stderr
from graphrun.cli.report import report_told
from graphrun.cli.request import settings_with
from graphrun.cli.signals import stopped_by_signals
from graphrun.cli.stderr import on_terminal, standard_error
from graphrun.cli.stdout import put
from graphrun.engine import Engine
from graphrun.errors import GraphrunError
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Event
from graphrun.settings import Settings
from graphrun.sinks import FanOut, Sink
from graphrun.sinks.voice import Voice

_Axis = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NODE.INPUT=A,B,C",
        help="Values for an input, as a,b,c or 1..10; may be repeated. All combinations with --matrix.",
    ),
]


def batch(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A job file (YAML), or a workflow of any form.")],
    rows: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A row each: of a CSV or JSONL file, or per picture of a folder."),
    ] = None,
    matrix: _Axis = None,
    zip: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE.INPUT=A,B,C", help="Values that advance together with those of other --zip."),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="keep|random|1..10|1,2,3", help="Seeds as in the file, drawn once a row, or each of these."
        ),
    ] = None,
    set: options.Set = None,
    bind: options.BindFile = None,
    mask: options.MaskOf = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help="Names of files: {row.COLUMN} {NODE.INPUT} {index} {seed} {date} and /."),
    ] = None,
    target: options.Target = None,
    provider: options.Provider = None,
    input_dir: options.InputDir = None,
    output_dir: options.OutputDir = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Rows at a time. Default: as the image service allows.")
    ] = None,
    retry_rows: Annotated[
        int | None, typer.Option(metavar="N", help="How many more times a failed row is tried.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option(metavar="N", help="Refuse a job of more rows. Default: 1,000,000.")
    ] = None,
    max_cost: options.MaxCost = None,
    max_images: options.MaxImages = None,
    map_models: options.MapModels = False,
    strict_models: options.StrictModels = False,
    trust_profiles: options.TrustProfiles = False,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with this run: its folder, or its start time.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a run even where the last one is incomplete.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and tell what would be done. Runs nothing.")
    ] = False,
    no_cache: options.NoCache = False,
    refresh: options.RefreshOfRows = None,
    cached_only: options.CachedOnly = False,
    retry_unknown: options.RetryUnknown = False,
    cache_dir: options.CacheDir = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html, with thumbnails, and index.csv beside the record.")
    ] = False,
    events: options.Events = None,
    quiet: options.Quiet = False,
    definitions: options.Definitions = None,
    carried: options.CarriedOrAsTheJob = None,
    debug: options.Debug = False,
    no_metadata: options.NoMetadata = False,
) -> None:
    """Run a workflow for every row of a job and print the files it wrote, one a line, as rows end.

    A run that did not end is gone on with by the same call: no row is lost and none is paid twice. Ctrl-C lets what is
    running finish, since it may be paid for; a second Ctrl-C cancels it.
    """
    voice = standard_error(quiet=quiet)
    with faults_told(voice, debug=debug):
        words = JobWords(
            file=file,
            set=set or (),
            files=bind or (),
            masks=mask or (),
            matrix=matrix or (),
            zip=zip or (),
            rows=rows,
            seeds=seeds,
            name=name,
            targets=target or (),
            jobs=jobs,
            retry_rows=retry_rows,
            max_rows=max_rows,
            definitions=definitions,
            carried=carried,
        )
        chosen = BatchOptions(
            provider=provider,
            input_dir=input_dir,
            output_dir=output_dir,
            resume=resume,
            new=new,
            debug=debug,
            metadata=not no_metadata,
            retry_unknown=retry_unknown,
            map_models=map_models,
            strict_models=strict_models,
        )
        cached = cache_options(no_cache=no_cache, cached_only=cached_only, refresh=refresh or ())
        chosen |= cast(BatchOptions, {**cached, **caps(max_cost, max_images)})
        settings, job = settings_with(cache_dir=cache_dir, trust_profiles=trust_profiles), words.job()
        if dry_run:
            forecast = asyncio.run(_forecast(settings, job, chosen))
            put("\n".join(forecast_lines(forecast)))
            raise typer.Exit(SOME_FAILED if forecast.broken else ALL_DONE)
        live = on_terminal() and not quiet
        results = _results_above(live=live)
        with strangers_print_to_stderr():
            end = _run_listened(settings, job, chosen, voice, events, results, live=live)
        voice.note(summary(end))
        code = batch_exit_code(end)
        raise typer.Exit(max(code, report_told(end.folder, voice)) if report else code)


def _run_listened(
    settings: Settings,
    job: Job,
    chosen: BatchOptions,
    voice: Voice,
    events: Path | None,
    put_result: Callable[[str], None],
    *,
    live: bool,
) -> BatchFinished:
    ended = _End()
    with _listeners(voice, events, ended, live=live) as emit:
        chosen["emit"] = emit
        try:
            asyncio.run(_run(settings, job, chosen, put_result))
        except GraphrunError as error:
            if not ended.has_begun:
                raise
            voice.error(str(error))
            raise typer.Exit(SOME_FAILED) from None
    assert ended.event is not None
    return ended.event


async def _run(settings: Settings, job: Job, chosen: BatchOptions, put_result: Callable[[str], None]) -> None:
    chosen["stop"] = stop = StopSignal()
    with stopped_by_signals(stop):
        async with Engine(settings) as engine, aclosing(engine.batch(job, **chosen)) as rows:
            async for row in rows:
                if row.artifacts:
                    put_result("\n".join(map(str, row.artifacts)))


def _results_above(*, live: bool) -> Callable[[str], None]:
    """Return how results are put while strangers print elsewhere; above the live view where both are on a terminal."""
    stdout = sys.stdout
    if live and stdout is not None and stdout.isatty():
        return print  # the live view has taken the place of standard output
    return lambda text: put(text, stdout)


async def _forecast(settings: Settings, job: Job, chosen: BatchOptions) -> BatchForecast:
    async with Engine(settings) as engine:
        return await engine.batch_forecast(job, **chosen)


class _End:
    """Remembers how the batch ended."""

    name = "the summary"

    def __init__(self) -> None:
        self.event: BatchFinished | None = None
        self.has_begun = False

    def __call__(self, event: Event) -> None:
        self.has_begun = True
        if isinstance(event, BatchFinished):
            self.event = event

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def _listeners(voice: Voice, events: Path | None, end: Sink, *, live: bool) -> Iterator[FanOut]:
    """Open what listens to the batch, and close it, which gives the terminal back. Raises UsageError."""
    fan_out = FanOut([end, _view(voice, live=live), *event_file(events)])
    try:
        yield fan_out
    finally:
        fan_out.close()


def _view(voice: Voice, *, live: bool) -> Sink:
    if not live:
        return BatchLines(voice)
    # Imported here: rich takes as long to load as all the rest of the command line.
    from rich.console import Console

    from graphrun.cli.batch_live import BatchLive

    return BatchLive(Console(stderr=True, highlight=False))
