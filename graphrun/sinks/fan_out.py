"""Lets several sinks hear the events of a run. One that breaks is dropped: telling must never end what is told."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from graphrun.kernel.events import Event, Warned


class Sink(Protocol):
    """Something that is told what happens. ``name`` says what it is, in a warning: "the event file run.ndjson"."""

    name: str

    def __call__(self, event: Event) -> None:
        """Take note of an event. May raise: then it hears no more."""

    def close(self) -> None:
        """End after the last event. May raise too."""


class FanOut:
    """Passes each event to every sink in turn. A sink that raises is dropped, and the others hear one warning."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = list(sinks)

    def __call__(self, event: Event) -> None:
        broken = [(sink, error) for sink in self._sinks if (error := _failure(sink, event))]
        for sink, _ in broken:
            self._sinks.remove(sink)
        for sink, error in broken:
            self(Warned(f"{sink.name} can't be written any more ({_reason(error)}); the run goes on without it"))

    def close(self) -> None:
        """Close every sink that is left, in the reverse of their order: the one opened last first."""
        while self._sinks:
            _close(self._sinks.pop())


def _failure(sink: Sink, event: Event) -> Exception | None:
    try:
        sink(event)
    except Exception as error:
        _close(sink)
        return error
    return None


def _close(sink: Sink) -> None:
    with suppress(Exception):  # what it heard is written by now, or it was reported as broken
        sink.close()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
