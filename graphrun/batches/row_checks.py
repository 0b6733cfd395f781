"""Finds what is wrong with the rows of a job before anything runs, and counts them.

Every name is looked up and every value is tried on its input: of the axes each value once, not each combination; of a
file every line, so that the last one can't surprise after a night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from graphrun.batches.job import Job, job_error
from graphrun.batches.naming import fields_of_name, fields_of_value, filled_value
from graphrun.batches.rows import Rows
from graphrun.batches.sources import SourceRow
from graphrun.errors import Problem, UsageError, WorkflowError
from graphrun.kernel.literals import Rejected, convert
from graphrun.kernel.node_types import Autogrow, DynamicCombo, Input
from graphrun.kernel.workflow import Workflow, did_you_mean

MOST_TOLD = 20
"""Of many faults the first few say what is wrong."""


def check_names(job: Job, workflow: Workflow) -> None:
    """Raise WorkflowError for every node that a job names and the workflow doesn't have."""
    problems = [
        Problem("unknown_node", str(error), place=job.place(*keys))
        for keys, name, is_node in _names(job)
        if (error := _unnamed(workflow, name, is_node=is_node))
    ]
    if problems:
        raise WorkflowError(problems)


def count_rows(rows: Rows) -> int:
    """Check all values, and return how many rows there are. Raises WorkflowError."""
    _check_count(rows.job, rows.axes.count)
    problems = list(islice(_axis_problems(rows), MOST_TOLD))
    if problems:
        raise WorkflowError(problems)
    return _checked_source(rows) * rows.axes.count


def _names(job: Job) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """Yield the key, the name, and whether it is that of a node; else it is ``NODE.INPUT``."""
    for key in ("set", "files", "matrix", "zip"):
        yield from (((key, name), name, False) for name in getattr(job, key) or ())
    yield from (((("targets",), name, True)) for name in job.targets)
    yield from ((("masks", name), name, True) for name in job.masks)
    if isinstance(job.output, dict):
        yield from ((("output", name), name, True) for name in job.output)


def _unnamed(workflow: Workflow, name: str, *, is_node: bool) -> UsageError | None:
    try:
        workflow.node_id(name) if is_node else workflow.address(name)
    except UsageError as error:
        return error
    return None


def _check_count(job: Job, number: int) -> None:
    if number > job.limits.max_rows:
        raise job_error(
            job,
            f"{number:,} rows are more than the {job.limits.max_rows:,} that limits.max_rows allows; "
            "leave values out, or raise it",
            "matrix",
        )


def _axis_problems(rows: Rows) -> Iterator[Problem]:
    axes = [("matrix", rows.axes.matrix), ("zip", rows.axes.zipped)]
    for key, axis in axes:
        for text, values in axis.items():
            place = rows.job.place(key, text)
            yield from _faults(rows, text, _ends(values), place)
    for name in rows.seeds:
        yield from _faults(rows, name, _ends(rows.axes.seeds or ()), rows.job.place("seeds"))
    if rows.axes.seeds is not None and not rows.seeds:
        yield Problem("bad_job", "seeds: the workflow has no seed to set", place=rows.job.place("seeds"))


def _ends(values: Sequence[object]) -> Iterable[object]:
    """Of numbers in a row the first and the last say whether all fit."""
    return (values[0], values[-1]) if isinstance(values, range) else values


def _faults(rows: Rows, text: str, values: Iterable[object], place: str | None) -> Iterator[Problem]:
    name = rows.name(text)
    declared = rows.declared(name)
    for value in values:
        try:
            _try_on(rows, declared, rows.value(name, value))
        except Rejected as rejected:
            yield Problem(rejected.type, f"{text}: {rejected}", place=place)


def _try_on(rows: Rows, declared: Input | None, value: object) -> None:
    """Raise Rejected where a value doesn't fit its input. Inputs that depend on others are left to the plan."""
    if declared is None or isinstance(declared.dynamic, Autogrow):
        return
    if isinstance(declared.dynamic, DynamicCombo):
        declared = Input(name=declared.name, type="COMBO", options=tuple(declared.dynamic.options))
    convert(declared, value, quoted_text=rows.workflow.quoted_text)


def _checked_source(rows: Rows) -> int:
    """Read every row once. Raises WorkflowError with the first faults, each with its line."""
    problems: dict[str, Problem] = {}  # by what they say: a fault that many rows share is told once, at the first
    number = 0
    used = False
    fields = _row_fields(rows)
    for number, source in enumerate(rows.source, 1):
        _check_count(rows.job, number * rows.axes.count)
        used = used or bool(fields) or any("." in column for column in source.columns)
        for problem in _row_problems(rows, source, fields):
            problems.setdefault(problem.message, problem)
        if len(problems) >= MOST_TOLD:
            break
    if problems:
        raise WorkflowError(problems.values())
    if not number:
        raise job_error(rows.job, f"{rows.source.name} has no rows", "rows")
    if rows.job.rows is not None and not used:
        raise job_error(
            rows.job,
            f"nothing of {rows.source.name} is used: call a column NODE.INPUT, or put {{row.COLUMN}} into a value",
            "rows",
        )
    return number


def _row_problems(rows: Rows, source: SourceRow, fields: Iterable[str]) -> Iterator[Problem]:
    for field in fields:
        if field not in source.columns:
            hint = did_you_mean(field, source.columns) or f"; there are {', '.join(source.columns)}"
            yield Problem("unknown_column", f"there is no column {field!r}{hint}", place=source.place)
            return
    for column, value in source.columns.items():
        if "." in column:
            yield from _column_problems(rows, column, value, source.place)
    yield from _template_problems(rows, source)


def _template_problems(rows: Rows, source: SourceRow) -> Iterator[Problem]:
    """Try what columns are put into: values that are nothing but a column, the paths of files, and masks."""
    for text, template in rows.job.set.items():
        for field in fields_of_value(template):
            if template == f"{{{field}}}" and field.startswith("row."):
                yield from _faults(rows, text, [source.columns[field[4:]]], source.place)
    for name, template in rows.files.items():
        if all(field.startswith("row.") for field in fields_of_value(template)):
            path = rows.job.path(str(filled_value(template, lambda field: source.columns[field[4:]])))
            if not path.is_file():
                yield Problem(
                    "file_not_found", f"{name}: there is no file {str(path.absolute())!r}", place=source.place
                )
    for masks in rows.masks.values():
        if all(field.startswith("row.") for field in masks.fields):
            try:
                masks.filled(lambda field: source.columns[field[4:]], rows.job.path)
            except UsageError as error:
                yield Problem("bad_mask", str(error), place=source.place)


def _column_problems(rows: Rows, column: str, value: object, place: str) -> Iterator[Problem]:
    try:
        yield from _faults(rows, column, [value], place)
    except UsageError as error:
        yield Problem("unknown_node", f"column {error}; a column that sets no input has no dot", place=place)


def _row_fields(rows: Rows) -> list[str]:
    """Return the columns that templates mention."""
    texts = (part for masks in rows.masks.values() for part in masks.parts)
    values = [*rows.job.set.values(), *rows.files.values(), *texts]
    found = [field for value in values for field in fields_of_value(value)]
    found += [field for template in rows.names.values() for field in fields_of_name(template)]
    return [field[4:] for field in dict.fromkeys(found) if field.startswith("row.")]
