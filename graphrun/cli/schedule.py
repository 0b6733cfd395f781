"""``graphrun schedule``: runs the schedules of a file as a service, and tells what will be and what was."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from graphrun.cli import options
from graphrun.cli.exit_codes import STOPPED
from graphrun.cli.faults import faults_told
from graphrun.cli.listeners import strangers_print_to_stderr
from graphrun.cli.request import settings_with
from graphrun.cli.signals import stopped_by_signals
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import OutputLost, put, put_json
from graphrun.kernel.context import StopSignal

if TYPE_CHECKING:
    from graphrun.cli.schedule_desk import Desk

File = Annotated[Path, typer.Argument(metavar="SCHEDULE", help="The schedule file (YAML).")]
Name = Annotated[str | None, typer.Option("--schedule", metavar="NAME", help="Only this schedule.")]
State = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where history and health are kept. Default: schedules/ in GRAPHRUN_DATA_DIR."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

schedule = typer.Typer(name="schedule", help="Run workflows and batches at set times.", no_args_is_help=True)


@schedule.command()
def run(
    file: File,
    state: State = None,
    health: Annotated[
        Path | None, typer.Option(metavar="PATH", help="A file that is renewed every 10 s, for probes.")
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Write the log as JSON, an object a line.")] = False,
    cache_dir: options.CacheDir = None,
    debug: options.Debug = False,
) -> None:
    """Run the schedules of a file until SIGTERM or Ctrl-C. The log goes to standard output.

    The first signal lets what is in flight finish, since it may be paid for, and the service ends with 0 (Ctrl-C: 130).
    A second one cancels it. What was missed meanwhile, the next start makes up for if the file says so.
    """
    with faults_told(standard_error(), debug=debug), _desk(file, state, cache_dir) as desk:
        stop, write = StopSignal(), _log_to(sys.stdout)
        with strangers_print_to_stderr():
            heard = asyncio.run(_serve(desk, stop, health, write, as_json=json_logs))
        if signal.SIGINT in heard[:1] or stop.cancelled:
            raise typer.Exit(STOPPED)


@schedule.command(name="list")
def list_schedules(file: File, state: State = None, json: Json = False, debug: options.Debug = False) -> None:
    """List the schedules of a file: when each fires, what it runs, what comes next, what came last."""
    with faults_told(standard_error(), debug=debug), _desk(file, state) as desk:
        from graphrun.cli.schedule_lines import schedule_json, schedule_lines

        if json:
            put_json({"schedules": [schedule_json(each) for each in desk.standings()]})
        else:
            put("\n".join(schedule_lines(desk.standings())))


@schedule.command(name="next")
def next_fires(
    file: File,
    name: Name = None,
    count: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="How many.")] = 10,
    state: State = None,
    json: Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell the fires to come, as if the service ran from now on."""
    with faults_told(standard_error(), debug=debug), _desk(file, state) as desk:
        coming = list(islice(desk.coming(name), count))
        if json:
            put_json({"next": [{"time": each.time.isoformat(), "schedule": each.schedule} for each in coming]})
        else:
            put("\n".join(f"{each.time.isoformat(sep=' ')}  {each.schedule}" for each in coming))


@schedule.command()
def history(
    file: File,
    name: Name = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="How many, the newest first.")] = 20,
    state: State = None,
    json: Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell what became of the fires that were."""
    with faults_told(standard_error(), debug=debug), _desk(file, state) as desk:
        from graphrun.cli.schedule_lines import fire_json, fire_lines

        fires = desk.fires(name, limit)
        if json:
            put_json({"fires": [fire_json(fire) for fire in fires]})
        else:
            put("\n".join(fire_lines(fires)) or "nothing has run yet")


@contextmanager
def _desk(file: Path, state: Path | None, cache_dir: Path | None = None) -> Iterator[Desk]:
    """Read a schedule file. Raises FileFormatError and UsageError."""
    # Imported here: no other command needs APScheduler, which takes a while to load.
    from graphrun.cli.schedule_desk import Desk

    with Desk.opened(file, settings_with(cache_dir=cache_dir), state) as desk:
        yield desk


def _log_to(stream: TextIO | None) -> Callable[[str], None]:
    """Return what writes a line of the log. A log that can't be written ends no schedule."""

    def write(line: str) -> None:
        with suppress(OutputLost):
            put(line, stream)

    return write


async def _serve(
    desk: Desk, stop: StopSignal, health: Path | None, write: Callable[[str], None], *, as_json: bool
) -> list[signal.Signals]:
    with stopped_by_signals(stop) as heard:
        await desk.serve(stop, health, write, as_json=as_json)
        return heard
