"""Runs a plan: a thin loop around the scheduler. What may start is the scheduler's business, making it is making.py's.

Steps end in any order; each end is settled before anything else starts. Stopping follows one rule: the first request
starts nothing new and lets calls in flight finish; the second cancels them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from graphrun.errors import GraphrunError, Stopped
from graphrun.kernel import events
from graphrun.kernel.calling import Failed, Grew, Needs, Ran
from graphrun.kernel.calls import Merged, Values
from graphrun.kernel.expansion import expand
from graphrun.kernel.growth import Growth, plan_expansion
from graphrun.kernel.making import Found, Gone, Made, Maker
from graphrun.kernel.node_types import CallResult
from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.recall import Recalled
from graphrun.kernel.report import NodeState, Reporter, RunReport
from graphrun.kernel.run_cache import RunCache
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.scheduler import Scheduler, Settled, State
from graphrun.kernel.store import Entry
from graphrun.kernel.survey import cycle_message

# Steps that may start before the event loop gets a turn, so that a long chain of cheap ones doesn't starve calls.
_BATCH = 256


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
        self._ends: asyncio.Queue[tuple[Step, Made]] = asyncio.Queue()
        self._failed_fast = False
        self._stopping = False
        self._keep = {*plan.targets, *request.keep}
        self._reporter = Reporter(request.emit, request.surroundings.folders)
        self._maker = Maker(request, self._reporter, self._steps, self._values, self._is_there)
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
        if self._request.stop.requested or self._failed_fast:
            return False
        chosen = [node_id for node_id in self._request.keep if node_id in self._plan.steps]
        done = [node_id for node_id in chosen if self._scheduler.state(node_id) is State.DONE]
        gone = await self._maker.fetch(done)
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
        growth = self._growths.get(step.node_id)
        if step.type.cheap and not step.type.is_async and growth is None and not self._maker.absent(step):
            self._settle(step, self._maker.inline(step))
        else:
            self._tasks[step.node_id] = asyncio.create_task(self._work(step, growth), name=f"node {step.node_id}")

    async def _work(self, step: Step, growth: Growth | None) -> None:
        self._ends.put_nowait((step, await self._maker.make(step, growth)))

    async def _settle_ended(self, *, wait: bool) -> None:
        """Settle what has ended; ``wait`` for one end if nothing else can be done meanwhile."""
        if wait:
            self._settle(*await self._ends.get())
        else:
            await asyncio.sleep(0)
        while not self._ends.empty():
            self._settle(*self._ends.get_nowait())

    def _settle(self, step: Step, outcome: Made) -> None:
        self._tasks.pop(step.node_id, None)
        match outcome:
            case Ran(merged):
                self._settle_ran(step, merged)
            case Found(entry):
                self._settle_cached(step, entry)
            case Gone(sources):
                self._settle_gone(step, sources)
            case Grew(results):
                self._settle_grown(step, results)
            case Needs(inputs):
                self._after(self._scheduler.require(step.node_id, [step.links[name].node_id for name in inputs]))
            case Failed(error):
                self._settle_failed(step, error)

    def _settle_ran(self, step: Step, merged: Merged) -> None:
        self._values[step.node_id] = merged.slots
        self._growths.pop(step.node_id, None)
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
            self._reporter.stopped(step, cancelled=self._request.stop.cancelled)
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

    def _is_there(self, step: Step, lazy_input: str) -> bool:
        """Whether a lazy input can be read. Only once it was required: nothing depends on luck."""
        return self._scheduler.requires(step.node_id, step.links[lazy_input].node_id)

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
