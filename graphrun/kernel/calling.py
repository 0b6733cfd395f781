"""Calls a step's function, once per slice of its value lists, and says what came of it. Never raises.

Async functions are called on the loop, all slices at once; sync ones in the executor, cheap ones inline, one slice
after the other. No call is made once a stop was asked for, wherever it waited: for a limit, for a thread, in line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Protocol, TypeVar, cast

from graphrun.errors import GraphrunError, Stopped
from graphrun.kernel.calls import Merged, Values, blocker_in, merge, slices
from graphrun.kernel.context import RunContext, StopSignal
from graphrun.kernel.events import Event, NodeBlocked
from graphrun.kernel.node_types import Blocked, CallResult
from graphrun.kernel.plan import Step, folded_arguments

T = TypeVar("T")
Arguments = dict[str, object]


class Executor(Protocol):
    """Where sync functions run."""

    async def run(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns, or raise what it raises."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The outputs are there. ``seconds`` were spent in the function, over all slices; waiting is not in them."""

    merged: Merged
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Grew:
    """Some call expanded into new nodes."""

    results: Sequence[CallResult]


@dataclass(frozen=True, slots=True)
class Needs:
    """No call was made: these lazy inputs are needed first."""

    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A call raised, or was stopped."""

    error: BaseException


Outcome = Ran | Grew | Needs | Failed


@dataclass(frozen=True, slots=True)
class _Results:
    """The results of a step's calls, and the seconds they took."""

    results: Sequence[CallResult]
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """A step with the value lists of its inputs. ``missing`` are lazy ones no one asked for; they hold one None."""

    step: Step
    lists: Mapping[str, Values]
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes the calls of one run. ``context`` makes what a step's functions are told of the run.

    ``begun`` hears of each step right before its function is called, behind limits and in whatever thread that is.
    """

    executor: Executor
    limits: Mapping[str, AbstractAsyncContextManager[object]]
    stop: StopSignal
    context: Callable[[Step], RunContext]
    tell: Callable[[Event], None]
    begun: Callable[[Step], None]

    def inline(self, job: Job) -> Outcome:
        """Call a cheap sync function here and now."""
        try:
            calls = _calls(job)
            return calls if isinstance(calls, Needs) else _outcome(job.step, self._one_by_one(job.step, calls))
        except Exception as error:
            return Failed(error)

    async def outcome(self, job: Job) -> Outcome:
        """Call a function where it belongs: async ones on the loop, sync ones in the executor."""
        try:
            calls = _calls(job)
            return calls if isinstance(calls, Needs) else _outcome(job.step, await self._results(job.step, calls))
        except asyncio.CancelledError as error:
            return cut_short(error, self.stop)
        except Exception as error:
            return Failed(error)

    async def _results(self, step: Step, calls: Sequence[Arguments]) -> _Results:
        if step.type.is_async:
            return await self._all_at_once(step, calls)
        async with self._limit(step):
            return await self.executor.run(partial(self._one_by_one, step, calls))

    def _one_by_one(self, step: Step, calls: Sequence[Arguments]) -> _Results:
        context, started = self.context(step), perf_counter()
        results = [self._blocked(step, call) or cast(CallResult, self._start(step, call, context)) for call in calls]
        return _Results(results, perf_counter() - started)

    async def _all_at_once(self, step: Step, calls: Sequence[Arguments]) -> _Results:
        """Make all calls together. If one fails the others still finish: an answer may have been paid for."""
        context = self.context(step)
        made = await asyncio.gather(*(self._async(step, call, context) for call in calls), return_exceptions=True)
        for each in made:
            if isinstance(each, BaseException):
                raise each
        finished = cast(list[_Results], made)
        return _Results(
            [result for each in finished for result in each.results], sum(each.seconds for each in finished)
        )

    async def _async(self, step: Step, call: Arguments, context: RunContext) -> _Results:
        if blocked := self._blocked(step, call):
            return _Results([blocked], 0.0)
        async with self._limit(step):
            started = perf_counter()
            result = await cast(Awaitable[CallResult], self._start(step, call, context))
            return _Results([result], perf_counter() - started)

    def _start(self, step: Step, call: Arguments, context: RunContext) -> CallResult | Awaitable[CallResult]:
        if self.stop.requested:
            raise Stopped("stopped before its call was made")
        self.begun(step)
        return step.type.call(_received(step, call), context)

    def _limit(self, step: Step) -> AbstractAsyncContextManager[object]:
        return self.limits.get(step.type.limit or "", nullcontext())

    def _blocked(self, step: Step, call: Arguments) -> CallResult | None:
        blocker = blocker_in(call, list_input=step.type.list_input)
        if blocker is None:
            return None
        if blocker.message is not None:
            self.tell(NodeBlocked(step.node_id, step.label, blocker.message))
        # Passed on without its message: only direct readers report it (comfyui-execution.md, 5.7).
        return CallResult((Blocked(),) * len(step.type.outputs))


def cut_short(error: asyncio.CancelledError, stop: StopSignal) -> Failed:
    """Return what a cancelled call came to: the stop that was asked for, else the cancellation of the run itself."""
    return Failed(Stopped("stopped while it was running") if stop.cancelled else error)


def _calls(job: Job) -> list[Arguments] | Needs:
    """Return the arguments of each call, or the lazy inputs that are needed before any."""
    calls = slices(job.lists, list_input=job.step.type.list_input)
    wanted = _still_needed(job, calls) if job.missing else ()
    return Needs(wanted) if wanted else calls


def _still_needed(job: Job, calls: Sequence[Arguments]) -> tuple[str, ...]:
    """Ask the node type, slice by slice, which of the missing inputs it wants (comfyui-execution.md, 5.5)."""
    step = job.step
    if step.type.needs is None:
        return ()
    open_calls = [call for call in calls if blocker_in(call, list_input=step.type.list_input) is None]
    asked = dict.fromkeys(name for call in open_calls for name in step.type.needs(folded_arguments(step, call)))
    for name in asked:
        if name not in job.lists:
            raise GraphrunError(f"it says it needs input {name!r}, which nothing is linked to")
    return tuple(name for name in step.links if name in asked and name in job.missing)


def _outcome(step: Step, made: _Results) -> Outcome:
    if any(result.expansion for result in made.results):
        return Grew(made.results)
    return Ran(merge(made.results, step.type.outputs), made.seconds)


def _received(step: Step, call: Arguments) -> Mapping[str, object]:
    """Return the arguments as the function wants them: values adapted, dynamic inputs nested."""
    adapted = dict(call)
    for declared in step.inputs:
        if declared.receive is not None and (value := adapted.get(declared.name)) is not None:
            if step.type.list_input and isinstance(value, list):
                adapted[declared.name] = [*map(declared.receive, value)]
            else:
                adapted[declared.name] = declared.receive(value)
    return folded_arguments(step, adapted)
