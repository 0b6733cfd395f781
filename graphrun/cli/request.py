"""What the user asked to run, check or plan: a file, and what is different about it this time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from graphrun.cli import options
from graphrun.cli.assignments import files_of, masks_of, with_assignments
from graphrun.engine import Engine
from graphrun.errors import UsageError
from graphrun.formats import Carried
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Workflow, did_you_mean
from graphrun.loading import load
from graphrun.options import PlanOptions
from graphrun.outlook import Forecast
from graphrun.seeds import SeedPolicy
from graphrun.settings import Settings, settings_from_environment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One workflow and the options every command has for it, as they were typed."""

    file: Path
    assignments: Sequence[str] | None = None
    files: Sequence[str] | None = None
    seed: str = "keep"
    targets: Sequence[str] | None = None
    provider: str | None = None
    input_dir: Path | None = None
    output_dir: Path | None = None
    cache_dir: Path | None = None
    definitions: Path | None = None
    masks: Sequence[str] | None = None
    carried: str = "workflow"
    map_models: bool = False
    strict_models: bool = False
    trust_profiles: bool = False

    def load(self) -> Workflow:
        """Read the workflow as it was written. Raises FileFormatError and UsageError.

        Standard input is read before there is an event loop: an event loop would keep Ctrl-C waiting for it.
        """
        source = sys.stdin.buffer.read() if str(self.file) == "-" else self.file
        return load(source, definitions=self.definitions, carried=carried_of(self.carried))

    def changed(self, workflow: Workflow, types: Mapping[str, NodeType]) -> Workflow:
        """Return the workflow with its inputs set. Raises UsageError."""
        return with_assignments(workflow, self.assignments or (), types)

    def options(self) -> PlanOptions:
        """Return the options of the engine. Raises UsageError."""
        return PlanOptions(
            files=files_of(self.files or ()),
            masks=masks_of(self.masks or ()),
            seed=_seed(self.seed),
            targets=self.targets or (),
            provider=self.provider,
            input_dir=_folder(self.input_dir),
            output_dir=self.output_dir,
            map_models=self.map_models,
            strict_models=self.strict_models,
        )

    def settings(self) -> Settings:
        """Return the settings of the engine. Raises UsageError."""
        return settings_with(cache_dir=self.cache_dir, trust_profiles=self.trust_profiles)

    def forecast(self) -> Forecast:
        """Plan the workflow; tell what the cache has of it and what it costs. Raises FileFormatError and UsageError."""
        return self.asked(lambda engine, workflow: engine.forecast(workflow, **self.options()))

    def asked(self, question: Callable[[Engine, Workflow], T]) -> T:
        """Return what an engine answers about the workflow. Raises FileFormatError and UsageError."""
        return asyncio.run(self._answered(self.load(), question))

    async def _answered(self, workflow: Workflow, question: Callable[[Engine, Workflow], T]) -> T:
        async with Engine(self.settings()) as engine:
            return question(engine, self.changed(workflow, engine.types))


def settings_with(*, cache_dir: Path | None, trust_profiles: bool = False) -> Settings:
    """Return the settings from the environment, with what was typed in their place. Raises UsageError."""
    typed = {"cache_dir": cache_dir, "trust_profiles": trust_profiles}
    return settings_from_environment().model_copy(update={name: value for name, value in typed.items() if value})


def _seed(text: str) -> SeedPolicy:
    if text in ("keep", "random"):
        return "keep" if text == "keep" else "random"
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--seed {text!r}: use keep, random or a whole number") from None


def carried_of(text: str) -> Carried:
    """Return what ``--carried`` says. Raises UsageError."""
    for known in options.CARRIED:
        if text == known:
            return cast(Carried, known)
    raise UsageError(
        f"--carried: {text!r} is not one of {', '.join(options.CARRIED)}{did_you_mean(text, options.CARRIED)}"
    )


def _folder(path: Path | None) -> Path | None:
    """Return the folder. Raises UsageError where there is none: each of its files would be reported otherwise."""
    if path is not None and not path.is_dir():
        raise UsageError(f"--input-dir {path}: there is no such folder")
    return path
