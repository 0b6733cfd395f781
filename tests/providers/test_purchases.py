"""Buying by the book: each request is sent once, whatever its process, its run or the weather."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_disk import files_no_larger_than

from graphrun import Folders, ImageAnswer, ImageRequest, ProviderError, RunContext, Stopped, StopSignal
from graphrun.kernel.waiting import in_a_thread
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Ledger, State
from graphrun.providers.metered import AttemptFailed, MeteredService, PictureShelf, Reply, Setback
from graphrun.providers.purchases import Purchases, address_of
from graphrun.providers.retries import RetryPolicy
from graphrun.providers.throttle import Throttle

REQUEST = ImageRequest("some-model", "a fox", {"n": 1}, seed=7)

Deed = Callable[[], Coroutine[Any, Any, None]]


def failing(setback: Setback, *, answer: bytes | None = None, retry_after: float | None = None) -> Deed:
    async def fail() -> None:
        raise AttemptFailed(setback, ProviderError(f"it was {setback.value}", retry_after=retry_after), answer)

    return fail


class Shop(MeteredService):
    """A service in memory: does as it is told for each attempt, then answers; counts what it was asked."""

    def __init__(self, *deeds: Deed, patience: float = 60.0) -> None:
        self.identity, self.capacity = "shop", 4
        self.throttle = Throttle(4)
        self.retries = RetryPolicy(patience=patience)
        self.asked: list[str] = []
        self._deeds: Iterator[Deed] = iter(deeds)

    def prepared(self, request: ImageRequest) -> ImageRequest:
        return request

    async def attempt(self, request: ImageRequest, client_request_id: str) -> Reply:
        self.asked.append(client_request_id)
        if deed := next(self._deeds, None):
            await deed()
        return Reply(200, {"x-request-id": "req_1"}, json.dumps({"for": request.prompt}).encode())

    async def read(self, reply: Reply, pictures: PictureShelf) -> ImageAnswer:
        if b"for" not in reply.body:
            raise ProviderError("no pictures in it", maybe_billed=True)
        return ImageAnswer((reply.body,), (None,), {"total_tokens": 5}, "req_1")

    async def create(self, request: ImageRequest) -> ImageAnswer:
        raise AssertionError("nobody who keeps books calls this")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger")
    yield ledger
    ledger.close()


def context(stop: StopSignal | None = None, *, refreshed: bool = False, told: list[str] | None = None) -> RunContext:
    heard = [] if told is None else told
    return RunContext(
        "1", Folders(Path(), Path(), Path()), "1 (Node)", refreshed, stop=stop or StopSignal(), warn=heard.append
    )


def buy(
    shop: Shop,
    ledger: Ledger,
    request: ImageRequest = REQUEST,
    *,
    errand: Errand | None = None,
    on: RunContext | None = None,
) -> ImageAnswer:
    purchases = Purchases(shop, ledger, errand or Errand()).on_behalf_of(on or context())
    return asyncio.run(purchases.create(request))


def states(ledger: Ledger) -> list[State]:
    return [call.state for call in ledger.calls()]


def test_an_equal_request_is_served_from_the_ledger(ledger: Ledger) -> None:
    """The second run sends nothing and gets the same files."""
    first = buy(Shop(), ledger)
    idle = Shop()
    assert buy(idle, ledger).files == first.files
    assert idle.asked == []
    assert states(ledger) == [State.DECODED]


def test_another_seed_another_parameter_and_another_service_are_other_requests(ledger: Ledger) -> None:
    """Whatever distinguishes requests is bought for itself."""
    shop = Shop()
    buy(shop, ledger)
    buy(shop, ledger, replace(REQUEST, seed=8))
    buy(shop, ledger, replace(REQUEST, parameters={"n": 2}))
    shop.identity = "another shop"
    buy(shop, ledger)
    assert len(shop.asked) == 4
    assert len(set(shop.asked)) == 3


def test_a_refreshed_step_buys_a_new_take_once_a_run(ledger: Ledger) -> None:
    """The wish for another picture is another purchase under another id; the newest take is what is served later."""
    shop, errand = Shop(), Errand()
    buy(shop, ledger)
    buy(shop, ledger, errand=errand, on=context(refreshed=True))
    buy(shop, ledger, errand=errand, on=context(refreshed=True))
    buy(shop, ledger)
    assert shop.asked == [shop.asked[0], f"{shop.asked[0]}-2"]
    assert [call.take for call in ledger.calls()] == [1, 2]


@pytest.mark.parametrize("refreshed", [False, True])
def test_equal_calls_of_one_step_are_one_purchase(ledger: Ledger, *, refreshed: bool) -> None:
    """A list of equal prompts is bought once, also where the user wants it anew and nothing was bought before."""
    shop = Shop()

    async def slices() -> None:
        purchases = Purchases(shop, ledger, Errand()).on_behalf_of(context(refreshed=refreshed))
        await asyncio.gather(*(purchases.create(REQUEST) for _ in range(3)))

    asyncio.run(slices())
    assert len(shop.asked) == 1


def test_the_leave_to_send_again_is_used_once_a_run(ledger: Ledger) -> None:
    """Where answers keep getting lost, three equal calls don't send three that may be charged."""
    shop = Shop(*[failing(Setback.UNKNOWN)] * 9)
    for sent in (1, 2):

        async def slices() -> list[object]:
            purchases = Purchases(shop, ledger, Errand(retry_unknown=True)).on_behalf_of(context())
            return await asyncio.gather(*(purchases.create(REQUEST) for _ in range(3)), return_exceptions=True)

        assert all(isinstance(outcome, ProviderError) for outcome in asyncio.run(slices()))
        assert len(shop.asked) == sent


