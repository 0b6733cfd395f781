"""The wire side of a service whose calls cost money: one attempt at a time, and what its failure means for the next.

Who calls these methods keeps the books: see `Purchases`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphrun.errors import ProviderError
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService
from graphrun.providers.http import CancelledUnsent
from graphrun.providers.model_map import ModelMap
from graphrun.providers.retries import RetryPolicy, Setback
from graphrun.providers.tariff import Tariff
from graphrun.providers.throttle import Throttle

__all__ = ["AttemptFailed", "CancelledUnsent", "MeteredService", "PictureShelf", "Reply", "Setback", "Tariff"]


class AttemptFailed(Exception):
    """One attempt brought no pictures. ``error`` is what to tell the user if it was the last one.

    ``answer`` is the raw answer where it is worth keeping, because the call may have cost something.
    """

    def __init__(self, setback: Setback, error: ProviderError, answer: bytes | None = None) -> None:
        self.setback = setback
        self.error = error
        self.answer = answer
        super().__init__(str(error))


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: headers in lower case and without the key, the body as it was on the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class MeteredService(ImageService):
    """An image service whose calls are recorded, limited and repeated by rule.

    ``throttle`` is shared by everything that calls the service; ``retries`` says what may be sent again; ``tariff``
    says whose prices and shutdowns apply; ``model_map`` what its models are called, always in force.
    """

    throttle: Throttle
    retries: RetryPolicy
    tariff: Tariff = Tariff.UNKNOWN
    model_map: ModelMap = ModelMap()

    @abstractmethod
    def prepared(self, request: ImageRequest) -> ImageRequest:
        """Return the request as it will be sent: only parameters its model knows.

        Raises ProviderError where the service is known to refuse it: nothing has been sent then.
        """

    @abstractmethod
    async def attempt(self, request: ImageRequest, client_request_id: str) -> Reply:
        """Send a prepared request once and return the whole answer. Raises AttemptFailed, CancelledUnsent."""

    @abstractmethod
    async def read(self, reply: Reply, pictures: PictureShelf) -> ImageAnswer:
        """Make pictures of an answer; what it only names is fetched, or taken from the shelf. Raises ProviderError.

        ``maybe_billed`` is True of what it raises: the answer has been paid for.
        """


class PictureShelf:
    """Keeps pictures that an answer only names, by their place in it: their addresses live for an hour.

    This one keeps nothing, for callers without a folder.
    """

    async def get(self, index: int) -> bytes | None:
        """Return a picture that was kept."""
        return None

    async def put(self, index: int, data: bytes) -> None:
        """Keep a picture, durably. Raises LedgerError."""
