"""Runs a plan: a thin loop around the scheduler. What may start is the scheduler's business, a call is calling.py's.

Steps end in any order; each end is settled before anything else starts. Stopping follows one rule: the first request
starts nothing new and lets calls in flight finish; the second cancels them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from graphrun.errors import GraphrunError, LimitError, Stopped
from graphrun.kernel import events
from graphrun.kernel.calling import Caller, Executor, Failed, Grew, Job, Needs, Outcome, Ran
from graphrun.kernel.calls import Merged, Values
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import RunContext, StopSignal
from graphrun.kernel.events import Emit
from graphrun.kernel.expansion import expand, gather
from graphrun.kernel.growth import Growth, plan_expansion
from graphrun.kernel.node_types import CallResult
from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.recall import Recalled
from graphrun.kernel.report import NodeReport, NodeState, Reporter, RunReport, artifacts_in
from graphrun.kernel.run_cache import RunCache
from graphrun.kernel.scheduler import Scheduler, Settled, State
from graphrun.kernel.store import Entry
from graphrun.kernel.survey import cycle_message
from graphrun.kernel.workflow import Given

__all__ = ["Executor", "NodeReport", "NodeState", "RunReport", "RunRequest", "artifacts_in", "execute"]

# Steps that may start before the event loop gets a turn, so that a long chain of cheap ones doesn't starve calls.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything a run needs besides its plan. ``keep`` lists node ids, or is None for all.

    ``debug`` warns of nodes that change their inputs in place; it takes the means for that from ``cache``.
    """

    surroundings: Surroundings
    executor: Executor
    emit: Emit = lambda event: None
    stop: StopSignal = field(default_factory=StopSignal)
    limits: Mapping[str, AbstractAsyncContextManager[object]] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    keep: Collection[str] | None = ()
    fail_fast: bool = False
    cache: RunCache | None = None
    debug: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """No call was made: while the step waited its turn, another run made the same."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class _Gone:
    """No call was made: values that the cache had of these sources can't be loaded any more."""

    sources: tuple[str, ...]


async def execute(plan: Plan, request: RunRequest) -> RunReport:
    """Run a plan and report on every step. Raises nothing for a node's failure.

    Cancelling this coroutine cancels the calls in flight and waits for them to end.
    """
    return await _Run(plan, request).run()