@pytest.mark.parametrize(
    ("setback", "attempts"),
    [
        (Setback.NOT_SENT, 4),
        (Setback.PARTLY_SENT, 2),
        (Setback.SERVER_ERROR, 3),
        (Setback.UNKNOWN, 1),
        (Setback.REFUSED, 1),
        (Setback.BLOCKED, 1),
        (Setback.NO_MONEY, 1),
    ],
)
def test_only_what_costs_nothing_is_tried_again(setback: Setback, attempts: int, ledger: Ledger) -> None:
    """The retry table, row by row."""
    shop = Shop(*[failing(setback)] * 9)
    shop.retries = replace(shop.retries, first_wait=0.0)
    with pytest.raises(ProviderError, match=setback.value):
        buy(shop, ledger)
    assert len(shop.asked) == attempts
    assert len(set(shop.asked)) == 1


def test_a_rate_limit_is_waited_out(ledger: Ledger) -> None:
    """However often, until the patience ends; then nothing was billed and the next run may ask again."""
    shop = Shop(*[failing(Setback.RATE_LIMITED, retry_after=0.001)] * 5)
    buy(shop, ledger)
    assert len(shop.asked) == 6
    hasty = Shop(failing(Setback.RATE_LIMITED, retry_after=100.0), patience=50.0)
    with pytest.raises(ProviderError, match="rate limited"):
        buy(hasty, ledger, replace(REQUEST, seed=8))
    assert states(ledger) == [State.DECODED, State.FAILED]
    buy(shop, ledger, replace(REQUEST, seed=8))
    assert len(shop.asked) == 7


@pytest.mark.parametrize(("setback", "state"), [(Setback.UNKNOWN, State.UNKNOWN), (Setback.BLOCKED, State.REFUSED)])
def test_what_may_have_been_billed_is_repeated_only_on_request(setback: Setback, state: State, ledger: Ledger) -> None:
    """It stops an equal request until it is asked for on purpose."""
    shop = Shop(failing(setback))
    with pytest.raises(ProviderError, match="--retry-unknown") as told:
        buy(shop, ledger)
    assert told.value.call_id == 1
    assert states(ledger) == [state]
    with pytest.raises(ProviderError, match=r"nothing was sent: .* \(call 1\)"):
        buy(shop, ledger)
    assert len(shop.asked) == 1
    buy(shop, ledger, errand=Errand(retry_unknown=True))
    assert len(shop.asked) == 2
    buy(shop, ledger)
    assert len(shop.asked) == 2


