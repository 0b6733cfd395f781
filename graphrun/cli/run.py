"""``graphrun run``: runs a workflow; prints the files it wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.cache_options import cache_options
from graphrun.cli.caps import caps
from graphrun.cli.ending import tell_end, way_on
from graphrun.cli.exit_codes import run_exit_code
from graphrun.cli.faults import faults_told, problems_of
from graphrun.cli.listeners import event_file, strangers_print_to_stderr
from graphrun.cli.request import Request
from graphrun.cli.signals import stopped_by_signals
from graphrun.cli.stderr import on_terminal, standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.engine import Engine
from graphrun.errors import GraphrunError, WorkflowError
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Emit
from graphrun.kernel.workflow import Workflow
from graphrun.options import RunOptions
from graphrun.results import RunResult
from graphrun.sinks import FanOut, Lines, Sink
from graphrun.sinks.voice import Voice


def run(
    file: options.File,
    set: options.Set = None,
    bind: options.BindFile = None,
    mask: options.MaskOf = None,
    seed: options.Seed = "keep",
    target: options.Target = None,
    strict: Annotated[bool, typer.Option("--strict", help="Run nothing if any output can't run.")] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Start nothing more after the first failure. Default: go on elsewhere.")
    ] = False,
    provider: options.Provider = None,
    max_cost: options.MaxCost = None,
    max_images: options.MaxImages = None,
    map_models: options.MapModels = False,
    strict_models: options.StrictModels = False,
    trust_profiles: options.TrustProfiles = False,
    input_dir: options.InputDir = None,
    output_dir: options.OutputDir = None,
    no_cache: options.NoCache = False,
    refresh: options.Refresh = None,
    cached_only: options.CachedOnly = False,
    retry_unknown: options.RetryUnknown = False,
    cache_dir: options.CacheDir = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object about the run instead of the paths.")
    ] = False,
    events: options.Events = None,
    quiet: options.Quiet = False,
    definitions: options.Definitions = None,
    carried: options.Carried = "workflow",
    debug: options.Debug = False,
    no_metadata: options.NoMetadata = False,
) -> None:
    """Run a workflow and print the files it wrote, one a line.

    Ctrl-C lets what is running finish, since it may be paid for; a second Ctrl-C cancels it.
    """
    request = Request(
        file,
        set,
        bind,
        seed,
        target,
        provider,
        input_dir,
        output_dir,
        cache_dir,
        definitions=definitions,
        masks=mask,
        carried=carried,
        map_models=map_models,
        strict_models=strict_models,
        trust_profiles=trust_profiles,
    )
    voice = standard_error(quiet=quiet)
    with faults_told(voice, debug=debug), _nothing_ran_as_json(wanted=json):
        differing = RunOptions(
            strict=strict, fail_fast=fail_fast, debug=debug, metadata=not no_metadata, retry_unknown=retry_unknown
        )
        differing |= caps(max_cost, max_images)
        differing |= cache_options(no_cache=no_cache, cached_only=cached_only, refresh=refresh or ())
        # In this order: the live view puts back the standard output it found.
        with strangers_print_to_stderr(), _listeners(voice, events, live=on_terminal() and not quiet) as emit:
            workflow = request.load()
            with _warned(workflow, voice):
                result = asyncio.run(_run(request, workflow, differing, emit))
        try:
            _put_result(result, as_json=json)
        finally:  # also where the results can't be written: what was paid for is there, and the cache has it
            tell_end(result, voice, debug=debug)
            if result.stopped and not no_cache:
                voice.note(way_on(refreshed=bool(refresh), drawn=seed == "random"))
        raise typer.Exit(run_exit_code(result))


async def _run(request: Request, workflow: Workflow, differing: RunOptions, emit: Emit) -> RunResult:
    stop = StopSignal()
    with stopped_by_signals(stop):
        async with Engine(request.settings()) as engine:
            options: RunOptions = {**request.options(), **differing, "emit": emit, "stop": stop}
            return await engine.run(request.changed(workflow, engine.types), **options)


@contextmanager
def _listeners(voice: Voice, events: Path | None, *, live: bool) -> Iterator[FanOut]:
    """Open what listens to the run, and close it, which gives the terminal back. Raises UsageError."""
    fan_out = FanOut([_view(voice, live=live), *event_file(events)])
    try:
        yield fan_out
    finally:
        fan_out.close()


def _view(voice: Voice, *, live: bool) -> Sink:
    if not live:
        return Lines(voice)
    # Imported here: rich takes as long to load as all the rest of the command line.
    from rich.console import Console

    from graphrun.sinks.live import LiveView

    return LiveView(Console(stderr=True, highlight=False))


@contextmanager
def _warned(workflow: Workflow, voice: Voice) -> Iterator[None]:
    """Tell what reading the file gave to say also where nothing can run; a run tells it itself."""
    try:
        yield
    except WorkflowError:
        for warning in workflow.warnings:
            voice.warning(warning)
        raise


@contextmanager
def _nothing_ran_as_json(*, wanted: bool) -> Iterator[None]:
    """Print the one object of ``--json`` also where nothing ran."""
    try:
        yield
    except GraphrunError as error:
        if wanted:
            put_json(_nothing_ran(error).to_json())
        raise


def _nothing_ran(error: GraphrunError) -> RunResult:
    return RunResult(
        workflow=Workflow({}),
        nodes={},
        artifacts=(),
        failures=(),
        problems=problems_of(error),
        refused={},
        warnings=(),
        seeds={},
        seconds=0.0,
        stopped=False,
    )


def _put_result(result: RunResult, *, as_json: bool) -> None:
    if as_json:
        put_json(result.to_json())
    elif result.artifacts:
        put("\n".join(str(artifact.path) for artifact in result.artifacts))
