"""The command line, called inside the test's process or as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from callers import STRANGERS, Graph, Graphrun, Said, Write

from graphrun.cli import app


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def graphrun(capfd: pytest.CaptureFixture[str], here: Path) -> Graphrun:
    """Call the command line in this process."""

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            app([str(argument) for argument in arguments])
        return Said(end.value.code, *capfd.readouterr())

    return call


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With the pack of strangers installed."""
    monkeypatch.syspath_prepend(str(STRANGERS))
    yield
    sys.modules.pop("strangers", None)


@pytest.fixture
def write(here: Path) -> Write:
    """Write a workflow file into the current folder."""

    def write_file(graph: Graph) -> Path:
        path = here / "workflow.json"
        path.write_text(json.dumps(graph))
        return path

    return write_file


@pytest.fixture
def program(here: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the command line as a program, with the pack of strangers installed."""

    def start(*arguments: object, env: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "graphrun", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(STRANGERS), **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start