def test_a_settled_call_stops_nothing(ledger: Ledger) -> None:
    """Once a person has looked, an ordinary run sends the request again."""
    shop = Shop(failing(Setback.UNKNOWN))
    with pytest.raises(ProviderError):
        buy(shop, ledger)
    ledger.resolve(1, "charged")
    buy(shop, ledger)
    assert len(shop.asked) == 2


def test_an_answer_that_may_have_cost_something_is_kept(ledger: Ledger) -> None:
    """For the person who wants to complain."""
    with pytest.raises(ProviderError, match="Its answer is kept in") as told:
        buy(Shop(failing(Setback.BLOCKED, answer=b"blocked, req_9")), ledger)
    assert told.value.answer_path is not None
    assert told.value.answer_path.read_bytes() == b"blocked, req_9"


def test_an_unreadable_answer_is_read_again_and_not_bought_again(ledger: Ledger) -> None:
    """Paid is paid: what couldn't be read stays on disk."""

    class Garbling(Shop):
        async def attempt(self, request: ImageRequest, client_request_id: str) -> Reply:
            await super().attempt(request, client_request_id)
            return Reply(200, {}, b"garbage")

    shop = Garbling()
    for _ in range(2):
        with pytest.raises(ProviderError, match="Its raw answer is kept in") as told:
            buy(shop, ledger)
    assert told.value.answer_path is not None
    assert told.value.answer_path.read_bytes() == b"garbage"
    assert len(shop.asked) == 1
    assert states(ledger) == [State.ANSWERED]


def test_an_answer_that_is_neither_kept_nor_readable_waits_for_a_person(ledger: Ledger) -> None:
    """It was paid for, and nothing of it is left: it is not bought again in silence."""

    class Garbling(Shop):
        async def attempt(self, request: ImageRequest, client_request_id: str) -> Reply:
            await super().attempt(request, client_request_id)
            return Reply(200, {}, b"garbage")

    shop = Garbling()
    with pytest.raises(ProviderError):
        buy(shop, ledger)
    path = ledger.answer_path(ledger.call(1))
    assert path is not None
    path.unlink()
    with pytest.raises(ProviderError, match=r"nothing was sent: .* \(call 1\)"):
        buy(shop, ledger)
    assert len(shop.asked) == 1


def test_an_empty_account_ends_the_whole_errand(ledger: Ledger) -> None:
    """One refusal for want of money, and no other call of the run is sent."""
    shop = Shop(failing(Setback.NO_MONEY))
    shop.throttle = Throttle(1)
    errand = Errand()

    async def several() -> list[object]:
        purchases = Purchases(shop, ledger, errand).on_behalf_of(context())
        calls = [purchases.create(replace(REQUEST, seed=seed)) for seed in range(5)]
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(several())
    assert len(shop.asked) == 1
    assert all(isinstance(each, ProviderError) for each in outcomes)
    assert set(states(ledger)) == {State.FAILED}
    with pytest.raises(ProviderError, match="nothing was sent"):
        buy(shop, ledger, replace(REQUEST, seed=9), errand=errand)
    buy(shop, ledger, replace(REQUEST, seed=9))
    assert len(shop.asked) == 2


