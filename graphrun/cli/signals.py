"""Ctrl-C and SIGTERM ask a run to stop; a second one cancels what still runs. Only the command line listens to them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from graphrun.kernel.context import StopSignal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals(stop: StopSignal) -> Iterator[None]:
    """Pass signals on to ``stop`` while the block runs, on the event loop it runs in."""
    loop = asyncio.get_running_loop()
    listened = [number for number in _SIGNALS if _listen(loop, number, stop)]
    try:
        yield
    finally:
        for number in listened:
            loop.remove_signal_handler(number)


def _listen(loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: StopSignal) -> bool:
    try:
        loop.add_signal_handler(number, stop.stop)
    except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt there, which cancels at once
        return False
    return True
