"""Money: told before, capped during, known after."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from priced_runs import ONE, fan, forecast, lakes, picture, run, settings_in

from graphrun import LimitError, UsageError
from graphrun.amounts import rounded_up
from graphrun.cli.exit_codes import REFUSED, run_exit_code
from graphrun.kernel.events import CostEstimated, Event, RunFinished, RunStarted
from graphrun.providers.ledger import Ledger, State
from graphrun.providers.metered import Tariff
from graphrun.providers.prices import PriceRange
from graphrun.providers.retries import RetryPolicy
from graphrun.settings import settings_from_environment
from graphrun.testing import CutConnection, FaultyImages, Good, Moderated, RateLimited


@pytest.fixture
def service() -> Iterator[FaultyImages]:
    with FaultyImages(answer=Good(latency=0.01)) as faulty:
        yield faulty


# ── told before ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_estimate_is_a_range_per_node_and_in_total(service: FaultyImages, tmp_path: Path) -> None:
    """What the workflow fixes has one price, an open size and quality have a range; the prices are dated."""
    graph = {**fan(["a fox"]), "open": picture("a fox", size="auto", quality="high")}
    graph["show"] = {"class_type": "PreviewImage", "inputs": {"images": ["open", 0]}}
    outlay = forecast(tmp_path, service, graph).outlay
    assert outlay is not None
    fixed, wide = outlay.estimates
    assert fixed.price == PriceRange(Decimal("0.00589"), Decimal("0.00589"))
    assert wide.price is not None
    assert wide.price.low < wide.price.high
    assert outlay.total == fixed.price + wide.price
    assert str(outlay.as_of) == "2026-11-20"
    assert service.requests == ()


def test_what_the_cache_and_the_ledger_hold_is_free(service: FaultyImages, tmp_path: Path) -> None:
    """The ledger by the very request, also without the cache; a refreshed node is bought anew."""
    run(tmp_path, service, fan(lakes(2)))
    graph = fan(lakes(3))

    def prices(**options: Any) -> list[str]:
        outlay = forecast(tmp_path, service, graph, **options).outlay
        assert outlay is not None
        return [str(each.price.high) if each.price else "?" for each in outlay.estimates]

    assert prices() == ["0", "0", ONE]
    assert prices(cache="off") == ["0", "0", ONE]
    assert prices(refresh=["make 0"]) == [ONE, "0", ONE]


def test_unknown_prices_are_called_unknown(service: FaultyImages, tmp_path: Path) -> None:
    """At a server of one's own; and a linked list makes an unknown number of calls of a known price."""
    outlay = forecast(tmp_path, service, fan(["a fox"]), tariff=Tariff.UNKNOWN).outlay
    assert outlay is not None
    assert [each.price for each in outlay.unknown] == [None]
    assert outlay.total == PriceRange(Decimal(0), Decimal(0))
    assert "no price is known for gpt-image-2" in outlay.unknown[0].remark


def test_a_run_tells_the_estimate_before_it_buys(service: FaultyImages, tmp_path: Path) -> None:
    """Right after the plan; nothing is told where no node asks a service."""
    heard: list[Event] = []
    run(tmp_path, service, fan(lakes(2)), emit=heard.append)
    assert [type(event) for event in heard[:2]] == [RunStarted, CostEstimated]
    told = heard[1].to_json()
    assert (told["low"], told["high"], told["unknown"], told["as_of"]) == ("0.01179", "0.01179", 0, "2026-11-20")
    assert [node["high"] for node in told["nodes"]] == [ONE, ONE]


# ── capped during ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("price", [ONE, rounded_up(Decimal(ONE))], ids=["exact", "as printed"])
def test_a_cap_for_seven_lets_exactly_seven_through(service: FaultyImages, tmp_path: Path, price: str) -> None:
    """The other thirteen are refused with the amounts and the flag, exit 3; a higher cap buys those alone."""
    first = run(tmp_path, service, fan(lakes(20)), max_cost=7 * Decimal(price))
    assert len(service.requests) == 7
    assert len(list((tmp_path / "output").glob("*.png"))) == 7
    assert run_exit_code(first) == REFUSED
    assert {type(failure.__cause__) for failure in first.failures} == {LimitError}
    assert len({failure.message for failure in first.failures}) == 1, "told in one sentence"
    assert "0.0413 USD are spent, and this call may cost 0.0059 USD" in first.failures[0].message
    assert "--max-cost 0.0472 would allow it" in first.failures[0].message
    second = run(tmp_path, service, fan(lakes(20)), max_cost=1)
    assert second.ok
    assert len(service.requests) == 20
    assert second.cost == 13 * Decimal(ONE)


