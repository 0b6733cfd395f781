"""Runs workflows: one engine holds the node types, the image services and the threads that its runs share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, Self, Unpack, cast

from graphrun.batches.forecast import BatchForecast, batch_forecast
from graphrun.batches.job import Job, read_job
from graphrun.batches.row_run import RowResult
from graphrun.batches.session import BatchOptions, run_batch
from graphrun.cache import Codec
from graphrun.errors import LimitError, UsageError, WorkflowError
from graphrun.executors import ThreadExecutor
from graphrun.formats import Definitions, load
from graphrun.handing_over import ONLY_NODE, bound_files, single_node
from graphrun.image_services import ImageAccess, ImageServices
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import StopSignal
from graphrun.kernel.events import Emit, Event, Warned
from graphrun.kernel.execute import execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, make_plan, parts_of_key
from graphrun.kernel.run_cache import NOT_ALLOWED, CacheUse, RunCache
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.workflow import Workflow
from graphrun.listening import Listener
from graphrun.masks import with_masks
from graphrun.metadata import metadata_of
from graphrun.options import PlanOptions, RunOptions, WorkflowSource, check_options
from graphrun.outlook import Forecast, Why, forecast_of
from graphrun.packs import NodePack, Registry, installed_packs
from graphrun.paying import Appraiser, budget_for, described, review_by, terms_for, told
from graphrun.providers.base import ImageService
from graphrun.providers.bill import Bill
from graphrun.providers.errand import Errand
from graphrun.providers.estimates import Outlay
from graphrun.providers.ledger import Ledger
from graphrun.providers.metered import MeteredService
from graphrun.providers.model_data import ModelData
from graphrun.providers.terms import Terms
from graphrun.results import NodeResult, RunResult, collect
from graphrun.seeds import apply_seed
from graphrun.settings import Settings, settings_from_environment
from graphrun.shared_cache import SharedCache


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A plan with what it was made in."""

    plan: Plan
    surroundings: Surroundings
    seeds: Mapping[str, int]
    limits: Mapping[str, asyncio.Semaphore]
    images: ImageAccess
    terms: Terms | None
    bill: Bill | None


