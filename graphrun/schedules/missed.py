"""What becomes of times that are due. Pure: the clock is passed in.

One rule for every reason of being late, be it that the service did not run, that the computer slept, or that as many
fires as may run at once still do. A time that is later than the grace allows is missed. The others are started: the
latest one for all of them where they are coalesced, else each, in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MisfireRule:
    """``grace``: how many seconds late a fire may start. ``coalesce``: of several that wait, one starts."""

    grace: float
    coalesce: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A fire that is to start: the time it was planned for, and of how many waiting times it is the one."""

    planned: datetime
    stands_for: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to start now, if anything; what is missed; what waits for another turn."""

    start: Due | None
    missed: tuple[datetime, ...]
    waiting: tuple[datetime, ...]


def judge(due: Sequence[datetime], now: datetime, rule: MisfireRule) -> Verdict:
    """Decide about times that have come, in their order, when there is room for one fire."""
    missed = tuple(each for each in due if (now - each).total_seconds() > rule.grace)
    in_time = tuple(each for each in due if (now - each).total_seconds() <= rule.grace)
    if not in_time:
        return Verdict(None, missed, ())
    if rule.coalesce:
        return Verdict(Due(in_time[-1], len(in_time)), missed, ())
    return Verdict(Due(in_time[0]), missed, in_time[1:])
