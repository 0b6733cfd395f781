"""Runs sync functions in a pool of threads: torch and Pillow release the interpreter lock while they compute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class ThreadExecutor:
    """A pool of ``width`` threads, shared by the runs of one engine. Close it when done."""

    def __init__(self, width: int) -> None:
        self._pool = ThreadPoolExecutor(width, thread_name_prefix="graphrun")

    async def run(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns, or raise what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    def close(self) -> None:
        """Let running calls end on their own and take no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
