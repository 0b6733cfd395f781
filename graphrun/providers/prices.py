"""What calls will cost and did cost, in USD, by the price data (openai-images.md, section 4). Pure.

A price nobody knows is None, never 0: whoever adds up has to say that something is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from graphrun.providers.ask import Ask
from graphrun.providers.model_data import ModelData, ModelFacts, Rates
from graphrun.providers.model_table import width_and_height

_CHARACTERS_PER_TOKEN = 4
_LONG_PROMPT = 1000
"""Characters. A prompt that is not known yet counts as anything up to this, which few prompts exceed."""

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class PriceRange:
    """From the cheapest to the dearest, in USD."""

    low: Decimal
    high: Decimal

    def __add__(self, other: PriceRange) -> PriceRange:
        return PriceRange(self.low + other.low, self.high + other.high)


def estimate(ask: Ask, data: ModelData) -> PriceRange | None:
    """Return what a call will cost at OpenAI, or None where nobody knows: an unknown model, size or quality, 2.6.

    Every picture is counted with the cheapest and the dearest size and quality it may have: ``auto`` lets the model
    choose among ``auto_sizes`` and all qualities, and so does what is not known yet.
    """
    facts = data.facts(ask.model)
    prices = _picture_prices(ask, facts) if facts else []
    sent = _input_price(ask, facts) if facts else None
    if not prices or sent is None:
        return None
    fewest, most = ask.counts
    return PriceRange(fewest * min(prices), most * max(prices)) + sent


def actual_cost(ask: Ask, usage: Mapping[str, object] | None, pictures: int, data: ModelData) -> Decimal | None:
    """Return what an answered call cost: by the ``usage`` its answer told, or by ``pictures`` where each has a price.

    Usage is read leniently, and all input counts at the full rate: the API doesn't tell what was cached. None where
    the usage doesn't say enough, or no price is known.
    """
    facts = data.facts(ask.model)
    if facts is None:
        return None
    if facts.rates is None:
        prices = set(_picture_prices(ask, facts))
        return pictures * prices.pop() if len(prices) == 1 else None
    sent, made = _input_cost(usage or {}, ask, facts.rates), _output_tokens(usage or {})
    return None if sent is None or made is None else sent + made * facts.rates.image_output / _MILLION


def credits_cost(header: str | None, data: ModelData) -> Decimal | None:
    """Return the USD in api.comfy.org's header X-Comfy-Credits-Used, to a millionth; None for what is no amount."""
    try:
        amount = Decimal((header or "").strip())
    except InvalidOperation:
        return None
    # Beyond a billion it is no bill, and more digits than Decimal rounds to are possible.
    return round(amount / data.credits_per_usd, 6) if amount.is_finite() and 0 <= amount < 10**9 else None


def output_tokens(factor: int, width: int, height: int) -> int:
    """Return the tokens of one picture of gpt-image-2 or 2.5, by a formula that users found (reference, 4)."""
    shorter = round(factor * min(width, height) / max(width, height))
    return -(-factor * shorter * (2_000_000 + width * height) // 4_000_000)


# ── before the call ────────────────────────────────────────────────────────────────────────────────────────────


def _picture_prices(ask: Ask, facts: ModelFacts) -> Sequence[Decimal]:
    """The prices one picture may have; none where no price is known."""
    quality, size = ask.parameters.get("quality"), ask.parameters.get("size")
    if facts.picture_usd is not None:
        tables = [sizes for name, sizes in facts.picture_usd.items() if _may_be(quality, name)]
        return [usd for sizes in tables for name, usd in sizes.items() if _may_be(size, name)]
    if facts.output_factors is None or facts.rates is None:
        return []
    factors = [factor for name, factor in facts.output_factors.items() if _may_be(quality, name)]
    sizes = facts.auto_sizes if _is_open(size) else (str(size),)
    edges = [edge for edge in map(width_and_height, sizes) if edge]
    return [output_tokens(factor, *edge) * facts.rates.image_output / _MILLION for factor in factors for edge in edges]


def _is_open(asked: object) -> bool:
    return asked is None or asked == "auto"


def _may_be(asked: object, value: str) -> bool:
    return _is_open(asked) or asked == value


def _input_price(ask: Ask, facts: ModelFacts) -> PriceRange | None:
    if facts.rates is None:
        return PriceRange(Decimal(0), Decimal(0))
    if ask.editing and facts.reference_tokens is None:
        return None
    low, high = (
        text * facts.rates.text_input + image * facts.rates.image_input
        for text, image in zip(_prompt_tokens(ask), _reference_tokens(ask, facts), strict=True)
    )
    return PriceRange(low / _MILLION, high / _MILLION)


def _prompt_tokens(ask: Ask) -> tuple[int, int]:
    shortest, longest = (0, _LONG_PROMPT) if ask.prompt_length is None else (ask.prompt_length, ask.prompt_length)
    return -(-shortest // _CHARACTERS_PER_TOKEN), -(-longest // _CHARACTERS_PER_TOKEN)


def _reference_tokens(ask: Ask, facts: ModelFacts) -> tuple[int, int]:
    (fewest, most), plain, extra = ask.reference_counts, facts.reference_tokens, facts.high_fidelity_tokens
    if not most or plain is None:
        return 0, 0
    fidelity = ask.parameters.get("input_fidelity", "low")
    low = plain.low + (extra.low if extra and fidelity == "high" else 0)
    high = plain.high + (extra.high if extra and fidelity in ("high", None) else 0)
    return fewest * low, most * high


# ── after the call ─────────────────────────────────────────────────────────────────────────────────────────────


def _input_cost(usage: Mapping[str, object], ask: Ask, rates: Rates) -> Decimal | None:
    total, details = _tokens(usage, "input_tokens"), _details(usage, "input_tokens_details")
    text, image = _tokens(details, "text_tokens"), _tokens(details, "image_tokens")
    if text is None and image is None:
        if total is None:
            return None
        # Without pictures all of it is text; with them the parts are unknown, and the dearer rate is the safe one.
        rate = max(rates.text_input, rates.image_input) if ask.editing else rates.text_input
        return total * rate / _MILLION
    text = max(0, (total or 0) - (image or 0)) if text is None else text
    image = max(0, (total or 0) - text) if image is None else image
    return (text * rates.text_input + image * rates.image_input) / _MILLION


def _output_tokens(usage: Mapping[str, object]) -> int | None:
    total = _tokens(usage, "output_tokens")
    if total is not None:
        return total
    parts = list(_known_parts(_details(usage, "output_tokens_details")))
    return sum(parts) if parts else None


def _known_parts(details: Mapping[str, object]) -> Iterator[int]:
    for name in ("image_tokens", "text_tokens"):
        part = _tokens(details, name)
        if part is not None:
            yield part


def _details(usage: Mapping[str, object], name: str) -> Mapping[str, object]:
    details = usage.get(name)
    return details if isinstance(details, Mapping) else {}


def _tokens(usage: Mapping[str, object], name: str) -> int | None:
    """A count, or None for anything else: services are free to say what they like here."""
    value = usage.get(name)
    return value if type(value) is int and value >= 0 else None
