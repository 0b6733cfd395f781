"""``graphrun spend``: the books, what waits for a decision, and what is removed."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from callers import Graphrun

from graphrun.cli.moments import parse_moment
from graphrun.cli.spend import equal_call
from graphrun.errors import UsageError
from graphrun.providers.ledger import Call, Draft, Ledger, State, TakenBy

DAY = 86_400.0
FOX = Draft(
    "openai:x", "f" * 64, "gpt-image-2", "a fox", {"n": 1}, 7, 1, references=2, masked=True, by=TakenBy("r", "10")
)
LONG = replace(FOX, address="e" * 64, prompt="a red fox that jumps over a lazy dog\nin the snow of\x1b[31m the north")


class Books:
    """The ledger that the command line reads, with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.start = self.now = time.time()
        self.ledger = Ledger(folder, clock=lambda: self.now)

    def buy(self, draft: Draft = FOX, *, days_ago: float = 0) -> Call:
        """Record a call that brought a picture."""
        self.now = self.start - days_ago * DAY
        call = self.sent(draft)
        self.ledger.reserve(call, 10).fill(b"{}")
        self.ledger.answered(call.id, status=200, request_id="req_1", encoding="")
        self.ledger.decoded(call.id, pictures=2, usage={"input_tokens": 1200, "output_tokens": 34}, request_id=None)
        return self.ledger.call(call.id)

    def lose(self, draft: Draft = FOX) -> Call:
        """Record a call whose answer was lost."""
        call = self.sent(draft)
        self.ledger.unknown(call.id, "the answer was lost", status=None, code=None, request_id=None)
        return self.ledger.call(call.id)

    def sent(self, draft: Draft = FOX) -> Call:
        """Record a call that goes out."""
        call = self.ledger.intend(draft, lambda take: f"graphrun-{take}")
        self.ledger.sent(call.id)
        return call


