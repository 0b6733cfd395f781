"""What a caller may choose for one plan or one run, and the forms a workflow and its files may be given in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, TypedDict

from graphrun.errors import UsageError
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Emit
from graphrun.kernel.workflow import Workflow, did_you_mean
from graphrun.providers.base import ImageService
from graphrun.providers.errand import Errand
from graphrun.seeds import SeedPolicy
from graphrun.shared_cache import CacheMode

FileSource = str | os.PathLike[str] | bytes
Box = tuple[int, int, int, int]
"""A rectangle of a picture: x, y, width, height in pixels from the top left."""

MaskSource = FileSource | Box
"""A mask picture, in which white is what is to be changed, or a box."""

WorkflowSource = Workflow | str | os.PathLike[str] | bytes | Mapping[str, Any]


class PlanOptions(TypedDict, total=False):
    """What may differ from plan to plan.

    files: files to bind to inputs, by ``NODE.INPUT``: a path, or the bytes. masks: what is to be changed of the picture
    that a LoadImage node loads, by ``NODE``: a mask picture (path or bytes; white, or transparent, is changed), a box
    ``(x, y, width, height)``, or a list of these, which add up; the picture's file stays as it is. seed: ``"keep"``,
    ``"random"`` or a number for every seed. targets: nodes whose results are wanted (default: those the file asks for,
    else all output nodes). provider: the name of an image service, or one of your own. input_dir, output_dir,
    temp_dir: see `Settings.folders`. map_models: ask living models in place of dead ones (openai-images.md, 7); where
    it is a mapping of names, your own entries first. strict_models: refuse models that are in their last 60 days, or
    that nobody here knows, instead of warning, and map none. way_on: what the refusal of a dead model says to do beside
    ``--map-models`` (default: the command that runs the workflow's file). today: the day by which models are judged.
    """

    files: Mapping[str, FileSource]
    masks: Mapping[str, MaskSource | list[MaskSource]]
    seed: SeedPolicy
    targets: Iterable[str]
    provider: str | ImageService | None
    input_dir: str | os.PathLike[str] | None
    output_dir: str | os.PathLike[str] | None
    temp_dir: str | os.PathLike[str] | None
    map_models: bool | Mapping[str, str]
    strict_models: bool
    way_on: str
    today: date


class RunOptions(PlanOptions, total=False):
    """What may differ from run to run, besides `PlanOptions`.

    keep: nodes whose values the result holds, or ``"all"`` (targets always). strict: run nothing if any output can't
    run. fail_fast: start nothing more after the first failure. metadata: write the workflow into saved pictures.
    debug: warn of nodes that change their inputs in place, which takes time to see. emit: is called with every event,
    on the thread of the event loop; what it raises is raised when the run has ended, and it is told nothing more.
    retry_unknown: send paid calls again of which nobody knows whether an earlier one was billed.
    stop: a `StopSignal` of the caller's. cache: see `CacheMode`. refresh: nodes to run again with all that depends on
    them, or ``"all"``. max_cost: what the run may cost, in USD, and max_images: how many pictures it may buy (default:
    `Settings`); None or ``"none"`` is no cap. errand: what the purchases of several runs share (default: each run has
    its own); it decides about ``retry_unknown`` and caps then. let_go: keep in memory nothing that this run made and
    the disk has too, for callers whose next run will make something else.
    """

    keep: Iterable[str] | Literal["all"]
    strict: bool
    fail_fast: bool
    metadata: bool
    debug: bool
    emit: Emit
    stop: StopSignal
    cache: CacheMode
    refresh: Iterable[str] | Literal["all"]
    retry_unknown: bool
    max_cost: float | Decimal | str | None
    max_images: int | str | None
    errand: Errand
    let_go: bool


def check_options(options: PlanOptions) -> None:
    """Raise UsageError for an option that isn't there: Python checks no names behind ``**options``."""
    for name in options.keys() - RunOptions.__optional_keys__:
        raise UsageError(f"no option is called {name!r}{did_you_mean(name, sorted(RunOptions.__optional_keys__))}")
