"""How the caller of a run hears of it."""

from __future__ import annotations

from dataclasses import dataclass

from graphrun.kernel.events import CostEstimated, Emit, Event, RunStarted


@dataclass(slots=True)
class Listener:
    """Tells the caller's function of events until it first fails: that must not cancel calls that cost money.

    ``opening`` is told right after the plan.
    """

    emit: Emit
    error: Exception | None = None
    opening: CostEstimated | None = None

    def __call__(self, event: Event) -> None:
        if self.error is None:
            try:
                self.emit(event)
                if isinstance(event, RunStarted) and self.opening is not None:
                    self.emit(self.opening)
            except Exception as error:  # raised at the end of the run
                self.error = error
