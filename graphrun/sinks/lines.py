"""Tells a run in plain lines, for pipes, log files and cron mails: one line per node that ended, or was there."""

from __future__ import annotations

from graphrun.kernel import events
from graphrun.kernel.events import Event
from graphrun.sinks.voice import Voice, announce
from graphrun.sinks.wording import counted, duration, one_line


class Lines:
    """A line per node. Why nodes failed is told once, with its remedy, by whoever reports on the run."""

    name = "the progress display"

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._labels: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        announce(event, self._voice)
        if isinstance(event, events.NodeEvent):
            self._labels[event.node_id] = one_line(event.label)
        if line := self._line(event):
            self._voice.note(line)

    def close(self) -> None:
        """Nothing is held."""

    def _line(self, event: Event) -> str | None:
        match event:
            case events.RunStarted(steps=steps):
                return f"{counted(steps, 'node')} planned"  # how many will run depends on what the cache still has
            case events.NodeFinished(seconds=seconds):
                return f"{self._labels[event.node_id]}: done in {duration(seconds)}"
            case events.NodeCached():
                return f"{self._labels[event.node_id]}: cached"
            case events.NodeFailed(seconds=seconds):
                return f"{self._labels[event.node_id]}: failed after {duration(seconds)}"
            case events.NodeSkipped(because=because):
                return f"{self._labels[event.node_id]}: skipped, as it needs {self._labels.get(because, because)}"
            case events.NodeStopped():
                return f"{self._labels[event.node_id]}: stopped"
        return None
