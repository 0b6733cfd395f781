"""Runs workflows: one engine holds the node types, the image services and the threads that its runs share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypedDict, Unpack, cast

from graphrun.cache import Codec
from graphrun.errors import LimitError, UsageError, WorkflowError
from graphrun.executors import ThreadExecutor
from graphrun.formats import dump_api, load
from graphrun.kernel.checks import Surroundings
from graphrun.kernel.context import Service, StopSignal
from graphrun.kernel.dynamic_inputs import finalise
from graphrun.kernel.events import Emit, Event, Warned
from graphrun.kernel.execute import RunRequest, execute
from graphrun.kernel.folders import Folders
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.plan import Plan, make_plan, parts_of_key
from graphrun.kernel.run_cache import CacheUse, RunCache
from graphrun.kernel.workflow import Address, BoundFile, Given, Link, Node, Workflow, did_you_mean
from graphrun.packs import NodePack, Registry, installed_packs
from graphrun.providers import choose
from graphrun.providers.base import ImageService
from graphrun.results import NodeResult, RunResult, collect
from graphrun.seeds import SeedPolicy, apply_seed
from graphrun.settings import Settings, settings_from_environment
from graphrun.shared_cache import CacheMode, SharedCache

FileSource = str | os.PathLike[str] | bytes
WorkflowSource = Workflow | str | os.PathLike[str] | bytes | Mapping[str, Any]


class PlanOptions(TypedDict, total=False):
    """What may differ from plan to plan.

    files: files to bind to inputs, by ``NODE.INPUT``: a path, or the
    bytes. seed: ``"keep"``, ``"random"`` or a number for every seed. targets: nodes whose results are wanted
    (default: all output nodes). provider: the name of an image service, or one of your own.
    """

    files: Mapping[str, FileSource]
    seed: SeedPolicy
    targets: Iterable[str]
    provider: str | ImageService | None
    input_dir: str | os.PathLike[str] | None
    output_dir: str | os.PathLike[str] | None
    temp_dir: str | os.PathLike[str] | None


class RunOptions(PlanOptions, total=False):
    """What may differ from run to run, besides `PlanOptions`.

    keep: nodes whose values the result holds, or ``"all"`` (targets always). strict: run nothing if any output can't
    run. fail_fast: start nothing more after the first failure. metadata: write the workflow into saved pictures.
    debug: warn of nodes that change their inputs in place, which takes time to see. emit: is called with every event,
    on the thread of the event loop; what it raises is raised when the run has ended, and it is told nothing more.
    stop: a `StopSignal` of the caller's. cache: see `CacheMode`. refresh: nodes to run again with all that depends on
    them, or ``"all"``.
    """

    keep: Iterable[str] | Literal["all"]
    strict: bool
    fail_fast: bool
    metadata: bool
    debug: bool
    emit: Emit
    stop: StopSignal
    cache: CacheMode
    refresh: Iterable[str] | Literal["all"]


Fate = Literal["hit", "perhaps", "run", "spared"]
"""What a run would do with a step: ``perhaps`` is a hit unless what it reads comes out different this time."""


@dataclass(frozen=True)
class Forecast:
    """A plan, and what a run would do with each of its steps."""

    plan: Plan
    fates: Mapping[str, Fate]


@dataclass(frozen=True)
class Why:
    """What a step's key is made of, what that of the nearest earlier entry was, and whether the cache has the step.

    Both are texts by name of the part; ``earlier`` is None where the cache has nothing of this class.
    """

    hit: bool
    parts: Mapping[str, str]
    earlier: Mapping[str, str] | None

    @property
    def differences(self) -> list[str]:
        """The names of the parts that differ, in the order they are in."""
        earlier = self.earlier or {}
        return [name for name in {**self.parts, **earlier} if self.parts.get(name) != earlier.get(name)]


@dataclass(frozen=True, slots=True)
class Prepared:
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


class Engine:
    """Holds what runs share: node types, image services, threads. Use it as an async context manager.

    ``packs`` defaults to every installed pack; ``providers`` adds image services by name; ``environ`` is where keys
    are looked up; ``namespace`` keeps a tenant's results apart; ``codecs`` store values of a pack's own types. Two
    engines in one process share nothing but the cache on disk.
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
        self._executor.close()
        self.cache.close()
        for name, service in self._services.items():
            if name not in self._given:
                await service.aclose()

    def plan(self, workflow: WorkflowSource, **options: Unpack[PlanOptions]) -> Plan:
        """Check and order a workflow without running it. A missing image service is no problem here.

        Raises FileFormatError where it can't be read and UsageError where an option names what isn't there.
        """
        return self._prepare(workflow, options, need_services=False).plan

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
        if listener.error is not None:
            raise listener.error
        return collect(plan, report, prepared.surroundings.folders, prepared.seeds, cache.load)

    def forecast(self, workflow: WorkflowSource, **options: Unpack[RunOptions]) -> Forecast:
        """Check and order a workflow, and look up what the cache has of it. Runs nothing. Raises as `plan` does."""
        prepared = self._prepare(workflow, options, need_services=False)
        recalled = RunCache(prepared.plan, prepared.surroundings, self._cache_use(prepared.plan, options)).recalled
        fates: dict[str, Fate] = dict.fromkeys(prepared.plan.steps, "spared")
        fates |= dict.fromkeys(recalled.hits, "hit")
        fates |= dict.fromkeys(recalled.doubtful, "perhaps")
        fates |= {node_id: "hit" if node_id in recalled.twins else "run" for node_id in recalled.runs}
        return Forecast(prepared.plan, fates)

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
        """Run a workflow and yield its events as they happen. Leaving the loop early stops the run."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        stop = options.setdefault("stop", StopSignal())
        options["emit"] = queue.put_nowait
        running = asyncio.create_task(self.run(workflow, **options))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            if not running.done():
                stop.stop()
                stop.stop()
                with suppress(asyncio.CancelledError):
                    await running

    async def call(self, class_type: str, inputs: Mapping[str, object], **options: Unpack[RunOptions]) -> NodeResult:
        """Run one node and return its result, values kept.

        ``inputs`` are named as in the API format, dotted ones included. Values that are no literals are handed over
        as they are; a list is a list of values. Raises WorkflowError, or the NodeError of a node that failed.
        """
        if class_type not in self.types:
            raise UsageError(f"no node class is called {class_type!r}")
        options["targets"] = [_ONLY]
        result = await self.run(_single_node(self.types[class_type], inputs), **options)
        for failure in result.failures:
            raise failure
        return result[_ONLY]

    def _prepare(self, source: WorkflowSource, options: PlanOptions, *, need_services: bool) -> Prepared:
        _check_options(options)
        workflow = source if isinstance(source, Workflow) else load(source)
        workflow = workflow.with_inputs(_bound(options.get("files") or {}))
        workflow, seeds = apply_seed(workflow, options.get("seed", "keep"), self.types)
        targets = list(_ids(workflow, options.get("targets") or ()))
        images = self._image_service(options.get("provider"), workflow, need_services)
        around = Surroundings(self.types, self._folders(workflow, options), images.services, images.unavailable)
        limits = {"openai": images.limit} if images.limit else {}
        return Prepared(make_plan(workflow, around, targets=targets), around, seeds, limits)

    def _folders(self, workflow: Workflow, options: PlanOptions) -> Folders:
        names = ("input_dir", "output_dir", "temp_dir")
        given = {name: Path(path) for name in names if (path := cast(dict[str, Any], options).get(name))}
        return self.settings.folders(workflow.path, **given)

    def _image_service(self, provider: str | ImageService | None, workflow: Workflow, needed: bool) -> _ImageAccess:
        """Find the image service of a run, if the workflow has a use for one."""
        used = any(
            ImageService in self.types[node.class_type].services
            for node in workflow.nodes.values()
            if node.class_type in self.types
        )
        if isinstance(provider, ImageService):
            return self._access(provider)
        name = provider or self.settings.provider
        if not used and name is None:
            return _ImageAccess()
        try:
            service = self._service(name)
        except UsageError as error:
            if name is not None:
                raise
            return _ImageAccess(unavailable={ImageService: str(error)} if needed else {})
        return self._access(service)

    def _access(self, service: ImageService) -> _ImageAccess:
        """Let all runs of this engine that use the service share its width."""
        limit = self._limits.setdefault((service.identity, service.capacity), asyncio.Semaphore(service.capacity))
        return _ImageAccess({ImageService: service}, limit=limit)

    def _service(self, name: str | None) -> ImageService:
        if name not in self._services:
            self._services[name] = choose.open_provider(
                name,
                self._environ,
                answers_dir=self.settings.answers_dir(),
                width=self.settings.image_width,
                offline_latency=self.settings.offline_latency,
            )
        return self._services[name]

    def _run_cache(self, prepared: Prepared, options: RunOptions) -> RunCache:
        """Look up what earlier runs left. Raises LimitError where a paid call is needed and none is allowed."""
        plan = prepared.plan
        use, keep = self._cache_use(plan, options), _steps_named(plan, options.get("keep"))
        cache = RunCache(plan, prepared.surroundings, use, keep=keep)
        runs = cache.recalled.runs
        missing = [node_id for node_id, step in plan.steps.items() if node_id in runs and not cache.allows(step)]
        if missing:
            labels = ", ".join(plan.steps[node_id].label for node_id in missing)
            refusal = "not in the cache, and only cached results are allowed; run without --cached-only to make it"
            raise LimitError(f"{labels}: {refusal}", missing)
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

    def _request(self, prepared: Prepared, options: RunOptions, emit: Emit, cache: RunCache) -> RunRequest:
        keep = options.get("keep") or ()
        workflow = prepared.plan.workflow
        return RunRequest(
            surroundings=prepared.surroundings,
            executor=self._executor,
            emit=emit,
            stop=options.get("stop") or StopSignal(),
            limits=prepared.limits,
            metadata=_metadata(prepared.plan) if options.get("metadata", True) else {},
            keep=None if keep == "all" else _ids(workflow, keep),
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


def _check_options(options: PlanOptions) -> None:
    """Raise UsageError for an option that isn't there: Python checks no names behind ``**options``."""
    for name in options.keys() - RunOptions.__optional_keys__:
        raise UsageError(f"no option is called {name!r}{did_you_mean(name, sorted(RunOptions.__optional_keys__))}")


