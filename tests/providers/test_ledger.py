"""The record of paid calls: its states, who decides about equal calls, takes, decisions, and what is removed."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_calls import ADDRESS, BODY, DRAFT, USAGE, call_in, draft, intend

from graphrun import UsageError
from graphrun.providers.ledger import Call, IllegalTransition, Ledger, State, Sum, TakenBy, spending
from graphrun.providers.ledger.calls import DOUBTFUL, TRANSITIONS

IDENTITY = DRAFT.identity


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty one."""
    book = Ledger(tmp_path / "data" / "ledger")
    yield book
    book.close()


def test_a_call_is_recorded_with_all_that_is_known(ledger: Ledger) -> None:
    """From the draft to the service's own request id; nothing learned earlier is lost later."""
    call = call_in(ledger, State.DECODED)
    assert call.draft == DRAFT
    assert (call.take, call.attempts, call.state) == (1, 1, State.DECODED)
    assert (call.client_request_id, call.request_id, call.status) == ("graphrun-abababab-1", "req_1", 200)
    assert (call.usage, call.pictures, call.verdict, call.answer_kept) == (USAGE, 1, None, True)
    assert ledger.answer(call) == BODY


def test_what_json_and_sqlite_disagree_about_survives(ledger: Ledger) -> None:
    """A seed beyond SQLite's integers, half a surrogate pair in a prompt, and one in a service's message."""
    odd = type(DRAFT)(IDENTITY, ADDRESS, "m\ud800", "\ud83e a\0fox", {}, 2**64 - 1, 10, 16, True, TakenBy("", "ü"))
    call = intend(ledger, odd)
    ledger.failed(call.id, "half \ud800 a pair", status=None, code="\udfff", request_id=None)
    assert ledger.call(call.id).draft == odd
    assert ledger.call(call.id).message == "half ? a pair"


