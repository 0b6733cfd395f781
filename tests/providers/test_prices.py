"""Estimates before a call and costs after it, in USD."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun import ImageRequest, Upload, custom_size_fault
from graphrun.providers.ask import Ask
from graphrun.providers.model_data import ModelData
from graphrun.providers.prices import PriceRange, actual_cost, credits_cost, estimate, output_tokens

DATA = ModelData.load()
PRICED = [model for model, facts in DATA.models.items() if facts.picture_usd or facts.output_factors]


def priced(model: str, count: int | None = 1, *, prompt_length: int | None = 0, **given: Any) -> PriceRange:
    """The estimate of a generation."""
    found = estimate(Ask(model, given, count, prompt_length=prompt_length), DATA)
    assert found is not None
    return found


def exactly(usd: str | Decimal) -> PriceRange:
    return PriceRange(Decimal(usd), Decimal(usd))


def between(low: str, high: str) -> PriceRange:
    return PriceRange(Decimal(low), Decimal(high))


# ── every model, quality, size and n ───────────────────────────────────────────────────────────────────────────


def our_table() -> Iterator[tuple[str, str, str, Decimal]]:
    """Model, quality, size and the price of one picture, as our data file has it."""
    for model, facts in DATA.models.items():
        for quality, sizes in (facts.picture_usd or {}).items():
            for size, usd in sizes.items():
                yield model, quality, size, usd
        for quality, factor in (facts.output_factors or {}).items():
            for size in facts.auto_sizes:
                width, height = map(int, size.split("x"))
                assert facts.rates is not None
                tokens = output_tokens(factor, width, height)
                yield model, quality, size, tokens * facts.rates.image_output / 1_000_000


@pytest.mark.parametrize("n", [1, 2, 8, 10])
def test_estimates_equal_our_price_file(n: int) -> None:
    """What a picture costs by the file, times n, for every model, quality and size in it."""
    table = list(our_table())
    assert {model for model, *_ in table} == set(PRICED)
    for model, quality, size, usd in table:
        assert priced(model, n, quality=quality, size=size) == exactly(n * usd), (model, quality, size)


def reference_table(models: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str, Decimal]]:
    """The same from the reference's price file."""
    for model, facts in models.items():
        rows = facts.get("per_image") or facts.get("per_image_estimate") or facts.get("estimate") or {}
        if isinstance(rows, str):  # "same as gpt-image-2.5-flare"
            rows = models[rows.split()[-1]]["estimate"]
        for quality, sizes in rows.items():
            for size, price in sizes.items():
                usd = price["usd"] if isinstance(price, dict) else price
                yield model, quality, size, Decimal(str(usd))


@pytest.mark.corpus
@pytest.mark.parametrize("n", [1, 2, 8])
def test_estimates_equal_the_reference_s_price_file(corpus: Path, n: int) -> None:
    """Ours is written anew, and says the same."""
    reference = yaml.safe_load((corpus.parent / "openai-image-prices.yaml").read_text("utf-8"))["models"]
    table = list(reference_table(reference))
    assert set(table) == set(our_table())
    for model, quality, size, usd in table:
        assert priced(model, n, quality=quality, size=size) == exactly(n * usd), (model, quality, size)


@pytest.mark.corpus
def test_rates_and_shutdowns_equal_the_reference_s_price_file(corpus: Path) -> None:
    """Also for models whose pictures have no price."""
    reference = yaml.safe_load((corpus.parent / "openai-image-prices.yaml").read_text("utf-8"))["models"]
    assert set(reference) == set(DATA.models)
    for model, facts in reference.items():
        ours = DATA.models[model]
        assert (str(ours.shutdown) if ours.shutdown else None) == facts.get("shut_down_on")
        for name, rate in (facts.get("usd_per_1m") or {}).items():
            if not name.endswith("_cached"):
                assert getattr(ours.rates, name) == Decimal(str(rate))


