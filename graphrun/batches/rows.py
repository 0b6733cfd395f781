"""Puts rows together: what the n-th one sets, what it is called, and what tells it from all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from blake3 import blake3

from graphrun.batches.axes import Axes, Point
from graphrun.batches.job import Job
from graphrun.batches.job_masks import NodeMasks
from graphrun.batches.naming import Lookup, filled_name, filled_value
from graphrun.batches.sources import PictureFolder, Source, SourceRow, open_source
from graphrun.errors import Problem, UsageError, WorkflowError
from graphrun.formats import dump_api
from graphrun.handing_over import bound_files, declared_input, value_of
from graphrun.kernel.cache_key import encode
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.node_types import MISSING, Input, NodeType
from graphrun.kernel.workflow import Link, Workflow
from graphrun.options import Box, RunOptions
from graphrun.seeds import seed_inputs

LARGEST_SEED = 2**31 - 1
PREFIX = "filename_prefix"
"""The input that nodes which save name their files by (image-mask-nodes.md, 1.8)."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What a run of a batch decides once for all its rows, so that going on with it decides the same.

    ``date`` is the day it started, ``seed`` what the seeds of all rows are drawn from.
    """

    date: str = ""
    seed: int = 0

    def seed_of(self, index: int, most: int) -> int:
        """Return the drawn seed of a row, at most ``most``."""
        drawn = int.from_bytes(blake3(b"%d:%d" % (self.seed, index)).digest(8), "big")
        return drawn % (most + 1)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row sets: values and files by ``id.input``, masks by node id.

    ``index`` counts from 1; ``place`` is where it was read.
    """

    index: int
    place: str | None
    columns: Mapping[str, object]
    inputs: Mapping[str, object]
    files: Mapping[str, Path]
    masks: Mapping[str, tuple[Path | Box, ...]]


