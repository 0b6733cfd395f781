"""Prices and lifetimes of models as a dated file tells them: ours, or the user's over it. Reads and validates.

Source of ours: openai-images.md, sections 0 and 4; each fact names where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from graphrun.errors import UsageError

Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=0)]
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Facts):
    """Where facts were read, when, and what is told there."""

    read: str
    tells: str
    url: str | None = None


class Rates(_Facts):
    """USD for a million tokens. What is cached costs less, but the Images API doesn't report it."""

    text_input: Usd
    image_input: Usd
    image_output: Usd


class Span(_Facts):
    """From how many tokens to how many."""

    low: Tokens
    high: Tokens

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


class ModelFacts(_Facts):
    """What is known of a model; what is not known is None. ``as_of`` is the date of the file it stands in.

    With ``rates`` the bill is made of tokens, otherwise of ``picture_usd``, which is then only an estimate. Instead of
    that table, ``output_factors`` give the tokens of any size by formula, and ``auto_sizes`` are those counted with
    where the size is not known. ``reference_tokens`` and ``high_fidelity_tokens``, which come on top where
    input_fidelity is high, are per reference picture.
    """

    released: date | None = None
    shutdown: date | None = None
    rates: Rates | None = None
    picture_usd: Mapping[str, Mapping[Size, Usd]] | None = None
    output_factors: Mapping[str, Annotated[int, Field(ge=1)]] | None = None
    auto_sizes: tuple[Size, ...] = ()
    reference_tokens: Span | None = None
    high_fidelity_tokens: Span | None = None
    sources: tuple[str, ...] = ()
    note: str | None = None
    as_of: date | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for fault in self._faults():
            raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        if self.output_factors is not None and self.picture_usd is not None:
            yield "picture_usd and output_factors are two answers to one question: keep one"
        if self.output_factors is not None and not (self.rates and self.auto_sizes):
            yield "output_factors need rates and auto_sizes beside them"
        if self.reference_tokens is not None and self.rates is None:
            yield "reference_tokens need rates beside them"
        if self.high_fidelity_tokens is not None and self.reference_tokens is None:
            yield "high_fidelity_tokens need reference_tokens beside them"


class _ModelFile(_Facts):
    version: Literal["1"]
    as_of: date
    models: Mapping[str, ModelFacts] = Field(default_factory=dict)
    sources: Mapping[str, Source] = Field(default_factory=dict)
    credits_per_usd: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] | None = None


@dataclass(frozen=True, slots=True)
class ModelData:
    """Facts by model, the sources they name, and what a USD is in credits of api.comfy.org."""

    models: Mapping[str, ModelFacts]
    sources: Mapping[str, Source]
    credits_per_usd: Decimal

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Return the built-in facts, those in the file at ``path`` over them. Raises UsageError naming each fault."""
        ours = _read(files("graphrun").joinpath("data", "models.yaml").read_text("utf-8"), "graphrun/data/models.yaml")
        own = _ModelFile(version="1", as_of=ours.as_of) if path is None else _read(_text(path), path.name)
        data = cls(
            models={**_dated(ours), **_dated(own)},
            sources={**ours.sources, **own.sources},
            credits_per_usd=own.credits_per_usd or ours.credits_per_usd or Decimal(211),
        )
        _check_sources(data, "graphrun/data/models.yaml" if path is None else path.name)
        return data

    def facts(self, model: str) -> ModelFacts | None:
        """Return what is known of a model. A dated snapshot costs and lives as its model, unless it is named itself."""
        return self.models.get(model) or self.models.get(undated(model))


def undated(model: str) -> str:
    """Return a model's name without the date of a snapshot: ``gpt-image-2`` for ``gpt-image-2-2026-04-21``."""
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)


def _dated(file: _ModelFile) -> dict[str, ModelFacts]:
    return {
        name: facts if facts.as_of else facts.model_copy(update={"as_of": file.as_of})
        for name, facts in file.models.items()
    }


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"the model file {path} can't be read ({error.strerror}): name another") from None
    except UnicodeDecodeError:
        raise UsageError(f"the model file {path} is no text in UTF-8: save it as that") from None


def _read(text: str, name: str) -> _ModelFile:
    from graphrun.providers.plain_yaml import NotPlain, read_plain_yaml

    try:
        return _ModelFile.model_validate(read_plain_yaml(text))
    except NotPlain as error:
        raise UsageError(f"the model file {name}: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in error.errors()]
        raise UsageError(f"the model file {name}: {'; '.join(faults)}") from None


def _check_sources(data: ModelData, name: str) -> None:
    for model, facts in data.models.items():
        for source in facts.sources:
            if source not in data.sources:
                raise UsageError(f"the model file {name}: models.{model} names the source {source!r}: describe it")
