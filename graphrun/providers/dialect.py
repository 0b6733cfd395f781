"""How a service wants its requests, where it differs from OpenAI: paths, names of parts, parameters, mask. Pure.

Source: openai-images.md, 2.7 and 2.8. What each difference is called in a profile file: `profile_files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import cast
from urllib.parse import quote, urlencode

from blake3 import blake3

from graphrun.kernel.cache_key import encode
from graphrun.providers.base import ImageRequest

Parameter = str | int | float
"""The value of a parameter; booleans are integers here, and keep their type on the wire."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where requests go, below the base URL. ``{model}`` stands for the model's name (Azure: the deployment's)."""

    generations: str = "/images/generations"
    edits: str = "/images/edits"


@dataclass(frozen=True, slots=True)
class FileFields:
    """What the files of an edit are called: one picture, several (each by this name), the mask.

    ``white_is_edited`` asks for the mask as grey pixels, white where to change, in place of clear ones.
    """

    image: str = "image"
    images: str = "image[]"
    mask: str = "mask"
    white_is_edited: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way to ask for pictures. What is ``added`` replaces what a node says; without fields it is OpenAI's own."""

    paths: Paths = field(default_factory=Paths)
    query: Mapping[str, str] = field(default_factory=dict)
    files: FileFields = field(default_factory=FileFields)
    dropped: frozenset[str] = frozenset()
    added: Mapping[str, Parameter] = field(default_factory=dict)
    sends_seed: bool = False

    def without_dropped(self, request: ImageRequest) -> ImageRequest:
        """Return the request without what the service refuses; the same object where nothing goes."""
        if not self.dropped & request.parameters.keys():
            return request
        kept = {name: value for name, value in request.parameters.items() if name not in self.dropped}
        return replace(request, parameters=kept)

    def with_added(self, request: ImageRequest) -> ImageRequest:
        """Return the request with what the service gets besides; the same object where nothing comes."""
        # Fractions go wherever whole numbers do: digests, the ledger and both wire forms tell them by their type.
        added = cast("Mapping[str, str | int]", {**self.added, **({"seed": request.seed} if self.sends_seed else {})})
        return replace(request, parameters={**request.parameters, **added}) if added else request

    def path(self, request: ImageRequest) -> str:
        """Return where a request goes, below the base URL."""
        path = self.paths.edits if request.images else self.paths.generations
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{path.replace('{model}', quote(request.model, safe=''))}{query}"

    @property
    def identity(self) -> str:
        """Eight characters that differ where requests would; nothing for OpenAI's own way."""
        return "" if self == OPENAI else blake3(encode(self._content())).hexdigest(4)

    def _content(self) -> list[object]:
        added, query = (dict(sorted(table.items())) for table in (self.added, self.query))
        parts = [list(astuple(part)) for part in (self.paths, self.files)]
        return [*parts, query, sorted(self.dropped), added, self.sends_seed]


OPENAI = Dialect()
