"""Which failed attempts may be sent again, and after how long. Pure: knows no client, clock or source of chance.

Only what was certainly not billed is repeated, and little that rarely is (openai-images.md, section 5, last table).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

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
    REFUSED = "refused"  # for good, and certainly not billed
    BLOCKED = "blocked"  # for good, after the picture may have been made
    NO_MONEY = "no money"  # for good, not billed, and true of every other call too


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often each setback is followed by another attempt; times in seconds.

    ``unknown`` is 0 because a repeated picture may be paid twice: more is the user's own choice (``retry_unknown``).
    ``patience`` is how long 429s are waited out, from the first one on; ``longest_wait`` bounds a single wait that
    nobody asked for. ``first_wait`` comes before the second attempt after any other setback, and doubles.
    """

    connect: int = 3
    partly_sent: int = 1
    server_error: int = 2
    unknown: int = 0
    patience: float = 300.0
    longest_wait: float = 30.0
    first_wait: float = 0.5

    def budget(self, setback: Setback) -> int:
        """How many attempts may follow this setback; 429s have time instead."""
        budgets = {
            Setback.NOT_SENT: self.connect,
            Setback.PARTLY_SENT: self.partly_sent,
            Setback.SERVER_ERROR: self.server_error,
            Setback.UNKNOWN: self.unknown,
        }
        return budgets.get(setback, 0)


class Attempts:
    """The setbacks of one call. Each kind has its own budget: 429s use up nothing of what lost connections may cost."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._seen: Counter[Setback] = Counter()
        self._limited_at: float | None = None

    def next_wait(self, setback: Setback, asked: float | None, elapsed: float, random: Chance) -> float | None:
        """Seconds until the next attempt, or None to give up.

        ``asked`` is what the service asks to wait, if it does, and ``elapsed`` the time since the call began, both in
        seconds. Another attempt never starts before the service wants it to: where that is too late, none is made.
        """
        tries = self._seen[setback]
        self._seen[setback] += 1
        if setback is Setback.RATE_LIMITED:
            return self._wait_for_room(tries, asked, elapsed, random)
        if tries >= self._policy.budget(setback):
            return None
        if asked is not None and asked > self._policy.patience:
            return None
        delay = min(_doubled(self._policy.first_wait, tries), _LONGEST_DELAY) * (1 - random() / 4)
        return max(asked or 0.0, delay)

    def _wait_for_room(self, tries: int, asked: float | None, elapsed: float, random: Chance) -> float | None:
        if self._limited_at is None:
            self._limited_at = elapsed
        left = self._policy.patience - (elapsed - self._limited_at)
        if left <= 0:
            return None
        if asked is not None and asked > 0:
            # Jitter only upwards, and more with each try: a service that names milliseconds shall not be hammered.
            return None if asked > left else asked + random() * min(1.0, max(asked / 10, _doubled(0.05, tries)))
        # "Wait 0 s" behind a refusal names no time at all.
        return min(_doubled(1.0, tries), self._policy.longest_wait, left) * (1 - random() / 4)


def _doubled(first: float, times: int) -> float:
    """``first`` doubled so often, within what a float holds."""
    return first * 2.0 ** min(times, 64)