def test_a_first_stop_lets_the_call_in_flight_finish_and_sends_nothing_more(ledger: Ledger) -> None:
    """What is on its way is stored; what waits for its turn is given up and may be sent later."""
    stop = StopSignal()

    async def stopping() -> None:
        while len(ledger.calls()) < 2:  # noqa: ASYNC110 - the ledger tells nobody
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        stop.stop()
        await asyncio.sleep(0.05)

    shop = Shop(stopping)
    shop.throttle = Throttle(1)

    async def two() -> list[object]:
        purchases = Purchases(shop, ledger, Errand()).on_behalf_of(context(stop))
        calls = [purchases.create(replace(REQUEST, seed=seed)) for seed in range(2)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in asyncio.run(two())} == {ImageAnswer, Stopped}
    assert set(states(ledger)) == {State.DECODED, State.FAILED}


def test_a_cancelled_call_is_unknown(ledger: Ledger) -> None:
    """Nobody will ever hear what became of it, and the user is told its number."""
    told: list[str] = []

    async def cancelled() -> None:
        begun = asyncio.Event()

        async def hanging() -> None:
            begun.set()
            await asyncio.sleep(60)

        purchases = Purchases(Shop(hanging), ledger, Errand()).on_behalf_of(context(told=told))
        task = asyncio.create_task(purchases.create(REQUEST))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert states(ledger) == [State.UNKNOWN]
    assert any("call 1" in message for message in told)


def test_a_locked_ledger_does_not_hold_up_the_event_loop(tmp_path: Path) -> None:
    """Calls are cancelled while another process writes: it is the loop itself that ends the wait here."""
    ledger = Ledger(tmp_path / "ledger", busy_seconds=5.0)

    async def cancelled() -> None:
        both = asyncio.Barrier(3)

        async def hanging() -> None:
            await both.wait()
            await asyncio.sleep(60)

        shop = Shop(hanging, hanging)
        asking = Purchases(shop, ledger, Errand()).on_behalf_of(context())
        tasks = [asyncio.create_task(asking.create(replace(REQUEST, seed=seed))) for seed in (1, 2)]
        await both.wait()
        with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError}

    asyncio.run(cancelled())
    assert states(ledger) == [State.UNKNOWN, State.UNKNOWN]
    ledger.close()


def test_two_at_once_buy_once(ledger: Ledger, tmp_path: Path) -> None:
    """Two nodes, or two processes with a ledger each, that ask the same at once: one sends, all are served."""
    shop = Shop(lambda: asyncio.sleep(0.05))
    other = Ledger(tmp_path / "ledger")

    async def both() -> list[ImageAnswer]:
        makers = [Purchases(shop, book, Errand()).on_behalf_of(context()) for book in (ledger, ledger, other)]
        return await asyncio.gather(*(maker.create(REQUEST) for maker in makers))

    answers = asyncio.run(both())
    other.close()
    assert len(shop.asked) == 1
    assert len({answer.files for answer in answers}) == 1


def test_a_step_cancelled_before_it_asks_keeps_no_address(ledger: Ledger) -> None:
    """A cancellation that came while something was done `to_its_end` shows only when it has the address already."""
    shop = Shop()

    async def cancelled_step() -> None:
        await in_a_thread(time.sleep, 0.05)
        await Purchases(shop, ledger, Errand()).on_behalf_of(context()).create(REQUEST)

    async def work() -> None:
        step = asyncio.create_task(cancelled_step())
        await asyncio.sleep(0)
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step

    asyncio.run(work())
    assert shop.asked == []
    with ledger.lock(address_of(shop, REQUEST)) or pytest.fail("nobody has it"):
        pass


def test_a_paid_answer_is_read_although_the_books_are_full(ledger: Ledger) -> None:
    """The room for the answer was reserved, none for the row: the caller has his picture, and is told."""
    full, told = ExitStack(), list[str]()

    async def fill() -> None:
        log = ledger.path.with_name(f"{ledger.path.name}-wal")
        full.enter_context(files_no_larger_than(log.stat().st_size))

    with full:
        answer = buy(Shop(fill), ledger, on=context(told=told))
    assert answer.files
    assert "could not be booked" in " ".join(told)
    assert states(ledger) == [State.SENT]
    again = Shop()
    assert buy(again, ledger).files == answer.files
    assert again.asked == []
