"""Buys pictures by the book: every call is recorded before it is sent, and an equal one is served from what is kept.

The order of the steps is the promise (DESIGN, 7): own the address; look for an earlier call; record the intent; reserve
room for the answer; note "sent", durably; send; store the raw answer, durably; decode.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

from blake3 import blake3

from graphrun.errors import GraphrunError, ProviderError
from graphrun.kernel.cache_key import encode
from graphrun.kernel.context import RunContext
from graphrun.kernel.folders import Folders
from graphrun.kernel.waiting import ended_by
from graphrun.providers.abilities import cautions
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService
from graphrun.providers.bill import Bill
from graphrun.providers.budget import Reservation
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Call, Draft, Ledger, Place, State, TakenBy
from graphrun.providers.metered import AttemptFailed, MeteredService, PictureShelf, Reply, Setback
from graphrun.providers.sending import Sender
from graphrun.providers.terms import Terms
from graphrun.providers.till import Till

_ROOM_PER_PICTURE = 8 * 1024 * 1024  # of an answer; most pictures have two or three megabytes as base64
_POLL = 0.05  # seconds between two tries for an address that another process owns


class Purchases(ImageService):
    """A metered service as the nodes of one run use it. ``errand`` is what they share, ``bill`` what they come to.

    Without ``terms`` no model is judged and no price is known.
    """

    def __init__(
        self,
        service: MeteredService,
        ledger: Ledger,
        errand: Errand,
        context: RunContext | None = None,
        *,
        terms: Terms | None = None,
        bill: Bill | None = None,
    ) -> None:
        self.identity = service.identity
        self.capacity = service.capacity
        self._service = service
        self._ledger = ledger
        self._errand = errand
        self._context = context or RunContext("", Folders(Path(), Path(), Path()))
        self._till = Till(self.identity, errand, terms, bill or Bill(), self._context)

    def on_behalf_of(self, context: RunContext) -> Self:
        """Return the same for one step: its stop, its warnings, its wish for a new take."""
        return type(self)(
            self._service, self._ledger, self._errand, context, terms=self._till.terms, bill=self._till.bill
        )

    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Return the pictures for a request: those of an equal earlier one, else new ones.

        Raises ProviderError; Stopped; LimitError where a cap leaves no room for it, and LedgerError where the ledger
        can't be used, both with nothing sent.
        """
        prepared = self._service.prepared(request)
        address = address_of(self._service, prepared)
        async with self._owned(address):
            earlier = await self._ledger.do(self._ledger.latest, self.identity, address)
            again = not self._errand.has_bought(address)  # what this run itself bought serves, or stays in doubt
            if earlier is not None and not (again and self._context.refreshed):
                if earlier.is_doubtful and not (again and self._errand.retry_unknown):
                    raise _doubtful(earlier)
                if (body := await self._answer_of(earlier)) is not None:
                    reply = Reply(earlier.status or 200, {"content-encoding": earlier.encoding}, body)
                    booked = earlier.state is State.ANSWERED
                    answer, _ = await self._read(earlier, prepared, reply, is_booked=booked)
                    self._till.charge(prepared, Decimal(0), earlier)
                    return answer
            for caution in cautions(prepared):
                self._context.warn(caution)
            self._till.refuse_dead(prepared)
            return await self._buy(prepared, address)

    @asynccontextmanager
    async def _owned(self, address: str) -> AsyncIterator[None]:
        """Hold an address, so that no other call, here or in another process, buys the same meanwhile."""
        lock = self._ledger.lock(address)
        try:
            if lock is None:
                self._context.report(0, 1, "waiting: an equal request is on its way elsewhere")
            async with ended_by(self._context.stop):  # raises with the lock held where the task was cancelled before
                while lock is None:
                    await asyncio.sleep(_POLL)  # other processes set no event of ours
                    lock = self._ledger.lock(address)
            yield
        finally:
            if lock is not None:
                lock.release()

    async def _answer_of(self, call: Call) -> bytes | None:
        """Return the raw answer of an earlier call, if it has one that still serves."""
        if call.state not in (State.ANSWERED, State.DECODED) or call.verdict is not None:
            return None
        body = await self._ledger.do(self._ledger.answer, call)
        if body is None:
            self._context.warn(f"an equal request was paid for before (call {call.id}), but its answer is gone")
        else:
            self._context.report(1, 1, f"bought before: call {call.id}")
        return body

    async def _buy(self, request: ImageRequest, address: str) -> ImageAnswer:
        """Hold room in the budget for a call, make it, and count what it cost."""
        self._errand.check()
        budget = self._errand.budget
        held: Reservation | None = None
        call: Call | None = None
        cost: Decimal | None = None
        billed = True
        try:
            price = self._till.price(request)
            async with ended_by(self._context.stop):
                held = await budget.reserve(
                    price.high if price else None, request.count, least=price.low if price else Decimal(0)
                )
            call = await self._ledger.do(
                self._ledger.intend,
                self._draft(request, address),
                lambda take: _request_id(request, take),
                price=held.price,
                day_cap=budget.caps.cost_per_day,
            )
            answer, cost = await self._bought(call, request, held)
        except BaseException:
            billed = call is not None and self._may_be_billed(call)
            raise
        else:
            return answer
        finally:
            if held is not None:
                budget.settle(held, cost, billed=billed)
            if billed and call is not None:
                self._till.charge(request, cost, call)

    def _may_be_billed(self, call: Call) -> bool:
        try:
            return not self._ledger.call(call.id).is_free
        except GraphrunError:  # the books can't be read: better counted than not
            return True

    async def _bought(self, call: Call, request: ImageRequest, held: Reservation) -> tuple[ImageAnswer, Decimal | None]:
        """Return the answer of a call that is recorded, and what it cost."""
        place = await self._place(call, request)
        self._errand.note_bought(call.draft.address)
        try:
            sender = Sender(self._service, self._ledger, self._errand, self._context, held)
            reply = await sender.reply(call, request, place)
        except AttemptFailed as failure:
            raise self._failed(call, failure) from None
        except BaseException:
            place.release()
            raise
        is_booked = await self._ledger.do(self._store, call, place, reply)
        return await self._read(call, request, reply, is_booked=is_booked)

    def _draft(self, request: ImageRequest, address: str) -> Draft:
        return Draft(
            identity=self.identity,
            address=address,
            model=request.model,
            prompt=request.prompt,
            parameters=request.parameters,
            seed=request.seed,
            count=request.count,
            references=len(request.images),
            masked=request.mask is not None,
            by=TakenBy(self._errand.run, self._context.label),
        )

    async def _place(self, call: Call, request: ImageRequest) -> Place:
        """Reserve room for the answer while nothing is paid yet: a full disk is to be found out before."""
        try:
            return await self._ledger.do(self._ledger.reserve, call, _ROOM_PER_PICTURE * min(request.count, 10))
        except GraphrunError as error:
            await self._ledger.do(self._ledger.failed, call.id, str(error))
            raise

    def _store(self, call: Call, place: Place, reply: Reply) -> bool:
        """Keep the raw answer and book it; return whether it is booked.

        Where either fails now, the pictures may still be fine: to lose them would be worse.
        """
        try:
            place.fill(reply.body)
        except GraphrunError as error:
            self._context.warn(f"the paid answer of call {call.id} could not be kept ({error})")
        try:
            self._ledger.answered(
                call.id,
                status=reply.status,
                request_id=reply.headers.get("x-request-id"),
                encoding=reply.headers.get("content-encoding", ""),
                cost=self._till.cost_told(reply.headers),
            )
        except GraphrunError as error:
            self._context.warn(f"the answer of call {call.id} could not be booked ({error})")
            return False
        return True

    def _failed(self, call: Call, failure: AttemptFailed) -> ProviderError:
        """Return the error of a call that brought nothing, with where its answer is and what can be done."""
        kept = self._ledger.answer_path(call) if failure.answer else None
        remarks = [f"Its answer is kept in {kept}."] if kept else []
        if failure.setback.is_lost or failure.setback is Setback.BLOCKED:
            remarks.append(_way_on(call.id))
        return failure.error.recorded(call.id, " ".join(remarks), kept)

    async def _read(
        self, call: Call, request: ImageRequest, reply: Reply, *, is_booked: bool
    ) -> tuple[ImageAnswer, Decimal | None]:
        """Make pictures of an answer, and tell its cost; whatever fails here has been paid for."""
        try:
            answer = await self._service.read(reply, _Shelf(self._ledger, call))
        except ProviderError as error:
            if is_booked:
                await self._ledger.do(self._ledger.unreadable, call.id, str(error))
            path = self._ledger.answer_path(call)
            remark = _read_before(path) if call.state is State.DECODED else _unreadable(call.id, path)
            raise error.recorded(call.id, remark, path) from error
        cost = self._till.cost(call, request, answer, reply.headers)
        if is_booked:
            await self._note_decoded(call, answer, cost)
        return answer, cost

    async def _note_decoded(self, call: Call, answer: ImageAnswer, cost: Decimal | None) -> None:
        pictures, usage, request_id = len(answer.files), answer.usage, answer.request_id
        try:
            await self._ledger.do(
                self._ledger.decoded, call.id, pictures=pictures, usage=usage, request_id=request_id, cost=cost
            )
        except GraphrunError as error:  # only the books suffer, and they are read again after the next start
            self._context.warn(str(error))


