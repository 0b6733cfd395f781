"""An image service on loopback that goes wrong on request, for tests of clients and of whole runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Self

from graphrun.testing.answer import Answer
from graphrun.testing.arrivals import Arrival, Arrivals
from graphrun.testing.faulty_server import FaultyServer
from graphrun.testing.good import Good
from graphrun.testing.script import Chooser, Script

_PATIENCE = 10.0  # seconds for its thread to start, and to end


class FaultyImages:
    """An image service as OpenAI's, over real sockets, that does to each request what its script says.

    It has a thread and an event loop of its own, so synchronous tests, event loops and other processes can call it::

        with FaultyImages(answers=[RateLimited(retry_after="1"), CutConnection(when="during")]) as service:
            environment = {"OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": "sk-test"}
            ...                                        # two requests go wrong, all others are answered well
            assert [request.status for request in service.requests] == [429, 200]
            assert service.requests[0].heard.model == "gpt-image-2"

    A request must be one that OpenAI would accept (`graphrun.providers.offline_rules`), else it gets OpenAI's refusal
    and uses up nothing of the script. ``answers`` are given in order of arrival; ``prompts`` maps a prompt to its own
    answers, which come first; all other requests get ``answer``, or what it returns for a request and its
    number among the accepted ones, counted from 1. An exception in that function is raised when the service is left.
    ``port`` 0 is any that is free. Usable once.
    """

    def __init__(
        self,
        answers: Iterable[Answer] = (),
        *,
        prompts: Mapping[str, Iterable[Answer]] | None = None,
        answer: Answer | Chooser | None = None,
        port: int = 0,
    ) -> None:
        self._arrivals = Arrivals()
        self._server = FaultyServer(_script(answers, prompts, answer), self._arrivals)
        self._port = port
        self._started: Future[_Running] = Future()
        self._thread = threading.Thread(target=self._run, name="faulty images", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(_PATIENCE)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._started.result().stop()
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            raise TimeoutError("the faulty image service did not stop")
        if self._server.fault is not None and error is None:
            raise self._server.fault

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is set to: ``http://127.0.0.1:PORT/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        """Where it listens, or listened."""
        return self._started.result(0).port

    @property
    def log(self) -> tuple[Arrival, ...]:
        """Everything that has arrived so far, in order. Whoever has its answer finds it logged as answered."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:  # a script may look, too
            self._started.result(0).settle()
        return self._arrivals.all()

    @property
    def requests(self) -> tuple[Arrival, ...]:
        """The POSTs that have arrived so far, refused ones included."""
        return tuple(arrival for arrival in self.log if arrival.method == "POST")

    @property
    def downloads(self) -> tuple[Arrival, ...]:
        """The GETs that have arrived so far."""
        return tuple(arrival for arrival in self.log if arrival.method == "GET")

    def script(
        self,
        answers: Iterable[Answer] = (),
        *,
        prompts: Mapping[str, Iterable[Answer]] | None = None,
        answer: Answer | Chooser | None = None,
    ) -> None:
        """Replace what is answered from now on; requests that are being answered are not touched."""
        self._server.script = _script(answers, prompts, answer)

    def wait_until(
        self, condition: Callable[[Sequence[Arrival]], bool], seconds: float = _PATIENCE
    ) -> tuple[Arrival, ...]:
        """Wait until the log is as wanted and return it. Raises TimeoutError."""
        return self._arrivals.wait_until(condition, seconds)

    def wait_for_requests(self, count: int, seconds: float = _PATIENCE) -> tuple[Arrival, ...]:
        """Wait until the script was asked about so many requests, answered or not; return them. Raises TimeoutError."""
        log = self.wait_until(lambda log: sum(arrival.answer is not None for arrival in log) >= count, seconds)
        return tuple(arrival for arrival in log if arrival.answer is not None)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:  # the port is in use: whoever waits for the start is told
            self._started.set_exception(error)

    async def _serve(self) -> None:
        loop, ending = asyncio.get_running_loop(), asyncio.Event()

        def settle() -> None:
            asyncio.run_coroutine_threadsafe(_few_steps(), loop).result(_PATIENCE)

        def ready(port: int) -> None:
            self._started.set_result(_Running(port, lambda: loop.call_soon_threadsafe(ending.set), settle))

        await self._server.run(self._port, ready, ending)


@dataclass(frozen=True, slots=True)
class _Running:
    """A service that has started, and how another thread stops it, or waits for what it is just doing."""

    port: int
    stop: Callable[[], object]
    settle: Callable[[], None]


async def _few_steps() -> None:
    # A client can hold the last byte of an answer before the task that wrote it goes on to write that down: one step
    # later, or two where the kernel's buffer was full in between.
    for _ in range(3):
        await asyncio.sleep(0)


def _script(
    answers: Iterable[Answer], prompts: Mapping[str, Iterable[Answer]] | None, answer: Answer | Chooser | None
) -> Script:
    return Script(answers, prompts or {}, Good() if answer is None else answer)
