"""Work off the event loop that costs less done together: what comes in while a thread is busy is its next turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from graphrun.kernel.waiting import to_its_end

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Errand:
    """A piece of work, and whom to tell what became of it."""

    work: Callable[[], Any]
    result: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    value: Any = None
    error: BaseException | None = None

    def run(self) -> None:
        self.error = None
        try:
            self.value = self.work()
        except StopIteration as error:  # a future refuses it, and all who wait would wait for ever
            self.error = RuntimeError(f"unexpected {error!r}")
        except BaseException as error:  # it is the caller's, whatever it is
            self.error = error

    def settle(self) -> None:
        if self.result.done():
            return
        if self.error is None:
            self.result.set_result(self.value)
        else:
            self.result.set_exception(self.error)


class Clerk:
    """Calls what it is given in the order in which it came, turn after turn, each turn inside ``together()``.

    Where a busy loop hands each piece over to a thread of its own, as many threads compete for the interpreter; a clerk
    has one, and wakes the loop once a turn. Serves several event loops. Where ``together`` raises, nothing of the turn
    counts, and each piece is done again by itself: nobody gets another's error, and who knows what to do about his own
    can do it.
    """

    def __init__(self, together: Callable[[], AbstractContextManager[None]]) -> None:
        self._together = together
        # Begun when first needed, and ended when the clerk is no longer referred to.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="graphrun-clerk")
        self._guard = threading.Lock()
        self._waiting: list[_Errand] = []
        self._is_busy = False

    async def do(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Return what a function returns, or raise what it raises. Once given, it is called, cancelled or not."""
        errand = _Errand(partial(function, *args, **named), asyncio.get_running_loop().create_future())
        with self._guard:
            self._waiting.append(errand)
            begins, self._is_busy = not self._is_busy, True
        if begins:
            self._begin()
        result: T = await to_its_end(errand.result)
        return result

    def _begin(self) -> None:
        try:
            self._thread.submit(self._work)
        except RuntimeError:  # once the main thread has ended, Python begins nothing in pools: but this may be paid for
            self._work()

    def _work(self) -> None:
        while errands := self._next_turn():
            self._take_turn(errands)
            for loop in {errand.loop for errand in errands}:
                with suppress(RuntimeError):  # it was closed: nobody waits there any more
                    loop.call_soon_threadsafe(_settle, [errand for errand in errands if errand.loop is loop])

    def _next_turn(self) -> Sequence[_Errand]:
        with self._guard:
            errands, self._waiting = self._waiting, []
            self._is_busy = bool(errands)
        return errands

    def _take_turn(self, errands: Sequence[_Errand]) -> None:
        try:
            with self._together():
                for errand in errands:
                    errand.run()
        except BaseException:  # not the clerk's to tell: what fails again tells it to its own caller
            for errand in errands:
                errand.run()


def _settle(errands: Sequence[_Errand]) -> None:
    for errand in errands:
        errand.settle()
