"""What the calls of one run share: its name, what was allowed, and what has put an end to buying."""

from __future__ import annotations

from graphrun.errors import ProviderError


class Errand:
    """The shared state of a run's purchases, or of all runs of a batch. Belongs to one event loop.

    ``retry_unknown``: calls of which nobody knows whether they were billed may be sent again.
    """

    def __init__(self, run: str = "", *, retry_unknown: bool = False) -> None:
        self.run = run
        self.retry_unknown = retry_unknown
        self._ended_by: ProviderError | None = None
        self._renewed: set[str] = set()

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

    def renews(self, address: str) -> bool:
        """Whether a request that is to be made anew still has to be: once a run, however many nodes ask the same."""
        if address in self._renewed:
            return False
        self._renewed.add(address)
        return True