_ONLY = "1"
_LITERAL_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


def _single_node(node_type: NodeType, inputs: Mapping[str, object]) -> Workflow:
    """Return a workflow of one node whose inputs are literals, or values handed over."""
    declared = {each.name: each for each in finalise(node_type.inputs, inputs)}
    given: dict[str, object] = {}
    for name, value in inputs.items():
        input = declared.get(name)
        literal = input is not None and (input.dynamic is not None or input.type in _LITERAL_TYPES)
        if input is not None and input.widget.file and isinstance(value, bytes | os.PathLike):
            given[name] = _bound_file(name, value)
        elif isinstance(value, list):
            given[name] = Given(tuple(value))
        else:
            given[name] = value if literal else Given((value,))
    by_hand = frozenset(Address(_ONLY, name) for name in given)
    return Workflow({_ONLY: Node(node_type.name, given)}, by_hand=by_hand)


def _bound(files: Mapping[str, FileSource]) -> dict[str, BoundFile]:
    return {address: _bound_file(address, source) for address, source in files.items()}


def _bound_file(address: str, source: FileSource) -> BoundFile:
    """Bind a file the user named. Raises UsageError where there is none."""
    if isinstance(source, bytes):
        return BoundFile(f"{address}.bytes", source)
    path = Path(source)
    if path.is_dir():
        raise UsageError(f"{address}={path}: is a folder, not a file")
    if not path.is_file():
        raise UsageError(f"{address}={path}: there is no such file")
    return BoundFile(path.name, path)


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