@pytest.fixture
def books(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Empty ones."""
    monkeypatch.setenv("GRAPHRUN_DATA_DIR", str(here / "data"))
    books = Books(here / "data" / "ledger")
    yield books
    books.ledger.close()


def plain(text: str) -> str:
    """Return a text with its dates replaced."""
    return re.sub(r"\d{4}-\d\d-\d\d(?= )", "<the--day>", re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "<moment>", text))


def test_before_the_first_paid_call_there_is_nothing_to_tell(graphrun: Graphrun, books: Books) -> None:
    """One sentence, no error, and no file is made."""
    said = graphrun("spend")
    assert (said.code, said.out, said.err) == (0, f"no paid call is recorded in {books.ledger.folder}\n", "")
    document = json.loads(graphrun("spend", "--json").out)
    assert (document["accounts"], document["calls"], document["waiting"]) == ([], [], [])
    assert "0 bytes freed: the raw answers of 0 calls" in graphrun("spend", "prune").out
    assert not books.ledger.folder.exists()


def test_sums_by_day_and_model_and_what_waits(graphrun: Graphrun, books: Books) -> None:
    """A line for each day and model, their sum, then each call to be settled with the command that does it."""
    books.buy()
    books.buy(replace(FOX, address="d" * 64, model="dall-e-3"))
    books.lose(LONG)
    said = graphrun("spend")
    assert (said.code, said.err) == (0, "")
    assert plain(said.out).splitlines() == [
        "<the--day>  dall-e-3     openai:x   1 call  2 pictures  1,200 + 34 tokens   1 call of unknown cost",
        "<the--day>  gpt-image-2  openai:x  2 calls  2 pictures  1,200 + 34 tokens  2 calls of unknown cost  1 unknown",
        "in all                             3 calls  4 pictures  2,400 + 68 tokens  3 calls of unknown cost  1 unknown",
        "",
        "1 call to be settled:",
        '  3: unknown, <moment>, gpt-image-2, node 10, "a red fox that jumps over a lazy dog in the sno…"',
        "      the answer was lost",
        "      graphrun spend resolve 3",
    ]


def test_money_is_told_by_day_model_and_run(graphrun: Graphrun, books: Books) -> None:
    """What is recorded counts; of calls without a recorded cost, what their usage comes to at OpenAI's rates."""
    official = replace(FOX, identity="openai:https://api.openai.com/v1", references=0)
    books.buy(official)  # 1,200 tokens in at 5 USD a million, 34 out at 30
    other = books.sent(replace(official, address="d" * 64, by=TakenBy("r2", "10")))
    books.ledger.reserve(other, 10).fill(b"{}")
    books.ledger.answered(other.id, cost=Decimal("0.25"))
    said = graphrun("spend").out.splitlines()
    assert "0.2571 USD" in said[0]
    assert [line.split() for line in said[2:5]] == [
        ["by", "run:"],
        ["r", "1", "call", "0.0071", "USD"],
        ["r2", "1", "call", "0.25", "USD"],
    ]
    document = json.loads(graphrun("spend", "--json").out)
    assert {run: amount["cost"] for run, amount in document["runs"].items()} == {"r": "0.00702", "r2": "0.25"}
    assert [call["cost"] for call in document["calls"]] == ["0.00702", "0.25"]
    assert "cost                " in graphrun("spend", "show", other.id).out


def test_what_was_not_charged_costs_nothing(graphrun: Graphrun, books: Books) -> None:
    """A call that failed, and one of which a person found that out."""
    lost = books.lose()
    assert "1 call of unknown cost" in graphrun("spend").out
    graphrun("spend", "resolve", lost.id, "--not-charged")
    books.ledger.failed(books.sent(LONG).id, "no")
    assert "  0 USD  " in graphrun("spend").out


def test_an_answer_that_was_not_read_waits_too(graphrun: Graphrun, books: Books) -> None:
    """It is paid for, so the first advice costs nothing."""
    call = books.sent()
    books.ledger.reserve(call, 10).fill(b"{}")
    books.ledger.answered(call.id, status=200, request_id=None, encoding="")
    books.ledger.unreadable(call.id, "No images returned")
    lines = plain(graphrun("spend").out).splitlines()
    assert lines[-4:] == [
        '  1: answered, not read, <moment>, gpt-image-2, node 10, "a fox"',
        "      No images returned",
        "      the same run reads its answer again and pays nothing; to give that answer up and pay once more:",
        "      graphrun spend resolve 1",
    ]


def test_since_leaves_out_what_is_older_but_not_what_waits(graphrun: Graphrun, books: Books) -> None:
    """A date or an age."""
    books.buy(days_ago=30)
    books.now = books.start - 20 * DAY
    lost = books.lose(LONG)
    young = books.buy(replace(FOX, address="d" * 64))
    document = json.loads(graphrun("spend", "--since", "7d", "--json").out)
    assert [call["id"] for call in document["calls"]] == [young.id]
    assert document["waiting"] == [lost.id]
    total = {"calls": 1, "pictures": 2, "input_tokens": 1200, "output_tokens": 34, "cost": "0", "unpriced": 1}
    assert document["total"] == {"decoded": total}
    said = graphrun("spend", "--since", "2100-01-01")
    assert said.code == 0
    assert said.out.startswith(f"no paid call is recorded in {books.ledger.folder} since 2100-01-01 00:00\n\n1 call to")


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "-3d", "2026-13-01", "0001-01-01x"])
def test_a_time_nobody_understands_is_a_wrong_call(graphrun: Graphrun, books: Books, text: str) -> None:
    """Named with its option and with what would be understood."""
    said = graphrun("spend", f"--since={text}")
    assert (said.code, said.out) == (2, "")
    assert f"--since {text!r}: write a date or an age, for example 2026-11-01, 7d or 24h" in said.err


@pytest.mark.parametrize(("age", "seconds"), [("90m", 5400), ("24h", DAY), ("7d", 7 * DAY), (" 2W ", 14 * DAY)])
def test_ages_count_back_from_now(age: str, seconds: float) -> None:
    """Minutes, hours, days and weeks."""
    assert parse_moment(age, "--since", 1e9) == 1e9 - seconds


def test_dates_are_those_of_this_computer() -> None:
    """A day apart are two dates; a zone may be given."""
    assert parse_moment("2026-01-12", "--since", 0) - parse_moment("2026-01-11T00:00", "--since", 0) == DAY
    assert parse_moment("1970-01-01T01:00+01:00", "--since", 0) == 0
    with pytest.raises(UsageError):
        parse_moment("soon", "--since", 0)


def test_show_tells_all_that_is_known(graphrun: Graphrun, books: Books) -> None:
    """A line a fact; where the raw answer is, and what an equal request would do."""
    call = books.buy(LONG)
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in graphrun("spend", "show", call.id).out.splitlines())
    assert lines["call"] == "1, decoded"
    assert lines["prompt"].endswith(r"dog in the snow of\x1b[31m the north")
    assert (lines["pictures sent"], lines["usage"]) == ("2, and a mask", "input_tokens=1200, output_tokens=34")
    assert (lines["client request id"], lines["request id"]) == ("graphrun-1", "req_1")
    assert Path(lines["raw answer"]).read_bytes() == b"{}"
    assert lines["an equal request"] == "is served from the answer of call 1 and costs nothing"
    assert "message" not in lines


