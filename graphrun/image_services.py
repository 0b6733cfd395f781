"""The image services of one engine: those it was given, and those it opens by profile when they are first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from graphrun.errors import UsageError
from graphrun.kernel.context import Service
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Workflow
from graphrun.providers import choose
from graphrun.providers.base import ImageService
from graphrun.providers.bill import Bill
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Ledger
from graphrun.providers.mapped import MappedService
from graphrun.providers.metered import MeteredService
from graphrun.providers.profile_files import file_beside, read_profiles
from graphrun.providers.purchases import Purchases
from graphrun.providers.terms import Terms
from graphrun.settings import Settings


@dataclass(frozen=True, slots=True)
class ImageAccess:
    """The image service of a run, or why there is none, and the limit its calls run under.

    Where there is none, models are still judged by the ``service`` there would be.
    """

    service: ImageService | None = None
    unavailable: Mapping[type, str] = field(default_factory=dict)
    limit: asyncio.Semaphore | None = None

    def for_run(self, ledger: Ledger, errand: Errand, terms: Terms | None, bill: Bill | None) -> Mapping[type, Service]:
        """Return the service as one run may use it: a metered one by the book, and each by the model map in force."""
        if self.service is None or self.unavailable:
            return {}
        service = self.service
        if isinstance(service, MeteredService):
            service = Purchases(service, ledger, errand, terms=terms, bill=bill)
        if terms is not None and terms.model_map is not None:
            service = MappedService(service, terms.model_map)
        return {ImageService: service}


class ImageServices:
    """Finds the service of a run, opens each once, and closes what it opened. Belongs to one event loop."""

    def __init__(
        self,
        types: Mapping[str, NodeType],
        settings: Settings,
        environ: Mapping[str, str],
        given: Mapping[str, ImageService],
    ) -> None:
        self._types = types
        self._settings = settings
        self._environ = environ
        self._given = dict(given)
        self._opened: dict[str, ImageService] = {}
        self._limits: dict[tuple[str, int], asyncio.Semaphore] = {}

    async def aclose(self) -> None:
        """Close what was opened here; given ones are their givers'."""
        async with AsyncExitStack() as closing:  # whatever one of them raises, all are closed
            for service in self._opened.values():
                closing.push_async_callback(service.aclose)

    def access(self, provider: str | ImageService | None, workflow: Workflow, *, needed: bool) -> ImageAccess:
        """Find the image service of a run, if the workflow has a use for one.

        Raises UsageError where a named one can't be opened, or, where none is ``needed`` yet, isn't known.
        """
        if isinstance(provider, ImageService):
            return self._access(provider)
        name = provider or self._settings.provider
        if name is None and not self.are_used_by(workflow):
            return ImageAccess()
        try:
            service = self._service(name, workflow)
        except UsageError as error:
            assumed = self._assumed_service(name, workflow)
            if name is not None and (needed or assumed is None):
                raise
            if needed:
                return ImageAccess(assumed, unavailable={ImageService: str(error)})
            return self._access(assumed) if assumed else ImageAccess()
        return self._access(service)

    def are_used_by(self, workflow: Workflow) -> bool:
        """Whether a workflow has nodes that call one."""
        types = (self._types.get(node.class_type) for node in workflow.nodes.values())
        return any(node_type is not None and ImageService in node_type.services for node_type in types)

    def _assumed_service(self, name: str | None, workflow: Workflow) -> ImageService | None:
        """Return the service as it will be once there is a key, to plan and judge by. Nothing is sent to it."""
        with suppress(UsageError):
            return self._service(name, workflow, keyless=True)
        return None

    def _access(self, service: ImageService) -> ImageAccess:
        """Let all runs of this engine that use the service share a limit to how many of its nodes are at work.

        A metered service counts pictures on their way itself. Twice as many nodes: while some wait for their answers,
        the next ones get their uploads ready, so that no place stays empty, and no thousand uploads fill the memory.
        """
        nodes = service.capacity * (2 if isinstance(service, MeteredService) else 1)
        limit = self._limits.setdefault((service.identity, nodes), asyncio.Semaphore(nodes))
        return ImageAccess(service, limit=limit)

    def _service(self, name: str | None, workflow: Workflow, *, keyless: bool = False) -> ImageService:
        """Return the service of that name, as the profile files say for this workflow; one for equal settings."""
        if name in self._given:
            return self._given[name]
        beside = file_beside(workflow.path)
        profiles = read_profiles(self._settings.profile_file(), beside, trusted=self._settings.trust_profiles)
        opened = f"{profiles.find(name).identity} {keyless}"
        if opened not in self._opened:
            self._opened[opened] = choose.open_provider(
                name,
                self._environ,
                width=self._settings.image_width,
                offline_latency=self._settings.offline_latency,
                profiles=profiles,
                keyless=keyless,
            )
        return self._opened[opened]
