"""Runs workflows: one engine holds the node types, the image services and the threads that its runs share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
from graphrun.formats import dump_api, load
from graphrun.handing_over import ONLY_NODE, bound_files, single_node
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import Service, StopSignal
from graphrun.kernel.events import Emit, Event, Warned
from graphrun.kernel.execute import execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.plan import Plan, make_plan, parts_of_key
from graphrun.kernel.run_cache import NOT_ALLOWED, CacheUse, RunCache
from graphrun.kernel.run_request import RunRequest
from graphrun.kernel.workflow import Link, Workflow
from graphrun.options import PlanOptions, RunOptions, WorkflowSource, check_options
from graphrun.outlook import Forecast, Why, forecast_of
from graphrun.packs import NodePack, Registry, installed_packs
from graphrun.providers import choose
from graphrun.providers.base import ImageService
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Ledger
from graphrun.providers.metered import MeteredService
from graphrun.providers.purchases import Purchases
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


@dataclass(frozen=True, slots=True)
class _ImageAccess:
    """The image service of a run, or why there is none, and the limit its calls run under."""

    services: Mapping[type, Service] = field(default_factory=dict)
    unavailable: Mapping[type, str] = field(default_factory=dict)
    limit: asyncio.Semaphore | None = None

    def for_run(self, ledger: Ledger, errand: Errand) -> _ImageAccess:
        """Return the same with metered services as one run may use them: by the book."""
        services = {
            kind: Purchases(service, ledger, errand) if isinstance(service, MeteredService) else service
            for kind, service in self.services.items()
        }
        return replace(self, services=services)


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
        self._environ = os.environ if environ is None else environ
        self._services: dict[str | None, ImageService] = {}
        self._services.update(providers or {})
        self._given = set(self._services)
        self._limits: dict[tuple[str, int], asyncio.Semaphore] = {}
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
            for name, service in self._services.items():
                if name not in self._given:
                    closing.push_async_callback(service.aclose)
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
        listener = _Listener(options.get("emit") or (lambda event: None))
        with self._hearing(listener):
            cache = self._run_cache(prepared, options)
            report = await execute(plan, self._request(prepared, options, listener, cache))
        if options.get("let_go"):
            self.cache.let_go(cache.keys(node_id for node_id, node in report.nodes.items() if node.state == "ran"))
        if listener.error is not None:
            raise listener.error
        return collect(plan, report, prepared.surroundings.folders, prepared.seeds, cache.load)

    def forecast(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> Forecast:
        """Check and order a workflow, and look up what the cache has of it. Runs nothing. Raises as `plan` does."""
        prepared = self._prepare(workflow, options, need_services=False)
        cache = RunCache(prepared.plan, prepared.surroundings, self._cache_use(prepared.plan, options))
        return forecast_of(prepared.plan, cache.recalled)

    def why(self, workflow: WorkflowSource, node: str, **options: Unpack[RunOptions]) -> Why:
        """Compare a node's key with the nearest earlier entry of its class. UsageError where it isn't planned."""
        prepared = self._prepare(workflow, options, need_services=False)
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
        service = self._image_service(provider, workflow, False).services.get(ImageService)
        return 2 * (service.capacity if isinstance(service, ImageService) else self.settings.threads)

    async def call(self, class_type: str, inputs: Mapping[str, object], **options: Unpack[RunOptions]) -> NodeResult:
        """Run one node and return its result, values kept.

        ``inputs`` are named as in the API format, dotted ones included. Values that are no literals are handed over
        as they are; a list is a list of values. Raises WorkflowError, or the NodeError of a node that failed.
        """
        if class_type not in self.types:
            raise UsageError(f"no node class is called {class_type!r}")
        options["targets"] = [ONLY_NODE]
        result = await self.run(single_node(self.types[class_type], inputs), **options)
        for failure in result.failures:
            raise failure
        return result[ONLY_NODE]

    def _prepare(self, source: WorkflowSource, options: PlanOptions, *, need_services: bool) -> _Prepared:
        check_options(options)
        workflow = source if isinstance(source, Workflow) else load(source)
        workflow = workflow.with_inputs(bound_files(options.get("files") or {}))
        workflow, seeds = apply_seed(workflow, options.get("seed", "keep"), self.types)
        targets = list(_ids(workflow, options.get("targets") or ()))
        images = self._image_service(options.get("provider"), workflow, need_services).for_run(
            self.ledger, _errand(options)
        )
        around = Surroundings(self.types, self._folders(workflow, options), images.services, images.unavailable)
        limits = {"openai": images.limit} if images.limit else {}
        return _Prepared(make_plan(workflow, around, targets=targets), around, seeds, limits)

    def _folders(self, workflow: Workflow, options: PlanOptions) -> Folders:
        names = ("input_dir", "output_dir", "temp_dir")
        given = {name: Path(path) for name in names if (path := cast(dict[str, Any], options).get(name))}
        return self.settings.folders(workflow.path, **given)

    def _image_service(self, provider: str | ImageService | None, workflow: Workflow, needed: bool) -> _ImageAccess:
        """Find the image service of a run, if the workflow has a use for one."""
        if isinstance(provider, ImageService):
            return self._access(provider)
        name = provider or self.settings.provider
        if name is None and not self._uses_images(workflow):
            return _ImageAccess()
        try:
            service = self._service(name)
        except UsageError as error:
            if name is not None:
                raise
            return _ImageAccess(unavailable={ImageService: str(error)} if needed else {})
        return self._access(service)

    def _uses_images(self, workflow: Workflow) -> bool:
        types = (self.types.get(node.class_type) for node in workflow.nodes.values())
        return any(node_type is not None and ImageService in node_type.services for node_type in types)

    def _access(self, service: ImageService) -> _ImageAccess:
        """Let all runs of this engine that use the service share a limit to how many of its nodes are at work.

        A metered service counts pictures on their way itself. Twice as many nodes: while some wait for their answers,
        the next ones get their uploads ready, so that no place stays empty, and no thousand uploads fill the memory.
        """
        nodes = service.capacity * (2 if isinstance(service, MeteredService) else 1)
        limit = self._limits.setdefault((service.identity, nodes), asyncio.Semaphore(nodes))
        return _ImageAccess({ImageService: service}, limit=limit)

    def _service(self, name: str | None) -> ImageService:
        if name not in self._services:
            self._services[name] = choose.open_provider(
                name,
                self._environ,
                width=self.settings.image_width,
                offline_latency=self.settings.offline_latency,
            )
        return self._services[name]

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

    def _request(self, prepared: _Prepared, options: RunOptions, emit: Emit, cache: RunCache) -> RunRequest:
        return RunRequest(
            surroundings=prepared.surroundings,
            executor=self._executor,
            emit=emit,
            stop=options.get("stop") or StopSignal(),
            limits=prepared.limits,
            metadata=_metadata(prepared.plan) if options.get("metadata", True) else {},
            keep=_steps_named(prepared.plan, options.get("keep")),
            fail_fast=options.get("fail_fast", False),
            cache=cache,
            debug=options.get("debug", False),
        )


@dataclass(slots=True)
class _Listener:
    """Tells the caller's function of events until it first fails: that must not cancel calls that cost money."""

    emit: Emit
    error: Exception | None = None

    def __call__(self, event: Event) -> None:
        if self.error is None:
            try:
                self.emit(event)
            except Exception as error:  # raised at the end of the run
                self.error = error


