"""Several listeners, one of which may break."""

from __future__ import annotations

import errno

from graphrun.kernel.events import Event, NodeStarted, RunStopping, Warned
from graphrun.sinks import FanOut


class Listener:
    """Remembers what it hears; breaks at the n-th event where it is told to."""

    def __init__(self, name: str, breaks_at: int | None = None, error: Exception | None = None) -> None:
        self.name = name
        self.heard: list[Event] = []
        self.closed = 0
        self._breaks_at = breaks_at
        self._error = error or OSError(errno.ENOSPC, "No space left on device")

    def __call__(self, event: Event) -> None:
        if len(self.heard) == self._breaks_at:
            raise self._error
        self.heard.append(event)

    def close(self) -> None:
        self.closed += 1


EVENTS = [NodeStarted("1", "1 (A)"), NodeStarted("2", "2 (B)"), RunStopping()]


def hear_all(*listeners: Listener) -> None:
    fan_out = FanOut(listeners)
    for event in EVENTS:
        fan_out(event)
    fan_out.close()


def test_every_sink_hears_every_event_in_order() -> None:
    """The display and the event file tell the same story."""
    first, second = Listener("the display"), Listener("the file")
    hear_all(first, second)
    assert first.heard == second.heard == EVENTS


def test_a_full_disk_costs_the_event_file_and_nothing_else() -> None:
    """The sink that broke is dropped and closed; the others hear one warning and then all the rest."""
    display, file = Listener("the display"), Listener("the file", breaks_at=1)
    hear_all(file, display)
    warning = Warned("the file can't be written any more (No space left on device); the run goes on without it")
    assert display.heard == [*EVENTS[:2], warning, EVENTS[2]]
    assert file.heard == EVENTS[:1]
    assert (file.closed, display.closed) == (1, 1)


def test_sinks_that_break_of_the_warning_are_dropped_too() -> None:
    """When all sinks are gone the run goes on unheard."""
    sinks = [Listener("a", breaks_at=1), Listener("b", breaks_at=2), Listener("c", breaks_at=3)]
    hear_all(*sinks)
    assert all(sink.closed == 1 for sink in sinks)
    assert [len(sink.heard) for sink in sinks] == [1, 2, 3]


def test_a_warning_names_what_kind_of_fault_it_was() -> None:
    """A fault that is none of the system's is told by its type."""
    display = Listener("the display")
    hear_all(display, Listener("mine", breaks_at=0, error=KeyError("x")))
    assert Warned("mine can't be written any more (KeyError: 'x'); the run goes on without it") in display.heard