def address_of(service: MeteredService, prepared: ImageRequest) -> str:
    """Return what tells equal requests to a service, whatever their take."""
    return blake3(encode([service.identity, prepared.digest])).hexdigest()


class _Shelf(PictureShelf):
    """Keeps the pictures of one call beside its raw answer."""

    def __init__(self, ledger: Ledger, call: Call) -> None:
        self._ledger = ledger
        self._call = call

    async def get(self, index: int) -> bytes | None:
        """Return a picture that was kept."""
        if self._call.state is State.INTENDED:  # by this very process, a moment ago
            return None
        return await self._ledger.do(self._ledger.picture, self._call, index)

    async def put(self, index: int, data: bytes) -> None:
        """Keep a picture, durably."""
        await self._ledger.do(self._ledger.keep_picture, self._call, index, data)


def _request_id(request: ImageRequest, take: int) -> str:
    # Deterministic. The digest includes the seed, which itself is never sent: so the offline service can draw
    # another picture for another seed or take, and support can find a request whose answer was lost.
    return f"graphrun-{request.digest[:32]}{f'-{take}' if take > 1 else ''}"


def _doubtful(call: Call) -> ProviderError:
    when = f"{datetime.fromtimestamp(call.made):%Y-%m-%d %H:%M}"
    became = (
        "it was refused after the picture may have been made" if call.state is State.REFUSED else "its answer was lost"
    )
    return ProviderError(
        f"nothing was sent: an equal request was sent on {when} (call {call.id}) and {became}, so the service may have "
        f"charged for it. {_way_on(call.id)}",
        call_id=call.id,
    )


def _unreadable(call_id: int, path: Path | None) -> str:
    kept = f"Its raw answer is kept in {path} and is read again next time. " if path else ""
    return f"{kept}To give it up and pay once more: graphrun spend resolve {call_id}"


def _read_before(path: Path | None) -> str:
    return f"Its raw answer in {path} was read before, and can't be any more. To pay for a new one: --refresh NODE"


def _way_on(call_id: int) -> str:
    return (
        f"An equal request is not sent again before you say so: look at the service's usage page, then run with "
        f"--retry-unknown, or settle it with graphrun spend resolve {call_id}"
    )
