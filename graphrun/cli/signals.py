"""Ctrl-C and SIGTERM ask a run to stop; a second one cancels what still runs. Only the command line listens to them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from graphrun.kernel.context import StopSignal

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals(stop: StopSignal) -> Iterator[list[signal.Signals]]:
    """Pass signals on to ``stop`` while the block runs, on the event loop it runs in. Lists those that came."""
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []
    listened = [number for number in _SIGNALS if _listen(loop, number, stop, heard)]
    try:
        yield heard
    finally:
        for number in listened:
            loop.remove_signal_handler(number)


def _listen(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: StopSignal, heard: list[signal.Signals]
) -> bool:
    def hear() -> None:
        heard.append(number)
        stop.stop()

    try:
        loop.add_signal_handler(number, hear)
    except NotImplementedError:  # Windows: Ctrl-C raises KeyboardInterrupt there, which cancels at once
        return False
    return True
