"""Finds what is wrong with the masks of a job before anything runs: of every row, since a wrong one costs a picture.

Of a picture only the header counts, and it is read once where rows have it one after the other. Rows that put one
mask on one picture are looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from graphrun.batches.row_checks import MOST_TOLD
from graphrun.batches.rows import Row, Rows
from graphrun.errors import Problem, UsageError
from graphrun.imaging.shapes import Size
from graphrun.kernel.folders import Folders
from graphrun.kernel.workflow import BoundFile, Workflow
from graphrun.masks import SECOND_NAME, check_loads_mask, picture_size, with_masks

_SIZES = 64  # of pictures, remembered


def mask_problems(rows: Rows, folders: Folders) -> list[Problem]:
    """Return what is wrong: nodes that take no mask, files that aren't there, masks that don't fit their pictures.

    A fault that many rows share is told once, at the first. Raises WorkflowError for what is no mask.
    """
    found = list(_node_problems(rows))
    if found or not rows.masks:
        return found
    told: dict[str, Problem] = {}
    for problem in _fit_problems(rows, folders):
        told.setdefault(problem.message, problem)
        if len(told) >= MOST_TOLD:
            break
    return list(told.values())


def _node_problems(rows: Rows) -> Iterator[Problem]:
    for name in rows.job.masks:
        if rows.masks[rows.workflow.node_id(name)].name != name:  # the last of them, and the other would be lost
            yield Problem("bad_mask", f"the mask of {name}: {SECOND_NAME}", place=rows.job.place("masks", name))
    for node_id, masks in rows.masks.items():
        try:
            check_loads_mask(rows.workflow, node_id, rows.types)
        except UsageError as error:
            yield Problem("bad_mask", str(error), place=rows.job.place("masks", masks.name))


def _fit_problems(rows: Rows, folders: Folders) -> Iterator[Problem]:
    seen: set[int] = set()  # hashes: the masks of a million rows would fill gigabytes
    size_of = lru_cache(maxsize=_SIZES)(picture_size)
    for row in rows:
        for node_id in row.masks:
            pair = hash((node_id, row.masks[node_id], _set_of(node_id, row)))
            if pair not in seen:
                seen.add(pair)
                yield from _faults(rows, row, node_id, folders, size_of)


def _set_of(node_id: str, row: Row) -> tuple[str, ...]:
    """Return what a row sets of a node: which picture it loads, above all."""
    inputs = {**row.inputs, **row.files}
    return tuple(f"{name}={value!r}" for name, value in inputs.items() if name.startswith(f"{node_id}."))


def _faults(
    rows: Rows, row: Row, node_id: str, folders: Folders, size_of: Callable[[BoundFile], Size]
) -> Iterator[Problem]:
    masks = rows.masks[node_id]
    varies = any(masks.fields) or _set_of(node_id, row)
    place = (row.place if varies else None) or rows.job.place("masks", masks.name)
    missing = [each for each in row.masks[node_id] if isinstance(each, Path) and not _is_file(each)]
    for path in missing:
        yield Problem(
            "file_not_found", f"the mask of {masks.name}: there is no file {str(path.absolute())!r}", place=place
        )
    workflow = _made(rows, row)
    if missing or workflow is None:
        return
    try:
        with_masks(workflow, {node_id: list(row.masks[node_id])}, rows.types, folders, size_of)
    except UsageError as error:
        yield Problem("bad_mask", str(error), place=place)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that can't be looked into, or with a name that is too long
        return False


def _made(rows: Rows, row: Row) -> Workflow | None:
    """Return the workflow of a row; None where a picture isn't there, which is told of elsewhere."""
    with suppress(UsageError):
        return rows.made(row)
    return None
