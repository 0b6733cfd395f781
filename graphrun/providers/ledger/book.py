"""The ledger: a row for each paid call in ``calls.sqlite3``, a file for each raw answer in ``answers/``.

A call belongs to whoever holds the lock of its address. What has to survive is on the disk before the next step begins:
the row that says *sent* before the request goes out, the answer before the row that says *answered*. So whatever a
killed owner left says enough: `latest` and `settle_dead` draw the conclusion.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import ParamSpec, TypedDict, TypeVar, Unpack

from graphrun.errors import UsageError
from graphrun.kernel.clerk import Clerk
from graphrun.os_lock import KeyLock, OsLock
from graphrun.providers.caps import check_day_cap
from graphrun.providers.ledger import rows
from graphrun.providers.ledger.answers import Answers, Place, idle
from graphrun.providers.ledger.calls import OPEN, TRANSITIONS, Call, Draft, IllegalTransition, State, Verdict
from graphrun.providers.ledger.database import BUSY_SECONDS, Database
from graphrun.providers.ledger.durable import make_folder
from graphrun.providers.ledger.trouble import trouble_told

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many calls lost their answer, and the bytes that were freed."""

    calls: int
    bytes: int


class Said(TypedDict, total=False):
    """What a service said with a call's end."""

    status: int | None
    code: str | None
    request_id: str | None