@pytest.mark.parametrize(
    ("factor", "size", "tokens"),
    [
        (16, (1024, 1024), 196),
        (48, (1024, 1024), 1756),
        (96, (1024, 1024), 7024),
        (24, (1024, 1024), 439),
        (64, (1024, 1024), 3122),
        (96, (3840, 2160), 13342),
        (48, (1152, 2048), 1413),
    ],
)
def test_output_tokens_are_those_published(factor: int, size: tuple[int, int], tokens: int) -> None:
    """The formula gives what users read off OpenAI's calculator."""
    assert output_tokens(factor, *size) == tokens


def test_any_size_has_a_price_by_the_formula() -> None:
    """Also sizes of one's own; larger is not always dearer."""
    assert priced("gpt-image-2", quality="low", size="480x1376") == exactly("0.00192")  # 64 tokens
    wide = priced("gpt-image-2", quality="high", size="2048x1152")
    assert wide.high < priced("gpt-image-2", quality="high", size="1024x1024").low


# ── what is not known ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", ["gpt-image-2.6-flare", "gpt-image-2.6-sunburst", "chatgpt-image-latest", "my-model"])
def test_an_unknown_price_is_none(model: str) -> None:
    """No number is better than a wrong one."""
    assert estimate(Ask(model, {"quality": "low", "size": "1024x1024"}), DATA) is None


def test_a_quality_or_size_that_the_model_does_not_have_has_no_price() -> None:
    """It will be refused before it costs anything."""
    assert estimate(Ask("gpt-image-2", {"quality": "hd", "size": "auto"}), DATA) is None
    assert estimate(Ask("dall-e-3", {"quality": "hd", "size": "64x64"}), DATA) is None
    assert estimate(Ask("gpt-image-2", {"quality": "low", "size": "Custom"}), DATA) is None


def test_auto_and_unknown_give_the_range_of_what_the_model_may_choose() -> None:
    """From the cheapest size and quality to the dearest; left out and not yet known are auto as well."""
    assert priced("gpt-image-2", quality="low", size="auto") == between("0.00471", "0.01191")
    assert priced("gpt-image-2", quality="auto", size="1024x1024") == between("0.00588", "0.21072")
    assert priced("gpt-image-2.5-flare") == between("0.00471", "0.42816")
    assert priced("gpt-image-1", 2, quality=None, size=None) == between("0.022", "0.5")
    assert priced("dall-e-3", quality="standard", size=None) == between("0.04", "0.08")
    assert priced("dall-e-2") == between("0.016", "0.02")


def test_an_unknown_count_ranges_over_what_one_call_may_make() -> None:
    """One picture, up to ten; DALL·E 3 makes one only."""
    assert priced("dall-e-2", None, size="1024x1024") == between("0.02", "0.2")
    assert priced("dall-e-3", None, size="1024x1024", quality="hd") == exactly("0.08")


# ── what is sent ───────────────────────────────────────────────────────────────────────────────────────────────

LOW = {"quality": "low", "size": "1024x1024"}


def test_a_prompt_counts_a_token_for_four_characters_and_once_for_all_pictures() -> None:
    """1000 characters are 250 tokens at 5 USD a million."""
    assert priced("gpt-image-2", 3, prompt_length=1000, **LOW) == exactly(3 * Decimal("0.00588") + Decimal("0.00125"))
    assert priced("gpt-image-2", prompt_length=1, **LOW) == exactly("0.005885")


def test_a_prompt_that_is_not_known_yet_counts_as_none_up_to_a_long_one() -> None:
    """1000 characters."""
    assert priced("gpt-image-2", prompt_length=None, **LOW) == between("0.00588", "0.00713")


def test_dalle_charges_pictures_only() -> None:
    """However long the prompt is, and whatever is edited."""
    ask = Ask("dall-e-2", {"size": "512x512"}, 2, references=1, prompt_length=1000)
    assert estimate(ask, DATA) == exactly("0.036")


