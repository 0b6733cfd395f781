"""Shows a run on a terminal as it goes: a line per node and a line of counts, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from graphrun.kernel.events import Event, RunStarted
from graphrun.sinks.board import Board, Row, State
from graphrun.sinks.voice import announce
from graphrun.sinks.wording import duration, one_line, printable

_STYLES: dict[State, str] = {
    "waiting": "dim",
    "running": "cyan",
    "done": "green",
    "cached": "blue",
    "spared": "dim",
    "failed": "bold red",
    "skipped": "yellow",
    "stopped": "yellow",
}
_GLYPHS: dict[State, str] = {
    "waiting": "·", "running": "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "done": "✓", "cached": "=", "spared": "·",
    "failed": "✗", "skipped": "–", "stopped": "■",
}  # fmt: skip
_ASCII_GLYPHS: dict[State, str] = {
    "waiting": ".", "running": "|/-\\", "done": "+", "cached": "=", "spared": ".",
    "failed": "x", "skipped": "-", "stopped": "!",
}  # fmt: skip
_FRAMES_A_SECOND = 10
_GLYPH_WIDTH = 1
_TIME_WIDTH = 11  # "59 min 59 s"
_GAP = 1


class LiveView:
    """A live view on a console. It starts with the run and leaves its last picture on the screen."""

    name = "the progress display"

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._began = clock()
        self._board = Board()
        self._lock = Lock()  # the picture is drawn in a thread of its own, so that a busy event loop doesn't freeze it
        self._ended = False
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=_FRAMES_A_SECOND)

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._live.start()
        announce(event, ConsoleVoice(self._console))
        with self._lock:
            self._board.note(event, self._clock())

    def close(self) -> None:
        """Draw the last picture and give the terminal back."""
        self._ended = True
        self._live.stop()

    def picture(self) -> RenderableType:
        """Return what is to be seen now, no higher than the screen."""
        now = self._clock()
        with self._lock:
            # One line for the counts; one is left free, or the terminal scrolls.
            rows = self._board.visible(max(1, self._console.height - 2))
            table = self._table(rows, now)
            return table if self._ended else Group(table, self._counts(now))

    def _table(self, rows: list[Row], now: float) -> Table:
        lines = [self._line(row, now) for row in rows]
        table = Table.grid(padding=(0, _GAP, 0, 0))
        for width in self._widths(lines):
            table.add_column(width=width, no_wrap=True, overflow="ellipsis")
        for line in lines:
            table.add_row(*line)
        return table

    def _line(self, row: Row, now: float) -> tuple[Text, Text, Text, Text]:
        """Return what is told of a node: a glyph, its label, its time, a remark."""
        elapsed, running = row.elapsed(now), row.state == "running"
        return (
            Text(self._glyph(row.state, now), _STYLES[row.state]),
            Text(one_line(row.label), "dim" if row.state in ("waiting", "spared") else ""),
            Text("" if elapsed is None else f"{duration(elapsed):>{_TIME_WIDTH}}", "" if running else "dim"),
            self._remark(row),
        )

    def _widths(self, lines: list[tuple[Text, Text, Text, Text]]) -> tuple[int, int, int, int]:
        """Share out the width: remarks get what labels leave, and a third of it where those are long."""
        room = max(8, self._console.width - _GLYPH_WIDTH - _TIME_WIDTH - 4 * _GAP)
        label = max((line[1].cell_len for line in lines), default=0)
        remark = min(room // 3, max((line[3].cell_len for line in lines), default=0))
        label = min(label, room - remark)
        return _GLYPH_WIDTH, label, _TIME_WIDTH, room - label

    def _glyph(self, state: State, now: float) -> str:
        frames = (_ASCII_GLYPHS if self._console.options.ascii_only else _GLYPHS)[state]
        return frames[int(now * _FRAMES_A_SECOND) % len(frames)]

    def _remark(self, row: Row) -> Text:
        remark = Text(one_line(row.remark), "red" if row.state == "failed" else "dim")
        if row.progress is None:
            return remark
        value, maximum = row.progress
        return Text.assemble((f"{value:g}/{maximum:g} ", "cyan"), remark)

    def _counts(self, now: float) -> Text:
        told = [(state, self._board.counts[state]) for state in _STYLES if self._board.counts[state]]
        parts = [(f"{number} {state}", _STYLES[state]) for state, number in told]
        counts = Text("  ").join([*(Text(*part) for part in parts), Text(duration(now - self._began), "dim")])
        counts.no_wrap, counts.overflow = True, "ellipsis"
        return counts


class ConsoleVoice:
    """Speaks above the live view."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def error(self, text: str) -> None:
        """Say what went wrong."""
        self._say(Text.assemble(("error: ", "bold red"), printable(text)))

    def warning(self, text: str) -> None:
        """Say what the user should know."""
        self._say(Text.assemble(("warning: ", "bold yellow"), printable(text)))

    def note(self, text: str) -> None:
        """Say what happens."""
        self._say(Text(printable(text)))

    def alert(self, text: str) -> None:
        """Answer the user."""
        self._say(Text(printable(text), "bold"))

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
