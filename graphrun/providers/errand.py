"""What the calls of one run share: its name, what was allowed, and what has put an end to buying."""

from __future__ import annotations

from graphrun.errors import ProviderError
from graphrun.providers.budget import Budget


class Errand:
    """The shared state of a run's purchases, or of all runs of a batch. Belongs to one event loop.

    ``retry_unknown``: calls of which nobody knows whether they were billed may be sent again. ``budget`` is what they
    may cost together.
    """

    def __init__(self, run: str = "", *, retry_unknown: bool = False, budget: Budget | None = None) -> None:
        self.run = run
        self.retry_unknown = retry_unknown
        self.budget = budget or Budget()
        self._ended_by: ProviderError | None = None
        self._bought: set[str] = set()
        self._told: set[str] = set()

    def end(self, error: ProviderError) -> None:
        """Buy nothing more in this run: the account is empty."""
        self._ended_by = self._ended_by or error

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be bought."""
        return self._ended_by is not None

    def check(self) -> None:
        """Raise ProviderError if nothing more is to be bought."""
        if self._ended_by is not None:
            raise ProviderError(
                f"nothing was sent: another call of this run was refused for good. {self._ended_by}",
                code=self._ended_by.code,
            )

    def has_bought(self, address: str) -> bool:
        """Whether this run sent such a request: another one is asked for once, by however many."""
        return address in self._bought

    def note_bought(self, address: str) -> None:
        """Remember that such a request is sent."""
        self._bought.add(address)

    def tells(self, text: str) -> bool:
        """Whether something that concerns many calls is still to be told: once a run."""
        if text in self._told:
            return False
        self._told.add(text)
        return True