def test_the_default_cap_is_five_usd(service: FaultyImages, tmp_path: Path) -> None:
    """Settable once for all runs, and off."""
    graph = fan(lakes(4), quality="high", n=8, size="2048x2048")  # 3.43 USD each
    service.script(answer=Good(usage=None, size=(8, 8)))
    assert len(run(tmp_path, service, graph).failures) == 3
    assert run(tmp_path, service, graph, max_cost="none").ok


def test_a_cap_counts_the_pictures_too(service: FaultyImages, tmp_path: Path) -> None:
    """n counts n, and an unknown price doesn't matter."""
    result = run(tmp_path, service, fan(lakes(4), n=3), max_images=7, tariff=Tariff.UNKNOWN)
    assert len(service.requests) == 2
    assert "--max-images 9 would allow it" in result.failures[0].message
    assert run_exit_code(result) == REFUSED


def test_what_was_certainly_not_billed_gives_its_room_back(tmp_path: Path) -> None:
    """A refused prompt and a rate limit cost nothing; a picture blocked after it was made may have."""
    prompts = lakes(3)
    scripted = {prompts[0]: [Moderated(stage="input")], prompts[1]: [RateLimited(retry_after_ms=5)]}
    with FaultyImages(prompts=scripted) as service:
        result = run(tmp_path, service, fan(prompts), max_cost=2 * Decimal(ONE))
    assert [failure.node_id for failure in result.failures] == ["make 0"]
    assert result.cost == 2 * Decimal(ONE)
    with FaultyImages(answers=[Moderated(stage="output")]) as service:
        result = run(tmp_path / "other", service, fan(prompts), max_cost=2 * Decimal(ONE))
        assert len(service.requests) == 2
    assert result.cost is None


def test_cached_and_offline_pictures_need_no_budget(service: FaultyImages, tmp_path: Path) -> None:
    """Nothing is bought."""
    run(tmp_path, service, fan(lakes(2)))
    again = run(tmp_path, service, fan(lakes(2)), max_cost=0, cache="off")
    assert again.ok
    assert again.cost == 0
    free = run(tmp_path, service, fan(lakes(3)), max_cost=0, tariff=Tariff.FREE, cache="off")
    assert free.ok
    assert free.warnings == ()


def test_an_unknown_price_is_told_once_and_not_counted(service: FaultyImages, tmp_path: Path) -> None:
    """Unless no money is capped."""
    result = run(tmp_path, service, fan(lakes(3)), max_cost=0, tariff=Tariff.UNKNOWN)
    assert result.ok
    assert [warning.partition(": ")[2][:32] for warning in result.warnings] == ["no price is known for gpt-image-"]
    assert "--max-images bounds it" in result.warnings[0]
    assert run(tmp_path, service, fan(["x"]), max_cost="none", tariff=Tariff.UNKNOWN).warnings == ()


@pytest.mark.parametrize("cap", ["much", -1, "nan", float("inf"), True, "1e99"])
def test_a_cap_that_is_no_amount_is_a_wrong_call(service: FaultyImages, tmp_path: Path, cap: object) -> None:
    """Before anything runs."""
    with pytest.raises(UsageError, match="--max-cost"):
        run(tmp_path, service, fan(lakes(1)), max_cost=cap)
    with pytest.raises(UsageError, match="--max-images"):
        run(tmp_path, service, fan(lakes(1)), max_images="many")


def test_a_day_has_a_cap_of_its_own(service: FaultyImages, tmp_path: Path) -> None:
    """Over all runs that share a ledger; the refusal names the setting."""
    settings = settings_in(tmp_path, max_cost_per_day=Decimal("0.03"))
    assert run(tmp_path, service, fan(lakes(4)), settings=settings).ok
    result = run(tmp_path, service, fan(lakes(7)), settings=settings)
    assert len(service.requests) == 5
    assert len(result.failures) == 2
    assert "GRAPHRUN_MAX_COST_PER_DAY=0.0354 would allow it" in result.failures[0].message


@pytest.mark.parametrize(("room", "requests"), [(1, 1), (2, 2)])
def test_a_repeated_call_that_may_be_billed_twice_needs_room_for_both(tmp_path: Path, room: int, requests: int) -> None:
    """Where a user wants lost answers asked for again: the lost one counts as spent, in the run and in the day."""
    with FaultyImages(answers=[CutConnection(when="before")]) as service:
        policy = RetryPolicy(unknown=1, first_wait=0.01)
        result = run(tmp_path, service, fan(lakes(1)), max_cost=room * Decimal(ONE), retries=policy)
        assert len(service.requests) == requests
    assert result.ok == (requests == 2)
    ledger = Ledger(tmp_path / "data" / "ledger")
    [call] = ledger.calls()
    ledger.close()
    assert call.reserved == room * Decimal(ONE)
    assert call.state is (State.DECODED if result.ok else State.UNKNOWN)


