"""Ctrl-C and SIGTERM ask a run to stop; a second one cancels what still runs. Only the command line listens to them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from graphrun.kernel.context import StopSignal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ONE_WISH = 0.005  # seconds; timeout(1) signals the program and at once its group too: that is no second wish


@contextmanager
def stopped_by_signals(stop: StopSignal) -> Iterator[list[signal.Signals]]:
    """Pass signals on to ``stop`` while the block runs, on the event loop it runs in. Lists those that came."""
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []
    last = -_ONE_WISH

    def hear(number: signal.Signals) -> None:
        nonlocal last
        if (now := loop.time()) - last >= _ONE_WISH:
            last = now
            heard.append(number)
            stop.stop()

    listened = [number for number in _SIGNALS if _listen(loop, number, hear)]
    try:
        yield heard
    finally:
        for number in listened:
            loop.remove_signal_handler(number)


def _listen(loop: asyncio.AbstractEventLoop, number: signal.Signals, hear: Callable[[signal.Signals], None]) -> bool:
    try:
        loop.add_signal_handler(number, hear, number)
    except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt there, which cancels at once
        return False
    return True
