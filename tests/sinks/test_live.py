"""The live view, drawn on a terminal of our own."""

from __future__ import annotations

import io

from rich.console import Console

from graphrun.kernel import events
from graphrun.kernel.events import Event
from graphrun.sinks.live import LiveView

FOX = '10 "Fox [bold]red[/bold]" (Draw)'
SAVE = '9 "Save Image" (SaveImage)'


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def console(width: int = 80, height: int = 24, *, encoding: str = "utf-8") -> Console:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    return Console(file=stream, width=width, height=height, force_terminal=True, color_system=None, highlight=False)


def picture(screen: Console, *story: Event, now: float = 0.0, closed: bool = False) -> list[str]:
    """Return what is on the screen after a story, without escape codes."""
    clock = Clock()
    view = LiveView(screen, clock)
    for event in story:
        view(event)
    clock.now = now
    if closed:
        view.close()
    drawn = screen.render_lines(view.picture())
    view.close()
    return ["".join(segment.text for segment in line).rstrip() for line in drawn]


STARTED = events.RunStarted(2, {"10": FOX, "9": SAVE})


def test_each_node_has_a_line_with_its_time_and_progress() -> None:
    """A glyph, the label as it is written, the time, how far it is; below, the counts."""
    progress = events.NodeProgress("10", FOX, 3, 20, "drawing")
    lines = picture(console(), STARTED, events.NodeStarted("10", FOX), progress, now=12.34)
    assert lines[0].startswith(f"⠸ {FOX}")
    assert lines[0].endswith("12.3 s 3/20 drawing")
    assert lines[1] == f"· {SAVE}"
    assert lines[2] == "1 waiting  1 running  12.3 s"


def test_how_nodes_ended_stays_on_the_screen() -> None:
    """The last picture has no counts: the sum of the run is told below it."""
    failed = events.NodeFailed("10", FOX, "no luck\nat all", 3.0)
    lines = picture(console(100), STARTED, failed, events.NodeSkipped("9", SAVE, "10"), closed=True)
    assert lines[0].startswith(f"✗ {FOX}")
    assert lines[0].endswith("3.0 s no luck at all")
    assert lines[1].startswith(f"– {SAVE}")
    assert lines[1].endswith("needs 10")
    assert len(lines) == 2


def test_what_the_cache_had_is_told_from_what_was_made() -> None:
    """A glyph of its own and a word; what nobody needed is marked when the run is over."""
    ended = events.RunFinished(ok=True, ran=0, cached=1, spared=1, failed=0, skipped=0, seconds=0.1)
    lines = picture(console(), STARTED, events.NodeCached("9", SAVE), ended, closed=True)
    assert lines[0].startswith("· 10 ")
    assert lines[0].endswith(" spared")
    assert lines[1].startswith(f"= {SAVE}")
    assert lines[1].endswith(" cached")


def test_no_picture_is_higher_or_wider_than_the_screen() -> None:
    """Two hundred nodes with long titles, half of them running, on a small terminal."""
    nodes = {str(n): f'{n} "{"a long title " * 9}" (Draw)' for n in range(200)}
    story = [events.NodeStarted(node_id, label) for node_id, label in list(nodes.items())[:100]]
    failed = events.NodeFailed("0", nodes["0"], "a long reason " * 9, 1.0)
    lines = picture(console(50, 12), events.RunStarted(200, nodes), *story, failed)
    assert len(lines) == 11
    assert max(map(len, lines)) <= 50
    assert lines[-1].startswith("100 waiting  99 running  1 failed")


def test_a_terminal_that_knows_only_ascii_gets_ascii() -> None:
    """No question marks for glyphs that can't be shown."""
    lines = picture(console(encoding="ascii"), STARTED, events.NodeFinished("10", FOX, 1.0), now=1.0)
    assert lines[0].startswith(f"+ {FOX}")
    assert lines[1].startswith(f". {SAVE}")


def test_warnings_are_said_above_the_picture() -> None:
    """They scroll up and stay readable."""
    screen = console()
    view = LiveView(screen)
    view(STARTED)
    view(events.Warned("an old model"))
    view.close()
    screen.file.flush()
    assert "warning: an old model\n" in screen.file.buffer.getvalue().decode()  # type: ignore[attr-defined]


def test_closing_gives_the_cursor_back() -> None:
    """Also when the run broke off."""
    screen = console()
    view = LiveView(screen)
    view(STARTED)
    view.close()
    assert screen.file.buffer.getvalue().decode().endswith("\x1b[?25h")  # type: ignore[attr-defined]