def test_caps_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """``none`` is no cap; what makes no sense names its variable."""
    assert settings_from_environment().max_cost == 5
    for name, text in (("COST", "None"), ("COST_PER_DAY", "2.50"), ("IMAGES", "12")):
        monkeypatch.setenv(f"GRAPHRUN_MAX_{name}", text)
    settings = settings_from_environment()
    assert (settings.max_cost, settings.max_cost_per_day, settings.max_images) == (None, Decimal("2.5"), 12)
    monkeypatch.setenv("GRAPHRUN_MAX_COST", "-1")
    with pytest.raises(UsageError, match="GRAPHRUN_MAX_COST=-1"):
        settings_from_environment()
    monkeypatch.setenv("GRAPHRUN_MODEL_MAP", "dall-e-3: gpt-image-2")
    with pytest.raises(UsageError, match=r'write GRAPHRUN_MODEL_MAP as \{"old": "new"\}'):
        settings_from_environment()


# ── known after ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_cost_is_what_the_usage_says(service: FaultyImages, tmp_path: Path) -> None:
    """Per node and run, in the result, its JSON and the ledger."""
    usage = {"input_tokens": 100, "output_tokens": 1000}
    service.script(answer=Good(usage=usage))
    result = run(tmp_path, service, fan(lakes(2)))
    assert result.cost == Decimal("0.061")
    assert result["make 0"].cost == Decimal("0.0305")
    [charge] = result["make 0"].charges
    assert (charge.asked.model, charge.cost) == ("gpt-image-2", Decimal("0.0305"))
    assert (result.to_json()["cost"], result.to_json()["nodes"]["make 0"]["cost"]) == ("0.061", "0.0305")
    ledger = Ledger(tmp_path / "data" / "ledger")
    assert [(call.cost, call.reserved) for call in ledger.calls()] == [(Decimal("0.0305"), Decimal(ONE))] * 2
    ledger.close()


def last_event(folder: Path, service: FaultyImages, workflow: Any, **options: Any) -> dict[str, Any]:
    """Run, and return the last thing that was told of it."""
    heard: list[Event] = []
    run(folder, service, workflow, emit=heard.append, **options)
    return heard[-1].to_json()


def test_the_last_event_says_what_the_run_cost(service: FaultyImages, tmp_path: Path) -> None:
    """As a plain number, also of a run that failed; nothing for what was there already."""
    service.script(prompts={"bad": [Moderated()] * 2})
    told = last_event(tmp_path, service, fan([*lakes(2), "bad"]))
    assert (told["event"], told["ok"], told["cost"]) == ("RunFinished", False, "0.01179")
    assert last_event(tmp_path, service, fan(lakes(2)))["cost"] == "0"
    assert last_event(tmp_path, service, {"1": {"class_type": "PreviewAny", "inputs": {"source": "x"}}})["cost"] == "0"


def test_the_last_event_has_no_cost_where_nobody_knows_it(service: FaultyImages, tmp_path: Path) -> None:
    """Not even that of the calls whose cost is known: it would be too low."""
    service.script([Good(usage=None)])
    assert last_event(tmp_path, service, fan(lakes(2)))["cost"] is None


def test_a_listener_that_fails_at_the_end_is_told_of(service: FaultyImages, tmp_path: Path) -> None:
    """As one that fails before: what it raised is raised, after the run."""

    def fail_at_the_end(event: Event) -> None:
        if isinstance(event, RunFinished):
            raise OSError("the pipe is closed")

    with pytest.raises(OSError, match="the pipe is closed"):
        run(tmp_path, service, fan(lakes(1)), emit=fail_at_the_end)
    assert len(service.requests) == 1


@pytest.mark.parametrize("usage", [None, {"output_tokens": 10**30, "input_tokens": 1}], ids=["none", "absurd"])
def test_a_cost_nobody_knows_is_none(service: FaultyImages, tmp_path: Path, usage: dict[str, object] | None) -> None:
    """What was reserved counts against the cap then."""
    service.script(answer=Good(usage=usage))
    result = run(tmp_path, service, fan(lakes(3)), max_cost=2 * Decimal(ONE))
    assert len(service.requests) == 2
    assert result.cost is None


def test_a_lost_answer_counts_as_spent(tmp_path: Path) -> None:
    """Nobody knows whether it was billed."""
    with FaultyImages(answers=[CutConnection(when="before")]) as service:
        result = run(tmp_path, service, fan(lakes(2)), max_cost=Decimal(ONE))
        assert len(service.requests) == 1
    assert len(result.failures) == 2
    assert result.cost is None
