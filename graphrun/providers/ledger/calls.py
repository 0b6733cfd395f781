"""What the ledger knows of one call, and the states it goes through. Pure.

    intended ⇄ sent → answered → decoded
        │       │        │
        └───────┴────────┴──→ failed, refused, unknown

Back to intended goes a call whose attempt was certainly not billed and will be repeated. An answer that is read, or
found after a crash, may turn out to be a refusal, so an answered call can still end badly. The arrows are
`TRANSITIONS`; nothing leaves the four states at their ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class State(StrEnum):
    """How far a call came (DESIGN, 7)."""

    INTENDED = "intended"  # recorded; nothing of it has been sent, or not since the last attempt certainly failed
    SENT = "sent"  # on its way, for all we know
    ANSWERED = "answered"  # its raw answer is on disk
    DECODED = "decoded"  # and so are its pictures
    FAILED = "failed"  # not billed, or so rarely that it may be asked again (a 5xx the service itself worded)
    REFUSED = "refused"  # maybe billed: a picture blocked after it was made
    UNKNOWN = "unknown"  # sent, and nobody knows what became of it


OPEN = frozenset({State.INTENDED, State.SENT})
"""States of a call that someone is working on, or died over."""

SERVING = frozenset({State.ANSWERED, State.DECODED})
"""States of a call whose answer an equal call is served from."""

DOUBTFUL = frozenset({State.REFUSED, State.UNKNOWN})
"""States that stop an equal call until it is asked for on purpose."""

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.INTENDED: frozenset({State.SENT, State.FAILED}),
        State.SENT: frozenset({State.INTENDED, State.ANSWERED, State.FAILED, State.REFUSED, State.UNKNOWN}),
        State.ANSWERED: frozenset({State.DECODED, State.FAILED, State.REFUSED, State.UNKNOWN}),
        State.DECODED: frozenset(),
        State.FAILED: frozenset(),
        State.REFUSED: frozenset(),
        State.UNKNOWN: frozenset(),
    }
)
"""Where a call can go from each state."""


class IllegalTransition(RuntimeError):
    """A fault of the program: no GraphrunError, for no user can do anything about it."""


Verdict = Literal["charged", "not charged"]
"""What a person found out about a call that waited for it."""


@dataclass(frozen=True, slots=True)
class TakenBy:
    """On whose behalf a call is made; for people to read."""

    run: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A call that is about to be made. ``address`` tells equal requests to equal services, whatever their take."""

    identity: str
    address: str
    model: str
    prompt: str
    parameters: Mapping[str, str | int]
    seed: int
    count: int
    references: int = 0
    masked: bool = False
    by: TakenBy = field(default_factory=TakenBy)


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call. ``take`` counts the purchases of equal requests from 1. Times are Unix seconds.

    ``attempts`` is how often it was sent, ``encoding`` how its raw answer is packed, and ``answer_kept`` whether that
    answer is on disk. ``message`` is why it ended as it did, or why its answer can't be read. Money is USD, None where
    nobody knows: ``reserved`` is what it was expected to cost at most when it was made, ``cost`` what it did cost.
    """

    id: int
    draft: Draft
    take: int
    state: State
    attempts: int
    made: float
    changed: float
    client_request_id: str
    request_id: str | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    encoding: str = ""
    usage: Mapping[str, object] | None = None
    pictures: int | None = None
    verdict: Verdict | None = None
    answer_kept: bool = False
    reserved: Decimal | None = None
    cost: Decimal | None = None

    @property
    def counts(self) -> bool:
        """Whether it decides about equal calls. One that failed doesn't, nor one that a person decided about."""
        return self.state is not State.FAILED and self.verdict is None

    @property
    def is_free(self) -> bool:
        """Whether it certainly cost nothing."""
        return self.state is State.FAILED or self.verdict == "not charged"

    @property
    def waits(self) -> bool:
        """Whether a person may have to decide about it: it is doubtful, or paid for and its answer never read."""
        return self.verdict is None and (self.state in DOUBTFUL or self.state is State.ANSWERED)

    @property
    def is_doubtful(self) -> bool:
        """Whether an equal call has to wait until someone says what became of this one, or of its unread answer."""
        is_lost = self.state is State.ANSWERED and not self.answer_kept
        return self.verdict is None and (self.state in DOUBTFUL or is_lost)
