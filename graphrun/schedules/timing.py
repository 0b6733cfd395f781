"""What a schedule says of itself, beside what it runs: when, how late it may be, how many at once, which seed."""

from __future__ import annotations

from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from graphrun.kernel.workflow import did_you_mean
from graphrun.schedules.durations import duration_text, parse_duration
from graphrun.schedules.missed import MisfireRule
from graphrun.schedules.seeding import SeedPolicy

_YEAR = 366 * 86_400


def zone_named(name: object) -> ZoneInfo:
    """Return a time zone. Raises ValueError, with the nearest name, where there is none."""
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):  # the latter for a folder of zones, as Europe is
        near = did_you_mean(str(name), available_timezones())
        raise ValueError(f"there is no time zone {str(name)!r}{near or ', as Europe/Berlin is one'}") from None


Duration = Annotated[float, BeforeValidator(parse_duration)]
Zone = Annotated[ZoneInfo, BeforeValidator(zone_named)]


class Timing(BaseModel):
    """When a schedule fires: at the times of ``cron``, in ``timezone``, or ``every`` so often.

    ``jitter``: starts up to so much later, drawn each time. ``misfire_grace``: the latest that a fire may start;
    later, it is missed. ``coalesce``: of several that wait, one starts. ``max_instances`` may run at once; what is due
    meanwhile waits. ``batch`` is a job file, where what runs isn't a workflow. ``seed``: see `seeding.SeedPolicy`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    cron: str | None = None
    every: Annotated[Duration, Field(ge=1, le=_YEAR)] | None = None
    timezone: Zone | None = None
    jitter: Annotated[Duration, Field(ge=0, le=86_400)] = 0.0
    coalesce: bool = True
    max_instances: int = Field(default=1, ge=1, le=100)
    misfire_grace: Annotated[Duration, Field(ge=1, le=_YEAR)] = 300.0
    seed: SeedPolicy = "keep"
    batch: str | None = None

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, expression: str) -> str:
        # Imported here: the command line reads no schedule most of the time, and APScheduler takes a while.
        from graphrun.schedules.triggers import check_cron

        check_cron(expression)
        return " ".join(expression.split())

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise ValueError("write either cron: or every:, to say when it fires")
        return self

    @property
    def text(self) -> str:
        """When it fires, in words."""
        return f"cron {self.cron}" if self.cron else f"every {duration_text(self.every or 0)}"

    @property
    def rule(self) -> MisfireRule:
        """What becomes of fires that are late."""
        return MisfireRule(self.misfire_grace, self.coalesce)
