"""How the caller of a run hears of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from graphrun.amounts import plain
from graphrun.kernel.events import CostEstimated, Emit, Event, RunFinished, RunStarted


@dataclass(slots=True)
class Listener:
    """Tells the caller's function of events until it first fails: that must not cancel calls that cost money.

    ``opening`` is told right after the plan. The end is held back until `finish` says what the run cost, so that it is
    told with it, and as the last.
    """

    emit: Emit
    error: Exception | None = None
    opening: CostEstimated | None = None
    ending: RunFinished | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunFinished):
            self.ending = event
            return
        self._tell(event)
        if isinstance(event, RunStarted) and self.opening is not None:
            self._tell(self.opening)

    def finish(self, cost: Decimal | None) -> None:
        """Tell that the run is over, and what it cost in USD, None where that is not known."""
        if self.ending is not None:
            self._tell(replace(self.ending, cost=None if cost is None else plain(cost)))

    def _tell(self, event: Event) -> None:
        if self.error is None:
            try:
                self.emit(event)
            except Exception as error:  # raised at the end of the run
                self.error = error
