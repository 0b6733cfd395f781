"""Whether a model is alive at OpenAI on a given day (openai-images.md, section 0). Pure: the day is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from graphrun.providers.model_data import ModelData

WARNED_DAYS = 60
"""How many days ahead of a shutdown it is time to warn."""


@dataclass(frozen=True, slots=True)
class Alive:
    """No shutdown is near; the next one known may be far ahead."""


@dataclass(frozen=True, slots=True)
class Dying:
    """Shut down ``on`` a day at most 60 ``days`` ahead."""

    on: date
    days: int


@dataclass(frozen=True, slots=True)
class Dead:
    """Shut down ``on`` a day that has begun: calls fail from some hour of it on."""

    on: date


def lifetime(model: str, today: date, data: ModelData) -> Alive | Dying | Dead | None:
    """Return how a model fares today, or None for one that is not in the data: other services have their own."""
    facts = data.facts(model)
    if facts is None:
        return None
    if facts.shutdown is None:
        return Alive()
    days = (facts.shutdown - today).days
    if days <= 0:
        return Dead(facts.shutdown)
    return Dying(facts.shutdown, days) if days <= WARNED_DAYS else Alive()
