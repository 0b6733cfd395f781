"""Work off the event loop, done in turns: what comes in while a thread is busy is its next turn."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from graphrun.kernel.clerk import Clerk

Turns = list[list[str]]

AFTER_THE_MAIN_THREAD = """
import asyncio, threading
from contextlib import nullcontext
from graphrun.kernel.clerk import Clerk

async def work():
    clerk = Clerk(nullcontext)
    print(await clerk.do(str, "before"))
    while threading.main_thread().is_alive():
        await asyncio.sleep(0.01)
    print(await asyncio.wait_for(clerk.do(str, "after"), 30))

threading.Thread(target=lambda: asyncio.run(work())).start()
"""


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


def test_a_stop_iteration_is_told_like_any_error() -> None:
    """Futures refuse it: a slip in a codec must not leave those that wait without an answer."""

    async def work() -> list[object]:
        clerk = Clerk(counted([]))
        empty = iter(list[int]())
        return await asyncio.gather(clerk.do(next, empty), clerk.do(int, "2"), return_exceptions=True)

    wrong, two = asyncio.run(work())
    assert isinstance(wrong, RuntimeError)
    assert two == 2


def test_where_a_turn_fails_at_its_end_each_is_done_by_itself() -> None:
    """Nothing of it counted. Nobody gets an error that isn't his, and the next turn is none the worse."""
    ends = iter([OSError("no room")])
    calls: list[str] = []

    @contextmanager
    def together() -> Iterator[None]:
        yield
        if error := next(ends, None):
            raise error

    def number(text: str) -> int:
        calls.append(text)
        return int(text)

    async def work() -> list[object]:
        clerk = Clerk(together)
        found = await asyncio.gather(*(clerk.do(number, text) for text in ("1", "x")), return_exceptions=True)
        return [*found, await clerk.do(number, "2")]

    one, wrong, two = asyncio.run(work())
    assert (one, two) == (1, 2)
    assert isinstance(wrong, ValueError)
    assert calls in (["1", "x", "1", "x", "2"], ["1", "1", "x", "2"])


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


def test_what_comes_in_after_the_main_thread_has_ended_is_done() -> None:
    """By then Python refuses work for pools; but a paid answer may come that late to a thread that still runs."""
    command = [sys.executable, "-c", AFTER_THE_MAIN_THREAD]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout.split(), done.stderr) == (["before", "after"], "")
