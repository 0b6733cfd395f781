"""What a caller gets back from a run: values, files, and what became of each node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrun.amounts import plain
from graphrun.errors import NodeError, Problem, RunError, ValueNotKept, node_label
from graphrun.imaging import Matte, Pictures
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.report import NodeReport, NodeState, RunReport, artifacts_in
from graphrun.kernel.workflow import Workflow
from graphrun.providers.base import ImageService
from graphrun.providers.bill import Bill, Charge, total

if TYPE_CHECKING:
    import torch


Load = Callable[[str], Sequence[Sequence[object]] | None]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file a run wrote. ``kind`` is ``output`` or ``temp`` (a preview)."""

    path: Path
    node_id: str
    kind: str


@dataclass(frozen=True)
class NodeResult:
    """What became of one node. ``ui`` is what ComfyUI's front end would show.

    ``charges`` tell the requests its image service got, or had answered before: the model and parameters that were
    really asked, which a model map makes others than the workflow's. ``cost`` is what they cost in this run, in USD,
    None where that is not known; what comes from the cache or the ledger costs nothing.
    """

    node_id: str
    label: str
    state: NodeState
    output_is_list: tuple[bool, ...] = ()
    ui: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seconds: float = 0.0
    error: NodeError | None = None
    because: str | None = None
    charges: tuple[Charge, ...] = ()
    cost: Decimal | None = Decimal(0)
    _slots: Sequence[Sequence[object]] | None = field(default=None, repr=False)
    _types: tuple[str, ...] = ()
    _load: Load = field(default=lambda node_id: None, repr=False)

    @property
    def outputs(self) -> list[list[Any]]:
        """A list of values per output slot; pictures and masks as float tensors (B, H, W, C) and (B, H, W).

        Raises ValueNotKept where the run let them go, or the node made none.
        """
        return [[_as_tensor(value) for value in values] for values in self._kept()]

    @property
    def image(self) -> torch.Tensor:
        """The first picture batch, (B, H, W, C) float32, 0..1. Raises ValueNotKept where there is none."""
        return _as_tensor(self._first("IMAGE"))  # type: ignore[no-any-return]

    @property
    def mask(self) -> torch.Tensor:
        """The first mask batch, (B, H, W) float32, 1 = selected. Raises ValueNotKept where there is none."""
        return _as_tensor(self._first("MASK"))  # type: ignore[no-any-return]

    @property
    def value(self) -> Any:
        """The first value of the first output."""
        return _as_tensor(self._first(None))

    @property
    def pictures(self) -> tuple[bytes, ...]:
        """The first picture batch as encoded files: as an image service sent them, else PNG."""
        from graphrun.imaging import eight_bit

        images = self._first("IMAGE")
        held = images if isinstance(images, Pictures) else Pictures.from_pixels(eight_bit(images))  # type: ignore[arg-type]
        return held.encoded()

    def _kept(self) -> Sequence[Sequence[object]]:
        slots = self._load(self.node_id) if self._slots is None else self._slots
        if slots is None:
            made = self.state in ("ran", "cached", "spared")
            remedy = f'its values were not kept; ask with keep=["{self.node_id}"]' if made else "it has no values"
            raise ValueNotKept(f"{self.label} was {self.state}: {remedy}")
        return slots

    def _first(self, type: str | None) -> object:
        for values, slot_type in zip(self._kept(), self._types, strict=True):
            if values and (type is None or type in slot_type.split(",")):
                return values[0]
        raise ValueNotKept(f"{self.label} has no {type or 'value'} among its outputs")


