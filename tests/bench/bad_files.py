"""How long a bad file takes to be refused: `graphrun check` in process, each kind the tests know."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

from typer.testing import CliRunner

from graphrun.cli import app
from tests.test_bad_files import CASES, Desk


def report() -> None:
    """Print the slowest kinds, in seconds (aim: each under 1)."""
    taken = sorted(((_seconds(name), name) for name in CASES), reverse=True)
    print(f"\nRefusing a bad file, seconds: the slowest of {len(taken)} kinds (aim: under 1)")  # noqa: T201
    for seconds, name in taken[:4]:
        print(f"{seconds:>7.2f}  {name}")  # noqa: T201


def _seconds(name: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        desk = Path(folder) / "desk"
        desk.mkdir()
        path = CASES[name][0](Desk(desk))
        start = perf_counter()
        CliRunner().invoke(app, ["check", str(path)])
        return perf_counter() - start
