"""What the cache has of a plan, before anything runs: the fate of each step, and why one is no hit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphrun.kernel.plan import Plan
from graphrun.kernel.recall import Recalled
from graphrun.providers.estimates import Outlay

Fate = Literal["hit", "perhaps", "run", "spared"]
"""What a run would do with a step: ``perhaps`` is a hit unless what it reads comes out different this time."""


@dataclass(frozen=True)
class Forecast:
    """A plan, what a run would do with each of its steps, and what that would cost; None where nothing is paid for."""

    plan: Plan
    fates: Mapping[str, Fate]
    outlay: Outlay | None = None


@dataclass(frozen=True)
class Why:
    """What a step's key is made of, what that of the nearest earlier entry was, and whether the cache has the step.

    Both are texts by name of the part; ``earlier`` is None where the cache has nothing of this class.
    """

    hit: bool
    parts: Mapping[str, str]
    earlier: Mapping[str, str] | None

    @property
    def differences(self) -> list[str]:
        """The names of the parts that differ, in the order they are in."""
        earlier = self.earlier or {}
        return [name for name in {**self.parts, **earlier} if self.parts.get(name) != earlier.get(name)]


def forecast_of(plan: Plan, recalled: Recalled) -> Forecast:
    """Tell what a run that starts from ``recalled`` would do with each step of its plan."""
    fates: dict[str, Fate] = dict.fromkeys(plan.steps, "spared")
    fates |= dict.fromkeys(recalled.hits, "hit")
    fates |= dict.fromkeys(recalled.doubtful, "perhaps")
    fates |= {node_id: "hit" if node_id in recalled.twins else "run" for node_id in recalled.runs}
    return Forecast(plan, fates)
