"""Shows a batch on a terminal as it goes: a bar, the counts, and when the end is expected."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from graphrun.batches.events import BatchStarted
from graphrun.cli.batch_lines import Announcer
from graphrun.cli.batch_tally import Tally
from graphrun.kernel.events import Event
from graphrun.sinks.live import ConsoleVoice
from graphrun.sinks.wording import duration

_STYLES = {"done": "green", "cached": "blue", "done before": "dim", "failed": "bold red", "open": "yellow"}
_FRAMES_A_SECOND = 4
_WIDEST_BAR = 60


class BatchLive:
    """A live view on a console. It starts with the batch and leaves its last picture on the screen."""

    name = "the progress display"

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._tally = Tally()
        self._announce = Announcer()
        self._lock = Lock()  # the picture is drawn in a thread of its own, so that a busy event loop doesn't freeze it
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=_FRAMES_A_SECOND)

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchStarted):
            self._live.start()
        self._announce(event, ConsoleVoice(self._console))
        with self._lock:
            self._tally.note(event, self._clock())

    def close(self) -> None:
        """Draw the last picture and give the terminal back."""
        self._live.stop()

    def picture(self) -> RenderableType:
        """Return what is to be seen now."""
        with self._lock:
            now, tally = self._clock(), self._tally
            bar = ProgressBar(max(tally.rows, 1), tally.ended, width=min(_WIDEST_BAR, self._console.width))
            picture = Table.grid()  # not a Group: a bar doesn't end its line
            picture.add_row(bar)
            picture.add_row(self._counts(now))
            return picture

    def _counts(self, now: float) -> Text:
        tally = self._tally
        parts = [Text(f"{tally.ended:,} of {tally.rows:,}")]
        parts += [Text(f"{number:,} {name}", _STYLES.get(name, "")) for number, name in tally.told()]
        left = tally.seconds_left(now)
        if left is not None and tally.ended < tally.rows:
            parts.append(Text(f"about {duration(left)} left", "dim"))
        counts = Text("  ").join([*parts, Text(duration(now - tally.began), "dim")])
        counts.no_wrap, counts.overflow = True, "ellipsis"
        return counts
