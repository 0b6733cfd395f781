"""Makes what a step gives: loads what it reads, calls its function, keeps the result before anyone reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from graphrun.errors import LimitError
from graphrun.kernel import events
from graphrun.kernel.calling import Caller, Failed, Job, Outcome, Ran, cut_short
from graphrun.kernel.calls import Values
from graphrun.kernel.context import RunContext
from graphrun.kernel.expansion import gather
from graphrun.kernel.growth import Growth
from graphrun.kernel.plan import Step
from graphrun.kernel.report import Reporter
from graphrun.kernel.run_cache import NOT_ALLOWED, RunCache
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.store import Entry
from graphrun.kernel.workflow import Given, Link


@dataclass(frozen=True, slots=True)
class Found:
    """No call was made: while the step waited its turn, another run made the same."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Gone:
    """No call was made: values that the cache had of these sources can't be loaded any more."""

    sources: tuple[str, ...]


Made = Outcome | Found | Gone


class Maker:
    """Makes the steps of one run. ``values`` are those at hand; what comes from the cache is added to them.

    ``is_there`` tells whether a step may read one of its lazy inputs.
    """

    def __init__(
        self,
        request: RunRequest,
        reporter: Reporter,
        steps: Mapping[str, Step],
        values: MutableMapping[str, Sequence[Values]],
        is_there: Callable[[Step, str], bool],
    ) -> None:
        self._request = request
        self._reporter = reporter
        self._steps = steps
        self._values = values
        self._is_there = is_there
        self._caller = Caller(
            request.executor, request.limits, request.stop, self._context, reporter.tell, reporter.started
        )

    async def make(self, step: Step, growth: Growth | None) -> Made:
        """Make what a step gives, or gather it from what the step has grown into. Never raises."""
        cache = self._request.cache
        try:
            if cache is not None:
                return await self._made(step, growth, cache)
            return Ran(gather(growth.outputs, self._values)) if growth else await self._called(step)
        except asyncio.CancelledError as error:
            return cut_short(error, self._request.stop)
        except Exception as error:
            return Failed(error)

    async def _called(self, step: Step) -> Outcome:
        job = self._job(step)
        with self._watched(job):
            return await self._caller.outcome(job)

    def inline(self, step: Step) -> Outcome:
        """Make what a cheap step gives here and now. All it reads must be here."""
        job = self._job(step)
        with self._watched(job):
            outcome = self._caller.inline(job)
        if self._request.cache is not None and isinstance(outcome, Ran):
            self._request.cache.keep(step, outcome.merged, outcome.seconds, self._steps)
        return outcome

    @contextmanager
    def _watched(self, job: Job) -> Iterator[None]:
        """Look at what a step reads before its call, and, for ``debug``, whether the call changed it."""
        cache = self._request.cache
        if cache is None:
            yield
            return
        cache.inspect(job.step, self._values)
        before = cache.contents(job.lists) if self._request.debug else {}
        yield
        for name in cache.changed(job.lists, before):
            message = f"{job.step.label}: input {name!r} was changed in place while it ran; a node must change a copy"
            self._reporter.tell(events.Warned(message, job.step.node_id))

    async def _made(self, step: Step, growth: Growth | None, cache: RunCache) -> Made:
        """Load what the step reads, make what it gives unless another run just did, and keep that."""
        if gone := await self.fetch(growth.results if growth else self.absent(step)):
            return Gone(gone)
        if growth is not None:
            return await self._kept(step, Ran(gather(growth.outputs, self._values)), cache)
        async with cache.alone(step, self._request.stop) as waited:
            if waited and (entry := cache.entry(step)):
                return Found(entry)
            if not cache.allows(step):
                raise LimitError(NOT_ALLOWED, [step.node_id])
            return await self._kept(step, await self._called(step), cache)

    async def fetch(self, sources: Iterable[str]) -> tuple[str, ...]:
        """Load the values of sources that no step of this run made. Return those whose values are gone."""
        cache = self._request.cache
        if cache is None:
            return ()
        gone: list[str] = []
        for source in sources:
            if source not in self._values:
                values = await self._request.executor.run(partial(cache.load, source))
                if values is None:
                    gone.append(source)
                else:
                    self._values[source] = values
        return tuple(gone)

    async def _kept(self, step: Step, outcome: Outcome, cache: RunCache) -> Outcome:
        """Keep what a step gave before anyone reads it: an in-place change must not reach the cache."""
        if isinstance(outcome, Ran):
            await cache.keep_aside(self._request.executor, step, outcome.merged, outcome.seconds, self._steps)
        return outcome

    def absent(self, step: Step) -> list[str]:
        """The sources of a step whose values are in the cache and not here."""
        if self._request.cache is None:
            return []
        links = [source.node_id for name, source in step.links.items() if self._is_wanted(step, name)]
        return [source for source in dict.fromkeys(links) if source not in self._values]

    def _is_wanted(self, step: Step, input: str) -> bool:
        return input not in step.lazy or self._is_there(step, input)

    def _job(self, step: Step) -> Job:
        lists: dict[str, Values] = {
            name: value.values if isinstance(value, Given) else (value,) for name, value in step.literals.items()
        }
        missing = frozenset(name for name in step.lazy if not self._is_there(step, name))
        for name, source in step.links.items():
            lists[name] = (None,) if name in missing else self._values[source.node_id][source.slot]
        for declared in step.inputs:
            if declared.raw_link and (raw := step.links.get(declared.name)):
                lists[declared.name] = (Link(raw.node_id, raw.slot),)
        return Job(step, lists, missing)

    def _context(self, step: Step) -> RunContext:
        request, tell = self._request, self._reporter.tell
        return RunContext(
            node_id=step.node_id,
            label=step.label,
            refreshed=request.cache is not None and request.cache.refreshes(step),
            folders=request.surroundings.folders,
            metadata=request.metadata,
            services=request.surroundings.services,
            stop=request.stop,
            report=lambda value, maximum, text: tell(
                events.NodeProgress(step.node_id, step.label, value, maximum, text)
            ),
            warn=lambda message: tell(events.Warned(f"{step.label}: {message}", step.node_id)),
        )