class Engine:
    """Holds what runs share: node types, image services, threads, the ledger of paid calls.

    Use it as an async context manager. ``packs`` defaults to every installed pack; ``providers`` adds image services by
    name; ``environ`` is where keys are looked up; ``namespace`` keeps a tenant's results apart; ``codecs`` store values
    of a pack's own types. Two engines in one process share nothing but the cache and the ledger on disk.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        packs: Iterable[NodePack] | None = None,
        providers: Mapping[str, ImageService] | None = None,
        environ: Mapping[str, str] | None = None,
        namespace: str = "",
        codecs: Sequence[Codec] = (),
    ) -> None:
        self.settings = settings or settings_from_environment()
        self.types = Registry(installed_packs() if packs is None else packs)
        self._images = ImageServices(
            self.types, self.settings, os.environ if environ is None else environ, providers or {}
        )
        self._executor = ThreadExecutor(self.settings.threads)
        self.ledger = Ledger(self.settings.ledger_folder())
        self._listeners: list[Callable[[str], None]] = []
        self.cache = SharedCache(
            self.settings.cache_folder(),
            disk_bytes=self.settings.cache_bytes,
            memory_bytes=self.settings.memory_bytes,
            namespace=namespace,
            codecs=codecs,
            warn=self._warn,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the threads, the cache and every image service the engine made itself."""
        async with AsyncExitStack() as closing:  # whatever one of them raises, all are closed
            closing.push_async_callback(self._images.aclose)
            closing.callback(self.cache.close)
            closing.callback(self.ledger.close)
            closing.callback(self._executor.close)

    def plan(self, workflow: WorkflowSource, **options: Unpack[PlanOptions]) -> Plan:
        """Check and order a workflow without running it. A missing image service is no problem here.

        Raises FileFormatError where it can't be read and UsageError where an option names what isn't there.
        """
        return self._prepare(workflow, options, need_services=False).plan

    def planned(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> Plan:
        """Check and order a workflow as `run` would: a missing image service is a problem. Raises as `plan` does."""
        return self._prepare(workflow, options, need_services=True).plan

    async def run(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> RunResult:
        """Run a workflow and return what became of it. A node's failure is in the result, not raised.

        Raises WorkflowError, and runs nothing, where no output can run, or, with ``strict``, where any can't;
        UsageError where an option names what isn't there.
        """
        prepared = self._prepare(workflow, options, need_services=True)
        plan = prepared.plan
        if not plan.targets or (options.get("strict") and plan.problems):
            raise WorkflowError(plan.problems)
        listener = Listener(options.get("emit") or (lambda event: None))
        with self._hearing(listener):
            cache = self._run_cache(prepared, options)
            outlay = self._outlay(prepared, cache, options)
            listener.opening = told(outlay) if outlay else None
            report = await execute(plan, self._request(prepared, options, listener, cache, outlay))
        result = collect(plan, report, prepared.surroundings.folders, prepared.seeds, cache.load, prepared.bill)
        listener.finish(result.cost)
        if options.get("let_go"):
            self.cache.let_go(cache.keys(node_id for node_id, node in report.nodes.items() if node.state == "ran"))
        if listener.error is not None:
            raise listener.error
        return result

    def forecast(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> Forecast:
        """Check and order a workflow, and look up what the cache has of it. Runs nothing. Raises as `plan` does."""
        prepared = self._prepare(workflow, options, need_services=False)
        cache = RunCache(prepared.plan, prepared.surroundings, self._cache_use(prepared.plan, options))
        return replace(forecast_of(prepared.plan, cache.recalled), outlay=self._outlay(prepared, cache, options))

    def why(self, workflow: WorkflowSource, node: str, **options: Unpack[RunOptions]) -> Why:
        """Compare a node's key with the nearest earlier entry of its class. UsageError where it isn't planned."""
        prepared = self._prepare(workflow, options, need_services=False, judged=False)
        plan = prepared.plan
        node_id = plan.workflow.node_id(node)
        if node_id not in plan.steps:
            raise UsageError(f"{plan.workflow.label(node_id)} is no part of what would run")
        parts = parts_of_key(plan.steps[node_id], plan.steps, prepared.surroundings)
        nearest = self.cache.disk.nearest(plan.steps[node_id].type.name, parts)
        cache = RunCache(plan, prepared.surroundings, self._cache_use(plan, options))
        return Why(cache.entry(plan.steps[node_id]) is not None, parts, nearest.parts if nearest else None)

    async def stream(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> AsyncIterator[Event]:
        """Run a workflow and yield its events as they happen; ``emit`` hears them too.

        Leaving the loop early stops the run, and cancels what is in flight.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        stop = options.setdefault("stop", StopSignal())
        also = options.get("emit")

        def hear(event: Event) -> None:
            queue.put_nowait(event)
            if also is not None:
                also(event)

        options["emit"] = hear
        running = asyncio.create_task(self.run(workflow, **options))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            if not running.done():
                stop.stop()
                stop.stop()  # the second request cancels what runs
                with suppress(asyncio.CancelledError):
                    await running

    async def batch(
        self, job: Job | str | os.PathLike[str] | Mapping[str, Any], **options: Unpack[BatchOptions]
    ) -> AsyncGenerator[RowResult, None]:
        """Run a job (a `Job`, its file, or a mapping) and yield what became of each row, as rows end.

        A row that fails is a result like any other. Raises WorkflowError or UsageError, before anything runs, where the
        job names what isn't there or holds values that don't fit; PathError where the record can't be written. Leaving
        the loop early cancels what is in flight.
        """
        read = read_job(job)
        provider = options.get("provider") or read.provider
        output = self.settings.folders(None).output
        rows = run_batch(
            self, read, options, output=output, width=lambda workflow: self._rows_at_once(provider, workflow)
        )
        async with aclosing(rows):
            async for row in rows:
                yield row

    async def batch_forecast(
        self, job: Job | str | os.PathLike[str] | Mapping[str, Any], **options: Unpack[BatchOptions]
    ) -> BatchForecast:
        """Check a job and tell what the cache has of its rows. Runs nothing. Raises as `batch` does."""
        return await batch_forecast(self, read_job(job), options)

    def _rows_at_once(self, provider: str | ImageService | None, workflow: Workflow) -> int:
        """Twice what can be worked on: while some rows wait for their pictures, others get ready or are saved."""
        service = self._images.access(provider, workflow, needed=False).service
        return 2 * (service.capacity if isinstance(service, ImageService) else self.settings.threads)

    async def call(self, class_type: str, inputs: Mapping[str, object], **options: Unpack[RunOptions]) -> NodeResult:
        """Run one node and return its result, values kept.

        ``inputs`` are named as in the API format, dotted ones included. Values that are no literals are handed over
        as they are; a list is a list of values. Two forms are one value all the same: ``{"__value__": [...]}``, and a
        list, not of lists, for an input whose type says that a value may be a list (`Socket`): boxes, ARRAY. Raises
        WorkflowError, or the NodeError of a node that failed.
        """
        if class_type not in self.types:
            raise UsageError(f"no node class is called {class_type!r}")
        options["targets"] = [ONLY_NODE]
        result = await self.run(single_node(self.types[class_type], inputs), **options)
        for failure in result.failures:
            raise failure
        return result[ONLY_NODE]

    def _prepare(
        self, source: WorkflowSource, options: PlanOptions, *, need_services: bool, judged: bool = True
    ) -> _Prepared:
        check_options(options)
        workflow = source if isinstance(source, Workflow) else load(source, definitions=Definitions(self.types))
        workflow = workflow.with_inputs(bound_files(options.get("files") or {}))
        folders = self._folders(workflow, options)
        workflow = with_masks(workflow, options.get("masks") or {}, self.types, folders)
        workflow, seeds = apply_seed(workflow, options.get("seed", "keep"), self.types)
        targets = list(_ids(workflow, options.get("targets") or ()))
        images = self._images.access(options.get("provider"), workflow, needed=need_services)
        terms = None
        if images.service is not None and self._images.are_used_by(workflow):
            terms = terms_for(images.service, self.settings, options, self._model_data, workflow.path)
        bill = None if images.service and not isinstance(images.service, MeteredService) else Bill()
        services = images.for_run(self.ledger, _errand(options, self.settings), terms, bill)
        review = review_by(terms) if terms and judged else None
        around = Surroundings(self.types, folders, services, images.unavailable, review)
        limits = {"openai": images.limit} if images.limit else {}
        plan = make_plan(workflow, around, targets=targets)
        return _Prepared(plan, around, seeds, limits, images, terms, bill)

    @cached_property
    def _model_data(self) -> ModelData:
        return ModelData.load(self.settings.prices)

    def _outlay(self, prepared: _Prepared, cache: RunCache, options: RunOptions) -> Outlay | None:
        """Return what a run will cost, or None where nothing is paid for."""
        terms, service = prepared.terms, prepared.images.service
        if terms is None or service is None:
            return None
        retry_unknown = options.get("retry_unknown", False)
        appraiser = Appraiser(service, self.ledger, terms, retry_unknown, cache.refreshes)
        fates = forecast_of(prepared.plan, cache.recalled).fates
        outlay = appraiser.outlay(prepared.plan, fates)
        return outlay if outlay.estimates else None

    def _metadata(self, plan: Plan, outlay: Outlay | None) -> dict[str, object]:
        return metadata_of(plan, self.types, described(outlay.estimates) if outlay else {})

    def _folders(self, workflow: Workflow, options: PlanOptions) -> Folders:
        names = ("input_dir", "output_dir", "temp_dir")
        given = {name: Path(path) for name in names if (path := cast(dict[str, Any], options).get(name))}
        return self.settings.folders(workflow.path, **given)

    def _run_cache(self, prepared: _Prepared, options: RunOptions) -> RunCache:
        """Look up what earlier runs left. Raises LimitError where a paid call is needed and none is allowed."""
        plan = prepared.plan
        use, keep = self._cache_use(plan, options), _steps_named(plan, options.get("keep"))
        cache = RunCache(plan, prepared.surroundings, use, keep=keep)
        runs = cache.recalled.runs
        missing = [node_id for node_id, step in plan.steps.items() if node_id in runs and not cache.allows(step)]
        if missing:
            labels = ", ".join(plan.steps[node_id].label for node_id in missing)
            raise LimitError(f"{labels}: {NOT_ALLOWED}", missing)
        return cache

    def _cache_use(self, plan: Plan, options: RunOptions) -> CacheUse:
        refresh = _steps_named(plan, options.get("refresh"))
        return self.cache.use(options.get("cache", "normal"), refresh, metadata=options.get("metadata", True))

    @contextmanager
    def _hearing(self, emit: Emit) -> Iterator[None]:
        """Let a run hear of trouble with the cache, which may come up in any thread."""
        loop = asyncio.get_running_loop()

        def tell(message: str) -> None:
            loop.call_soon_threadsafe(emit, Warned(message))

        self._listeners.append(tell)
        try:
            yield
        finally:
            self._listeners.remove(tell)

    def _warn(self, message: str) -> None:
        for tell in tuple(self._listeners):
            tell(message)

    def _request(
        self, prepared: _Prepared, options: RunOptions, emit: Emit, cache: RunCache, outlay: Outlay | None
    ) -> RunRequest:
        return RunRequest(
            surroundings=prepared.surroundings,
            executor=self._executor,
            emit=emit,
            stop=options.get("stop") or StopSignal(),
            limits=prepared.limits,
            metadata=self._metadata(prepared.plan, outlay) if options.get("metadata", True) else {},
            keep=_steps_named(prepared.plan, options.get("keep")),
            fail_fast=options.get("fail_fast", False),
            cache=cache,
            debug=options.get("debug", False),
        )


def _errand(options: PlanOptions, settings: Settings) -> Errand:
    """Return what the purchases of one run share, or of several where the caller says so."""
    if (shared := cast(RunOptions, options).get("errand")) is not None:
        return shared
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"
    retry_unknown = cast(RunOptions, options).get("retry_unknown", False)
    return Errand(name, retry_unknown=retry_unknown, budget=budget_for(settings, options))


def _ids(workflow: Workflow, names: Iterable[str]) -> Collection[str]:
    """Return the ids of named nodes, each once. One name alone will do: its letters are surely no nodes."""
    listed = [names] if isinstance(names, str) else names
    return dict.fromkeys(workflow.node_id(name) for name in listed)


def _steps_named(plan: Plan, names: Iterable[str] | Literal["all"] | None) -> Collection[str]:
    return plan.steps.keys() if names == "all" else _ids(plan.workflow, names or ())
