"""Waiting that a cancellation can't cut short, and waiting that a stop ends at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from graphrun.errors import Stopped
from graphrun.kernel.context import StopSignal

T = TypeVar("T")


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Wait for work that has to be done even if the waiting is cancelled: what it keeps may have been paid for."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()


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
    before, ended = task.cancelling(), False

    def end() -> None:
        nonlocal ended
        if not ended:
            ended = True
            task.cancel()

    # Only when the block gives way to the loop is `end` called: that is when it waits.
    already = loop.call_soon(end) if stop.requested else None
    forget = stop.listen(loop, end)
    try:
        yield
    except asyncio.CancelledError:
        if ended and task.uncancel() <= before:
            raise Stopped("stopped before it was sent") from None
        raise
    finally:
        forget()
        if already is not None:
            already.cancel()
