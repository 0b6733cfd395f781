"""The job of a batch as it was typed: a job file or a workflow, and what the options change about it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrun.batches.job import Job, parse_range, read_job
from graphrun.cli.assignments import masks_of, split_assignment
from graphrun.cli.request import carried_of
from graphrun.errors import UsageError
from graphrun.options import Box


@dataclass(frozen=True, slots=True)
class JobWords:
    """What a call says about its job; None and empty where it says nothing."""

    file: Path
    set: Sequence[str] = ()
    files: Sequence[str] = ()
    masks: Sequence[str] = ()
    matrix: Sequence[str] = ()
    zip: Sequence[str] = ()
    rows: Path | None = None
    seeds: str | None = None
    name: str | None = None
    targets: Sequence[str] = ()
    jobs: int | None = None
    retry_rows: int | None = None
    max_rows: int | None = None
    definitions: Path | None = None
    carried: str | None = None

    def job(self) -> Job:
        """Return the job. Raises FileFormatError and UsageError."""
        job = read_job(self.file)
        changes = {name: value for name, value in self._changes(job).items() if value is not None}
        return job.changed(**changes) if changes else job

    def _changes(self, job: Job) -> Mapping[str, Any]:
        return {
            "set": {**job.set, **_assigned(self.set, "--set")} if self.set else None,
            "files": {**job.files, **_paths(self.files)} if self.files else None,
            "masks": {**job.masks, **_masks(self.masks)} if self.masks else None,
            "matrix": {**(job.matrix or {}), **_axes(self.matrix, "--matrix")} if self.matrix else None,
            "zip": {**(job.zip or {}), **_axes(self.zip, "--zip")} if self.zip else None,
            "rows": self.rows.expanduser().absolute() if self.rows else None,
            "seeds": None if self.seeds is None else _seeds(self.seeds),
            "output": self.name,
            "targets": list(self.targets) or None,
            "definitions": self.definitions.expanduser().absolute() if self.definitions else None,
            "carried": None if self.carried is None else carried_of(self.carried),
            "limits": self._limits(job),
        }

    def _limits(self, job: Job) -> Mapping[str, Any] | None:
        names = ("jobs", "retry_rows", "max_rows")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        # What the job leaves out stays out: a cap that is None there is none, instead of that of the settings.
        return {**job.limits.model_dump(exclude_unset=True), **given} if given else None


def _assigned(texts: Iterable[str], option: str) -> dict[str, str]:
    return dict(split_assignment(text, option) for text in texts)


def _paths(texts: Iterable[str]) -> dict[str, str]:
    """Return paths by ``NODE.INPUT``."""
    return {name: _from_here(path) for name, path in _assigned(texts, "--file").items()}


def _masks(texts: Iterable[str]) -> dict[str, list[str | Box]]:
    """Return masks by ``NODE``, those of one node together."""
    return {
        node: [mask if isinstance(mask, tuple) else _from_here(str(mask)) for mask in masks]
        for node, masks in masks_of(texts).items()
    }


def _from_here(path: str) -> str:
    """Return a path that a row fills in as it is, which is meant from the job's folder; others from the current one."""
    return path if "{" in path else str(Path(path).expanduser().absolute())


def _axes(texts: Iterable[str], option: str) -> dict[str, Any]:
    """Read ``NODE.INPUT=a,b,c``, quotes as in CSV, or ``NODE.INPUT=1..10``. Raises UsageError."""
    axes: dict[str, Any] = {}
    for name, text in (split_assignment(each, option) for each in texts):
        if name in axes:
            raise UsageError(f"{option} {name} is given twice: write all its values in one, {option} {name}=a,b,c")
        if not text.strip():
            raise UsageError(f"{option} {name}=: has no values: write {option} {name}=a,b,c")
        numbers = parse_range(text)
        axes[name] = _split(text, option) if numbers is None else numbers
        if not len(axes[name]):
            raise UsageError(f"{option} {name}={text}: has no values: the first number is the lower one")
    return axes


def _split(text: str, option: str) -> list[str]:
    try:
        return [value for line in csv.reader([text], skipinitialspace=True, strict=True) for value in line]
    except csv.Error as error:
        raise UsageError(
            f"{option} {text!r}: {error}; quote a value with a comma as in CSV: 'N.I=\"a, b\",c'"
        ) from None


def _seeds(text: str) -> object:
    if text in ("keep", "random"):
        return text
    if (numbers := parse_range(text)) is not None:
        if not numbers:
            raise UsageError(f"--seeds {text}: has no values: the first number is the lower one")
        return numbers
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text!r}: write keep, random, 1..10 or 1,2,3") from None
