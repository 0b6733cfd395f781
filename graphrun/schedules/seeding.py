"""The seed of a fire: as its schedule's policy says. Pure, but for what is drawn."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SeedPolicy = Literal["keep", "random", "increment", "date"]
"""``keep`` that of the file · ``random`` one drawn · ``increment`` the last + 1 · ``date`` 20261101, the day planned"""


@dataclass(frozen=True, slots=True)
class SeedFacts:
    """What a seed follows from: the one the file has, the last one a fire used, the largest that every input takes."""

    written: int | None = None
    last: int | None = None
    most: int = 2**31 - 1


def seed_of(policy: SeedPolicy, planned: datetime, facts: SeedFacts, draw: random.Random) -> int | None:
    """Return the seed of a fire, or None for those of the file. ``planned`` is in the schedule's time zone.

    Counting starts at the file's own seed, or 0, and begins anew at 0 after the largest.
    """
    match policy:
        case "random":
            return draw.randint(0, facts.most)
        case "increment":
            following = (facts.written or 0) if facts.last is None else facts.last + 1
            return following if following <= facts.most else 0
        case "date":
            return int(f"{planned:%Y%m%d}")
    return None
