"""How many pictures are asked for at once, over all calls of a service: narrower when it refuses, wider when it gives.

`Width` decides and knows no event loop; `Throttle` lets calls wait for it. Pictures are counted, not requests, as the
services do (openai-images.md, section 5): a call of n takes n places, or all there are. Calls start in the order in
which they came, so a large one is never overtaken for good by small ones.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from graphrun.errors import UsageError

Caller = TypeVar("Caller")

# A pause beyond this helps nobody: those who wait are better told now, by the refusal that costs nothing.
_LONGEST_PAUSE = 900.0
_LONGEST_REFUSAL = 300.0  # as long as one call waits for its own refusals to end (openai-images.md, section 5)
_SHORT_PAUSE = 1.0  # where a refusal names no time


class Width(Generic[Caller]):
    """The state: who is in, who waits, how wide it is now, and until when nothing starts. Times are a clock's seconds.

    ``most`` is how many pictures there may ever be at once; ``now`` is at most that and at least 1.
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"a service is at least one picture wide, not {most}")
        self.most = most
        self.now = most
        self.busy = 0
        self.closed_until = float("-inf")
        self._burst_until = float("-inf")
        self._waiting: OrderedDict[Caller, int] = OrderedDict()

    def join(self, caller: Caller, pictures: int) -> None:
        """Queue up at the end."""
        self._waiting[caller] = self.places(pictures)

    def quit(self, caller: Caller) -> None:
        """Leave the queue before it was one's turn."""
        self._waiting.pop(caller, None)

    def admit(self, moment: float) -> list[Caller]:
        """Let in, from the head of the queue, whoever has room now, and return them."""
        admitted: list[Caller] = []
        while self._waiting and moment >= self.closed_until:
            caller, places = next(iter(self._waiting.items()))
            # Alone, a call may be larger than the width of the moment: it would wait forever otherwise.
            if self.busy and self.busy + places > self.now:
                break
            del self._waiting[caller]
            self.busy += places
            admitted.append(caller)
        return admitted

    def release(self, pictures: int) -> None:
        """Give the places of an admitted call back."""
        self.busy -= self.places(pictures)

    def places(self, pictures: int) -> int:
        """How many places a call for so many pictures takes."""
        return min(max(pictures, 1), self.most)

    @property
    def waiting(self) -> list[Caller]:
        """Who is in the queue, from its head on."""
        return list(self._waiting)

    def answered(self, headers: Mapping[str, str], moment: float) -> None:
        """Widen by one after a success, and heed what it says is left until the limit's next period."""
        self.now = min(self.most, self.now + 1)
        for unit in ("requests", "images"):
            remaining = headers.get(f"x-ratelimit-remaining-{unit}", "").strip()
            if remaining.isdecimal() and len(remaining) < 10:
                self.now = max(1, min(self.now, int(remaining)))
                if int(remaining) == 0:
                    self._close(duration(headers.get(f"x-ratelimit-reset-{unit}", "")), moment)

    def refused(self, wait: float | None, moment: float) -> None:
        """Halve after a 429 and start nothing for ``wait`` seconds, a short while where it is None.

        Refusals that come during the pause are those of calls that had started before it: they say nothing new.
        """
        pause = _SHORT_PAUSE if wait is None else wait
        if moment >= self._burst_until:
            self.now = max(1, self.now // 2)
        self._burst_until = max(self._burst_until, moment + max(min(pause, _LONGEST_PAUSE), _SHORT_PAUSE))
        if pause <= _LONGEST_REFUSAL:
            self._close(pause, moment)

    def _close(self, pause: float | None, moment: float) -> None:
        if pause is not None and pause <= _LONGEST_PAUSE:
            self.closed_until = max(self.closed_until, moment + pause)


class Throttle:
    """Makes calls wait for their turn. Shared by all calls of a service; they run on one event loop at a time."""

    def __init__(self, width: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._width: Width[_Waiter] = Width(width)
        self._clock = clock
        self._alarm: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def width(self) -> int:
        """How many pictures there may ever be at once."""
        return self._width.most

    @asynccontextmanager
    async def images(self, n: int) -> AsyncIterator[None]:
        """Wait for the turn of a call for ``n`` pictures, and hold its places. Raises what `close` was given."""
        await self._turn(_Waiter(n, self._own_loop().create_future()))
        try:
            yield
        finally:
            self._width.release(n)
            self._admit()

    def answered(self, headers: Mapping[str, str]) -> None:
        """Heed a success: ``headers`` are those of its answer, names in lower case."""
        self._width.answered(headers, self._clock())
        self._admit()

    def refused(self, wait: float | None) -> None:
        """Heed a 429 that asks to wait so many seconds, or doesn't say how many."""
        self._width.refused(wait, self._clock())
        self._admit()

    def close(self, error: Exception) -> None:
        """Raise the error in every call that waits now, because it is true of them all. Later ones may try again."""
        for waiter in self._width.waiting:
            self._width.quit(waiter)
            if not waiter.turn.done():
                waiter.turn.set_exception(error)
        self._admit()

    def _own_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if loop is not self._loop and (self._width.busy or self._width.waiting):
            raise UsageError("this image service is in use on another event loop: make one for each")
        self._loop = loop
        return loop

    async def _turn(self, waiter: _Waiter) -> None:
        self._width.join(waiter, waiter.pictures)
        self._admit()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def _forget(self, waiter: _Waiter) -> None:
        """Undo the wait of a cancelled call, which may have been let in, or failed, at this very moment."""
        self._width.quit(waiter)
        turn = waiter.turn
        if turn.done() and not turn.cancelled() and turn.exception() is None:
            self._width.release(waiter.pictures)
        self._admit()

    def _admit(self) -> None:
        moment = self._clock()
        while admitted := self._width.admit(moment):
            for waiter in admitted:
                if waiter.turn.done():  # cancelled, and its task has not yet come round to `_forget`
                    self._width.release(waiter.pictures)
                else:
                    waiter.turn.set_result(None)
        self._set_alarm(self._width.closed_until - moment)

    def _set_alarm(self, delay: float) -> None:
        """Look again when the pause is over. Without a pause, whoever leaves does."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if delay > 0 and self._width.waiting:
            self._alarm = asyncio.get_running_loop().call_later(delay, self._admit)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    """A call in the queue; its turn is done when it is let in, or told that it won't be."""

    pictures: int
    turn: asyncio.Future[None]


_DURATION = re.compile(
    r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,6}(?:\.\d+)?)s)?(?:(\d{1,9}(?:\.\d+)?)ms)?", re.ASCII
)


def duration(text: str) -> float | None:
    """Read seconds from ``12ms``, ``6m0s``, ``1h2m`` or a plain number; None where it is none of these."""
    text = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text, re.ASCII):
        return float(text)
    parts = _DURATION.fullmatch(text)
    if not text or parts is None:
        return None
    return sum(float(amount or 0) * unit for amount, unit in zip(parts.groups(), (3600, 60, 1, 0.001), strict=True))
