"""What reached the faulty service and what became of it, written by its thread and read by any other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from graphrun.providers.offline_rules import Heard
from graphrun.testing.answer import Answer

# arriving: the body is still on its way · open: being answered, or silent on purpose · answered: every byte was written
# · cut: ended early as the script wanted · hung up: the client left first · stopped: the service was stopped first.
Outcome = Literal["arriving", "open", "answered", "cut", "hung up", "stopped"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request and its fate. Times are of `time.monotonic`; header names are in lower case.

    ``heard`` is None unless the service's rules accepted the request; ``answer`` is what the script chose for it.
    ``status`` is None where the answer stopped before its headers were complete, or the client left first.
    """

    number: int
    arrived: float
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    heard: Heard | None = None
    answer: Answer | None = None
    status: int | None = None
    outcome: Outcome = "arriving"
    ended: float | None = None

    @property
    def hung_up(self) -> bool:
        """Whether the client left before its answer was complete."""
        return self.outcome == "hung up"


class Arrivals:
    """All arrivals in order. Safe for any thread."""

    def __init__(self) -> None:
        self._all: list[Arrival] = []
        self._changed = threading.Condition()

    def add(self, method: str, path: str, headers: Mapping[str, str]) -> int:
        """Add a request of which only the headers are known. Returns its number, which counts from 1."""
        with self._changed:
            self._all.append(Arrival(len(self._all) + 1, time.monotonic(), method, path, dict(headers)))
            self._changed.notify_all()
            return len(self._all)

    def change(self, number: int, **changes: Any) -> None:
        """Set fields of an arrival."""
        with self._changed:
            self._all[number - 1] = replace(self._all[number - 1], **changes)
            self._changed.notify_all()

    def end(self, number: int, outcome: Outcome, status: int | None) -> None:
        """Say what became of an arrival."""
        self.change(number, outcome=outcome, status=status, ended=time.monotonic())

    def stop(self) -> None:
        """Say of all that is still going on that the service stopped."""
        for arrival in self.all():
            if arrival.ended is None:
                self.end(arrival.number, "stopped", None)

    def all(self) -> tuple[Arrival, ...]:
        """Return what has arrived so far."""
        with self._changed:
            return tuple(self._all)

    def wait_until(self, condition: Callable[[Sequence[Arrival]], bool], seconds: float) -> tuple[Arrival, ...]:
        """Wait until the arrivals are as wanted and return them. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(tuple(self._all)), seconds):
                raise TimeoutError(f"after {seconds:g} s this is all that arrived: {self._all}")
            return tuple(self._all)
