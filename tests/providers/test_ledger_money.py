"""Money in the ledger: what is reserved and what it cost, a day's cap among processes, ledgers of earlier formats."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from ledger_calls import DRAFT, USAGE, call_in, draft

from graphrun import LimitError
from graphrun.errors import LedgerError
from graphrun.providers.ledger import Call, Ledger, State

CENT = Decimal("0.01")
DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2

BUYER = """
import sys
from decimal import Decimal
from pathlib import Path
from graphrun import LimitError
from graphrun.providers.ledger import Draft, Ledger
ledger = Ledger(Path(sys.argv[1]))
bought = 0
for number in range(40):
    address = f"{sys.argv[2]}{number:063}"
    draft = Draft("shop", address, "m", "p", {}, 0, 1)
    try:
        call = ledger.intend(draft, str, price=Decimal("0.01"), day_cap=Decimal("0.5"))
    except LimitError:
        continue
    bought += 1
    ledger.sent(call.id)
print(bought)
"""
FORMAT_1 = """
CREATE TABLE call(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL, address TEXT NOT NULL, take INTEGER NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    made REAL NOT NULL, changed REAL NOT NULL,
    client_request_id TEXT NOT NULL, request_id TEXT, status INTEGER, code TEXT, message TEXT,
    encoding TEXT NOT NULL DEFAULT '', usage TEXT, pictures INTEGER, verdict TEXT,
    answer_kept INTEGER NOT NULL DEFAULT 0);
CREATE INDEX call_by_address ON call(address, identity);
CREATE INDEX call_by_state ON call(state);
PRAGMA user_version = 1;
"""
OLD = (
    "id, identity, address, take, request, state, attempts, made, changed, client_request_id, request_id, status, "
    "code, message, encoding, usage, pictures, verdict, answer_kept"
)


class Clock:
    """Tells the time it is set to."""

    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    book = Ledger(tmp_path / "ledger", clock=clock)
    yield book
    book.close()


def buy(ledger: Ledger, number: int, *, price: Decimal | None = CENT, cap: Decimal = 3 * CENT) -> Call:
    """Record a call of its own."""
    return ledger.intend(draft(address=f"{number:064}"), str, price=price, day_cap=cap)


def test_amounts_are_kept_to_a_billionth(ledger: Ledger) -> None:
    """What is reserved when it is recorded, what it cost once that is known; later news without it takes nothing."""
    call = ledger.intend(DRAFT, str, price=Decimal("0.005885001"))
    ledger.reserve(call, 10).fill(b"{}")
    ledger.sent(call.id)
    ledger.answered(call.id, cost=Decimal("0.006"))
    ledger.decoded(call.id, pictures=1)
    assert (ledger.call(call.id).reserved, ledger.call(call.id).cost) == (Decimal("0.005885001"), Decimal("0.006"))


def test_a_day_s_calls_never_come_to_more_than_its_cap(ledger: Ledger, clock: Clock) -> None:
    """Reservations count until the cost is known; what is refused leaves no row; the next day begins anew."""
    first = buy(ledger, 1)
    buy(ledger, 2)
    buy(ledger, 3)
    with pytest.raises(LimitError, match=r"0.03 USD a day, of which 0.03 USD are spent or under way today") as caught:
        buy(ledger, 4)
    assert "GRAPHRUN_MAX_COST_PER_DAY=0.04 would allow it" in str(caught.value)
    ledger.sent(first.id)
    ledger.reserve(first, 10).fill(b"{}")
    ledger.answered(first.id, cost=Decimal(0))
    buy(ledger, 4)
    assert len(ledger.calls()) == 4
    clock.now += DAY
    buy(ledger, 5)


def test_only_what_was_certainly_not_charged_gives_its_room_back(ledger: Ledger) -> None:
    """A failed call, and one that a person decided about so. A call of unknown price isn't bounded, nor counted."""
    failed, lost, charged = buy(ledger, 1), buy(ledger, 2), buy(ledger, 3)
    ledger.failed(failed.id, "no")
    for call in (lost, charged):
        ledger.sent(call.id)
        ledger.unknown(call.id, "lost")
    buy(ledger, 4)
    with pytest.raises(LimitError):
        buy(ledger, 5)
    ledger.resolve(charged.id, "charged")
    with pytest.raises(LimitError):
        buy(ledger, 5)
    ledger.resolve(lost.id, "not charged")
    buy(ledger, 5)
    buy(ledger, 6, price=None)


def test_each_service_has_its_own_day(ledger: Ledger) -> None:
    """A cap is for the calls to one of them."""
    buy(ledger, 1, cap=CENT)
    other = ledger.intend(draft(identity="other"), str, price=CENT, day_cap=CENT)
    assert other.draft.identity == "other"
    with pytest.raises(LimitError):
        buy(ledger, 2, cap=CENT)


def test_two_processes_never_exceed_a_day_s_cap_together(tmp_path: Path) -> None:
    """Forty calls each, room for fifty in all: fifty are recorded, whoever is faster."""
    both = [
        subprocess.Popen(
            [sys.executable, "-c", BUYER, str(tmp_path / "ledger"), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b")
    ]
    bought = [int(each.communicate(timeout=60)[0]) for each in both]
    assert sum(bought) == 50
    ledger = Ledger(tmp_path / "ledger")
    assert sum((call.reserved or Decimal(0) for call in ledger.calls()), Decimal(0)) == Decimal("0.5")
    ledger.close()


def make_older(ledger: Ledger) -> None:
    """Turn a ledger into one of the first format, calls and all."""
    ledger.close()
    db = sqlite3.connect(ledger.path, isolation_level=None)
    rows = db.execute(f"SELECT {OLD} FROM call").fetchall()
    db.executescript("DROP TABLE call")
    db.executescript(FORMAT_1)
    db.executemany(f"INSERT INTO call({OLD}) VALUES ({', '.join('?' * len(OLD.split(',')))})", rows)
    db.close()


def test_a_ledger_of_the_first_format_is_brought_up_to_date(ledger: Ledger) -> None:
    """Nothing is lost, costs are unknown, and new calls have theirs; done once, by whoever opens it first."""
    old = call_in(ledger, State.DECODED)
    make_older(ledger)
    other = Ledger(ledger.folder)
    assert ledger.calls() == other.calls() == [old]
    assert (old.cost, old.usage) == (None, USAGE)
    assert buy(ledger, 2).reserved == CENT
    other.close()


def test_a_ledger_that_lacks_what_its_format_has_is_damaged(ledger: Ledger) -> None:
    """It is neither patched up nor begun anew."""
    call_in(ledger, State.DECODED)
    make_older(ledger)
    db = sqlite3.connect(ledger.path)
    db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(LedgerError, match="is damaged"):
        ledger.calls()
