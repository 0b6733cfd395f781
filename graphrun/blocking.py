"""The same engine for callers that don't await: each call runs on an event loop of its own, in a private thread.

So it works inside a running event loop too (a notebook, a web handler), and installs no signal handlers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, Unpack

from graphrun.engine import Engine
from graphrun.kernel.context import StopSignal
from graphrun.options import RunOptions, WorkflowSource
from graphrun.packs import NodePack
from graphrun.results import NodeResult, RunResult
from graphrun.settings import Settings

T = TypeVar("T")


def run(
    workflow: WorkflowSource,
    *,
    settings: Settings | None = None,
    packs: Iterable[NodePack] | None = None,
    **options: Unpack[RunOptions],
) -> RunResult:
    """Run a workflow (a `Workflow`, a path, bytes or a mapping) and return what became of it.

    ``options`` are those of `Engine.run`. Raises WorkflowError where nothing can run, UsageError where an option
    names what isn't there. Ctrl-C stops the run by its rule (finish what runs; again: cancel), then raises
    KeyboardInterrupt.
    """
    stop = options.setdefault("stop", StopSignal())
    return _blocking(lambda: _with_engine(settings, packs, lambda engine: engine.run(workflow, **options)), stop)


def call(
    class_type: str,
    inputs: Mapping[str, object],
    *,
    settings: Settings | None = None,
    packs: Iterable[NodePack] | None = None,
    **options: Unpack[RunOptions],
) -> NodeResult:
    """Run one node and return its result, for tests and notebooks. See `Engine.call`.

    >>> call("StringConcatenate", {"string_a": "a", "string_b": "b", "delimiter": "-"}).value
    'a-b'
    """
    stop = options.setdefault("stop", StopSignal())
    return _blocking(
        lambda: _with_engine(settings, packs, lambda engine: engine.call(class_type, inputs, **options)), stop
    )


async def _with_engine(
    settings: Settings | None,
    packs: Iterable[NodePack] | None,
    use: Callable[[Engine], Coroutine[Any, Any, T]],
) -> T:
    async with Engine(settings, packs=packs) as engine:
        return await use(engine)


def _blocking(start: Callable[[], Coroutine[Any, Any, T]], stop: StopSignal) -> T:
    with ThreadPoolExecutor(1, thread_name_prefix="graphrun-run") as thread:
        return _await_stoppable(thread.submit(lambda: asyncio.run(start())), stop)


def _await_stoppable(future: Future[T], stop: StopSignal) -> T:
    interrupted: KeyboardInterrupt | None = None
    while True:
        try:
            result = future.result()
        except KeyboardInterrupt as interrupt:
            if future.done():
                raise
            interrupted = interrupt
            stop.stop()
            continue
        if interrupted is not None:
            raise interrupted
        return result