def test_nothing_is_made_before_something_is_recorded(ledger: Ledger) -> None:
    """Looking into the books leaves no trace."""
    assert ledger.calls() == []
    assert ledger.settle_dead() == []
    assert ledger.standing(IDENTITY, ADDRESS) is None
    assert not ledger.folder.parent.exists()
    with pytest.raises(UsageError, match=r"has no call 7: graphrun spend --json lists all calls"):
        ledger.call(7)
    assert not ledger.folder.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_the_owner_can_read_the_ledger(ledger: Ledger) -> None:
    """Prompts and pictures are nobody else's business."""
    call = call_in(ledger, State.ANSWERED)
    ledger.keep_picture(call, 0, b"picture")
    ledger.reserve(intend(ledger), 10)
    modes = {path.stat().st_mode & 0o777 for path in ledger.folder.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in [ledger.folder, *ledger.folder.rglob("*")] if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_an_address_has_one_owner_at_a_time(ledger: Ledger) -> None:
    """Others are free meanwhile."""
    held = ledger.lock(ADDRESS)
    assert held
    assert ledger.lock(ADDRESS) is None
    assert Ledger(ledger.folder).lock(ADDRESS) is None
    other = ledger.lock("another")
    assert other
    other.release()
    held.release()
    with ledger.lock(ADDRESS) or pytest.fail("it was released"):
        pass


@pytest.mark.parametrize(
    ("states", "decides"),
    [
        ([], None),
        ([State.DECODED], 1),
        ([State.DECODED, State.FAILED], 1),
        ([State.FAILED, State.FAILED], 2),
        ([State.DECODED, State.UNKNOWN], 2),
        ([State.UNKNOWN, State.DECODED], 2),
        ([State.REFUSED, State.FAILED], 1),
        ([State.ANSWERED, State.ANSWERED], 2),
    ],
)
def test_the_newest_call_that_did_not_fail_decides(ledger: Ledger, states: list[State], decides: int | None) -> None:
    """About equal requests to the same service, and no others."""
    for state in states:
        call_in(ledger, state)
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert (latest and latest.id) == decides
    assert ledger.latest("another service", ADDRESS) is None
    assert ledger.latest(IDENTITY, "another address") is None


def test_takes_count_the_purchases_of_equal_requests(ledger: Ledger) -> None:
    """A failed call was none, so its take is given again; another service counts for itself."""
    calls = [call_in(ledger, state) for state in (State.DECODED, State.FAILED, State.UNKNOWN, State.DECODED)]
    assert [call.take for call in calls] == [1, 2, 2, 3]
    assert calls[2].client_request_id == "graphrun-abababab-2"
    assert intend(ledger, draft(identity="other")).take == 1


def test_an_attempt_that_was_not_billed_is_repeated(ledger: Ledger) -> None:
    """The same call goes out again; what the first attempt was told isn't taken for the answer of the second."""
    call = intend(ledger)
    place = ledger.reserve(call, 100)
    ledger.sent(call.id)
    place.fill(b"busy")
    ledger.back(call.id)
    assert ledger.answer(call) is None
    ledger.reserve(call, 100)
    ledger.sent(call.id)
    assert (ledger.call(call.id).state, ledger.call(call.id).attempts) == (State.SENT, 2)


def test_open_calls_of_a_dead_owner_are_settled_by_the_next(ledger: Ledger) -> None:
    """Who holds the lock knows that nobody else does."""
    sent, intended = call_in(ledger, State.SENT), call_in(ledger, State.INTENDED)
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert latest
    assert (latest.id, latest.state, latest.is_doubtful) == (sent.id, State.UNKNOWN, True)
    assert "the service may have charged for this" in (latest.message or "")
    assert ledger.call(intended.id).state is State.FAILED
    assert list((ledger.folder / "answers").iterdir()) == [], "the room is given back"


@pytest.mark.parametrize(("body", "encoding"), [(BODY, ""), (gzip.compress(BODY, mtime=0), "gzip"), (b"", "")])
def test_an_answer_that_came_before_the_crash_is_found(ledger: Ledger, body: bytes, encoding: str) -> None:
    """How it is packed is told from its first bytes; its status nobody knows."""
    call = intend(ledger)
    place = ledger.reserve(call, 100)
    ledger.sent(call.id)
    place.fill(body)
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert latest
    assert (latest.state, latest.encoding, latest.status) == (State.ANSWERED, encoding, None)
    assert latest.answer_kept
    assert ledger.answer(latest) == body


def test_only_calls_of_dead_owners_are_settled_from_outside(ledger: Ledger) -> None:
    """What somebody is working on stays as it is."""
    living, dead = call_in(ledger, State.SENT, draft("living")), call_in(ledger, State.SENT, draft("dead"))
    with ledger.lock("living") or pytest.fail("it is free"):
        assert [call.id for call in ledger.settle_dead()] == [dead.id]
        assert ledger.call(living.id).state is State.SENT
    assert [call.id for call in ledger.settle_dead()] == [living.id]
    assert ledger.settle_dead() == []


@pytest.mark.parametrize("state", [*sorted(DOUBTFUL), State.ANSWERED])
@pytest.mark.parametrize("verdict", ["charged", "not charged"])
def test_after_a_decision_a_call_stands_in_the_way_no_more(ledger: Ledger, state: State, verdict: str) -> None:
    """It stays in the books as what it was. An earlier answer serves again; else nothing does."""
    call = call_in(ledger, state)
    assert call.waits
    ledger.resolve(call.id, "charged" if verdict == "charged" else "not charged")
    decided = ledger.call(call.id)
    assert (decided.state, decided.verdict, decided.waits, decided.is_doubtful) == (state, verdict, False, False)
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert latest == (None if state is State.ANSWERED else decided)
    served = call_in(ledger, State.DECODED)
    ledger.resolve(call_in(ledger, state).id, "charged")
    assert ledger.latest(IDENTITY, ADDRESS) == served


def test_a_decision_can_be_corrected(ledger: Ledger) -> None:
    """The usage page may be read wrongly at first."""
    call = call_in(ledger, State.UNKNOWN)
    ledger.resolve(call.id, "charged")
    ledger.resolve(call.id, "not charged")
    assert ledger.call(call.id).verdict == "not charged"


@pytest.mark.parametrize("state", [State.INTENDED, State.SENT, State.DECODED, State.FAILED])
def test_there_is_nothing_to_decide_about_other_calls(ledger: Ledger, state: State) -> None:
    """They are open, or their end is known."""
    with pytest.raises(IllegalTransition, match="nothing to decide"):
        ledger.resolve(call_in(ledger, state).id, "charged")


def test_why_an_answer_could_not_be_read_is_noted(ledger: Ledger) -> None:
    """It stays answered, and waits for a person; of other calls there is nothing to read."""
    call = call_in(ledger, State.ANSWERED)
    ledger.unreadable(call.id, "No images returned from API endpoint")
    assert ledger.call(call.id).message == "No images returned from API endpoint"
    assert ledger.call(call.id).waits
    with pytest.raises(IllegalTransition):
        ledger.unreadable(call_in(ledger, State.SENT).id, "")


def test_pictures_are_kept_by_their_place_in_the_answer(ledger: Ledger) -> None:
    """For answers that hold addresses, which live for an hour."""
    call = call_in(ledger, State.ANSWERED)
    ledger.keep_picture(call, 1, b"second")
    assert (ledger.picture(call, 0), ledger.picture(call, 1)) == (None, b"second")


def test_prune_removes_old_answers_and_keeps_the_books(ledger: Ledger) -> None:
    """Only of calls whose pictures were made; what waits for somebody stays."""
    old = call_in(ledger, State.DECODED)
    ledger.keep_picture(old, 0, b"picture")
    waiting = call_in(ledger, State.ANSWERED, draft("other"))
    pruned = ledger.prune(waiting.changed + 60)
    assert (pruned.calls, pruned.bytes) == (1, len(BODY) + len(b"picture"))
    assert (ledger.answer(old), ledger.picture(old, 0)) == (None, None)
    assert ledger.answer(waiting) == BODY
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert latest
    assert (latest.id, latest.state, latest.answer_kept) == (old.id, State.DECODED, False)
    assert ledger.prune(waiting.changed + 60) == type(pruned)(0, 0)


def test_prune_keeps_what_is_young_or_in_use(ledger: Ledger) -> None:
    """Age counts from the answer; an address that somebody works with is left alone."""
    call = call_in(ledger, State.DECODED)
    assert ledger.prune(call.made - 60).calls == 0
    with ledger.lock(ADDRESS) or pytest.fail("it is free"):
        assert ledger.prune(call.changed + 60).calls == 0
    assert ledger.answer(call) == BODY


def test_prune_removes_files_that_belong_to_no_call(ledger: Ledger) -> None:
    """Also what a failed call left; what isn't named as ours stays."""
    failed = call_in(ledger, State.SENT)
    ledger.reserve(failed, 10).fill(b"1234")
    ledger.failed(failed.id, "no", status=400, code=None, request_id=None)
    for name in ("00000099-ab.json", "00000001-ab.json.part", "notes.txt"):
        (ledger.folder / "answers" / name).write_bytes(b"12345")
    pruned = ledger.prune(failed.changed + 60)
    assert (pruned.calls, pruned.bytes) == (0, 14)
    assert [path.name for path in (ledger.folder / "answers").iterdir()] == ["notes.txt"]


def test_an_answer_somebody_removed_serves_nobody(ledger: Ledger) -> None:
    """The books say that it was kept; the disk decides."""
    call = call_in(ledger, State.DECODED)
    path = ledger.answer_path(call)
    assert path
    path.unlink()
    latest = ledger.latest(IDENTITY, ADDRESS)
    assert latest
    assert not latest.answer_kept
    assert ledger.answer_path(call) is None


def test_calls_are_listed_by_time_and_state(tmp_path: Path) -> None:
    """The oldest first."""
    times = iter(range(100, 200))
    ledger = Ledger(tmp_path, clock=lambda: float(next(times)))
    first, second = call_in(ledger, State.FAILED), call_in(ledger, State.INTENDED)
    assert ledger.calls() == [first, second]
    assert ledger.calls(since=second.made) == [second]
    assert ledger.calls(states={State.FAILED, State.UNKNOWN}) == [first]
    assert ledger.calls(states=()) == []
    ledger.close()


def test_sums_by_day_service_model_and_state(tmp_path: Path) -> None:
    """Days are those of the zone; what is no count of tokens counts nothing."""
    now = [86_399.0]
    ledger = Ledger(tmp_path, clock=lambda: now[0])
    call_in(ledger, State.DECODED)
    call_in(ledger, State.DECODED)
    call_in(ledger, State.UNKNOWN)
    now[0] = 86_400.0
    odd = call_in(ledger, State.ANSWERED)
    ledger.decoded(odd.id, pictures=3, usage={"input_tokens": "many", "output_tokens": True}, request_id=None)
    sums = spending(ledger.calls())
    assert [(str(account.day), dict(states)) for account, states in sums.accounts.items()] == [
        ("1970-01-01", {State.DECODED: Sum(2, 2, 24, 690, unpriced=2), State.UNKNOWN: Sum(1, unpriced=1)}),
        ("1970-01-02", {State.DECODED: Sum(1, 3, unpriced=1)}),
    ]
    assert sums.total == {State.DECODED: Sum(3, 5, 24, 690, unpriced=3), State.UNKNOWN: Sum(1, unpriced=1)}
    ledger.close()


def test_many_threads_share_a_ledger(ledger: Ledger) -> None:
    """As the workers of a run do, half of them with equal requests. The lock decides whose turn it is."""
    start = threading.Barrier(20)

    def buy(number: int) -> None:
        wanted = draft(f"address {number // 2}")
        start.wait()
        while (lock := ledger.lock(wanted.address)) is None:
            pass
        with lock:
            if ledger.latest(wanted.identity, wanted.address) is None:
                call_in(ledger, State.DECODED, wanted)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(buy, range(20)))
    calls = ledger.calls()
    assert [call.state for call in calls] == [State.DECODED] * 10
    assert len({call.draft.address for call in calls}) == 10