def _errand(options: PlanOptions) -> Errand:
    """Return what the purchases of one run share, or of several where the caller says so."""
    if (shared := cast(RunOptions, options).get("errand")) is not None:
        return shared
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"
    return Errand(name, retry_unknown=cast(RunOptions, options).get("retry_unknown", False))


def _ids(workflow: Workflow, names: Iterable[str]) -> Collection[str]:
    """Return the ids of named nodes, each once. One name alone will do: its letters are surely no nodes."""
    listed = [names] if isinstance(names, str) else names
    return dict.fromkeys(workflow.node_id(name) for name in listed)


def _steps_named(plan: Plan, names: Iterable[str] | Literal["all"] | None) -> Collection[str]:
    return plan.steps.keys() if names == "all" else _ids(plan.workflow, names or ())


def _metadata(plan: Plan) -> dict[str, object]:
    """Return what saved pictures carry: the graph as it ran, and the editor's document if there was one."""
    return {"prompt": dump_api(_numbered(plan)), **plan.workflow.pnginfo}


def _numbered(plan: Plan) -> Workflow:
    """Return the workflow with slots by number, as the API form needs them."""
    nodes = dict(plan.workflow.nodes)
    for node_id, step in plan.steps.items():
        node = nodes[node_id]
        numbered = {name: Link(source.node_id, source.slot) for name, source in step.links.items()}
        if any(numbered.get(name, link) != link for name, link in node.links):
            nodes[node_id] = replace(node, inputs={**node.inputs, **numbered})
    return replace(plan.workflow, nodes=nodes)
