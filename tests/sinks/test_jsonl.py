"""The file of events."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphrun.errors import Problem
from graphrun.kernel.events import ArtifactWritten, NodeFinished, RunStarted
from graphrun.sinks import JsonLines


def test_each_event_is_a_line_as_soon_as_it_happened(tmp_path: Path) -> None:
    """A reader that follows the file sees whole lines before the run is over."""
    path = tmp_path / "events.ndjson"
    sink = JsonLines(path)
    events = [
        RunStarted(2, {"1": '1 "Fox\n" (A)'}, (Problem("x", "wrong"),), {"2": "output 2 can't run"}),
        ArtifactWritten("1", "1 (A)", tmp_path / "fox.png", "output"),
    ]
    for event in events:
        sink(event)
    written = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert written == [json.loads(json.dumps(event.to_json())) for event in events]
    assert [each["event"] for each in written] == ["RunStarted", "ArtifactWritten"]
    sink.close()


def test_a_value_json_does_not_know_is_written_as_text(tmp_path: Path) -> None:
    """What a stranger's node shows can't break the file."""
    path = tmp_path / "events.ndjson"
    sink = JsonLines(path)
    sink(NodeFinished("1", "1 (A)", 0.5, {"odd": [Path("x"), {1, 2}]}))
    sink.close()
    assert json.loads(path.read_text())["ui"] == {"odd": ["x", "{1, 2}"]}


def test_a_file_that_cannot_be_made_is_told_before_the_run(tmp_path: Path) -> None:
    """The caller learns at once, while nothing was paid for."""
    with pytest.raises(FileNotFoundError):
        JsonLines(tmp_path / "nowhere" / "events.ndjson")
