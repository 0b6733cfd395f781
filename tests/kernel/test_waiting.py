"""Waiting that ends at a stop, and waiting that doesn't end before its time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from graphrun import Stopped, StopSignal
from graphrun.kernel.waiting import ended_by, in_a_thread, is_being_cancelled, to_its_end


def test_a_stop_ends_the_waiting_at_once() -> None:
    """Whoever waits for a turn learns of the stop, and its task goes on uncancelled."""

    async def waiting() -> int:
        stop = StopSignal()
        asyncio.get_running_loop().call_soon(stop.stop)
        with pytest.raises(Stopped):
            async with ended_by(stop):
                await asyncio.sleep(60)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert asyncio.run(waiting()) == 0


def test_a_stop_from_another_thread_is_heard() -> None:
    """A signal handler or a server's thread may ask for it."""

    async def waiting() -> None:
        stop = StopSignal()
        threading.Timer(0.01, stop.stop).start()
        async with ended_by(stop):
            await asyncio.sleep(60)

    with pytest.raises(Stopped):
        asyncio.run(waiting())


def test_after_a_stop_only_what_has_to_wait_ends() -> None:
    """What was begun goes on as long as nothing keeps it waiting."""

    async def waiting(seconds: float | None) -> str:
        stop = StopSignal()
        stop.stop()
        async with ended_by(stop):
            if seconds is not None:
                await asyncio.sleep(seconds)
        await asyncio.sleep(0.01)
        return "went on"

    assert asyncio.run(waiting(None)) == "went on"
    with pytest.raises(Stopped):
        asyncio.run(waiting(60))


def test_a_stop_after_the_waiting_changes_nothing() -> None:
    """What follows the block is not ended with it."""

    async def waiting() -> str:
        stop = StopSignal()
        async with ended_by(stop):
            await asyncio.sleep(0)
        stop.stop()
        await asyncio.sleep(0.01)
        return "went on"

    assert asyncio.run(waiting()) == "went on"


def test_a_real_cancellation_stays_one() -> None:
    """Only our own cancellation is turned into Stopped."""

    async def waiting() -> None:
        async with ended_by(StopSignal()):
            await asyncio.sleep(60)

    async def outside() -> None:
        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(outside())


def test_work_goes_to_its_end_and_the_cancellation_is_remembered() -> None:
    """What was begun is done, however often the waiting is cancelled, and the waiter can see that it was."""

    async def working() -> tuple[str, bool]:
        return await to_its_end(asyncio.sleep(0.02, "done")), is_being_cancelled()

    async def outside() -> tuple[str, bool]:
        task = asyncio.create_task(working())
        for _ in range(3):
            await asyncio.sleep(0.002)
            task.cancel()
        return await task

    assert asyncio.run(outside()) == ("done", True)


def test_a_task_cancelled_meanwhile_waits_for_nothing_more() -> None:
    """The cancellation that work `to_its_end` held back ends the next waiting."""

    async def working() -> None:
        await to_its_end(asyncio.sleep(0.01))
        async with ended_by(StopSignal()):
            await asyncio.sleep(60)

    async def outside() -> None:
        task = asyncio.create_task(working())
        await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(outside())


def test_what_a_thread_writes_is_written_even_if_the_loop_ends() -> None:
    """A loop that ends cancels its tasks; what was in line for a thread is done all the same."""
    done: list[int] = []

    async def leaving() -> None:
        work = [asyncio.create_task(in_a_thread(_after, 0.005, done.append, number)) for number in range(50)]
        await asyncio.sleep(0)
        assert len(work) == 50

    asyncio.run(leaving())
    assert sorted(done) == list(range(50))


def _after(seconds: float, work: Callable[[int], None], number: int) -> None:
    time.sleep(seconds)
    work(number)
