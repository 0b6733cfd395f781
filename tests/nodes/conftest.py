"""A place to call nodes in: the three folders, and a context that remembers warnings."""

from pathlib import Path

import pytest

from graphrun import Folders, RunContext


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Input, output and temp, of which only the input folder exists."""
    (tmp_path / "input").mkdir()
    return Folders(input=tmp_path / "input", output=tmp_path / "output", temp=tmp_path / "temp")


@pytest.fixture
def context(folders: Folders) -> RunContext:
    """What a node is told about its run; nothing goes into saved pictures."""
    return RunContext(node_id="1", folders=folders)