class Rows:
    """All rows of a job, made one at a time. ``workflow`` is the job's, with what holds for every row set.

    Raises UsageError where the job names a node that isn't there; `row_checks.check` names all of them first.
    """

    def __init__(self, job: Job, workflow: Workflow, types: Mapping[str, NodeType], draw: Draw = Draw()) -> None:
        self.job = job
        self.types = types
        self._draw = draw
        self._names: dict[str, str] = {}
        self._declared: dict[str, Input | None] = {}
        self.workflow = self._with_fixed(workflow)
        self.axes = Axes(job.matrix or {}, job.zip or {}, None if isinstance(job.seeds, str) else job.seeds)
        self.source: Source = open_source([{}] if job.rows is None else _rows_of(job))
        self.seeds = {f"{at.node_id}.{at.input}": declared for at, declared in seed_inputs(self.workflow, types)}
        self.most_seed = int(min((each.maximum or LARGEST_SEED for each in self.seeds.values()), default=LARGEST_SEED))
        self.names = self._name_templates()
        self.files = self._file_templates()
        self.masks = {self.workflow.node_id(name): NodeMasks(name, parts) for name, parts in job.masks.items()}
        self._digest = blake3(encode([dump_api(self.workflow)])).digest()

    def __iter__(self) -> Iterator[Row]:
        numbers = count(1)
        for source in self.source:
            for point in self.axes:
                yield self._row(next(numbers), source, point)

    def made(self, row: Row) -> Workflow:
        """Return the workflow of a row. Raises UsageError where a file isn't there."""
        return self.workflow.with_inputs({**row.inputs, **bound_files(row.files)})

    def options_of(self, row: Row, options: RunOptions) -> RunOptions:
        """Return the options of a row's run: those of every row, and its masks."""
        return {**options, "masks": {node_id: list(masks) for node_id, masks in row.masks.items()}}

    def identity(self, row: Row) -> str:
        """Return what tells a row from every other, and from itself after a change: of the workflow, a value, a file.

        Raises OSError where a file isn't there.
        """
        files = {name: _file_identity(path) for name, path in row.files.items()}
        masks = {
            node_id: [_file_identity(each) if isinstance(each, Path) else list(each) for each in parts]
            for node_id, parts in row.masks.items()
        }
        return blake3(self._digest + encode([row.index, row.inputs, files, masks])).hexdigest(16)

    def seeds_of(self, row: Row) -> dict[str, object]:
        """Return the seeds a row runs with, those of the file included."""
        found = {name: self._set_to(name, row.inputs) for name in self.seeds}
        return {name: seed for name, seed in found.items() if seed is not None}

    def name(self, text: str) -> str:
        """Return ``NODE.INPUT`` with the node's id. Raises UsageError where it names none."""
        if text not in self._names:
            address = self.workflow.address(text)
            self._names[text] = f"{address.node_id}.{address.input}"
        return self._names[text]

    def declared(self, name: str) -> Input | None:
        """Return what is declared of ``id.input`` in the job's workflow, or None."""
        if name not in self._declared:
            address = self.workflow.address(name)
            self._declared[name] = declared_input(self.workflow, address.node_id, address.input, self.types)
        return self._declared[name]

    def value(self, name: str, value: object) -> object:
        """Return what a value means for an input: a text may stand for something else."""
        return value_of(value, self.declared(name)) if isinstance(value, str) else value

    def _row(self, index: int, source: SourceRow, point: Point) -> Row:
        seed = self._draw.seed_of(index, self.most_seed) if self.job.seeds == "random" else point.seed
        known = {"index": index, "date": self._draw.date, "seed": seed}
        inputs: dict[str, object] = {} if seed is None else dict.fromkeys(self.seeds, seed)

        def look_up(field: str) -> object:
            if field.startswith("row.") and field[4:] in source.columns:
                return source.columns[field[4:]]
            if field == "seed" and seed is None:
                return self._only_seed(inputs)
            return known[field] if field in known else self._literal(self._named_in(field), inputs)

        templates = {text: filled_value(value, look_up) for text, value in self.job.set.items() if "{" in str(value)}
        columns = {text: value for text, value in source.columns.items() if "." in text}
        for text, value in {**templates, **columns, **point.values}.items():
            name = self.name(text)
            inputs[name] = self.value(name, value)
        files = {name: self.job.path(str(filled_value(path, look_up))) for name, path in self.files.items()}
        inputs |= {name: filled_name(template, look_up) for name, template in self.names.items()}
        place = source.place if self.job.rows is not None else None
        return Row(index, place, source.columns, inputs, files, self._masks(place, look_up))

    def _masks(self, place: str | None, look_up: Lookup) -> dict[str, tuple[Path | Box, ...]]:
        try:
            return {node_id: masks.filled(look_up, self.job.path) for node_id, masks in self.masks.items()}
        except UsageError as error:
            raise WorkflowError([Problem("bad_mask", str(error), place=place or self.job.place("masks"))]) from None

    def _with_fixed(self, workflow: Workflow) -> Workflow:
        """Set what holds for every row, one after the other: a choice may bring the inputs that are set next."""
        for text, value in self.job.set.items():
            address = workflow.address(text)
            declared = declared_input(workflow, address.node_id, address.input, self.types)
            meant = value_of(value, declared) if isinstance(value, str) else value
            workflow = workflow.with_inputs({f"{address.node_id}.{address.input}": meant})
        return workflow

    def _named_in(self, field: str) -> str:
        try:
            return self.name(field)
        except UsageError as error:
            known = "{row.COLUMN}, {NODE.INPUT}, {index}, {seed} and {date}"
            raise UsageError(f"{{{field}}} stands for nothing here: {error}. There are {known}") from None

    def _literal(self, name: str, inputs: Mapping[str, object]) -> object:
        """Return what an input is set to. Raises UsageError where that isn't known before the run."""
        value = self._set_to(name, inputs)
        if value is None or isinstance(value, Link):
            why = "is not set" if value is None else "is linked"
            raise UsageError(f"{{{name}}} {why}, so there is no value to put here")
        return value

    def _set_to(self, name: str, inputs: Mapping[str, object]) -> object:
        """Return what stands in an input, the default of its node type included; None where nothing does."""
        if name in inputs:
            return inputs[name]
        address = self.workflow.address(name)
        declared = self.declared(name)
        default = None if declared is None or declared.default is MISSING else declared.default
        return self.workflow.nodes[address.node_id].inputs.get(address.input, default)

    def _only_seed(self, inputs: Mapping[str, object]) -> object:
        seeds = {self._set_to(name, inputs) for name in self.seeds} - {None}
        if len(seeds) != 1:
            remedy = "name one of them as {NODE.seed}" if seeds else "leave {seed} out"
            raise UsageError(f"{{seed}}: the workflow has {len(seeds)} seeds; {remedy}")
        return seeds.pop()

    def _name_templates(self) -> dict[str, str]:
        """Return the template of each saver's names. Several under one template get their ids to it."""
        output = self.job.output
        if output is None:
            return {}
        if not isinstance(output, str):
            return {f"{self.workflow.node_id(node)}.{PREFIX}": template for node, template in output.items()}
        savers = [node_id for node_id, node in self.workflow.nodes.items() if _names_files(self.types, node.class_type)]
        if not savers:
            raise UsageError("output: no node of this workflow names files")
        several = len(savers) > 1
        return {f"{node_id}.{PREFIX}": f"{output}-{node_id}" if several else output for node_id in savers}

    def _file_templates(self) -> dict[str, str]:
        """Return the template of each bound file's path. A folder of pictures goes to the only input that takes one."""
        templates = {self.name(text): template for text, template in self.job.files.items()}
        if not isinstance(self.source, PictureFolder) or self._mentions_row():
            return templates
        takers = [name for name in self._file_inputs() if name not in templates]
        if len(takers) != 1:
            there = f"these inputs take a file: {', '.join(takers)}" if takers else "no input takes a file"
            raise UsageError(f"rows: {there}; say where the pictures go, as files: {{NODE.INPUT: '{{row.path}}'}}")
        return {**templates, takers[0]: "{row.path}"}

    def _file_inputs(self) -> Iterator[str]:
        for node_id, node in self.workflow.nodes.items():
            node_type = self.types.get(node.class_type)
            for declared in finalise(node_type.inputs, node.inputs) if node_type else ():
                if declared.widget.file and not isinstance(node.inputs.get(declared.name), Link):
                    yield f"{node_id}.{declared.name}"

    def _mentions_row(self) -> bool:
        return any("{row." in str(value) for value in (*self.job.files.values(), *self.job.set.values()))


def _rows_of(job: Job) -> Path | list[dict[str, object]]:
    return job.rows if isinstance(job.rows, list) else job.path(job.rows or "")


def _file_identity(path: Path) -> list[object]:
    """Return what tells a file from another, and from itself after a change, without reading it. Raises OSError."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns]


def _names_files(types: Mapping[str, NodeType], class_type: str) -> bool:
    node_type = types.get(class_type)
    return node_type is not None and node_type.output_node and any(each.name == PREFIX for each in node_type.inputs)
