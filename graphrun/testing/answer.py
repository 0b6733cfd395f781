"""What an answer of the faulty service is made from, and what every answer has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from graphrun.providers.offline_rules import Heard
from graphrun.testing.downloads import Download
from graphrun.testing.replies import Framing, Reply


@dataclass(frozen=True, slots=True)
class Asked:
    """An accepted request. ``number`` counts accepted requests from 1; ``publish`` gives a picture an address."""

    heard: Heard
    number: int
    publish: Callable[[Download], str]


@dataclass(frozen=True, kw_only=True)
class Answer(ABC):
    """What to do with one request. Subclass it, and define `make`, for a fault that isn't here.

    ``latency`` is in seconds, before the first byte; ``headers`` are added to the answer's own, or replace them.
    """

    latency: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    framing: Framing | None = None

    def reply(self, asked: Asked) -> Reply:
        """Return what is written for this request."""
        made = self.make(asked)
        return replace(
            made,
            latency=made.latency + self.latency,
            headers={"x-request-id": f"req_faulty_{asked.number}", **made.headers, **self.headers},
            framing=self.framing or made.framing,
        )

    @abstractmethod
    def make(self, asked: Asked) -> Reply:
        """Return the answer's own part of the reply."""


def rate_headers(limit: int, remaining: int, reset: str, of: str = "requests") -> dict[str, str]:
    """Return OpenAI's rate headers. ``reset`` is a duration as it writes them: ``12ms``, ``6m0s`` (reference, 2.5)."""
    return {
        f"x-ratelimit-limit-{of}": str(limit),
        f"x-ratelimit-remaining-{of}": str(remaining),
        f"x-ratelimit-reset-{of}": reset,
    }