@dataclass(frozen=True)
class RunResult:
    """What became of a run. ``result["10"]`` is a `NodeResult`; nodes may be named by id, title or class.

    ``refused`` says per output that could not run why, ``problems`` what is wrong with which node. ``seeds`` holds
    the seeds that were set for this run, by ``node.input``.
    """

    workflow: Workflow
    nodes: Mapping[str, NodeResult]
    artifacts: tuple[Artifact, ...]
    failures: tuple[NodeError, ...]
    problems: tuple[Problem, ...]
    refused: Mapping[str, str]
    warnings: tuple[str, ...]
    seeds: Mapping[str, int]
    seconds: float
    stopped: bool

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for was done."""
        return not (self.failures or self.problems or self.refused or self.stopped)

    @property
    def cost(self) -> Decimal | None:
        """What the run cost, in USD; None where the cost of some node is not known."""
        return total(node.cost for node in self.nodes.values())

    def __getitem__(self, node: str) -> NodeResult:
        node_id = node if node in self.nodes else self.workflow.node_id(node)
        if node_id not in self.nodes:
            return NodeResult(node_id, self.workflow.label(node_id), "skipped")
        return self.nodes[node_id]

    def did_run(self, node: str) -> bool:
        """Whether the node's function was called in this run."""
        return self[node].state == "ran"

    def was_cached(self, node: str) -> bool:
        """Whether the node's outputs came from the cache."""
        return self[node].state == "cached"

    def raise_for_failures(self) -> RunResult:
        """Return self, or raise RunError where a node failed or an output could not run."""
        if self.failures or self.problems:
            raise RunError(self.failures, self.problems)
        return self

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object: what ``graphrun run --json`` prints."""
        return {
            "ok": self.ok,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 3),
            "cost": _amount(self.cost),
            "artifacts": [{"path": str(each.path), "node": each.node_id, "kind": each.kind} for each in self.artifacts],
            "nodes": {node_id: _node_json(node) for node_id, node in self.nodes.items()},
            "failures": [
                {"node": each.node_id, "class_type": each.class_type, "title": each.title, "message": each.message}
                for each in self.failures
            ],
            "problems": [problem_json(each) for each in self.problems],
            "refused": dict(self.refused),
            "seeds": dict(self.seeds),
            "warnings": list(self.warnings),
        }


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as a JSON object, without the fields it has no value for."""
    names = ("type", "message", "node_id", "class_type", "title", "input", "place")
    return {name: value for name in names if (value := getattr(problem, name)) is not None}


def collect(
    plan: Plan, report: RunReport, folders: Folders, seeds: Mapping[str, int], load: Load, bill: Bill | None = None
) -> RunResult:
    """Make the result of a run from its plan and report. ``load`` fetches values that the run didn't keep.

    ``bill`` is None where the image service tells nothing of its calls.
    """
    nodes = {node_id: _node_result(node_id, plan.steps.get(node_id), report, load, bill) for node_id in report.nodes}
    return RunResult(
        workflow=plan.workflow,
        nodes=nodes,
        artifacts=tuple(each for node in nodes.values() for each in _artifacts(node, folders)),
        failures=tuple(node.error for node in nodes.values() if node.error is not None),
        problems=plan.problems,
        refused=plan.refused,
        warnings=report.warnings,
        seeds=seeds,
        seconds=report.seconds,
        stopped=report.stopped,
    )


def _node_result(node_id: str, step: Step | None, report: RunReport, load: Load, bill: Bill | None) -> NodeResult:
    fate = report.nodes[node_id]
    outputs = step.type.outputs if step else ()
    return NodeResult(
        node_id=node_id,
        label=step.label if step else node_label(node_id, None, None),
        state=fate.state,
        output_is_list=tuple(output.is_list for output in outputs),
        ui=fate.ui,
        seconds=fate.seconds,
        error=fate.error,
        because=fate.because,
        charges=bill.of(node_id) if bill else (),
        cost=_cost(node_id, step, fate, bill),
        _slots=report.values.get(node_id),
        _load=load,
        _types=tuple(output.type for output in outputs),
    )


def _cost(node_id: str, step: Step | None, fate: NodeReport, bill: Bill | None) -> Decimal | None:
    if bill is not None:
        return total(charge.cost for charge in bill.of(node_id))
    is_called = step is not None and ImageService in step.type.services and fate.state in ("ran", "failed")
    return None if is_called else Decimal(0)


def _artifacts(node: NodeResult, folders: Folders) -> list[Artifact]:
    return [Artifact(file.path(folders), node.node_id, file.kind) for file in artifacts_in(node.ui)]


def _node_json(node: NodeResult) -> dict[str, Any]:
    told: dict[str, Any] = {"label": node.label, "state": node.state, "seconds": round(node.seconds, 3)}
    if node.ui:
        told["ui"] = node.ui
    if node.because:
        told["because"] = node.because
    if node.charges or node.cost is None:
        told["cost"] = _amount(node.cost)
        told["charges"] = [_charge_json(charge) for charge in node.charges]
    return told


def _charge_json(charge: Charge) -> dict[str, Any]:
    asked = charge.asked
    return {
        "model": asked.model,
        "parameters": dict(asked.parameters),
        "references": asked.references,
        "masked": asked.masked,
        "cost": _amount(charge.cost),
        "call": charge.call,
    }


def _amount(cost: Decimal | None) -> str | None:
    return None if cost is None else plain(cost)


def _as_tensor(value: object) -> Any:
    return value.tensor() if isinstance(value, Pictures | Matte) else value
