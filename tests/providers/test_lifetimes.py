"""Which models are alive on which day, and what a user is told to do about it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.providers.ask import Ask
from graphrun.providers.lifetimes import Alive, Dead, Dying, lifetime
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import ModelMap
from graphrun.providers.remedies import remedy

DATA = ModelData.load()
TODAY = date(2026, 11, 20)
LAST = date(2026, 12, 1)
SUGGESTED = ModelMap.suggested()


@pytest.mark.parametrize(
    ("model", "state"),
    [
        ("dall-e-2", Dead(date(2026, 5, 12))),
        ("dall-e-3", Dead(date(2026, 5, 12))),
        ("gpt-image-1", Dead(date(2026, 10, 23))),
        ("gpt-image-1-mini", Dying(LAST, 11)),
        ("gpt-image-1.5", Dying(LAST, 11)),
        ("chatgpt-image-latest", Dying(LAST, 11)),
        ("gpt-image-2", Alive()),
        ("gpt-image-2-2026-04-21", Alive()),
        ("gpt-image-2.5-flare", Alive()),
        ("gpt-image-2.5-sunburst", Alive()),
        ("gpt-image-2.6-flare", Alive()),
        ("gpt-image-2.6-sunburst", Alive()),
        ("flux-on-my-server", None),
    ],
)
def test_every_model_on_20_november_2026(model: str, state: object) -> None:
    """Three are dead, three die on 1 December, and of a name that isn't OpenAI's nothing is said."""
    assert lifetime(model, TODAY, DATA) == state


@pytest.mark.parametrize(
    ("today", "state"),
    [
        (date(2026, 10, 1), Alive()),
        (date(2026, 10, 2), Dying(LAST, 60)),
        (date(2026, 11, 30), Dying(LAST, 1)),
        (date(2026, 12, 1), Dead(LAST)),
        (date(2030, 1, 1), Dead(LAST)),
    ],
)
def test_a_shutdown_is_told_60_days_ahead(today: date, state: object) -> None:
    """On its very day a model counts as dead."""
    assert lifetime("gpt-image-1.5", today, DATA) == state


@settings(deadline=None)
@given(st.sampled_from(sorted(DATA.models)), st.dates(date(2025, 1, 1), date(2028, 1, 1)), st.integers(0, 500))
def test_no_model_gets_younger(model: str, today: date, later: int) -> None:
    """Alive, then dying, then dead."""
    order = [Alive, Dying, Dead]
    now, then = lifetime(model, today, DATA), lifetime(model, today + timedelta(later), DATA)
    assert order.index(type(now)) <= order.index(type(then))


def told(ask: Ask, today: date = TODAY, model_map: ModelMap = SUGGESTED) -> str | None:
    return remedy(ask, today, DATA, model_map)


def test_a_dead_model_is_told_with_its_date_and_the_flag() -> None:
    """The sentence can be used word for word."""
    assert told(Ask("dall-e-2")) == (
        "OpenAI shut down dall-e-2 on 2026-05-12: add --map-models to use gpt-image-2 instead, "
        "or choose a service that still has it"
    )


def test_a_dying_model_is_told_with_the_days_it_has() -> None:
    """And on its last day with the word for it."""
    said = "add --map-models to use gpt-image-2 instead, or choose another model before then"
    assert told(Ask("gpt-image-1.5")) == f"OpenAI shuts down gpt-image-1.5 on 2026-12-01, in 11 days: {said}"
    assert told(Ask("gpt-image-1.5"), date(2026, 11, 30)) == (
        f"OpenAI shuts down gpt-image-1.5 on 2026-12-01, tomorrow: {said}"
    )


def test_the_successor_is_the_one_that_this_node_would_get() -> None:
    """A transparent background goes to the model that can draw it, and the user's own entries count."""
    assert "use gpt-image-2.5-sunburst instead" in str(told(Ask("gpt-image-1", {"background": "transparent"})))
    own = ModelMap.suggested({"dall-e-2": "gpt-image-2.5-flare"})
    assert "use gpt-image-2.5-flare instead" in str(told(Ask("dall-e-2"), model_map=own))


@pytest.mark.parametrize("own", [{"dall-e-3": "dall-e-3"}, {"dall-e-3": "dall-e-2", "dall-e-2": "dall-e-2"}])
def test_no_flag_is_named_that_would_not_help(own: dict[str, str]) -> None:
    """Where the map keeps the model, or leads to another dead one."""
    assert told(Ask("dall-e-3"), model_map=ModelMap.suggested(own)) == (
        "OpenAI shut down dall-e-3 on 2026-05-12: choose another model, or a service that still has it"
    )
    kept = ModelMap.suggested({"gpt-image-1.5": "gpt-image-1.5"})
    assert told(Ask("gpt-image-1.5"), model_map=kept) == (
        "OpenAI shuts down gpt-image-1.5 on 2026-12-01, in 11 days: choose another model before then"
    )


@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-2.6-flare", "flux-on-my-server"])
def test_of_a_living_or_unknown_model_nothing_is_said(model: str) -> None:
    """No news is good news."""
    assert told(Ask(model)) is None
