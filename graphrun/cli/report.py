"""``graphrun report``: writes the report of a batch's run, and what ``graphrun batch --report`` says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrun.batches.report import write_report
from graphrun.cli import options
from graphrun.cli.exit_codes import ALL_DONE, SOME_FAILED
from graphrun.cli.faults import faults_told
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put
from graphrun.errors import GraphrunError
from graphrun.sinks.voice import Voice


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a run: <output>/<job>/<start time>.")],
    debug: options.Debug = False,
) -> None:
    """Write the report of a batch's run, report.html and index.csv, into its folder and print the page's path.

    The run need not be over: what has ended by now is told.
    """
    with faults_told(standard_error(), debug=debug):
        put(str(write_report(folder)))


def report_told(folder: Path, voice: Voice) -> int:
    """Write the report after a batch and return an exit code: rows did run, whatever becomes of their report."""
    try:
        voice.note(f"the report is {write_report(folder)}")
    except GraphrunError as error:
        voice.error(str(error))
        return SOME_FAILED
    return ALL_DONE
