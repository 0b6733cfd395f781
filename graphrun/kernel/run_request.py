"""Everything a run needs besides its plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from graphrun.kernel.calling import Executor
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Emit
from graphrun.kernel.run_cache import RunCache


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything a run needs besides its plan. ``keep`` lists the steps whose values are wanted besides the targets'.

    ``debug`` warns of nodes that change their inputs in place; it takes the means for that from ``cache``.
    """

    surroundings: Surroundings
    executor: Executor
    emit: Emit = lambda event: None
    stop: StopSignal = field(default_factory=StopSignal)
    limits: Mapping[str, AbstractAsyncContextManager[object]] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    keep: Collection[str] = ()
    fail_fast: bool = False
    cache: RunCache | None = None
    debug: bool = False