def test_a_ledger_can_be_used_after_it_was_closed(ledger: Ledger) -> None:
    """It opens itself; closing leaves one file and no log."""
    call = call_in(ledger, State.DECODED)
    ledger.close()
    assert {path.name for path in ledger.folder.iterdir() if path.is_file()} == {"calls.sqlite3"}
    assert ledger.call(call.id) == call


MOVES: dict[State, Callable[[Ledger, Call], None]] = {
    State.INTENDED: lambda ledger, call: ledger.back(call.id),
    State.SENT: lambda ledger, call: ledger.sent(call.id),
    State.ANSWERED: lambda ledger, call: ledger.answered(call.id, status=200, request_id=None, encoding=""),
    State.DECODED: lambda ledger, call: ledger.decoded(call.id, pictures=1, usage=None, request_id=None),
    State.FAILED: lambda ledger, call: ledger.failed(call.id, "no", status=400, code=None, request_id=None),
    State.REFUSED: lambda ledger, call: ledger.refused(call.id, "no", status=400, code=None, request_id=None),
    State.UNKNOWN: lambda ledger, call: ledger.unknown(call.id, "lost", status=None, code=None, request_id=None),
}


class Transitions(RuleBasedStateMachine):
    """Whatever is asked of calls in whatever order, the books agree with a model that knows only the table."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.ledger = Ledger(Path(self.folder.name))
        self.calls: list[Call] = []
        self.states: list[State] = []
        self.attempts: list[int] = []

    @rule(address=st.sampled_from(["a", "b"]))
    def intend(self, address: str) -> None:
        """A new purchase has a take no earlier one has, save those that failed."""
        call = intend(self.ledger, draft(address))
        alike = [s for c, s in zip(self.calls, self.states, strict=True) if c.draft.address == address]
        assert call.take == 1 + sum(state is not State.FAILED for state in alike)
        self.calls.append(call)
        self.states.append(State.INTENDED)
        self.attempts.append(0)

    @rule(pick=st.integers(0, 5), to=st.sampled_from(State))
    def move(self, pick: int, to: State) -> None:
        """A call goes where the table lets it, and nowhere else."""
        if pick >= len(self.calls):
            return
        if to in TRANSITIONS[self.states[pick]]:
            MOVES[to](self.ledger, self.calls[pick])
            self.states[pick] = to
            self.attempts[pick] += to is State.SENT
        else:
            with pytest.raises(IllegalTransition):
                MOVES[to](self.ledger, self.calls[pick])

    @rule()
    def reopen(self) -> None:
        """Another process sees the same."""
        self.ledger.close()
        self.ledger = Ledger(Path(self.folder.name))

    @invariant()
    def agree(self) -> None:
        """Ids are given in order, and rows are what the model says."""
        found = self.ledger.calls()
        assert [(call.id, call.state, call.attempts) for call in found] == [
            (call.id, state, attempts)
            for call, state, attempts in zip(self.calls, self.states, self.attempts, strict=True)
        ]

    def teardown(self) -> None:
        """Leave nothing."""
        self.ledger.close()
        self.folder.cleanup()


Transitions.TestCase.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)
test_transitions = Transitions.TestCase