@pytest.mark.parametrize(
    ("model", "parameters", "low", "high"),
    [
        ("gpt-image-2", {}, 1021 * 8, 1531 * 8),
        ("gpt-image-2.5-sunburst", {}, 1021 * 8, 1531 * 8),
        ("gpt-image-1", {}, 194 * 10, 323 * 10),
        ("gpt-image-1", {"input_fidelity": "low"}, 194 * 10, 323 * 10),
        ("gpt-image-1", {"input_fidelity": "high"}, (194 + 4160) * 10, (323 + 6240) * 10),
        ("gpt-image-1.5", {"input_fidelity": None}, 194 * 8, (323 + 6240) * 8),
    ],
)
def test_reference_pictures_add_their_tokens_once(model: str, parameters: dict[str, Any], low: int, high: int) -> None:
    """Three pictures sent for two made: input counts three times, output twice."""
    bare = priced(model, 2, **LOW)
    ask = Ask(model, {**LOW, **parameters}, 2, references=3, prompt_length=0)
    assert estimate(ask, DATA) == bare + PriceRange(Decimal(3 * low) / 1_000_000, Decimal(3 * high) / 1_000_000)


def test_an_unknown_number_of_references_ranges_up_to_what_the_model_takes() -> None:
    """One to sixteen."""
    ask = Ask("gpt-image-2", LOW, references=None, prompt_length=0)
    assert estimate(ask, DATA) == exactly("0.00588") + between("0.008168", "0.195968")


def test_an_ask_of_a_request_knows_all_of_it() -> None:
    """Nothing is left to guess."""
    picture = Upload("image_0.png", b"x")
    request = ImageRequest("gpt-image-2", "a fox", {"n": 2, "quality": "low"}, (picture, picture), picture)
    assert Ask.of(request) == Ask("gpt-image-2", {"n": 2, "quality": "low"}, 2, 2, True, 5)
    assert Ask.of(request).editing
    assert not Ask("gpt-image-2").editing


# ── laws ───────────────────────────────────────────────────────────────────────────────────────────────────────

qualities = st.sampled_from(["low", "medium", "high", "xhigh", "max", "standard", "hd", "auto", None])
edges = st.integers(1, 240).map(lambda n: 16 * n)
sizes = st.one_of(
    st.sampled_from(["auto", None, "256x256", "1024x1024", "1536x1024", "1024x1792"]),
    st.tuples(edges, edges)
    .filter(lambda edge: custom_size_fault(*edge) is None)
    .map(lambda edge: f"{edge[0]}x{edge[1]}"),
)
asks = st.builds(
    Ask,
    st.sampled_from(PRICED),
    st.fixed_dictionaries({"quality": qualities, "size": sizes}),
    st.integers(1, 10) | st.none(),
    st.integers(0, 16) | st.none(),
    prompt_length=st.integers(0, 32000) | st.none(),
)


@settings(deadline=None)
@given(asks)
def test_low_is_never_above_high_and_nothing_is_free(ask: Ask) -> None:
    """Of any ask that has a price."""
    found = estimate(ask, DATA)
    if found is not None:
        assert 0 < found.low <= found.high


@settings(deadline=None)
@given(st.sampled_from(PRICED), qualities, sizes, st.integers(1, 10))
def test_n_pictures_cost_n_times_one(model: str, quality: str | None, size: str | None, n: int) -> None:
    """What is sent put aside."""
    one = estimate(Ask(model, {"quality": quality, "size": size}, 1, prompt_length=0), DATA)
    all_of_them = estimate(Ask(model, {"quality": quality, "size": size}, n, prompt_length=0), DATA)
    if one is None:
        assert all_of_them is None
    else:
        assert all_of_them == PriceRange(n * one.low, n * one.high)


@settings(deadline=None)
@given(asks, st.sampled_from(["low", "medium", "high"]), st.sampled_from(["1024x1024", "1536x1024"]))
def test_knowing_more_never_leaves_the_range(ask: Ask, quality: str, size: str) -> None:
    """An estimate with auto holds that of each choice, so a cap checked early is not passed later."""
    wide = estimate(Ask(ask.model, {}, None, ask.references), DATA)
    narrow = estimate(
        Ask(ask.model, {"quality": quality, "size": size}, ask.count, ask.references, prompt_length=9), DATA
    )
    if wide and narrow:
        assert wide.low <= narrow.low
        assert narrow.high <= wide.high


