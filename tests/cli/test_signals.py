"""Signals as wishes: the first stops, a second cancels."""

from __future__ import annotations

import asyncio
import signal

from graphrun.cli.signals import stopped_by_signals
from graphrun.kernel.context import StopSignal


def test_two_signals_at_once_are_one_wish() -> None:
    """timeout(1) signals the program and then its group. A person's second one comes later, and cancels."""

    async def work() -> list[tuple[bool, bool]]:
        stop, seen = StopSignal(), []
        with stopped_by_signals(stop):
            for _ in range(2):
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGTERM)
                await asyncio.sleep(0.02)
                seen.append((stop.requested, stop.cancelled))
        return seen

    assert asyncio.run(work()) == [(True, False), (True, True)]
