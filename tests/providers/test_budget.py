"""The budget of a run: room is held, given back, and waited for."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun import LimitError
from graphrun.amounts import plain, rounded_up, usd, usd_range
from graphrun.providers.budget import Budget, Caps
from graphrun.providers.caps import amount_of

ONE = Decimal("1")


def test_a_call_waits_for_those_that_may_turn_out_cheaper() -> None:
    """It is refused only by what is spent, so that luck decides nothing."""

    async def play() -> list[str]:
        budget, story = Budget(Caps(cost=ONE)), list[str]()
        held = await budget.reserve(ONE, 1)

        async def second() -> None:
            await budget.reserve(ONE / 2, 1)
            story.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        story.append("first is cheap")
        budget.settle(held, ONE / 4, billed=True)
        await waiting
        with pytest.raises(LimitError, match=r"1 USD, of which 0.25 USD are spent, and this call may cost 0.8 USD"):
            await budget.reserve(Decimal("0.8"), 1)
        return story

    assert asyncio.run(play()) == ["first is cheap", "second"]


def test_an_answer_can_not_make_itself_cheaper_than_the_table() -> None:
    """A cap for seven holds at seven, whatever a gateway reports as used."""

    async def play() -> None:
        budget = Budget(Caps(cost=7 * ONE))
        for _ in range(7):
            held = await budget.reserve(ONE, 1, least=ONE)
            budget.settle(held, ONE / 100, billed=True)
        with pytest.raises(LimitError, match=r"7 USD, of which 7 USD are spent"):
            await budget.reserve(ONE, 1, least=ONE)

    asyncio.run(play())


def test_room_is_given_back_once() -> None:
    """However often a call's end is told."""

    async def play() -> None:
        budget = Budget(Caps(cost=ONE))
        held = await budget.reserve(ONE, 1)
        budget.settle(held, None, billed=False)
        budget.settle(held, None, billed=True)
        assert (budget.spent, budget.images) == (0, 0)
        await budget.reserve(ONE, 1)

    asyncio.run(play())


def test_an_attempt_that_may_be_billed_counts_before_the_next() -> None:
    """Where there is no room for both, there is no next."""

    async def play() -> None:
        budget = Budget(Caps(cost=2 * ONE))
        held = await budget.reserve(ONE, 1)
        assert budget.repeats(held)
        assert budget.spent == ONE
        assert not budget.repeats(held)

    asyncio.run(play())


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), max_size=30), st.integers(0, 200))
def test_nothing_is_sent_beyond_the_cap(calls: list[tuple[int, int, bool]], cap: int) -> None:
    """Whatever calls cost, none is sent where what is spent and what it may cost exceed the cap."""

    async def play() -> None:
        budget = Budget(Caps(cost=Decimal(cap)))

        async def call(price: int, cost: int, billed: bool) -> None:
            try:
                held = await budget.reserve(Decimal(price), 1)
            except LimitError:
                assert budget.spent + price > cap
                return
            assert budget.spent + price <= cap
            await asyncio.sleep(0)
            budget.settle(held, Decimal(min(cost, price)), billed=billed)
            assert budget.spent <= cap

        await asyncio.gather(*(call(*each) for each in calls))

    asyncio.run(play())


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.005895", "0.0059"), ("5", "5"), ("10", "10"), ("0.00001", "0.0001"), ("0", "0")]
)
def test_amounts_are_shown_rounded_up(amount: str, shown: str) -> None:
    """So that what is shown is enough as a cap."""
    assert rounded_up(Decimal(amount)) == shown
    assert usd(Decimal(amount)) == f"{shown} USD"


def test_a_range_of_one_amount_is_one_amount() -> None:
    """And programs get amounts exactly."""
    assert usd_range(ONE, ONE) == "1 USD"
    assert usd_range(Decimal("0.1"), ONE) == "0.1 to 1 USD"
    assert plain(Decimal("0.03050")) == "0.0305"
    assert plain(Decimal("1E+2")) == "100"


@pytest.mark.parametrize(("given", "amount"), [("2.50", "2.5"), (0.29, "0.29"), (7, "7"), (Decimal(1), "1")])
def test_a_cap_is_what_was_written(given: object, amount: str) -> None:
    """A float as it reads, not as it is stored."""
    assert amount_of(given, "--max-cost") == Decimal(amount)
    assert amount_of("None", "--max-cost") is None