class Ledger:
    """The record of paid calls in a folder, which the first write makes. For many threads and processes at once; a
    forked child makes a ledger of its own.

    Every method raises LedgerError where a file can't be used or trusted, UsageError for an id that isn't there, and
    IllegalTransition where a call can't go where it is sent. ``clock`` tells Unix time; ``busy_seconds`` is how long to
    wait while another process keeps the file locked.
    """

    def __init__(
        self, folder: Path, *, clock: Callable[[], float] = time.time, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self.folder = folder
        self.path = folder / "calls.sqlite3"
        self._clock = clock
        self._answers = Answers(folder / "answers")
        self._database = Database(self.path, folder / "answers", busy_seconds)
        self._locks = KeyLock(folder)
        self._is_made = False
        self._clerk = Clerk(self._database.together)

    def close(self) -> None:
        """Close the file. It is opened again when needed."""
        self._database.close()

    async def do(self, method: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Call a method off the event loop. Those that come in at the same time share a transaction.

        Where that can't be committed each is called again, in one of its own: whatever it does besides must bear that.
        """
        return await self._clerk.do(method, *args, **named)

    # Buying, by the holder of the address's lock.

    def lock(self, address: str) -> OsLock | None:
        """Return the lock of an address, or None while another has it, in this process or any other."""
        with trouble_told(self.folder):
            if not self._is_made:
                make_folder(self.folder)
                self._is_made = True
            return self._locks.try_acquire(address)

    def latest(self, identity: str, address: str) -> Call | None:
        """Return the newest call of an equal request that still counts, else the newest that doesn't, else None.

        A call that failed doesn't count, nor does one a person decided about: `standing`. For the holder of the lock:
        open calls have a dead owner here, and are settled first.
        """
        equal = self._equal(identity, address)
        left = [call.id for call in equal if call.state in OPEN]
        for id in left:
            self._settle(id)
        return self._deciding(self._equal(identity, address) if left else equal)

    def intend(
        self,
        draft: Draft,
        client_request_id: Callable[[int], str],
        *,
        price: Decimal | None = None,
        day_cap: Decimal | None = None,
    ) -> Call:
        """Record a call that is about to be made; ``client_request_id`` is given its take.

        ``price`` is what it may cost, in USD, None where nobody knows. Raises LimitError, and records nothing, where
        the service's calls of this day would then come to more than ``day_cap``: looked up and recorded in one
        transaction, so that no two processes together do what neither may.
        """
        with self._database.writing() as db:
            now = self._clock()
            if price is not None and day_cap is not None:
                check_day_cap(draft.identity, rows.booked(db, draft.identity, _midnight(now)), price, day_cap)
            earlier = rows.of_request(db, draft.identity, draft.address)
            take = 1 + sum(call.state is not State.FAILED for call in earlier)
            id = rows.insert(db, draft, take, client_request_id(take), now, price)
            return _found(rows.find(db, id), id, self.path)

    def reserve(self, call: Call, room: int) -> Place:
        """Take ``room`` bytes for a call's answer before it is sent."""
        return self._answers.reserve(call, room)

    def sent(self, id: int) -> None:
        """Record that a call goes out now, once more perhaps."""
        self._move(id, State.SENT, further_attempts=1)

    def back(self, id: int, again: Decimal | None = None) -> None:
        """Record that an attempt will be repeated: it was certainly not billed, or else ``again`` is reserved more."""
        reserved = None if again is None else again + (self.call(id).reserved or Decimal(0))
        self._answers.discard(self._move(id, State.INTENDED, reserved=reserved))

    def answered(
        self,
        id: int,
        *,
        status: int | None = None,
        request_id: str | None = None,
        encoding: str = "",
        cost: Decimal | None = None,
    ) -> None:
        """Record that the raw answer is in its place, how it is packed, and what it cost where its headers tell."""
        self._move(id, State.ANSWERED, status=status, request_id=request_id, encoding=encoding, cost=cost)

    def decoded(
        self,
        id: int,
        *,
        pictures: int,
        usage: Mapping[str, object] | None = None,
        request_id: str | None = None,
        cost: Decimal | None = None,
    ) -> None:
        """Record that an answer was read. Lost in a crash, it is read again."""
        self._move(id, State.DECODED, pictures=pictures, usage=usage, request_id=request_id, cost=cost)

    def unreadable(self, id: int, message: str) -> None:
        """Record why an answer could not be read. The call stays answered: another version may read it."""
        with self._database.writing() as db:
            call = _found(rows.find(db, id), id, self.path)
            if call.state is not State.ANSWERED:
                raise IllegalTransition(f"call {id} is {call.state}: no answer of it is to be read")
            rows.update(db, id, {"message": message, "changed": self._clock()})

    def failed(self, id: int, message: str, **said: Unpack[Said]) -> None:
        """Record that a call was certainly not billed, and won't be repeated."""
        self._move(id, State.FAILED, message=message, **said)

    def refused(self, id: int, message: str, **said: Unpack[Said]) -> None:
        """Record that a call was refused, and may have been billed."""
        self._move(id, State.REFUSED, message=message, **said)

    def unknown(self, id: int, message: str, **said: Unpack[Said]) -> None:
        """Record that nobody knows what became of a call."""
        self._move(id, State.UNKNOWN, message=message, **said)

    def answer(self, call: Call) -> bytes | None:
        """Return a call's raw answer, packed as its ``encoding`` says; None where it isn't kept."""
        return self._answers.read(call)

    def keep_picture(self, call: Call, index: int, data: bytes) -> None:
        """Keep a picture that the answer only names, durably: its address lives for an hour."""
        self._answers.keep_picture(call, index, data)

    def picture(self, call: Call, index: int) -> bytes | None:
        """Return a picture that was kept."""
        return self._answers.picture(call, index)

    # The books.

    def call(self, id: int) -> Call:
        """Return a call."""
        with self._database.reading() as db:
            return _found(rows.find(db, id) if db else None, id, self.path)

    def calls(self, *, since: float | None = None, states: Collection[State] | None = None) -> list[Call]:
        """Return the calls made since a Unix time and in one of some states, the oldest first."""
        with self._database.reading() as db:
            return rows.select(db, since, states) if db else []

    def standing(self, identity: str, address: str) -> Call | None:
        """Return what `latest` does, without settling anything: the call that decides about an equal request.

        It is the newest that counts. Else the newest of those that failed, or were doubtful and decided about; an
        answer that was given up as unreadable is never returned.
        """
        return self._deciding(self._equal(identity, address))

    def answer_path(self, call: Call) -> Path | None:
        """Return where a call's raw answer is, if it is kept."""
        return self._answers.path(call) if self._answers.has(call) else None

    def resolve(self, id: int, verdict: Verdict) -> None:
        """Note what a person found out about a call that waits for it, or found out anew. An equal one may be sent."""
        with self._database.writing() as db:
            call = _found(rows.find(db, id), id, self.path)
            if not replace(call, verdict=None).waits:
                raise IllegalTransition(f"call {id} is {call.state}: there is nothing to decide about it")
            rows.update(db, id, {"verdict": verdict, "changed": self._clock()})

    def settle_dead(self) -> list[Call]:
        """Settle what dead owners left open, and return those calls. Does nothing where nothing can be written."""
        if not os.access(self.folder, os.W_OK):
            return []
        left = self.calls(states=OPEN)
        return [settled for call in left for settled in self._settled_if_dead(call)]

    def prune(self, before: float) -> Pruned:
        """Remove answers and pictures of calls decoded before a Unix time, and older files of no call.

        Rows stay. What another process works with stays too.
        """
        self.settle_dead()
        old = [call for call in self.calls(states={State.DECODED}) if call.answer_kept and call.changed < before]
        gone = sum(self._given_up(call) for call in old)
        return Pruned(gone, self._swept(before))

    def _deciding(self, equal: Sequence[Call]) -> Call | None:
        counting = [call for call in equal if call.counts]
        ended = [call for call in equal if not call.counts and call.state is not State.ANSWERED]
        found = next(iter(counting or ended), None)
        return found and replace(found, answer_kept=found.answer_kept and self._answers.has(found))

    def _equal(self, identity: str, address: str) -> list[Call]:
        with self._database.reading() as db:
            return rows.of_request(db, identity, address) if db else []

    def _move(self, id: int, to: State, *, further_attempts: int = 0, **found: object) -> Call:
        with self._database.writing() as db:
            call = _found(rows.find(db, id), id, self.path)
            if to not in TRANSITIONS[call.state]:
                raise IllegalTransition(f"call {id} is {call.state} and can't become {to}")
            counted = {"attempts": call.attempts + further_attempts, "answer_kept": self._answers.has(call)}
            rows.update(db, id, {"state": to, "changed": self._clock(), **counted, **found})
            return call

    def _settle(self, id: int) -> Call | None:
        """Draw the conclusion from what a dead owner left; None where it had ended the call. For the lock's holder."""
        call = self.call(id)
        if call.state not in OPEN:
            return None
        self._answers.release(call)
        if call.state is State.INTENDED:
            self.failed(id, "its process ended before it was sent")
        elif self._answers.has(call):
            self.answered(id, encoding=self._answers.encoding(call))
        else:
            self.unknown(id, "its process ended while the answer was awaited: the service may have charged for this")
        return self.call(id)

    def _settled_if_dead(self, call: Call) -> list[Call]:
        lock = self.lock(call.draft.address)
        if lock is None:
            return []
        with lock:
            settled = self._settle(call.id)
            return [settled] if settled else []

    def _given_up(self, call: Call) -> bool:
        lock = self.lock(call.draft.address)
        if lock is None:
            return False
        with lock, self._database.writing() as db:
            rows.update(db, call.id, {"answer_kept": False})
        return True

    def _swept(self, before: float) -> int:
        """Remove files that belong to no call that needs them, and return their bytes."""
        files = self._answers.files()  # before the calls: one that is made meanwhile has no file among these
        return self._answers.remove(idle(files, {call.id: call for call in self.calls()}, before))


def _midnight(now: float) -> float:
    """The beginning of the day on this computer; the same in all its processes."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _found(call: Call | None, id: int, path: Path) -> Call:
    if call is None:
        raise UsageError(f"the ledger {path} has no call {id}: graphrun spend --json lists all calls")
    return call
