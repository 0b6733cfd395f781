"""What a batch would do, before it does it: its rows, those that are there already, the calls it would pay."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from graphrun.batches.job import Job
from graphrun.batches.row_run import RowEngine
from graphrun.batches.rows import Row
from graphrun.batches.session import BatchOptions, prepared
from graphrun.kernel.cache_key import CacheKey
from graphrun.outlook import Forecast
from graphrun.providers.estimates import NOTHING
from graphrun.providers.prices import PriceRange

MOST_LOOKED_AT = 10_000
"""Rows that are looked up: beyond that a dry run would take minutes."""


@dataclass(frozen=True, slots=True)
class RowForecast:
    """A row and what it needs: ``hit`` if nothing but its files has to be written, ``calls`` to image services else.

    Calls that an earlier row makes too are not counted again. ``price`` is what they cost, None where nobody knows.
    """

    row: Row
    hit: bool
    calls: int
    price: PriceRange | None = NOTHING


@dataclass(frozen=True)
class BatchForecast:
    """The first ``looked_at`` of ``rows`` rows were looked up: ``hits`` are there, the others need ``calls``.

    ``price`` is what these cost in USD by the prices of ``as_of``, without the rows of which nobody knows it:
    ``unpriced``. ``cap`` is what all rows may cost together; None where that is not bounded.
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


async def batch_forecast(engine: RowEngine, job: Job, options: BatchOptions, *, first: int = 5) -> BatchForecast:
    """Check a job and look up what the cache has of its rows. Runs nothing. Raises as `session.prepared` does."""
    ready = await prepared(engine, job, options)
    hits = calls = looked_at = unpriced = 0
    price, as_of = NOTHING, None
    shown: list[RowForecast] = []
    paid: set[CacheKey] = set()
    for row in islice(ready.rows, MOST_LOOKED_AT):
        forecast = engine.forecast(ready.rows.made(row), **ready.rows.options_of(row, ready.options))
        as_of = forecast.outlay.as_of if forecast.outlay else as_of
        found = _looked_up(row, forecast, paid)
        looked_at, hits, calls = looked_at + 1, hits + found.hit, calls + found.calls
        price, unpriced = price + (found.price or NOTHING), unpriced + (found.price is None)
        if len(shown) < first:
            shown.append(found)
    cap = ready.options["errand"].budget.caps.cost
    return BatchForecast(ready.count, looked_at, hits, calls, tuple(shown), price, unpriced, as_of, cap)


def _looked_up(row: Row, forecast: Forecast, paid: set[CacheKey]) -> RowForecast:
    """Tell of one row. ``paid`` are the calls counted so far; those of this row are added."""
    steps = forecast.plan.steps
    runs = [steps[node_id] for node_id, fate in forecast.fates.items() if fate == "run"]
    new = list(_new_calls(forecast, paid))
    return RowForecast(row, all(step.type.output_node for step in runs), len(new), _price(forecast, new))


def _price(forecast: Forecast, calls: Collection[str]) -> PriceRange | None:
    estimates = forecast.outlay.estimates if forecast.outlay else ()
    prices = [each.price for each in estimates if each.node_id in calls]
    return None if None in prices else sum((price for price in prices if price), NOTHING)


def _new_calls(forecast: Forecast, paid: set[CacheKey]) -> Iterator[str]:
    for node_id, step in forecast.plan.steps.items():
        if forecast.fates[node_id] == "run" and step.type.api_node and step.key not in paid:
            yield node_id
            if step.key is not None:
                paid.add(step.key)
