"""Reads a schedule file: every schedule in it, and every fault at its line, before anything runs.

    timezone: Europe/Berlin
    schedules:
      nightly:
        cron: "0 2 * * *"
        seed: date
        workflow: inpaint.yaml
        set: { edit.prompt: "a boat" }

A schedule holds the settings of `timing.Timing`, and those of a batch's job beside them; or ``batch``, a job file.
Without anything about rows it runs its workflow once, within the caps of its ``limits``.
Paths are meant from the folder of the file they stand in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from graphrun.batches.job import Job, made_job, read_job
from graphrun.batches.job_workflow import load_workflow
from graphrun.batches.row_checks import check_names
from graphrun.errors import FileFormatError, Problem, UsageError, WorkflowError
from graphrun.formats.document import Document
from graphrun.formats.model_faults import model_faults
from graphrun.formats.origin import Origin
from graphrun.formats.source import MAX_BYTES, decode, open_file
from graphrun.formats.yaml import parse_faulty_yaml
from graphrun.kernel.workflow import did_you_mean
from graphrun.schedules.timing import Timing, Zone

BAD = "bad_schedule"
_ROWS = {"matrix", "zip", "rows", "seeds"}
_CAPS = {"max_cost", "max_images"}
_WITH_BATCH = {"provider", "input_dir", "output_dir"}


@dataclass(frozen=True)
class Schedule:
    """One schedule: when it fires, and the job a fire does; ``is_batch`` where that has rows."""

    name: str
    timing: Timing
    zone: tzinfo
    job: Job
    is_batch: bool
    place: str | None = None

    @property
    def what(self) -> str:
        """The file it runs, as it was written."""
        return self.timing.batch or str(self.job.workflow)


@dataclass(frozen=True)
class Timetable:
    """A schedule file that was read: ``schedules`` by name, in the order of the file."""

    path: Path
    schedules: Mapping[str, Schedule]

    def named(self, name: str) -> Schedule:
        """Return a schedule. Raises UsageError where none has that name."""
        if name not in self.schedules:
            raise UsageError(f"no schedule is called {name!r}{did_you_mean(name, self.schedules)}")
        return self.schedules[name]


class _Outline(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    timezone: Zone | None = None
    schedules: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class _Part:
    """One schedule's part of the file. Places in ``document`` are counted from there."""

    name: str
    fields: Mapping[str, Any]
    document: Document
    origin: Origin

    def problem(self, message: str, *keys: str) -> Problem:
        return Problem(BAD, f"{self.name}: {message}", place=self.origin.place(self.document.mark(*keys, "")))


def read_timetable(path: Path) -> Timetable:
    """Read a schedule file. Raises FileFormatError with every fault of the file, and of the files it names."""
    with open_file(path) as (origin, slices):
        content = slices[: MAX_BYTES + 1]
    document, found = parse_faulty_yaml(decode(content, origin), origin)
    problems = list(found)
    try:
        outline = _Outline.model_validate(document.value)
    except ValidationError as error:
        problems += model_faults(error, _Outline, BAD, origin, document)
        outline = _Outline(schedules=_mappings_in(document.value))
    zone = outline.timezone or _zone_here()
    parts = [_part(name, fields, document, origin) for name, fields in outline.schedules.items()]
    schedules = [schedule for part in parts if (schedule := _read(part, zone, problems))]
    if not parts and not problems:
        problems.append(origin.problem(BAD, "schedules: is empty: give each schedule a name and say when it fires"))
    if problems:
        raise FileFormatError(sorted(problems, key=_in_file_order), path)
    return Timetable(path, {schedule.name: schedule for schedule in schedules})


def _mappings_in(value: object) -> dict[str, dict[str, Any]]:
    """Return what can be read as schedules in a file that has faults of its own, to find those of its schedules too."""
    schedules = value.get("schedules") if isinstance(value, Mapping) else None
    if not isinstance(schedules, Mapping):
        return {}
    return {name: dict(fields) for name, fields in schedules.items() if isinstance(fields, Mapping)}


def _part(name: str, fields: Mapping[str, Any], document: Document, origin: Origin) -> _Part:
    above = ("schedules", name)
    marks = {keys[2:]: mark for keys, mark in document.marks.items() if keys[:2] == above and len(keys) > 2}
    # The name itself stands for all that has no key of its own.
    if above in document.marks:
        marks[("",)] = document.marks[above]
    return _Part(name, fields, replace(document, value=fields, marks=marks), origin)


def _read(part: _Part, zone: tzinfo, problems: list[Problem]) -> Schedule | None:
    """Return a schedule, or None where it has faults, which are added to ``problems``."""
    before = len(problems)
    problems += _unknown(part)
    timing = _timing(part, problems)
    job = _job(part, problems)
    if job is not None:
        problems += _job_faults(part, job)
    is_batch = "batch" in part.fields or _has_rows(part.fields)
    if is_batch and timing is not None and timing.max_instances > 1:
        problems.append(part.problem("max_instances: a batch runs once at a time; leave it out", "max_instances"))
    if timing is None or job is None or len(problems) > before:
        return None
    return Schedule(part.name, timing, timing.timezone or zone, job, is_batch, part.problem("").place)


