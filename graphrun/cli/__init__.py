"""The command line: one module per command. stdout carries results, stderr everything said to people."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from graphrun.cli.batch import batch
from graphrun.cli.cache import cache
from graphrun.cli.cache_options import RefreshCommand
from graphrun.cli.check import check
from graphrun.cli.convert import convert
from graphrun.cli.exit_codes import STOPPED
from graphrun.cli.faults import faults_told
from graphrun.cli.mask import mask
from graphrun.cli.nodes import nodes
from graphrun.cli.plan import plan
from graphrun.cli.providers import providers
from graphrun.cli.report import report
from graphrun.cli.run import run
from graphrun.cli.schedule import schedule
from graphrun.cli.spend import spend
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put

app = typer.Typer(
    name="graphrun",
    help="Run saved ComfyUI-style workflow files without ComfyUI.",
    epilog="Exit codes: 0 all done, 1 a node failed or an output could not run, 2 nothing ran, "
    "3 refused by a limit, 130 stopped.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(cls=RefreshCommand)(run)
app.command(cls=RefreshCommand)(batch)
app.command()(report)
app.command()(check)
app.command()(plan)
app.command()(convert)
app.command()(mask)
app.command()(providers)
app.add_typer(schedule)
app.add_typer(nodes)
app.add_typer(cache)
app.add_typer(spend)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        with faults_told(standard_error(), debug=False):
            put(f"graphrun {version('graphrun')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run saved ComfyUI-style workflow files without ComfyUI."""


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app(prog_name="graphrun")
    except SystemExit as end:
        if end.code == STOPPED:
            _leave_at_once()
        raise


def _leave_at_once() -> None:
    """End without waiting for threads: a function that was cancelled may go on for minutes in its own."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(STOPPED)
