"""What an image service is asked and what it answers. Knows no wire format, clock or client."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

from blake3 import blake3

from graphrun.imaging import encode_png
from graphrun.kernel.cache_key import encode
from graphrun.kernel.context import RunContext

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture file that goes with a request.

    ``content`` tells equal pictures however they are encoded: a digest of the pixels, or of ``data`` where the maker of
    the upload gives none.
    """

    file_name: str
    data: bytes = field(repr=False)
    media_type: str = "image/png"
    pixels_digest: str | None = None

    @classmethod
    def of_pixels(cls, file_name: str, pixels: npt.NDArray[np.uint8]) -> Self:
        """Return (H, W, C) pixels as a PNG that is known by them: another version of an encoder makes other bytes.

        Raises PictureError as `encode_png` does.
        """
        digest = blake3(encode(list(pixels.shape)))
        digest.update(pixels.tobytes())
        return cls(file_name, encode_png(pixels), pixels_digest=digest.hexdigest())

    @property
    def content(self) -> str:
        """A hex digest of the pixels, else of the file."""
        return self.pixels_digest or blake3(self.data).hexdigest()


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
        """A hex digest of the content, seed included, encodings not; the same in every process."""
        uploads = [upload.content for upload in self.images]
        mask = self.mask.content if self.mask else None
        content = [self.model, self.prompt, dict(sorted(self.parameters.items())), uploads, mask, self.seed]
        return blake3(encode(content)).hexdigest()

    @property
    def count(self) -> int:
        """How many pictures are asked for."""
        asked = self.parameters.get("n", 1)
        return max(1, asked) if isinstance(asked, int) else 1


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

    def on_behalf_of(self, context: RunContext) -> Self:
        """Return the service as one step of a run sees it. Most services treat all steps alike."""
        return self

    async def aclose(self) -> None:  # noqa: B027 - most services hold nothing
        """Release connections."""
