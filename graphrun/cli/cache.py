"""``graphrun cache``: tells what is kept from run to run, makes it smaller, and removes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrun.cache import ClassTally, DiskStore, Stats
from graphrun.cli import options
from graphrun.cli.exit_codes import NOTHING_RAN, SOME_FAILED
from graphrun.cli.faults import faults_told
from graphrun.cli.moments import moment, timestamp
from graphrun.cli.request import settings_with
from graphrun.cli.sizes import parse_size, size_said
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.cli.why import why
from graphrun.errors import UsageError
from graphrun.settings import Settings
from graphrun.sinks.wording import counted, one_line

cache = typer.Typer(name="cache", help="Look after the results that are kept from run to run.", no_args_is_help=True)


@cache.command()
def stats(
    cache_dir: options.CacheDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: options.Debug = False,
) -> None:
    """Tell how much is kept, and of which node classes."""
    with _store(cache_dir, debug=debug) as (store, settings):
        found = store.stats()
        if json:
            put_json(_stats_json(found, settings))
        else:
            put("\n".join(_stats_lines(found, settings)))


@cache.command()
def prune(
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="How much may stay, such as 5GB. Default: GRAPHRUN_CACHE_BYTES, or 20 GB."),
    ] = None,
    cache_dir: options.CacheDir = None,
    debug: options.Debug = False,
) -> None:
    """Remove what was used longest ago, until the rest is small enough."""
    with _store(cache_dir, debug=debug) as (store, settings):
        freed = store.prune(None if max_size is None else parse_size(max_size, "--max-size"))
        put(f"{size_said(freed)} freed; {_held(store.stats(), settings)}")


@cache.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    cache_dir: options.CacheDir = None,
    debug: options.Debug = False,
) -> None:
    """Remove everything that is kept from run to run. Saved files stay where they are."""
    with _store(cache_dir, debug=debug) as (store, settings):
        if not yes:
            _ask(store, settings)
        put(f"{size_said(store.clear())} freed; {_held(store.stats(), settings)}")


cache.command()(why)


@contextmanager
def _store(cache_dir: Path | None, *, debug: bool) -> Iterator[tuple[DiskStore, Settings]]:
    """Open the cache on disk. Exits with 1 where it had trouble: nobody waits for a run that goes on without it."""
    voice = standard_error()
    trouble: list[str] = []
    with faults_told(voice, debug=debug):
        settings = settings_with(cache_dir=cache_dir)
        store = DiskStore(settings.cache_folder(), settings.cache_bytes, warn=trouble.append)
        yield store, settings
        store.close()
        for message in trouble:
            voice.error(message)
        if trouble:
            raise typer.Exit(SOME_FAILED)


def _ask(store: DiskStore, settings: Settings) -> None:
    """Let a person confirm. Raises UsageError where there is none."""
    if sys.stdin is None or sys.stderr is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("cache clear removes every result, and there is no terminal to ask at: add --yes")
    if not typer.confirm(f"{_held(store.stats(), settings)}. Remove everything?", err=True):
        standard_error().note("nothing was removed")
        raise typer.Exit(NOTHING_RAN)


def _stats_lines(stats: Stats, settings: Settings) -> Iterator[str]:
    yield f"{_held(stats, settings)}, of at most {size_said(settings.cache_bytes)}"
    if stats.oldest is not None and stats.newest is not None:
        yield f"made from {moment(stats.oldest)} to {moment(stats.newest)}"
    names = [one_line(tally.class_type) for tally in stats.classes]
    width = max(map(len, names), default=0)
    for name, tally in zip(names, stats.classes, strict=True):
        yield f"  {name:{width}}  {counted(tally.entries, 'result'):>12}  {size_said(tally.bytes):>10}"


def _held(stats: Stats, settings: Settings) -> str:
    return f"{settings.cache_folder()} holds {counted(stats.entries, 'result')}, {size_said(stats.bytes)}"


def _stats_json(stats: Stats, settings: Settings) -> dict[str, Any]:
    return {
        "folder": str(settings.cache_folder()),
        "entries": stats.entries,
        "bytes": stats.bytes,
        "max_bytes": settings.cache_bytes,
        "oldest": timestamp(stats.oldest),
        "newest": timestamp(stats.newest),
        "classes": [_tally_json(tally) for tally in stats.classes],
    }


def _tally_json(tally: ClassTally) -> dict[str, Any]:
    times = {"oldest": timestamp(tally.oldest), "newest": timestamp(tally.newest)}
    return {"class_type": tally.class_type, "entries": tally.entries, "bytes": tally.bytes, **times}