def test_show_as_json(graphrun: Graphrun, books: Books) -> None:
    """The same for programs."""
    document = json.loads(graphrun("spend", "show", books.lose(LONG).id, "--json").out)
    assert (document["state"], document["waiting"], document["prompt"]) == ("unknown", True, LONG.prompt)
    assert document["answer_path"] is None
    assert document["equal_call"] == "is not sent before call 1 is settled: graphrun spend resolve 1"


@pytest.mark.parametrize("command", ["show", "resolve"])
def test_a_call_that_is_not_there_is_a_wrong_call(graphrun: Graphrun, books: Books, command: str) -> None:
    """Also while there is no ledger."""
    for _ in range(2):
        said = graphrun("spend", command, "9")
        assert (said.code, said.out) == (2, "")
        path = books.ledger.path
        assert said.err == f"error: the ledger {path} has no call 9: graphrun spend --json lists all calls\n"
        books.buy()
    assert graphrun("spend", command, "fox").code == 2


@pytest.mark.parametrize(
    ("words", "verdict"), [((), "charged"), (("--charged",), "charged"), (("--not-charged",), "not charged")]
)
def test_resolve_settles_a_call(graphrun: Graphrun, books: Books, words: tuple[str, ...], verdict: str) -> None:
    """Cautiously, unless told otherwise; nothing waits any more, and an equal request may be sent."""
    call = books.lose()
    said = graphrun("spend", "resolve", call.id, *words)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"call 1 is booked as {verdict}; an equal request is sent by the next run that asks for it\n"
    assert books.ledger.call(call.id).verdict == verdict
    assert "to be settled" not in graphrun("spend").out
    assert f"unknown, booked as {verdict}" in graphrun("spend", "show", call.id).out


def test_resolve_of_a_call_whose_end_is_known_is_a_wrong_call(graphrun: Graphrun, books: Books) -> None:
    """The reason is told; so it is of one that is being made."""
    books.buy()
    failed = books.sent(LONG)
    books.ledger.failed(failed.id, "no", status=400, code=None, request_id=None)
    assert "call 1 was charged and its pictures are there" in graphrun("spend", "resolve", 1).err
    said = graphrun("spend", "resolve", 2)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: call 2 brought nothing")
    with books.ledger.lock(FOX.address) or pytest.fail("it is free"):
        books.sent()
        assert "call 3 is being made by another process" in graphrun("spend", "resolve", 3).err


def test_what_a_killed_process_left_is_settled_when_it_is_looked_at(graphrun: Graphrun, books: Books) -> None:
    """It waits for a decision from then on."""
    books.sent()
    assert "  1: unknown, " in graphrun("spend").out
    assert books.ledger.call(1).state is State.UNKNOWN


def test_prune_says_what_was_freed(graphrun: Graphrun, books: Books) -> None:
    """After thirty days, unless told otherwise; then an equal request is paid again."""
    old = books.buy(days_ago=31)
    books.buy(replace(FOX, address="d" * 64), days_ago=3)
    path = books.ledger.answer_path(old)
    assert path
    os.utime(path, (old.changed, old.changed))  # files are as old as they are, whatever the clock of these books says
    said = graphrun("spend", "prune")
    assert (said.code, said.out) == (0, "2 bytes freed: the raw answers of 1 call; the record stays\n")
    assert "is sent and paid again, unless the cache has its result" in graphrun("spend", "show", old.id).out
    assert "the raw answers of 1 call;" in graphrun("spend", "prune", "--older-than", "2d").out


def test_an_unreadable_ledger_is_one_sentence(graphrun: Graphrun, books: Books) -> None:
    """Whatever is asked of it."""
    books.buy()
    books.ledger.close()
    books.ledger.path.write_bytes(b"no database" * 100)
    for words in ((), ("show", 1), ("resolve", 1), ("prune",)):
        said = graphrun("spend", *words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: the ledger {books.ledger.path} is damaged (")
        assert said.err.count("\n") == 1


def test_what_an_equal_request_does_while_the_call_is_made(books: Books) -> None:
    """It waits for its owner."""
    assert equal_call(books.sent()) == "waits for call 1, which another process is making"
    assert equal_call(None) == "is sent by the next run that asks for it"
