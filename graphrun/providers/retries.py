"""Which failed attempts may be sent again, and after how long. Pure: knows no client, clock or source of chance.

Only what was certainly not billed is repeated, and little that rarely is (openai-images.md, section 5, last table);
more where an idempotency key makes a repetition free, as at Comfy's proxy (section 3).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Self

Chance = Callable[[], float]
"""A number from 0 up to 1, another one each time, as `random.random` gives it."""

_LONGEST_DELAY = 8.0  # seconds, after anything but a 429; so does OpenAI's own client


class Setback(Enum):
    """How an attempt failed, as the retry table sees it (openai-images.md, 5, last table)."""

    NOT_SENT = "not sent"  # DNS, refused, TLS, connect timeout, proxy refused
    PARTLY_SENT = "partly sent"  # the request broke off before its body was complete
    RATE_LIMITED = "rate limited"  # 429, not billed
    SERVER_ERROR = "server error"  # 408, 409, 500, 503 as the service's own JSON: rarely billed
    UNKNOWN = "unknown"  # sent whole, and no answer that says what became of it
    RECOVERABLE = "answer lost"  # as unknown, but under an idempotency key: asked again, it is made and billed once
    IN_FLIGHT = "in flight"  # under such a key too: it is still being made
    REFUSED = "refused"  # for good, and certainly not billed
    BLOCKED = "blocked"  # for good, after the picture may have been made
    NO_MONEY = "no money"  # for good, not billed, and true of every other call too

    @property
    def is_lost(self) -> bool:
        """Whether nobody knows what became of the call, should no further attempt follow."""
        return self in (Setback.UNKNOWN, Setback.RECOVERABLE, Setback.IN_FLIGHT)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often each setback is followed by another attempt; times in seconds.

    ``unknown`` is 0 because a repeated picture may be paid twice: more is the user's own choice (``retry_unknown``).
    ``patience`` is how long 429s are waited out, from the first one on, and ``rate_limited`` how many (None: any
    number); ``longest_wait`` bounds a single wait that nobody asked for, and ``longest_asked`` one that somebody did
    (None: patience does). ``first_wait`` comes before the second attempt after any other setback, and doubles; each
    wait is up to ``jitter`` of it shorter. With ``shared`` all setbacks but 429s use up one budget. An answer in flight
    is asked for until ``in_flight_patience`` is over.
    """

    connect: int = 3
    partly_sent: int = 1
    server_error: int = 2
    unknown: int = 0
    recoverable: int = 0
    patience: float = 300.0
    rate_limited: int | None = None
    longest_wait: float = 30.0
    longest_asked: float | None = None
    first_wait: float = 0.5
    jitter: float = 0.25
    shared: bool = False
    in_flight_patience: float = 0.0

    @classmethod
    def idempotent(cls) -> Self:
        """Return the rules for a service that makes an equal call only once, in Comfy's numbers (section 3)."""
        return cls(
            connect=3,
            partly_sent=3,
            server_error=3,
            recoverable=3,
            patience=math.inf,
            rate_limited=16,
            longest_asked=150.0,
            first_wait=1.0,
            jitter=0.0,
            shared=True,
            in_flight_patience=3600.0,
        )

    def budget(self, setback: Setback) -> int:
        """How many attempts may follow this setback; 429s have time instead."""
        budgets = {
            Setback.NOT_SENT: self.connect,
            Setback.PARTLY_SENT: self.partly_sent,
            Setback.SERVER_ERROR: self.server_error,
            Setback.UNKNOWN: self.unknown,
            Setback.RECOVERABLE: self.recoverable,
        }
        return budgets.get(setback, 0)


class Attempts:
    """The setbacks of one call. Each kind has its own budget: 429s use up nothing of what lost connections may cost."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._seen: Counter[Setback] = Counter()
        self._since: dict[Setback, float] = {}

    def next_wait(self, setback: Setback, asked: float | None, elapsed: float, random: Chance) -> float | None:
        """Seconds until the next attempt, or None to give up.

        ``asked`` is what the service asks to wait, if it does, and ``elapsed`` the time since the call began, both in
        seconds. Another attempt never starts before the service wants it to: where that is too late, none is made.
        """
        tries = self._tries(setback)
        self._seen[setback] += 1
        if setback is Setback.RATE_LIMITED:
            return self._wait_for_room(tries, asked, elapsed, random)
        if setback is Setback.IN_FLIGHT:
            return self._wait_for_answer(tries, asked, elapsed)
        if tries >= self._policy.budget(setback) or self._is_too_late(asked, self._policy.patience):
            return None
        delay = min(_grown(self._policy.first_wait, 2.0, tries), _LONGEST_DELAY) * self._shortened(random)
        return max(asked or 0.0, delay)

    def _tries(self, setback: Setback) -> int:
        """How many attempts the setback's budget has been used for."""
        if not self._policy.shared or setback in _PATIENT:
            return self._seen[setback]
        return sum(count for each, count in self._seen.items() if each not in _PATIENT)

    def _wait_for_room(self, tries: int, asked: float | None, elapsed: float, random: Chance) -> float | None:
        left = self._left(Setback.RATE_LIMITED, self._policy.patience, elapsed)
        most = self._policy.rate_limited
        if left <= 0 or (most is not None and tries >= most) or self._is_too_late(asked, left):
            return None
        if asked is not None and asked > 0:
            # Jitter only upwards, and more with each try: a service that names milliseconds shall not be hammered.
            return asked + random() * min(1.0, max(asked / 10, _grown(0.05, 2.0, tries)))
        # "Wait 0 s" behind a refusal names no time at all.
        return min(_grown(1.0, 2.0, tries), self._policy.longest_wait, left) * self._shortened(random)

    def _wait_for_answer(self, tries: int, asked: float | None, elapsed: float) -> float | None:
        left = self._left(Setback.IN_FLIGHT, self._policy.in_flight_patience, elapsed)
        if left <= 0 or self._is_too_late(asked, left):
            return None
        return max(asked or 0.0, min(_grown(2.0, 1.5, tries), self._policy.longest_wait, left))

    def _left(self, setback: Setback, patience: float, elapsed: float) -> float:
        """How much is left of the time since the first such setback."""
        return patience - (elapsed - self._since.setdefault(setback, elapsed))

    def _is_too_late(self, asked: float | None, left: float) -> bool:
        longest = self._policy.longest_asked
        return asked is not None and asked > (left if longest is None else min(left, longest))

    def _shortened(self, random: Chance) -> float:
        return 1 - random() * self._policy.jitter


_PATIENT = frozenset({Setback.RATE_LIMITED, Setback.IN_FLIGHT})
"""Setbacks that have time, not a number of attempts, and use up none."""


def _grown(first: float, factor: float, times: int) -> float:
    """``first`` multiplied so often, within what a float holds."""
    return first * factor ** min(times, 64)