def _has_rows(fields: Mapping[str, Any]) -> bool:
    """Whether a schedule with a workflow says anything of rows. What it may cost, it can say without them."""
    limits = fields.get("limits")
    about_rows = limits.keys() - _CAPS if isinstance(limits, Mapping) else ()
    return bool(_ROWS & fields.keys() or about_rows)


def _unknown(part: _Part) -> Iterator[Problem]:
    known = [*Timing.model_fields, *Job.model_fields]
    for key in part.fields:
        if key not in known:
            yield part.problem(f"{key}: there is no such setting{did_you_mean(key, known)}", key)
        elif "batch" in part.fields and key in Job.model_fields.keys() - _WITH_BATCH:
            yield part.problem(f"{key}: stands in the job file that batch: names; leave it out here", key)
    if not {"batch", "workflow"} & part.fields.keys():
        yield part.problem("runs nothing: name a workflow:, or as batch: a job file")
    if "seeds" in part.fields and part.fields.get("seed", "keep") != "keep":
        yield part.problem("seed: contradicts seeds:, which gives each row its own; leave one of them out", "seed")


def _timing(part: _Part, problems: list[Problem]) -> Timing | None:
    try:
        return Timing.model_validate({key: part.fields[key] for key in part.fields if key in Timing.model_fields})
    except ValidationError as error:
        problems += _named(part, model_faults(error, Timing, BAD, part.origin, part.document))
        return None


def _job(part: _Part, problems: list[Problem]) -> Job | None:
    fields = {key: part.fields[key] for key in part.fields if key in Job.model_fields}
    try:
        if "batch" in part.fields:
            return _batch_job(part, fields)
        if "workflow" in fields:
            return made_job({"name": part.name, **fields}, part.origin, part.document)
    except FileFormatError as error:
        mine = error.path == part.origin.path
        problems += _named(part, error.problems) if mine else error.problems
    return None


def _batch_job(part: _Part, fields: Mapping[str, Any]) -> Job | None:
    """Return the job of a job file, with what the schedule says of folders and provider."""
    path = _beside(part.origin, part.fields["batch"])
    if path is None or not path.is_file():
        near = did_you_mean(path.name, _neighbours(path)) if path else ""
        told = part.problem(f"batch: there is no file {str(part.fields['batch'])!r}{near}", "batch")
        raise FileFormatError([told], path)
    folders = {key: str(_beside(part.origin, fields[key])) for key in ("input_dir", "output_dir") if fields.get(key)}
    provider = {"provider": fields["provider"]} if "provider" in fields else {}
    job = read_job(path)
    return job.changed(**provider, **{key: str(Path(value).absolute()) for key, value in folders.items()})


def _job_faults(part: _Part, job: Job) -> Iterator[Problem]:
    """Yield what is wrong with the workflow of a job, and with the names the job has for things in it."""
    path = job.path(job.workflow)
    if not path.is_file():
        message = (
            f"{part.name}: workflow: there is no file {str(job.workflow)!r}{did_you_mean(path.name, _neighbours(path))}"
        )
        yield Problem("file_not_found", message, place=job.place("workflow"))
        return
    try:
        check_names(job, load_workflow(job, {}))
    except FileFormatError as error:
        yield from error.problems
    except WorkflowError as error:
        yield from _named(part, error.problems)


def _named(part: _Part, problems: Any) -> list[Problem]:
    """Say of which schedule the problems are; those without a place are at its name."""
    whole = part.problem("").place
    return [
        replace(each, message=f"{part.name}: {each.message}", place=each.place if _has_line(each) else whole)
        for each in problems
    ]


def _has_line(problem: Problem) -> bool:
    return problem.place is not None and problem.place.count(":") >= 2


def _in_file_order(problem: Problem) -> tuple[str, int, int]:
    name, line, column = (*(problem.place or "").rsplit(":", 2), "0", "0")[:3]
    return (name, int(line), int(column)) if line.isdecimal() and column.isdecimal() else (name, 0, 0)


def _beside(origin: Origin, written: object) -> Path | None:
    if not isinstance(written, str) or not written or "\0" in written:
        return None
    return (origin.path or Path()).parent / Path(written).expanduser()


def _neighbours(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _zone_here() -> tzinfo:
    """Return the time zone of this computer, summer time included. Raises UsageError where it can't be told."""
    from tzlocal import get_localzone

    try:
        return get_localzone()
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(f"this computer's time zone can't be told ({error}): write timezone: into the file") from None
