"""Waiting that a cancellation can't cut short, and waiting that a stop ends at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import ParamSpec, TypeVar

from graphrun.errors import Stopped
from graphrun.kernel.context import StopSignal

P = ParamSpec("P")
T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """Wait for work that has to be done even if the waiting is cancelled: what it keeps may have been paid for."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()


async def in_a_thread(function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run a function in a thread, to its end: what it writes must not happen behind our back.

    Not `asyncio.to_thread`: that makes a task, which a loop that ends cancels; work still in line would never be done.
    """
    return await to_its_end(asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **named)))


def is_being_cancelled() -> bool:
    """Whether the present task was cancelled while it waited for something `to_its_end`."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def ended_by(stop: StopSignal) -> AsyncIterator[None]:
    """End the block where it waits while a stop is asked for, and raise Stopped; for waiting that holds nothing paid.

    A block that has nothing to wait for goes on. Cancels the task from inside as `asyncio.timeout` does, so that what
    the block waits for is told in its own task.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    if task.cancelling():  # while it waited for something `to_its_end`: it would wait here in vain
        raise asyncio.CancelledError
    ended = over = False

    def end() -> None:
        nonlocal ended
        if not ended and not over:  # it may come round when the block has been left
            ended = True
            task.cancel()

    # Only when the block gives way to the loop is `end` called: that is when it waits.
    already = loop.call_soon(end) if stop.requested else None
    forget = stop.listen(loop, end)
    try:
        yield
    except asyncio.CancelledError:
        if ended and task.uncancel() == 0:
            raise Stopped("stopped before it was sent") from None
        raise
    finally:
        over = True
        forget()
        if already is not None:
            already.cancel()
