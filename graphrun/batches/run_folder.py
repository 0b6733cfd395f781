"""The folder of one run of a batch, ``<output>/<job>/<start time>``: begun, gone on with, and had by one process.

``run.json`` says what was decided at the start, ``rows.jsonl`` what became of each row. A run is complete when every
row is done or failed; the next run of the same job goes on with one that isn't.
"""

from __future__ import annotations

import json
import re
import secrets
from array import array
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from graphrun.batches.record import RecordFile, RowRecord, read_records
from graphrun.batches.rows import Draw
from graphrun.errors import PathError, UsageError
from graphrun.os_lock import OsLock
from graphrun.providers.ledger.durable import store

MANIFEST = "run.json"
_TIME = "%Y-%m-%dT%H-%M-%S"  # no colons: Windows has no such names


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was started with. ``job`` digests what was asked for; the rest is decided once for all its rows."""

    job: str
    date: str
    seed: int
    rows: int
    complete: bool = False
    format: int = 1

    @property
    def draw(self) -> Draw:
        """What the rows take from it."""
        return Draw(self.date, self.seed)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the manifest of a run, or None where the folder has none that can be read."""
        try:
            return cls(**json.loads((folder / MANIFEST).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Keep it, durably. Raises PathError."""
        try:
            store(folder / MANIFEST, json.dumps(asdict(self), indent=2).encode())
        except OSError as error:
            raise PathError(f"can't write {folder / MANIFEST}: {error.strerror}") from error


class Done:
    """Which rows need not be run, eight bytes each: a million of them must fit beside the rows that run."""

    def __init__(self, folder: Path) -> None:
        self._ids = array("Q")
        for record in read_records(folder):
            self._note(record.row, _number(record.id) if _stands(record, folder) else 0)

    def has(self, index: int, id: str) -> bool:
        """Whether this row is done, as it is now."""
        return index < len(self._ids) and self._ids[index] == _number(id)

    def had(self, index: int, id: str) -> bool:
        """Whether this row was done, but not as it is now."""
        return index < len(self._ids) and self._ids[index] not in (0, _number(id))

    def _note(self, index: int, number: int) -> None:
        if index >= len(self._ids):
            self._ids.extend([0] * (index + 1 - len(self._ids)))
        self._ids[index] = number


@dataclass
class RunFolder:
    """A run that this process has. ``done`` are the rows that earlier sessions made."""

    path: Path
    manifest: Manifest
    done: Done
    records: RecordFile
    resumed: bool
    _lock: OsLock

    @classmethod
    def open(cls, job_folder: Path, job: str, rows: int, *, resume: str | None = None, new: bool = False) -> Self:
        """Go on with the newest run of the same job if that is incomplete, else begin one.

        ``resume`` names a run to go on with, whatever its job was then. Raises UsageError where there is no such run,
        or another process has one of this job; PathError where nothing can be written.
        """
        found = None if resume is None else _named(job_folder, resume)
        job_folder = job_folder if found is None else found.parent
        lock = _locked(job_folder)
        try:
            path = found or (None if new else _incomplete(job_folder, job))
            known = path and Manifest.read(path)
            manifest = replace(known, job=job, rows=rows, complete=False) if known else _begun(job, rows)
            folder = path or _made(job_folder)
            manifest.write(folder)
            return cls(folder, manifest, Done(folder), RecordFile(folder), path is not None, lock)
        except BaseException:
            lock.release()
            raise

    def complete(self) -> None:
        """Note that every row has its end."""
        self.manifest = replace(self.manifest, complete=True)
        self.manifest.write(self.path)

    def close(self) -> None:
        """Let others have the job."""
        self.records.close()
        self._lock.release()


def fit_for_a_folder(title: str) -> str:
    """Return a job's name as the name of its folder."""
    return re.sub(r"[^\w.+@=-]+", "-", title).strip("-.")[:80] or "batch"


def _begun(job: str, rows: int) -> Manifest:
    return Manifest(job, datetime.now().astimezone().strftime("%Y-%m-%d"), secrets.randbits(63), rows)


def _made(job_folder: Path) -> Path:
    """Make the folder of a new run. Raises PathError."""
    moment = datetime.now()
    while True:
        folder = job_folder / moment.strftime(_TIME)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # two in one second: names stay in order
            moment += timedelta(seconds=1)
        except OSError as error:
            raise PathError(f"can't make the folder {folder}: {error.strerror}") from error
        else:
            return folder


def _locked(job_folder: Path) -> OsLock:
    try:
        job_folder.mkdir(parents=True, exist_ok=True)
        lock = OsLock.try_acquire(job_folder / ".lock")
    except OSError as error:
        raise PathError(f"can't write to {job_folder}: {error.strerror}") from error
    if lock is None:
        raise UsageError(
            f"this job is being run already, or another one of its name: another process has {job_folder}; "
            "wait until it ends, or choose another --output-dir"
        )
    return lock


def _incomplete(job_folder: Path, job: str) -> Path | None:
    """Return the newest run of this job, if that is not complete. Jobs of one name share a folder."""
    for run in sorted((path.parent for path in job_folder.glob(f"*/{MANIFEST}")), reverse=True):
        manifest = Manifest.read(run)
        if manifest and manifest.job == job:
            return None if manifest.complete else run
    return None


def _named(job_folder: Path, run: str) -> Path:
    for folder in (Path(run), job_folder / run):
        if (folder / MANIFEST).is_file():
            return folder
    raise UsageError(f"--resume {run}: there is no run in {run}, nor in {job_folder / run}")


def _stands(record: RowRecord, folder: Path) -> bool:
    """Whether a row is done, and what it saved is still there."""
    return record.state == "done" and all((folder / each.path).is_file() for each in record.artifacts)


def _number(id: str) -> int:
    return int(id[:16], 16)
