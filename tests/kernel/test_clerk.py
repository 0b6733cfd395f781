"""Work off the event loop, done in turns: what comes in while a thread is busy is its next turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from graphrun.kernel.clerk import Clerk

Turns = list[list[str]]


def counted(turns: Turns) -> Callable[[], AbstractContextManager[None]]:
    """Return a ``together`` that begins a list for each turn."""

    @contextmanager
    def together() -> Iterator[None]:
        turns.append([])
        yield

    return together


def test_what_comes_in_while_a_turn_goes_on_is_the_next_one() -> None:
    """first ─▶ [second, third] ─▶ …, and in the order in which they came."""
    turns: Turns = []
    clerk, began, may_end = Clerk(counted(turns)), threading.Event(), threading.Event()

    def note(name: str) -> str:
        if name == "first":
            began.set()
            may_end.wait(30)
        turns[-1].append(name)
        return name.upper()

    async def work() -> list[str]:
        first = asyncio.create_task(clerk.do(note, "first"))
        await asyncio.to_thread(began.wait, 30)
        others = [asyncio.create_task(clerk.do(note, name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        may_end.set()
        return await asyncio.gather(first, *others)

    assert asyncio.run(work()) == ["FIRST", "SECOND", "THIRD"]
    assert turns == [["first"], ["second", "third"]]


def test_what_one_raises_is_its_own() -> None:
    """Its neighbours in the same turn get their results."""

    async def work() -> list[object]:
        clerk = Clerk(counted([]))
        return await asyncio.gather(*(clerk.do(int, text) for text in ("1", "x", "3")), return_exceptions=True)

    first, wrong, third = asyncio.run(work())
    assert (first, third) == (1, 3)
    assert isinstance(wrong, ValueError)


def test_where_a_turn_fails_at_its_end_nothing_of_it_counts() -> None:
    """All its callers get the error, and the next turn is none the worse."""
    ends = iter([OSError("no room"), None])

    @contextmanager
    def together() -> Iterator[None]:
        yield
        if error := next(ends):
            raise error

    async def work() -> int:
        clerk = Clerk(together)
        with pytest.raises(OSError, match="no room"):
            await clerk.do(int, "1")
        return await clerk.do(int, "2")

    assert asyncio.run(work()) == 2


def test_what_was_given_is_done_although_its_caller_is_cancelled() -> None:
    """What it writes must not happen behind the caller's back: the cancellation waits for it."""
    done, began, may_end = [], threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        may_end.wait(30)
        done.append(True)

    async def work() -> None:
        task = asyncio.create_task(Clerk(counted([])).do(slow))
        await asyncio.to_thread(began.wait, 30)
        task.cancel()
        await asyncio.sleep(0)
        may_end.set()
        await task

    asyncio.run(work())
    assert done == [True]


def test_several_event_loops_share_a_clerk() -> None:
    """Each gets its own results, whichever loop's thread took the turn."""
    clerk = Clerk(counted([]))
    found: dict[int, list[int]] = {}

    async def work(number: int) -> list[int]:
        return [await clerk.do(lambda each=each: number * each) for each in range(50)]  # type: ignore[misc]

    def run(number: int) -> None:
        found[number] = asyncio.run(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: [number * each for each in range(50)] for number in range(3)}
