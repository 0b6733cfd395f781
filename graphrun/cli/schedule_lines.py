"""How schedules and their fires are told: as lines for people, as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from graphrun.amounts import plain, usd
from graphrun.cli.schedule_desk import Standing
from graphrun.schedules.history import Fire
from graphrun.sinks.wording import duration, one_line


def schedule_lines(standings: Sequence[Standing]) -> Iterator[str]:
    """Yield a line per schedule."""
    rows = [
        (
            standing.schedule.name,
            standing.schedule.timing.text,
            f"{'batch' if standing.schedule.is_batch else 'workflow'} {standing.schedule.what}",
            f"next {standing.next.isoformat(sep=' ', timespec='seconds') if standing.next else 'never'}",
            f"last {_last(standing.last)}" if standing.last else "never run",
        )
        for standing in standings
    ]
    return _columns(rows)


def fire_lines(fires: Iterable[Fire]) -> Iterator[str]:
    """Yield a line per fire."""
    return _columns([_fire_row(fire) for fire in fires])


def schedule_json(standing: Standing) -> dict[str, Any]:
    """Return a schedule as a JSON object."""
    schedule, timing = standing.schedule, standing.schedule.timing
    return {
        "name": schedule.name,
        "when": {"cron": timing.cron, "every": timing.every, "timezone": str(schedule.zone), "jitter": timing.jitter},
        "runs": "batch" if schedule.is_batch else "workflow",
        "file": schedule.what,
        "coalesce": timing.coalesce,
        "max_instances": timing.max_instances,
        "misfire_grace": timing.misfire_grace,
        "seed": timing.seed,
        "next": _iso(standing.next),
        "last": fire_json(standing.last) if standing.last else None,
    }


def fire_json(fire: Fire) -> dict[str, Any]:
    """Return a fire as a JSON object. Times are those of this computer."""
    return {
        "id": fire.id,
        "schedule": fire.schedule,
        "planned": _iso(fire.planned.astimezone()),
        "stands_for": fire.stands_for,
        "started": _iso(fire.started and fire.started.astimezone()),
        "ended": _iso(fire.ended and fire.ended.astimezone()),
        "seconds": fire.seconds,
        "outcome": fire.end.outcome,
        "exit_code": fire.end.exit_code,
        "seed": fire.seed,
        "seeds": fire.end.seeds,
        "artifacts": list(fire.end.artifacts),
        "report": fire.end.report,
        "message": fire.end.message,
        "cost": None if fire.end.cost is None else plain(fire.end.cost),
        "known_cost": plain(fire.end.known_cost),
    }


def _last(fire: Fire) -> str:
    return f"{fire.end.outcome} {_time(fire.planned)}"


def _fire_row(fire: Fire) -> tuple[str, ...]:
    took = "" if fire.seconds is None else f"in {duration(fire.seconds)}"
    of = f"for {fire.stands_for} times" if fire.stands_for > 1 else ""
    files = f"{len(fire.end.artifacts)} files" if fire.end.artifacts else fire.end.report or ""
    told = "; ".join(part for part in (of, files, fire.end.message) if part)
    return _time(fire.planned), fire.schedule, fire.end.outcome, took, _cost(fire), told


def _cost(fire: Fire) -> str:
    """Return ``0.0412 USD``; nothing for a fire that is not over, or never was."""
    if fire.end.outcome in ("running", "missed"):
        return ""
    if fire.end.cost is not None:
        return usd(fire.end.cost)
    return f"cost unknown, at least {usd(fire.end.known_cost)}" if fire.end.known_cost else "cost unknown"


def _columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _time(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
