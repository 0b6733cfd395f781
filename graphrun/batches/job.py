"""What a batch is to do, as a file or a program says it. Checked here for its form; what its names mean, later.

A job file is YAML (or JSON) with a ``workflow`` and what differs from row to row. Paths in it are meant from its own
folder. Every fault is told with its line and column.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from graphrun.batches.job_masks import read_masks
from graphrun.errors import FileFormatError, Problem, UsageError, WorkflowError
from graphrun.formats.carriers import Carried
from graphrun.formats.document import Document
from graphrun.formats.model_faults import model_faults
from graphrun.formats.origin import Origin
from graphrun.formats.source import decode
from graphrun.formats.yaml import parse_yaml
from graphrun.kernel.workflow import Workflow
from graphrun.options import RunOptions
from graphrun.providers.caps import NO_CAP, amount_in, count_in

DEFAULT_MAX_ROWS = 1_000_000
"""A batch of more rows is more likely a mistake than a wish; ``limits.max_rows`` allows it."""

_RANGE = re.compile(r"\s*(-?[0-9]{1,18})\s*\.\.\s*(-?[0-9]{1,18})\s*")
_KEYS = frozenset({"matrix", "zip", "rows", "seeds", "set", "files", "masks", "limits"})
_KEY = re.compile(rb"""^[\s{]*["']?(workflow|matrix|zip|rows|seeds|set|files|masks|limits)["']?\s*:""", re.MULTILINE)


def parse_range(text: str) -> range | None:
    """Return the whole numbers of ``1..10``, both ends included; None for other text."""
    match = _RANGE.fullmatch(text)
    return range(int(match[1]), int(match[2]) + 1) if match else None


def _values(written: object) -> object:
    """Read an axis: a list, a range, or one value alone."""
    if isinstance(written, str) and (numbers := parse_range(written)) is not None:
        written = numbers
    values = written if isinstance(written, list | tuple | range) else [written]
    if not values:
        raise ValueError("has no values: give at least one, or leave it out")
    return values


def _seeds(written: object) -> object:
    """Read ``keep``, ``random``, a number, a range or a list of numbers."""
    if written in ("keep", "random"):
        return written
    values = _values(written)
    numbers = values if isinstance(values, range) else list(values)  # type: ignore[call-overload]
    if isinstance(numbers, list) and not all(isinstance(each, int) and not isinstance(each, bool) for each in numbers):
        raise ValueError("write keep, random, a whole number, a range as 1..10, or a list of whole numbers")
    return numbers


def _masks(written: object) -> object:
    """Read the masks of a node."""
    try:
        return read_masks(written)
    except UsageError as error:
        raise ValueError(str(error)) from None


Values = Annotated[Any, BeforeValidator(_values)]
Template = str


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Limits(_Part):
    """How much at once and how often. ``jobs`` rows at a time (default: as the image service allows).

    ``retry_rows``: how many more times a failed row is tried. ``max_rows``: the most rows a batch may have.
    ``max_cost`` in USD and ``max_images`` bound what all rows buy in one session: ``none``, read as None, is no cap;
    where they are left out, the settings decide. What is left blank is left out: no cap is lifted by an oversight.
    """

    jobs: int | None = Field(default=None, ge=1, le=10_000)
    retry_rows: int = Field(default=0, ge=0, le=100)
    max_rows: int = Field(default=DEFAULT_MAX_ROWS, ge=1)
    max_cost: Annotated[Decimal | float | str | None, BeforeValidator(amount_in)] = None
    max_images: Annotated[int | str | None, BeforeValidator(count_in)] = None

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @field_serializer("max_cost", "max_images")
    def _cap_written(self, cap: object) -> object:
        return NO_CAP if cap is None else cap

    @property
    def caps(self) -> RunOptions:
        """The caps that are set, as the options of a run."""
        return cast(RunOptions, self.model_dump(include={"max_cost", "max_images"}, exclude_unset=True))


class Job(_Part):
    """A workflow and the rows to run it with: ``rows`` × ``zip`` × ``matrix`` × ``seeds``, the last one fastest.

    Inputs are named ``NODE.INPUT``. ``set``, ``files`` and ``masks`` hold for every row; their texts may hold
    ``{row.COLUMN}``, ``{index}``, ``{seed}`` and ``{date}``. ``masks`` says by NODE what is to be changed of the
    picture that a LoadImage loads: a mask picture, a box ``x,y,w,h``, or a list of these, which add up. ``matrix`` maps
    inputs to lists whose values are all combined, ``zip`` to equally long ones that advance together. ``rows`` is a CSV
    or JSONL file, a folder of pictures, or a list of mappings; a column called ``NODE.INPUT`` sets that input.
    ``seeds`` is ``keep``, ``random`` (drawn once a row) or numbers, each for every seed of the workflow. ``output``
    names what is saved, ``{NODE.INPUT}`` allowed too; for several savers a mapping of NODE to name. ``output_dir`` is
    where the folder of the batch is made. ``map_models``, ``strict_models``, ``definitions`` and ``carried`` are as for
    a run.
    """

    workflow: Any
    name: str | None = Field(default=None, min_length=1, max_length=100)
    set: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    masks: dict[str, Annotated[Any, BeforeValidator(_masks)]] = Field(default_factory=dict)
    matrix: dict[str, Values] | None = None
    zip: dict[str, Values] | None = None
    rows: str | os.PathLike[str] | list[dict[str, Any]] | None = None
    seeds: Annotated[Any, BeforeValidator(_seeds)] = "keep"  # no Sequence[int]: that would make a list of a range
    output: str | dict[str, str] | None = None
    output_dir: str | os.PathLike[str] | None = None
    input_dir: str | os.PathLike[str] | None = None
    targets: list[str] = Field(default_factory=list)
    provider: str | None = None
    map_models: bool = False
    strict_models: bool = False
    definitions: str | os.PathLike[str] | None = None
    carried: Carried = "workflow"
    limits: Limits = Limits()
    _origin: Origin = PrivateAttr(default=Origin())
    _document: Document | None = PrivateAttr(default=None)

    @field_validator("workflow")
    @classmethod
    def _check_workflow(cls, workflow: Any) -> Any:
        if not isinstance(workflow, str | os.PathLike | bytes | Mapping | Workflow) or not workflow:
            raise ValueError("name the workflow's file")
        return workflow

    @field_validator("matrix", "zip")
    @classmethod
    def _check_axes(cls, axes: dict[str, Any] | None) -> dict[str, Any]:
        if not axes:
            raise ValueError("is empty: give inputs and their values, or leave it out")
        return axes

    @field_validator("zip")
    @classmethod
    def _check_lengths(cls, axes: dict[str, Any]) -> dict[str, Any]:
        if len({len(values) for values in axes.values()}) > 1:
            told = ", ".join(f"{input} has {len(values)}" for input, values in axes.items())
            raise ValueError(f"all lists must be equally long, but {told}")
        return axes

    @property
    def title(self) -> str:
        """What the batch is called: its name, that of its file, or that of the workflow."""
        path = self._origin.path or (Path(self.workflow) if isinstance(self.workflow, str | os.PathLike) else None)
        return self.name or (path.stem if path else "batch")

    def path(self, written: str | os.PathLike[str]) -> Path:
        """Return a path as it is meant: from the folder of the job file, if there is one."""
        return (self._origin.path.parent if self._origin.path else Path()) / Path(written).expanduser()

    @property
    def way_on(self) -> str:
        """What asks living models in place of dead ones: a line of the job's file, or a command."""
        if self._origin.path:
            return f"or map_models: true in {self._origin.path.name}"
        path = self.workflow if isinstance(self.workflow, str | os.PathLike) else None
        return f"graphrun batch {shlex.quote(str(path))} --map-models" if path else ""

    def place(self, *keys: str) -> str | None:
        """Return where a key stands in the job file, or None where there is no file."""
        mark = self._document.mark(*keys) if self._document else None
        return self._origin.place(mark)

    def changed(self, **fields: Any) -> Job:
        """Return the job with some fields replaced, checked anew. Raises UsageError."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return made_job({**given, **fields}, self._origin, self._document)


def read_job(source: str | os.PathLike[str] | Mapping[str, Any] | Job) -> Job:
    """Return the job in a file, or in a mapping. Raises FileFormatError with every fault at its place.

    A workflow's own file is a job without rows.
    """
    if isinstance(source, Job):
        return source
    if isinstance(source, Mapping):
        return (
            made_job(source, Origin(), None) if "workflow" in source or _KEYS & source.keys() else Job(workflow=source)
        )
    document, origin = _document(Path(source))
    return Job(workflow=Path(source)) if document is None else made_job(_mapping(document), origin, document)


def _document(path: Path) -> tuple[Document | None, Origin]:
    """Read a job file; None where the file is a workflow, which its own reader reads."""
    origin = Origin(path)
    try:
        content = path.read_bytes() if path.suffix.lower() in (".yaml", ".yml", ".json") else b""
    except OSError:  # its own reader says so, and what there is beside it
        return None, origin
    if not _may_be_a_job(content):
        return None, origin
    document = parse_yaml(decode(content, origin), origin)
    return (document if _is_job(document.value) else None), origin


def _is_job(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    named = value.get("workflow")
    nodes = any(isinstance(each, Mapping) and "class_type" in each for each in value.values())
    return isinstance(named, str) or (not nodes and "nodes" not in value and bool(_KEYS & value.keys()))


def _may_be_a_job(content: bytes) -> bool:
    """Look for a key of a job, before a workflow of some megabytes is parsed twice."""
    return _KEY.search(content) is not None


def _mapping(document: Document) -> Mapping[str, Any]:
    return document.value if isinstance(document.value, Mapping) else {}


def made_job(fields: Mapping[str, Any], origin: Origin, document: Document | None) -> Job:
    """Check the fields of a job. Raises FileFormatError for those of a file, UsageError for others."""
    try:
        job = Job.model_validate(dict(fields))
    except ValidationError as error:
        problems = model_faults(error, Job, "bad_job", origin, document)
        if document is None:
            raise UsageError("; ".join(str(problem) for problem in problems)) from None
        raise FileFormatError(problems, origin.path) from None
    job._origin, job._document = origin, document
    return job


def job_error(job: Job, message: str, *keys: str) -> WorkflowError:
    """Return the exception for something a job says that can't be. Raise it."""
    return WorkflowError([Problem("bad_job", message, place=job.place(*keys))])
