"""Several callers' work in one transaction of the ledger: each part stands or fails alone, all are durable at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_calls import ADDRESS, DRAFT, draft, intend

from graphrun.providers.ledger import IllegalTransition, Ledger, State
from graphrun.providers.ledger.database import Database
from graphrun.providers.ledger.transactions import Transactions


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A file with one table."""
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as db:
        db.execute("CREATE TABLE t(text)")
        yield db


def texts(db: sqlite3.Connection) -> list[str]:
    """Return what the table holds."""
    return [text for (text,) in db.execute("SELECT text FROM t")]


def add(transactions: Transactions, db: sqlite3.Connection, text: str, error: Exception | None = None) -> None:
    """Write a row as a part of its own, and fail then if so told."""
    with transactions.part(lambda: db) as lent:
        lent.execute("INSERT INTO t VALUES (?)", (text,))
        if error is not None:
            raise error


def test_a_part_that_fails_leaves_the_others(db: sqlite3.Connection) -> None:
    """one ✓, two ✗, three ✓, in one transaction."""
    transactions = Transactions()
    with transactions.together():
        add(transactions, db, "one")
        with pytest.raises(KeyError):
            add(transactions, db, "two", KeyError("two"))
        add(transactions, db, "three")
        assert db.in_transaction
    assert not db.in_transaction
    assert texts(db) == ["one", "three"]


def test_without_others_a_part_is_a_transaction(db: sqlite3.Connection) -> None:
    """Committed when it ends, and nothing of it stays where it fails."""
    transactions = Transactions()
    add(transactions, db, "one")
    with pytest.raises(KeyError):
        add(transactions, db, "two", KeyError("two"))
    assert not db.in_transaction
    assert texts(db) == ["one"]


def test_a_block_that_fails_takes_its_parts_with_it(db: sqlite3.Connection) -> None:
    """They are undone, and the next transaction is a new one."""
    transactions = Transactions()

    def block() -> None:
        with transactions.together():
            add(transactions, db, "one")
            raise KeyError("block")

    with pytest.raises(KeyError):
        block()
    add(transactions, db, "two")
    assert texts(db) == ["two"]


def test_where_the_disk_fills_no_part_is_taken_for_done(db: sqlite3.Connection) -> None:
    """SQLite rolls all of a transaction back then: parts that were done before are not told that they stand."""
    transactions = Transactions()
    db.execute("PRAGMA max_page_count = 8")

    def block() -> None:
        with transactions.together():
            add(transactions, db, "one")
            with pytest.raises(sqlite3.OperationalError, match="full"):
                add(transactions, db, "x" * 100_000)
            with pytest.raises(sqlite3.OperationalError, match="full"):
                add(transactions, db, "three")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        block()
    assert texts(db) == []


def test_others_see_a_transaction_when_it_is_over(tmp_path: Path) -> None:
    """Who is in it sees what it has written so far; a reader meanwhile waits for nobody, and sees what was before."""
    ledger = Ledger(tmp_path)
    database = Database(ledger.path, tmp_path / "answers", 30.0)
    intend(ledger)

    def calls() -> int:
        with database.reading() as db:
            assert db
            [count] = db.execute("SELECT count(*) FROM call").fetchone()
            return int(count)

    seen = []
    with database.together():
        with database.writing() as db:
            db.execute("DELETE FROM call")
        other = threading.Thread(target=lambda: seen.append(calls()))
        other.start()
        other.join(60)
        assert (calls(), seen) == (0, [1])
    assert calls() == 0
    database.close()
    ledger.close()


def test_calls_that_come_together_are_all_recorded(tmp_path: Path) -> None:
    """Twenty at once, and one that can't go where it is sent: that one alone is told so."""

    async def work(ledger: Ledger, intended: int) -> list[object]:
        calls = await asyncio.gather(*(ledger.do(ledger.intend, draft(f"{number}"), str) for number in range(20)))
        ends = [ledger.do(ledger.sent, call.id) for call in calls]
        return await asyncio.gather(*ends, ledger.do(ledger.answered, intended), return_exceptions=True)

    ledger = Ledger(tmp_path)
    *fine, wrong = asyncio.run(work(ledger, intend(ledger).id))
    assert fine == [None] * 20
    assert isinstance(wrong, IllegalTransition)
    assert sorted(call.draft.address for call in ledger.calls(states={State.SENT})) == sorted(map(str, range(20)))
    assert ledger.latest(DRAFT.identity, ADDRESS)
    ledger.close()


def test_what_cant_begin_is_waited_for_once(db: sqlite3.Connection) -> None:
    """Another process has kept the file locked: all parts are told after one wait, not each after its own."""
    transactions, tries = Transactions(), 0

    def busy() -> sqlite3.Connection:
        nonlocal tries
        tries += 1
        raise sqlite3.OperationalError("database is locked")

    with transactions.together():
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="locked"), transactions.part(busy):
                pass
    assert tries == 1
    add(transactions, db, "one")
    assert texts(db) == ["one"]
