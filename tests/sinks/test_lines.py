"""A run told in plain lines."""

from __future__ import annotations

import io

from graphrun.errors import Problem
from graphrun.kernel import events
from graphrun.kernel.events import Event
from graphrun.sinks import Lines
from graphrun.sinks.voice import LineVoice

FOX = '10 "Fox" (Draw)'
SAVE = '9 "Save Image" (SaveImage)'
STORY: list[Event] = [
    events.RunStarted(2, {"10": FOX, "9": SAVE}, (Problem("x", "is wrong", "7", "Odd"),), {"6": "output 6 can't run"}),
    events.Warned("an old model"),
    events.NodeStarted("10", FOX),
    events.NodeProgress("10", FOX, 1, 4),
    events.NodeFailed("10", FOX, "no luck", 3.14),
    events.NodeSkipped("9", SAVE, "10"),
    events.RunFinished(ok=False, ran=0, cached=0, spared=0, failed=1, skipped=1, seconds=3.2),
]


def told(story: list[Event], *, quiet: bool = False, colour: bool = False) -> list[str]:
    stream = io.StringIO()
    sink = Lines(LineVoice(stream, quiet=quiet, colour=colour))
    for event in story:
        sink(event)
    sink.close()
    return stream.getvalue().splitlines()


def test_each_node_that_ended_has_a_line() -> None:
    """Problems come first, before anything runs; why a node failed is left to the report after the run."""
    assert told(STORY) == [
        "error: 7 (Odd): is wrong",
        "error: output 6 can't run",
        "2 nodes planned",
        "warning: an old model",
        f"{FOX}: failed after 3.1 s",
        f"{SAVE}: skipped, as it needs {FOX}",
    ]


def test_quiet_leaves_only_errors() -> None:
    """A cron job that goes well sends no mail."""
    assert told(STORY, quiet=True) == ["error: 7 (Odd): is wrong", "error: output 6 can't run"]


def test_even_when_quiet_a_stop_is_answered() -> None:
    """Someone who presses Ctrl-C and hears nothing presses again, and loses what is paid for."""
    assert told([events.RunStopping()], quiet=True) == ["stopping: waiting for what runs; press Ctrl-C again to cancel"]


def test_the_other_ends_of_a_node_are_told_too() -> None:
    """Done with its time, there already, stopped, or never called because a blocker reached it."""
    story: list[Event] = [
        events.NodeFinished("10", FOX, 12.34),
        events.NodeCached("9", SAVE),
        events.NodeStopped("9", SAVE),
        events.NodeBlocked("8", "8 (Gate)", "closed today"),
        events.NodeBlocked("8", "8 (Gate)", ""),
    ]
    assert told(story) == [
        f"{FOX}: done in 12.3 s",
        f"{SAVE}: cached",
        f"{SAVE}: stopped",
        "warning: 8 (Gate) was not called: closed today",
    ]


def test_a_title_cannot_fake_a_line_or_a_colour() -> None:
    """Titles come from files nobody has vouched for."""
    [line] = told([events.NodeFinished("1", '1 "a\nerror: b\x1b[31m" (X)', 1.0)])
    assert line == '1 "a error: b\\x1b[31m" (X): done in 1.0 s'


def test_colours_mark_only_our_own_words() -> None:
    """With colours the text is the same but for the marks around error and warning."""
    assert told([events.Warned("look")], colour=True) == ["\x1b[1;33mwarning: \x1b[0mlook"]


def test_without_a_standard_error_nothing_is_written(capfd: object) -> None:
    """A closed standard error must not send messages to standard output, where results go."""
    sink = Lines(LineVoice(None))
    for event in STORY:
        sink(event)
    assert capfd.readouterr() == ("", "")  # type: ignore[attr-defined]
