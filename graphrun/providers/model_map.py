"""Which living model takes the place of which dead one, where the user wants that (openai-images.md, section 7).

Pure. What of a request changes with its model is in `translation`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self

from graphrun.errors import UsageError
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageRequest
from graphrun.providers.model_data import undated
from graphrun.providers.translation import AskTranslation, Translation, translate, translate_ask

__all__ = ["AskTranslation", "ModelMap", "Translation"]

_RULES = 1
"""Counts up when a translation changes, so that no result made under the old rules stands in for one of the new."""

_Successors = Mapping[str, tuple[str, str]]
"""By model: who takes its place, and who does so where the background is to be transparent."""

_DALLE = ("gpt-image-2", "gpt-image-2")  # whose background was always opaque
_GPT = ("gpt-image-2", "gpt-image-2.5-sunburst")
_SUGGESTED: _Successors = MappingProxyType(
    {
        "dall-e-2": _DALLE,
        "dall-e-3": _DALLE,
        "gpt-image-1": _GPT,
        "gpt-image-1-mini": _GPT,
        "gpt-image-1.5": _GPT,
        "chatgpt-image-latest": _GPT,
    }
)


@dataclass(frozen=True, slots=True)
class ModelMap:
    """Models by the ones that take their place, followed to the end: ``own`` entries first, then ``successors``.

    An entry of one's own that names a model for itself keeps that model. Made by `suggested` or `only`.
    """

    own: Mapping[str, str] = field(default_factory=dict)
    successors: _Successors = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self.own)
        for model in (*self.own, *self.successors):
            for transparent in (False, True):
                self.successor(model, transparent=transparent)

    @classmethod
    def suggested(cls, own: Mapping[str, str] = MappingProxyType({})) -> Self:
        """Return what ``--map-models`` means: section 7's map under the user's own entries.

        Raises UsageError for entries that lead round in a circle, or are blank.
        """
        return cls(dict(own), {model: pair for model, pair in _SUGGESTED.items() if model not in own})

    @classmethod
    def only(cls, own: Mapping[str, str]) -> Self:
        """Return the user's own entries and nothing else. Raises UsageError as `suggested` does."""
        return cls(dict(own))

    @property
    def identity(self) -> str:
        """What tells maps apart that would make different requests; for cache keys."""
        return json.dumps(
            ["model map", _RULES, self.own, {k: list(v) for k, v in self.successors.items()}], sort_keys=True
        )

    def successor(self, model: str, *, transparent: bool = False) -> str:
        """Return the model to ask instead, which is the model itself where no entry names it."""
        way = [model]
        while (following := self._next(way[-1], transparent=transparent)) != way[-1]:
            if following in way:
                raise UsageError(
                    f"the model map leads round in a circle: {' to '.join([*way, following])}; "
                    f"change one of these entries, or keep a model as it is with '{following}: {following}'"
                )
            way.append(following)
        return way[-1]

    def _next(self, model: str, *, transparent: bool) -> str:
        if model in self.own:
            return self.own[model]
        # A snapshot goes where its model goes, but an entry of the user's means the very name it gives.
        opaque, clear = self.successors.get(model) or self.successors.get(undated(model), (model, model))
        return clear if transparent else opaque

    def translated(self, request: ImageRequest) -> Translation:
        """Return the request as its model's successor understands it; the same object where nothing changes.

        Raises PictureError where a picture has to be opened for that and can't be.
        """
        target = self.successor(request.model, transparent=_is_transparent(request.parameters))
        return Translation(request) if target == request.model else translate(request, target)

    def translated_ask(self, ask: Ask) -> AskTranslation:
        """Return the same of what is known before the run."""
        target = self.successor(ask.model, transparent=_is_transparent(ask.parameters))
        return AskTranslation(ask) if target == ask.model else translate_ask(ask, target)


def _is_transparent(parameters: Mapping[str, str | int | None]) -> bool:
    return parameters.get("background") == "transparent"


def _check_names(own: Mapping[str, str]) -> None:
    for model, successor in own.items():
        if not model.strip() or not successor.strip():
            raise UsageError(f"the model map's entry '{model}: {successor}' has a blank name: write 'old: new'")
