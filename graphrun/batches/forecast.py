"""What a batch would do, before it does it: its rows, those that are there already, the calls it would pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Literal

from graphrun.batches.job import Job
from graphrun.batches.row_run import RowEngine
from graphrun.batches.rows import Row
from graphrun.batches.session import BatchOptions, prepared
from graphrun.kernel.cache_key import CacheKey
from graphrun.outlook import Forecast
from graphrun.providers.estimates import NOTHING, WhyUnsent
from graphrun.providers.prices import PriceRange

MOST_LOOKED_AT = 10_000
"""Rows that are looked up: beyond that a dry run would take minutes."""
_MOST_FAULTS = 20


RowFate = Literal["hit", "run", "bought", "doubtful", "refused", "broken"]
"""``hit``: nothing but its files has to be written. ``bought`` to ``refused``: it makes no call, by
`estimates.WhyUnsent`; ``broken``: it can't run as it is."""


@dataclass(frozen=True, slots=True)
class RowForecast:
    """A row and what it needs: ``calls`` to image services, and requests that are ``unsent``, by why they are.

    What an earlier row asks too is not counted again. ``price`` is what the calls cost, None where nobody knows;
    ``fault`` is why a row can't run.
    """

    row: Row
    fate: RowFate
    calls: int
    price: PriceRange | None = NOTHING
    unsent: Mapping[WhyUnsent, int] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True)
class BatchForecast:
    """The first ``looked_at`` of ``rows`` rows were looked up: ``hits`` are there, the others need ``calls``.

    ``unsent`` counts the requests for which no call is made, by why; one that only the run will know counts as a call.
    ``price`` is what the calls cost in USD by the prices of ``as_of``, without the rows of which nobody knows it:
    ``unpriced``. ``cap`` is what all rows may cost together; None where that is not bounded. ``broken`` are rows that
    can't run, the first of which are in ``faults``.
    """

    rows: int
    looked_at: int
    hits: int
    calls: int
    first: tuple[RowForecast, ...]
    price: PriceRange = NOTHING
    unpriced: int = 0
    as_of: date | None = None
    cap: Decimal | None = None
    unsent: Mapping[WhyUnsent, int] = field(default_factory=dict)
    broken: int = 0
    faults: tuple[RowForecast, ...] = ()


async def batch_forecast(engine: RowEngine, job: Job, options: BatchOptions, *, first: int = 5) -> BatchForecast:
    """Check a job and look up what the cache has of its rows. Runs nothing. Raises as `session.prepared` does."""
    ready = await prepared(engine, job, options, runs=False)
    found = _Found(first)
    for row in islice(ready.rows, MOST_LOOKED_AT):
        found.add(row, engine.forecast(ready.rows.made(row), **ready.rows.options_of(row, ready.options)))
    return found.told(ready.count, cap=ready.options["errand"].budget.caps.cost)


@dataclass
class _Found:
    """What was found of the rows looked at so far; of the ``most`` first ones each."""

    most: int
    rows: list[RowForecast] = field(default_factory=list)
    faults: list[RowForecast] = field(default_factory=list)
    fates: Counter[RowFate] = field(default_factory=Counter)
    calls: int = 0
    unsent: Counter[WhyUnsent] = field(default_factory=Counter)
    price: PriceRange = NOTHING
    unpriced: int = 0
    as_of: date | None = None
    paid: set[CacheKey] = field(default_factory=set)

    def add(self, row: Row, forecast: Forecast) -> None:
        """Take in the next row."""
        found = _looked_up(row, forecast, self.paid)
        self.as_of = (forecast.outlay and forecast.outlay.as_of) or self.as_of
        self.fates[found.fate] += 1
        self.calls += found.calls
        self.unsent.update(found.unsent)
        self.price += found.price or NOTHING
        self.unpriced += found.price is None
        if len(self.rows) < self.most:
            self.rows.append(found)
        if found.fate == "broken" and len(self.faults) < _MOST_FAULTS:
            self.faults.append(found)

    def told(self, rows: int, *, cap: Decimal | None) -> BatchForecast:
        """Return the sum, for a batch of so many rows."""
        return BatchForecast(
            rows=rows,
            looked_at=self.fates.total(),
            hits=self.fates["hit"],
            calls=self.calls,
            first=tuple(self.rows),
            price=self.price,
            unpriced=self.unpriced,
            as_of=self.as_of,
            cap=cap,
            unsent=self.unsent,
            broken=self.fates["broken"],
            faults=tuple(self.faults),
        )


def _looked_up(row: Row, forecast: Forecast, paid: set[CacheKey]) -> RowForecast:
    """Tell of one row. ``paid`` are the calls counted so far; those of this row are added."""
    if forecast.plan.problems:  # rows are run strictly: one fault, and none of its outputs is made
        return RowForecast(row, "broken", 0, fault=str(forecast.plan.problems[0]))
    steps = forecast.plan.steps
    runs = [steps[node_id] for node_id, fate in forecast.fates.items() if fate == "run"]
    reasons = {each.node_id: each.unsent for each in (forecast.outlay.estimates if forecast.outlay else ())}
    new = list(_new_requests(forecast, paid))
    calls = [node_id for node_id in new if reasons.get(node_id) is None]
    unsent = Counter(why for node_id in new if (why := reasons.get(node_id)))
    only_files = all(step.type.output_node for step in runs)
    fate = "hit" if only_files else _fate([reasons.get(step.node_id) for step in runs if step.type.api_node])
    return RowForecast(row, fate, len(calls), _price(forecast, calls), unsent)


def _fate(reasons: Collection[WhyUnsent | None]) -> RowFate:
    """Return what becomes of a row whose requests are unsent for these reasons, None being sent."""
    for why in ("refused", "doubtful"):
        if why in reasons:
            return why
    return "run" if None in reasons or not reasons else "bought"


def _price(forecast: Forecast, calls: Collection[str]) -> PriceRange | None:
    estimates = forecast.outlay.estimates if forecast.outlay else ()
    prices = [each.price for each in estimates if each.node_id in calls]
    return None if None in prices else sum((price for price in prices if price), NOTHING)


def _new_requests(forecast: Forecast, paid: set[CacheKey]) -> Iterator[str]:
    for node_id, step in forecast.plan.steps.items():
        if forecast.fates[node_id] == "run" and step.type.api_node and step.key not in paid:
            yield node_id
            if step.key is not None:
                paid.add(step.key)