class _Run:
    """The state of one run; lives on one event loop."""

    def __init__(self, plan: Plan, request: RunRequest) -> None:
        self._plan = plan
        self._request = request
        self._steps = dict(plan.steps)
        self._nodes = dict(plan.workflow.nodes)
        self._values: dict[str, Sequence[Values]] = {}
        self._growths: dict[str, Growth] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: asyncio.Queue[tuple[Step, Outcome | _Found | _Gone]] = asyncio.Queue()
        self._failed_fast = False
        self._stopping = False
        self._keep = set(plan.steps) if request.keep is None else {*plan.targets, *request.keep}
        self._reporter = Reporter(request.emit, request.surroundings.folders)
        reporter = self._reporter
        self._caller = Caller(
            request.executor, request.limits, request.stop, self._context, reporter.tell, reporter.started
        )
        self._recalled = request.cache.recalled if request.cache else Recalled()
        self._doubtful = dict(self._recalled.doubtful)
        self._to_make = set(self._recalled.runs) - self._recalled.twins.keys()
        self._made_here: set[str] = set()
        self._scheduler = Scheduler(
            {node_id: self._waits_for(step) for node_id, step in plan.steps.items()},
            lazy={node_id: lazy for node_id, step in plan.steps.items() if (lazy := self._may_read(step))},
            wanted=self._recalled.wanted or plan.targets,
            hits=self._recalled.hits.keys() - self._doubtful.keys(),
            kept=self._keep,
        )

    async def run(self) -> RunReport:
        self._reporter.begin(self._plan)
        unlisten = self._request.stop.listen(asyncio.get_running_loop(), self._on_stop)
        try:
            await self._run_steps()
            while await self._lost_of_kept():
                await self._run_steps()
        finally:
            unlisten()
            await self._cancel_tasks()
        return self._report()

    async def _run_steps(self) -> None:
        while not self._scheduler.finished:
            self._start_ready()
            if self._tasks:
                await self._settle_ended(wait=not self._may_start)
            elif self._scheduler.stuck:
                self._break_cycle()
            elif self._may_start:
                await asyncio.sleep(0)
            else:
                return

    async def _lost_of_kept(self) -> bool:
        """Load what is to be kept and came from the cache. Have made again what is gone, and return whether any is."""
        cache, keep = self._request.cache, self._request.keep
        if cache is None or self._request.stop.requested or self._failed_fast:
            return False
        chosen = self._plan.steps if keep is None else [node_id for node_id in keep if node_id in self._plan.steps]
        done = [node_id for node_id in chosen if self._scheduler.state(node_id) is State.DONE]
        gone = await self._fetch(done, cache)
        for node_id in gone:
            self._bring_back(self._steps[node_id])
        return bool(gone)

    @property
    def _may_start(self) -> bool:
        return self._scheduler.ready and not self._failed_fast and not self._request.stop.requested

    def _start_ready(self) -> None:
        for _ in range(_BATCH):
            if not self._may_start:
                return
            for node_id in self._scheduler.start(1):
                self._start(self._steps[node_id])

    def _waits_for(self, step: Step) -> Collection[str]:
        """What a step has to wait for: its twin, or what decides whether a hit counts, or else all it reads."""
        if first := self._recalled.twins.get(step.node_id):
            return [first]
        return self._doubtful.get(step.node_id, step.reads)

    def _may_read(self, step: Step) -> Collection[str]:
        return [*step.may_read, *step.reads] if step.node_id in self._doubtful else step.may_read

    def _start(self, step: Step) -> None:
        if step.node_id in self._growths or not (self._request.cache and self._recall(step, self._request.cache)):
            self._run_step(step)

    def _recall(self, step: Step, cache: RunCache) -> bool:
        """Settle a step without running it if what it gives is there; or let it wait for what it reads."""
        node_id = step.node_id
        if node_id in self._to_make:
            return False
        entry = self._recalled.hits.get(node_id) if self._scheduler.is_hit(node_id) else cache.entry(step)
        first = self._recalled.twins.get(node_id)
        if entry is not None:
            self._settle_cached(step, entry)
        elif first in self._values:
            self._settle_twin(step, first, cache)
        elif self._doubtful.pop(node_id, None) is not None or first is not None:
            self._to_make.add(node_id)
            self._after(self._scheduler.require(node_id, step.reads))
        else:
            return False
        return True

    def _run_step(self, step: Step) -> None:
        growth = self._growths.pop(step.node_id, None)
        if self._request.cache is None and growth is not None:
            self._settle(step, Ran(gather(growth.outputs, self._values)))
        elif step.type.cheap and not step.type.is_async and growth is None and not self._absent(step):
            self._settle(step, self._called_inline(step))
        else:
            self._tasks[step.node_id] = asyncio.create_task(self._work(step, growth), name=f"node {step.node_id}")

    async def _work(self, step: Step, growth: Growth | None) -> None:
        outcome: Outcome | _Found | _Gone
        try:
            outcome = await (self._called(step) if self._request.cache is None else self._made(step, growth))
        except asyncio.CancelledError as error:
            outcome = Failed(Stopped("stopped while it was running") if self._request.stop.cancelled else error)
        except Exception as error:
            outcome = Failed(error)
        self._ends.put_nowait((step, outcome))

    async def _called(self, step: Step) -> Outcome:
        job = self._job(step)
        with self._watched(job):
            return await self._caller.outcome(job)

    def _called_inline(self, step: Step) -> Outcome:
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

    async def _made(self, step: Step, growth: Growth | None) -> Outcome | _Found | _Gone:
        """Load what the step reads, make what it gives unless another run just did, and keep that."""
        cache = self._request.cache
        assert cache is not None
        if gone := await self._fetch(growth.results if growth else self._absent(step), cache):
            if growth is not None:
                self._growths[step.node_id] = growth
            return _Gone(gone)
        if growth is not None:
            return await self._kept(step, Ran(gather(growth.outputs, self._values)), cache)
        async with cache.alone(step, self._request.stop) as waited:
            if waited and (entry := cache.entry(step)):
                return _Found(entry)
            if not cache.allows(step):
                message = "not in the cache, and only cached results are allowed; run without --cached-only to make it"
                raise LimitError(message, [step.node_id])
            return await self._kept(step, await self._called(step), cache)

    async def _fetch(self, sources: Iterable[str], cache: RunCache) -> tuple[str, ...]:
        """Load the values of sources that no step of this run made. Return those whose values are gone."""
        gone = []
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
            keep = partial(cache.keep, step, outcome.merged, outcome.seconds, self._steps)
            await _to_its_end(self._request.executor.run(keep))
        return outcome

    def _absent(self, step: Step) -> list[str]:
        """The sources of a step whose values are in the cache and not here."""
        if self._request.cache is None:
            return []
        links = [source.node_id for name, source in step.links.items() if self._is_wanted(step, name)]
        return [source for source in dict.fromkeys(links) if source not in self._values]

    def _is_wanted(self, step: Step, input: str) -> bool:
        return input not in step.lazy or self._is_there(step, input)

    async def _settle_ended(self, *, wait: bool) -> None:
        """Settle what has ended; ``wait`` for one end if nothing else can be done meanwhile."""
        if wait:
            self._settle(*await self._ends.get())
        else:
            await asyncio.sleep(0)
        while not self._ends.empty():
            self._settle(*self._ends.get_nowait())

    def _settle(self, step: Step, outcome: Outcome | _Found | _Gone) -> None:
        self._tasks.pop(step.node_id, None)
        match outcome:
            case Ran(merged):
                self._settle_ran(step, merged)
            case _Found(entry):
                self._settle_cached(step, entry)
            case _Gone(sources):
                self._settle_gone(step, sources)
            case Grew(results):
                self._settle_grown(step, results)
            case Needs(inputs):
                self._after(self._scheduler.require(step.node_id, [step.links[name].node_id for name in inputs]))
            case Failed(error):
                self._settle_failed(step, error)

    def _settle_ran(self, step: Step, merged: Merged) -> None:
        self._values[step.node_id] = merged.slots
        self._to_make.discard(step.node_id)
        self._made_here.add(step.node_id)
        self._reporter.ran(step, merged.ui)
        self._after(self._scheduler.done(step.node_id))

    def _settle_cached(self, step: Step, entry: Entry) -> None:
        """Take a step for done; its values are loaded only if a step reads them."""
        if self._request.cache is not None:
            self._request.cache.learn(step.node_id, entry)
        self._to_make.discard(step.node_id)
        self._tell_cached(step, entry.ui)
        self._after(self._scheduler.done(step.node_id))

    def _settle_twin(self, step: Step, first: str, cache: RunCache) -> None:
        """Give a step what an equal one gave."""
        self._values[step.node_id] = self._values[first]
        cache.twin(step.node_id, first)
        self._tell_cached(step, {})
        self._after(self._scheduler.done(step.node_id))

    def _tell_cached(self, step: Step, ui: Mapping[str, Sequence[object]]) -> None:
        if step.node_id not in self._made_here:  # else it ran in this run, and only its released value came back
            self._reporter.cached(step, ui)

    def _settle_gone(self, step: Step, sources: Sequence[str]) -> None:
        """Have sources made again whose values the cache has lost; the step waits for them."""
        for source in sources:
            if source not in self._values and source not in self._to_make:  # else another reader was faster
                self._bring_back(self._steps[source])
        self._after(self._scheduler.require(step.node_id, sources))

    def _bring_back(self, step: Step) -> None:
        message = f"{step.label}: its result is gone from the cache; it is made again"
        self._reporter.tell(events.Warned(message, step.node_id))
        if self._request.cache is not None:
            self._request.cache.forget(step.node_id)
        self._doubtful.pop(step.node_id, None)
        self._to_make.add(step.node_id)
        self._after(self._scheduler.demote(step.node_id, step.reads))

    def _settle_grown(self, step: Step, results: Sequence[CallResult]) -> None:
        try:
            expanded = expand(step.node_id, results, step.type.outputs, taken=self._nodes)
            growth = plan_expansion(expanded, self._nodes, self._steps, self._request.surroundings)
        except (GraphrunError, TypeError) as error:
            self._settle_failed(step, error)
            return
        self._nodes.update(expanded.nodes)
        self._steps.update(growth.steps)
        if self._request.cache is not None:
            self._request.cache.grow(step.node_id, growth.steps.values())
        self._growths[step.node_id] = growth
        self._after(
            self._scheduler.add(
                step.node_id,
                {node_id: new.reads for node_id, new in growth.steps.items()},
                lazy={node_id: new.may_read for node_id, new in growth.steps.items() if new.lazy},
                results=growth.results,
                wanted=[node_id for node_id, new in growth.steps.items() if new.type.output_node],
            )
        )

    def _settle_failed(self, step: Step, error: BaseException) -> None:
        if isinstance(error, Stopped) and self._request.stop.requested:
            self._reporter.stopped(step)
        else:
            self._reporter.failed(step, error)
            self._failed_fast = self._request.fail_fast
        self._after(self._scheduler.failed(step.node_id))

    def _break_cycle(self) -> None:
        """Fail a node that waits for what it expanded into, which in turn waits for it."""
        cycle = self._scheduler.cycle()
        first = next(index for index, node_id in enumerate(cycle) if node_id in self._growths)
        cycle, blamed = cycle[first:] + cycle[:first], cycle[first]
        self._reporter.failed(self._steps[blamed], GraphrunError(cycle_message(cycle, self._nodes)))
        self._failed_fast = self._request.fail_fast
        self._after(self._scheduler.abandon(blamed))

    def _after(self, settled: Settled) -> None:
        for node_id in settled.released:
            self._values.pop(node_id, None)  # what came from the cache may never have been loaded
        for node_id, because in settled.lost:
            self._reporter.skipped(self._steps[node_id], because)

    def _job(self, step: Step) -> Job:
        lists: dict[str, Values] = {
            name: value.values if isinstance(value, Given) else (value,) for name, value in step.literals.items()
        }
        missing = frozenset(name for name in step.lazy if not self._is_there(step, name))
        for name, source in step.links.items():
            lists[name] = (None,) if name in missing else self._values[source.node_id][source.slot]
        return Job(step, lists, missing)

    def _is_there(self, step: Step, lazy_input: str) -> bool:
        """Whether a lazy input can be read. Only once it was required: nothing depends on luck."""
        return self._scheduler.requires(step.node_id, step.links[lazy_input].node_id)

    def _context(self, step: Step) -> RunContext:
        request, tell = self._request, self._reporter.tell
        return RunContext(
            node_id=step.node_id,
            folders=request.surroundings.folders,
            metadata=request.metadata,
            services=request.surroundings.services,
            stop=request.stop,
            report=lambda value, maximum, text: tell(
                events.NodeProgress(step.node_id, step.label, value, maximum, text)
            ),
            warn=lambda message: tell(events.Warned(f"{step.label}: {message}", step.node_id)),
        )

    def _on_stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._reporter.tell(events.RunStopping())
        if self._request.stop.cancelled:
            for task in self._tasks.values():
                if not task.cancelling():  # once: a second time would cut short the call's own way out
                    task.cancel()

    async def _cancel_tasks(self) -> None:
        """End what is in flight when the run itself was cancelled, or a listener raised; else there is nothing."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _report(self) -> RunReport:
        state = self._scheduler.state
        states: dict[str, NodeState] = {
            node_id: "spared" if state(node_id) is State.SPARED else "skipped" for node_id in self._steps
        }
        kept = {node_id: slots for node_id, slots in self._values.items() if node_id in self._keep}
        return self._reporter.finish(self._plan, states, kept, stopped=self._request.stop.requested)


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Wait for work that has to be done even if the waiting is cancelled: what it keeps may have been paid for."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
