"""An image service as nodes see it where other models are asked than theirs (openai-images.md, section 7)."""

from __future__ import annotations

import asyncio
from typing import Self

from graphrun.kernel.context import RunContext
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService
from graphrun.providers.local_resize import resized_answer
from graphrun.providers.model_map import ModelMap


class MappedService(ImageService):
    """Asks ``service`` for each request as the map has it, and brings the pictures to the size that was asked for.

    What changes is told as warnings of the node; the map is part of the identity, so that no result made without it
    stands in for one made with it.
    """

    def __init__(self, service: ImageService, model_map: ModelMap, context: RunContext | None = None) -> None:
        self.identity = f"{service.identity} {model_map.identity}"
        self.capacity = service.capacity
        self._service = service
        self._map = model_map
        self._context = context

    def on_behalf_of(self, context: RunContext) -> Self:
        """Return the same for one step."""
        return type(self)(self._service.on_behalf_of(context), self._map, context)

    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Return the pictures for a request. Raises what the service raises, PictureError for an unreadable picture."""
        translation = await asyncio.to_thread(self._map.translated, request)
        if translation.notes and self._context is not None:
            self._context.warn("; ".join(translation.notes))
        answer = await self._service.create(translation.request)
        if translation.resize is None:
            return answer
        return await asyncio.to_thread(resized_answer, answer, translation.resize)
