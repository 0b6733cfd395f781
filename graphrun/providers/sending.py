"""Sends one recorded call: waits for its turn, tries again where that certainly costs nothing, notes how far it came.

The rules are those of openai-images.md, 5; `RetryPolicy` holds the numbers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic

from graphrun.errors import GraphrunError, ProviderError
from graphrun.kernel.context import RunContext
from graphrun.kernel.waiting import ended_by, is_being_cancelled
from graphrun.providers.base import ImageRequest
from graphrun.providers.budget import Reservation
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Call, Ledger, Place, Said, State
from graphrun.providers.metered import AttemptFailed, CancelledUnsent, MeteredService, Reply, Setback
from graphrun.providers.retries import Attempts

_CANCELLED = "cancelled while its answer was awaited"


class Sender:
    """Sends the calls of one step."""

    def __init__(
        self, service: MeteredService, ledger: Ledger, errand: Errand, context: RunContext, held: Reservation
    ) -> None:
        self._service = service
        self._ledger = ledger
        self._errand = errand
        self._context = context
        self._held = held

    async def reply(self, call: Call, request: ImageRequest, place: Place) -> Reply:
        """Return the answer of a call. Raises AttemptFailed, Stopped, or ProviderError if the account is empty.

        Whatever it raises, the call has reached its final state in the ledger; a refusal that may have cost something
        is in ``place``.
        """
        attempts, started = Attempts(self._service.retries), monotonic()
        while True:
            try:
                return await self._once(call, request)
            except AttemptFailed as failure:
                asked, elapsed = failure.error.retry_after, monotonic() - started
                wait = attempts.next_wait(failure.setback, asked, elapsed, random.random)
                if wait is None or self._context.stop.requested or not self._may_pay_again(failure):
                    await self._give_up(call, failure, place)
                    raise
                again = self._held.price if failure.setback is Setback.UNKNOWN else None
                await self._ledger.do(self._ledger.back, call.id, again)
                self._tell(failure, wait)
                async with self._unsent(call), ended_by(self._context.stop):
                    await asyncio.sleep(wait)

    def _may_pay_again(self, failure: AttemptFailed) -> bool:
        """Whether there is room for another attempt where the last one may have been billed too."""
        return failure.setback is not Setback.UNKNOWN or self._errand.budget.repeats(self._held)

    async def _once(self, call: Call, request: ImageRequest) -> Reply:
        async with AsyncExitStack() as turn:
            async with self._unsent(call):
                async with ended_by(self._context.stop):
                    await turn.enter_async_context(self._service.throttle.images(request.count))
                self._errand.check()
                await self._note_sent(call)
            reply = await self._attempt(call, request)
        self._service.throttle.answered(reply.headers)
        return reply

    async def _note_sent(self, call: Call) -> None:
        """Note, durably, that a call is on its way; and take it back where the run was cancelled meanwhile."""
        await self._ledger.do(self._ledger.sent, call.id)
        if is_being_cancelled():
            await self._ledger.do(self._ledger.back, call.id)
            raise asyncio.CancelledError

    async def _attempt(self, call: Call, request: ImageRequest) -> Reply:
        try:
            return await self._service.attempt(request, call.client_request_id)
        except AttemptFailed as failure:
            self._heed(failure)
            raise
        except CancelledUnsent as error:
            await self._note_end(error, self._ledger.failed, call, "cancelled before it was sent")
            raise
        except BaseException as error:  # cancelled, or a fault of ours: nobody knows what became of the request
            cancelled = isinstance(error, asyncio.CancelledError)
            message = _CANCELLED if cancelled else f"{type(error).__name__}: {error}"
            await self._note_end(error, self._ledger.unknown, call, message)
            self._context.warn(
                f"call {call.id} was on its way and may be charged; graphrun spend show {call.id} tells what is known"
            )
            raise

    async def _note_end(self, error: BaseException, note: Callable[[int, str], None], call: Call, message: str) -> None:
        """Note how a call ended; no second cancellation cuts that short, and those that end together share the disk."""
        if isinstance(error, GeneratorExit):  # thrown away with its event loop: it can't wait any more
            note(call.id, message)
        else:
            await self._ledger.do(note, call.id, message)

    def _heed(self, failure: AttemptFailed) -> None:
        """Let a refusal that says something about other calls reach those that wait."""
        if failure.setback is Setback.RATE_LIMITED:
            self._service.throttle.refused(failure.error.retry_after)
        elif failure.setback is Setback.NO_MONEY:
            self._errand.end(failure.error)
            self._service.throttle.close(ProviderError(f"nothing was sent: {failure.error}", code=failure.error.code))

    async def _give_up(self, call: Call, failure: AttemptFailed, place: Place) -> None:
        if failure.answer is None:
            place.release()
        else:
            await self._ledger.do(self._keep, call, failure.answer, place)
        error, book = failure.error, self._ledger
        refused = book.refused if failure.setback is Setback.BLOCKED else book.failed
        note = book.unknown if failure.setback.is_lost else refused
        said = Said(status=error.status, code=error.code, request_id=error.request_id)
        try:
            await self._ledger.do(note, call.id, str(error), **said)
        except GraphrunError as trouble:  # what the service said is the better message
            self._context.warn(f"the end of call {call.id} could not be booked ({trouble})")

    def _keep(self, call: Call, answer: bytes, place: Place) -> None:
        try:
            place.fill(answer)
        except GraphrunError as error:
            self._context.warn(f"the answer of call {call.id} could not be kept ({error})")

    @asynccontextmanager
    async def _unsent(self, call: Call) -> AsyncIterator[None]:
        """Note a call that ends in this block as one that was never sent, or not since it certainly failed."""
        try:
            yield
        except BaseException as error:
            with suppress(GraphrunError):  # the reason it ends is the better message
                if self._ledger.call(call.id).state is State.INTENDED:
                    message = str(error) or "ended before it was sent"
                    await self._note_end(error, self._ledger.failed, call, message)
            raise

    def _tell(self, failure: AttemptFailed, wait: float) -> None:
        self._context.report(0, 1, f"{failure.setback.value}: trying again in {wait:.0f} s")
