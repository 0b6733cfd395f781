"""What is said of a batch before it runs, for ``--dry-run``, and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from graphrun.amounts import rounded_up, usd, usd_range
from graphrun.batches.events import BatchFinished
from graphrun.batches.forecast import BatchForecast, RowFate, RowForecast
from graphrun.batches.job_masks import told as told_masks
from graphrun.cli.exit_codes import ALL_DONE, REFUSED, SOME_FAILED, STOPPED
from graphrun.kernel.literals import shown
from graphrun.providers.estimates import WhyUnsent
from graphrun.sinks.wording import counted, duration, one_line, printable

_FATES: Mapping[RowFate, str] = {
    "hit": "cached",
    "run": "to make",
    "bought": "bought before",
    "doubtful": "held up by a call of unknown fate",
    "refused": "would be refused",
    "broken": "can't run",
}
_UNSENT: Mapping[WhyUnsent, str] = {
    "bought": "bought before",
    "doubtful": "held up by calls of unknown fate (graphrun spend)",
    "refused": "that would be refused",
}


def summary(end: BatchFinished) -> str:
    """Return the sum of a batch: ``1000 rows: 990 done (12 cached), 10 failed in 2 min 05 s; …``."""
    counts = [
        f"{end.done} done{f' ({end.from_cache} cached)' if end.from_cache else ''}",
        *([f"{end.skipped} done before"] if end.skipped else []),
        *([f"{end.failed} failed"] if end.failed else []),
        *([f"{end.open} left open"] if end.open else []),
    ]
    told = f"{counted(end.rows, 'row')}: {', '.join(counts)} in {duration(end.seconds)}{_cost(end)}"
    way_on = "" if end.complete else "; run it again to go on"
    return f"{'stopped: ' if end.stopped else ''}{told}{way_on}; the record is in {end.folder}"


def _cost(end: BatchFinished) -> str:
    """Return ``, 0.4120 USD``; nothing for a batch that cost nothing."""
    known = f", {usd(Decimal(end.cost))}" if Decimal(end.cost) else ""
    return f"{known}, cost of {counted(end.unpriced, 'row')} unknown" if end.unpriced else known


def batch_exit_code(end: BatchFinished) -> int:
    """Return the exit code of a batch."""
    if end.stopped and not end.complete:
        return STOPPED
    if end.open and end.refused:
        return REFUSED
    return SOME_FAILED if end.failed or end.open else ALL_DONE


def forecast_lines(forecast: BatchForecast) -> Iterator[str]:
    """Yield what a batch would do."""
    yield counted(forecast.rows, "row")
    of_those = "" if forecast.looked_at == forecast.rows else f" of the first {forecast.looked_at:,}"
    counts = [f"{forecast.hits:,}{of_those} in the cache", f"{counted(forecast.calls, 'image call')} to make"]
    yield ", ".join([*counts, *_unsent(forecast), *([f"{forecast.broken:,} can't run"] if forecast.broken else [])])
    if forecast.price.high or forecast.unpriced:
        unknown = f", and {counted(forecast.unpriced, 'row')} of unknown price" if forecast.unpriced else ""
        dated = f" by the prices of {forecast.as_of}" if forecast.as_of else ""
        yield f"cost{of_those}: {usd_range(forecast.price.low, forecast.price.high)}{dated}{unknown}"
    if forecast.cap is not None and forecast.price.high > forecast.cap:
        enough = rounded_up(forecast.price.high)
        yield f"the batch may cost {usd(forecast.cap)} and stops there; --max-cost {enough} would allow all of it"
    for row in forecast.first:
        yield _row_line(row)
    if forecast.rows > len(forecast.first):
        yield "…"
    for row in forecast.faults:
        yield printable(one_line(f"row {row.row.index}{_at(row)}: {row.fault}"))
    if forecast.broken > len(forecast.faults):
        yield f"… and {counted(forecast.broken - len(forecast.faults), 'more row')} that can't run"


def _at(forecast: RowForecast) -> str:
    return f" ({forecast.row.place})" if forecast.row.place else ""


def _unsent(forecast: BatchForecast) -> Iterator[str]:
    for why, words in _UNSENT.items():
        if number := forecast.unsent.get(why):
            yield f"{number:,} {words}"


def _row_line(forecast: RowForecast) -> str:
    row = forecast.row
    files = {name: path.name for name, path in row.files.items()}
    masks = {f"masks.{node_id}": " ".join(told_masks(masks)) for node_id, masks in row.masks.items()}
    values: Mapping[str, object] = {**row.inputs, **files, **masks}
    told = ", ".join(f"{name}={shown(value)}" for name, value in values.items())
    return printable(one_line(f"row {row.index}: {_FATES[forecast.fate]}: {told}"))
