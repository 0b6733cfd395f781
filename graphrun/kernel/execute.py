"""Runs a plan: a thin loop around the scheduler. What may start is the scheduler's business, a call is calling.py's.

Steps end in any order; each end is settled before anything else starts. Stopping follows one rule: the first request
starts nothing new and lets calls in flight finish; the second cancels them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from graphrun.errors import GraphrunError, Stopped
from graphrun.kernel import events
from graphrun.kernel.calling import Caller, Executor, Failed, Grew, Job, Needs, Outcome, Ran
from graphrun.kernel.calls import Merged, Values
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import RunContext, StopSignal
from graphrun.kernel.events import Emit
from graphrun.kernel.expansion import expand, gather
from graphrun.kernel.growth import Growth, plan_expansion
from graphrun.kernel.node_types import CallResult
from graphrun.kernel.plan import Plan, Step, cycle_message
from graphrun.kernel.report import NodeReport, NodeState, Reporter, RunReport, artifacts_in
from graphrun.kernel.scheduler import Scheduler, Settled, State
from graphrun.kernel.workflow import Given

__all__ = ["Executor", "NodeReport", "NodeState", "RunReport", "RunRequest", "artifacts_in", "execute"]

# Steps that may start before the event loop gets a turn, so that a long chain of cheap ones doesn't starve calls.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Everything a run needs besides its plan. ``keep`` lists node ids, or is None for all."""

    surroundings: Surroundings
    executor: Executor
    emit: Emit = lambda event: None
    stop: StopSignal = field(default_factory=StopSignal)
    limits: Mapping[str, AbstractAsyncContextManager[object]] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    keep: Collection[str] | None = ()
    fail_fast: bool = False


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
        self._ends: asyncio.Queue[tuple[Step, Outcome]] = asyncio.Queue()
        self._failed_fast = False
        self._stopping = False
        self._kept = set(plan.steps) if request.keep is None else {*plan.targets, *request.keep}
        self._reporter = Reporter(request.emit, request.surroundings.folders)
        self._caller = Caller(request.executor, request.limits, request.stop, self._context, self._reporter.tell)
        self._scheduler = Scheduler(
            {node_id: step.reads for node_id, step in plan.steps.items()},
            lazy={node_id: step.may_read for node_id, step in plan.steps.items() if step.lazy},
            wanted=plan.targets,
            kept=self._kept,
        )

    async def run(self) -> RunReport:
        self._reporter.begin(self._plan)
        unlisten = self._request.stop.listen(asyncio.get_running_loop(), self._on_stop)
        try:
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

    @property
    def _may_start(self) -> bool:
        return self._scheduler.ready and not self._failed_fast and not self._request.stop.requested

    def _start_ready(self) -> None:
        for _ in range(_BATCH):
            if not self._may_start:
                return
            for node_id in self._scheduler.start(1):
                self._start(self._steps[node_id])

    def _start(self, step: Step) -> None:
        if growth := self._growths.pop(step.node_id, None):
            self._settle_ran(step, gather(growth.outputs, self._values))
            return
        self._reporter.started(step)
        job = self._job(step)
        if step.type.cheap and not step.type.is_async:
            self._settle(step, self._caller.inline(job))
        else:
            self._tasks[step.node_id] = asyncio.create_task(self._work(job), name=f"node {step.node_id}")

    async def _work(self, job: Job) -> None:
        self._ends.put_nowait((job.step, await self._caller.outcome(job)))

    async def _settle_ended(self, *, wait: bool) -> None:
        """Settle what has ended; ``wait`` for one end if nothing else can be done meanwhile."""
        if wait:
            self._settle(*await self._ends.get())
        else:
            await asyncio.sleep(0)
        while not self._ends.empty():
            self._settle(*self._ends.get_nowait())

    def _settle(self, step: Step, outcome: Outcome) -> None:
        self._tasks.pop(step.node_id, None)
        match outcome:
            case Ran(merged):
                self._settle_ran(step, merged)
            case Grew(results):
                self._settle_grown(step, results)
            case Needs(inputs):
                self._after(self._scheduler.require(step.node_id, [step.links[name].node_id for name in inputs]))
            case Failed(error):
                self._settle_failed(step, error)

    def _settle_ran(self, step: Step, merged: Merged) -> None:
        self._values[step.node_id] = merged.slots
        self._reporter.ran(step, merged.ui)
        self._after(self._scheduler.done(step.node_id))

    def _settle_grown(self, step: Step, results: Sequence[CallResult]) -> None:
        try:
            expanded = expand(step.node_id, results, step.type.outputs, taken=self._nodes)
            growth = plan_expansion(expanded, self._nodes, self._steps, self._request.surroundings)
        except (GraphrunError, TypeError) as error:
            self._settle_failed(step, error)
            return
        self._nodes.update(expanded.nodes)
        self._steps.update(growth.steps)
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
        blamed = next(node_id for node_id in cycle if node_id in self._growths)
        self._reporter.failed(self._steps[blamed], GraphrunError(cycle_message(cycle, self._nodes)))
        self._failed_fast = self._request.fail_fast
        self._after(self._scheduler.abandon(blamed))

    def _after(self, settled: Settled) -> None:
        for node_id in settled.released:
            del self._values[node_id]
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
        kept = {node_id: slots for node_id, slots in self._values.items() if node_id in self._kept}
        return self._reporter.finish(self._plan, states, kept, stopped=self._request.stop.requested)
