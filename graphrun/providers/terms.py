"""What asking a service means for one run: which model answers, whether it lives, what it costs. Pure.

Every question is put as the node asks it, and answered for what is sent after the model map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from graphrun.providers.ask import Ask
from graphrun.providers.lifetimes import Dead, Dying, lifetime
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import AskTranslation, ModelMap
from graphrun.providers.prices import PriceRange, actual_cost, credits_cost, estimate
from graphrun.providers.remedies import remedy
from graphrun.providers.tariff import Tariff

SHUT_DOWN = "model_shut_down"
_NOTHING = Decimal(0)
_NO_BILL = Decimal(10) ** 9
"""USD. An answer may claim any number of tokens; beyond this it is no bill."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What there is to say about a model; ``refused``: it is not asked. ``type`` is a problem's code."""

    type: str
    message: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one run. ``model_map`` is in force, None where none is; ``offered`` is what --map-models would mean.

    ``strict``: models that are in their last 60 days, or that the data doesn't know, are refused too.
    ``way_on`` is the command that would run it with the map, where that is known.
    """

    tariff: Tariff
    data: ModelData
    today: date
    model_map: ModelMap | None
    offered: ModelMap
    strict: bool = False
    way_on: str = ""

    def meant(self, ask: Ask) -> AskTranslation:
        """Return what is sent for an ask."""
        return self.model_map.translated_ask(ask) if self.model_map else AskTranslation(ask)

    def judged(self, sent: Ask) -> Judgement | None:
        """Return what there is to say about the model that is sent a request; only OpenAI's are judged."""
        if self.tariff is not Tariff.OPENAI:
            return None
        sentence = remedy(sent, self.today, self.data, self.offered)
        match lifetime(sent.model, self.today, self.data):
            case Dead():
                return Judgement(SHUT_DOWN, self._with_way_on(sentence), True)
            case Dying() if self.strict:
                return Judgement("model_shutting_down", f"{sentence}; --strict-models refuses it", True)
            case Dying():
                return Judgement("model_shutting_down", self._with_way_on(sentence), False)
            case None if self.strict:
                return Judgement("unknown_model", self._unknown(sent.model), True)
        return None

    def estimate(self, sent: Ask) -> PriceRange | None:
        """Return what a call will cost, None where nobody knows."""
        match self.tariff:
            case Tariff.FREE:
                return PriceRange(_NOTHING, _NOTHING)
            case Tariff.OPENAI | Tariff.LISTED:
                return estimate(sent, self.data)
        return None

    def cost(
        self, sent: Ask, usage: Mapping[str, object] | None, pictures: int, headers: Mapping[str, str]
    ) -> Decimal | None:
        """Return what an answered call cost: as its headers say, else by its usage; None where nobody knows."""
        cost = self.cost_told(headers)
        if cost is None and self.tariff in (Tariff.OPENAI, Tariff.LISTED):
            cost = actual_cost(sent, usage, pictures, self.data)
        return cost if cost is not None and cost < _NO_BILL else None

    def cost_told(self, headers: Mapping[str, str]) -> Decimal | None:
        """Return what an answer's headers say it cost, None where they don't say."""
        if self.tariff is Tariff.FREE:
            return _NOTHING
        return credits_cost(headers.get("x-comfy-credits-used"), self.data)

    def _with_way_on(self, sentence: str | None) -> str:
        told = sentence or ""
        return told.replace("--map-models", f"--map-models ({self.way_on})", 1) if self.way_on else told

    def _unknown(self, model: str) -> str:
        return (
            f"nothing is known of {model} at OpenAI, and --strict-models refuses it: leave that out, or describe it in "
            "the file that GRAPHRUN_PRICES names"
        )