# ── after the call ─────────────────────────────────────────────────────────────────────────────────────────────


def cost(model: str, usage: dict[str, Any] | None, pictures: int = 1, references: int = 0, **given: Any) -> str | None:
    found = actual_cost(Ask(model, given, references=references), usage, pictures, DATA)
    return None if found is None else f"{found:f}"


RECORDED = {
    "input_tokens": 1045,
    "input_tokens_details": {"image_tokens": 1024, "text_tokens": 21},
    "output_tokens": 1756,
    "output_tokens_details": {"image_tokens": 1756, "text_tokens": 0},
    "total_tokens": 2801,
}


def test_the_cost_of_an_answer_is_that_of_its_usage() -> None:
    """Text and picture tokens at their own rates, however many pictures there are."""
    assert cost("gpt-image-2", RECORDED, pictures=3) == "0.060977"  # 21 × 5 + 1024 × 8 + 1756 × 30
    assert cost("gpt-image-1", RECORDED) == "0.080585"
    assert cost("gpt-image-2.5-flare-2026-09-08", RECORDED) == "0.060977"


def test_a_model_without_estimates_has_a_cost_where_its_rates_are_known() -> None:
    """2.6 tells its tokens like any other; of chatgpt-image-latest no rate is published."""
    assert cost("gpt-image-2.6-flare", RECORDED) == "0.060977"
    assert cost("chatgpt-image-latest", RECORDED) is None
    assert cost("my-model", RECORDED) is None


@pytest.mark.parametrize(
    ("usage", "references", "usd"),
    [
        ({"input_tokens": 100, "output_tokens": 196}, 0, "0.00638"),
        ({"input_tokens": 100, "output_tokens": 196}, 1, "0.00668"),
        ({"input_tokens": 100, "output_tokens": 196, "input_tokens_details": None}, 0, "0.00638"),
        ({"input_tokens": 100, "input_tokens_details": {"text_tokens": 20}, "output_tokens": 196}, 1, "0.00662"),
        ({"input_tokens": 100, "input_tokens_details": {"image_tokens": 80}, "output_tokens": 196}, 1, "0.00662"),
        ({"input_tokens_details": {"image_tokens": 80, "text_tokens": 20}, "output_tokens": 196}, 1, "0.00662"),
        ({"input_tokens": 100, "output_tokens_details": {"image_tokens": 196}}, 0, "0.00638"),
        ({"input_tokens": 0, "output_tokens": 196, "new": [1]}, 0, "0.00588"),
        ({"output_tokens": 196}, 0, None),
        ({"input_tokens": 100}, 0, None),
        ({"input_tokens": "100", "output_tokens": 196}, 0, None),
        ({"input_tokens": -1, "output_tokens": True}, 0, None),
        ({}, 0, None),
        (None, 0, None),
    ],
)
def test_usage_is_read_leniently(usage: dict[str, Any] | None, references: int, usd: str | None) -> None:
    """Each field may be missing or strange. Without parts, input that may be pictures counts at the dearer rate."""
    found = cost("gpt-image-2", usage, references=references)
    assert (None if found is None else Decimal(found)) == (None if usd is None else Decimal(usd))


def test_a_dalle_answer_costs_what_its_pictures_cost() -> None:
    """It tells no usage; pictures that did not come are not counted, and without a size nobody knows."""
    assert cost("dall-e-2", None, 3, size="256x256", n=4) == "0.048"
    assert cost("dall-e-3", {}, 1, size="1024x1792", quality="hd", style="vivid") == "0.12"
    assert cost("dall-e-2", None, 3) is None


@pytest.mark.parametrize(
    ("header", "usd"),
    [
        ("211", "1"),
        ("4.22", "0.02"),
        (" 0 ", "0"),
        ("1e2", "0.473934"),
        ("-1", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999999", None),
        ("free", None),
        ("", None),
        (None, None),
    ],
)
def test_credits_are_a_211th_of_a_usd(header: str | None, usd: str | None) -> None:
    """As the header of api.comfy.org has them; what is no amount is no cost."""
    assert credits_cost(header, DATA) == (None if usd is None else Decimal(usd))
