"""What an image service is asked and what it answers. Knows no wire format, clock or client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from blake3 import blake3

from graphrun.kernel.cache_key import encode


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture file that goes with a request."""

    file_name: str
    data: bytes = field(repr=False)
    media_type: str = "image/png"


@dataclass(frozen=True)
class ImageRequest:
    """One request for pictures: an edit where there are ``images``, else a generation.

    ``parameters`` are sent as they are, in their order, and never hold None: a parameter a model does not know is
    an error there (openai-images.md, 0.5). ``seed`` is never sent; it tells equal requests apart.
    """

    model: str
    prompt: str
    parameters: Mapping[str, str | int]
    images: tuple[Upload, ...] = ()
    mask: Upload | None = None
    seed: int = 0

    @cached_property
    def digest(self) -> str:
        """A hex digest of the content, seed included. Equal requests have equal digests in every process."""
        uploads = [upload.data for upload in self.images]
        mask = self.mask.data if self.mask else None
        content = [self.model, self.prompt, dict(self.parameters), uploads, mask, self.seed]
        return blake3(encode(content)).hexdigest()


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What came back: picture files untouched, in order, and what the service said about them."""

    files: tuple[bytes, ...] = field(repr=False)
    revised_prompts: tuple[str | None, ...] = ()
    usage: Mapping[str, object] | None = None
    request_id: str | None = None


class ImageService(ABC):
    """An image service. ``identity`` is part of cache keys and holds no secret; ``capacity`` is its width."""

    identity: str
    capacity: int

    @abstractmethod
    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Return the pictures for a request. Raises ProviderError."""

    async def aclose(self) -> None:  # noqa: B027 - most services hold nothing
        """Release connections."""
