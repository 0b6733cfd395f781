"""How calls are written into the ledger's table, and read from it. Functions raise sqlite3.Error."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as fields_of
from decimal import Decimal
from typing import Any

from graphrun.providers.ledger.calls import Call, Draft, State, TakenBy

FORMAT = 2

SCHEMA = """
CREATE TABLE call(
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: answers are named by it
    identity TEXT NOT NULL, address TEXT NOT NULL, take INTEGER NOT NULL,
    request TEXT NOT NULL,                 -- JSON: a seed may exceed SQLite's integers, a prompt hold what UTF-8 lacks
    state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    made REAL NOT NULL, changed REAL NOT NULL,
    client_request_id TEXT NOT NULL, request_id TEXT, status INTEGER, code TEXT, message TEXT,
    encoding TEXT NOT NULL DEFAULT '', usage TEXT, pictures INTEGER, verdict TEXT,
    answer_kept INTEGER NOT NULL DEFAULT 0,
    reserved INTEGER, cost INTEGER);       -- billionths of a USD
CREATE INDEX call_by_address ON call(address, identity);
CREATE INDEX call_by_state ON call(state);
CREATE INDEX call_by_time ON call(identity, made);
"""

MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (
        "ALTER TABLE call ADD COLUMN reserved INTEGER",
        "ALTER TABLE call ADD COLUMN cost INTEGER",
        "CREATE INDEX call_by_time ON call(identity, made)",
    ),
}
"""By format: what makes the next one of it."""

_NANO = Decimal(10) ** 9
_MOST = Decimal(10) ** 9
"""USD. Nothing that a picture costs, but more than SQLite's integers hold as billionths is possible in an answer."""

_COLUMNS = (
    "id, identity, address, take, request, state, attempts, made, changed, client_request_id, request_id, status, "
    "code, message, encoding, usage, pictures, verdict, answer_kept, reserved, cost"
)


def insert(
    db: sqlite3.Connection, draft: Draft, take: int, client_request_id: str, now: float, price: Decimal | None
) -> int:
    """Add a call that is intended, and return its id."""
    own = (draft.identity, draft.address, take, _request(draft), State.INTENDED, now, now, client_request_id)
    added = db.execute(
        "INSERT INTO call(identity, address, take, request, state, made, changed, client_request_id, reserved)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*own, _stored(price)),
    )
    assert added.lastrowid is not None
    return added.lastrowid


def update(db: sqlite3.Connection, id: int, changes: Mapping[str, object]) -> None:
    """Set columns of a call. None changes nothing: what is known stays known."""
    known = {column: _stored(value) for column, value in changes.items() if value is not None}
    columns = ", ".join(f"{column} = ?" for column in known)
    db.execute(f"UPDATE call SET {columns} WHERE id = ?", (*known.values(), id))


def find(db: sqlite3.Connection, id: int) -> Call | None:
    """Return a call."""
    if not 0 < id < 2**63:  # a person may ask for any, SQLite takes no larger one
        return None
    row = db.execute(f"SELECT {_COLUMNS} FROM call WHERE id = ?", (id,)).fetchone()
    return _call(row) if row else None


def of_request(db: sqlite3.Connection, identity: str, address: str) -> list[Call]:
    """Return the calls of equal requests, the newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM call WHERE address = ? AND identity = ? ORDER BY id DESC", (address, identity)
    )
    return [_call(row) for row in rows]


def select(db: sqlite3.Connection, since: float | None, states: Collection[State] | None) -> list[Call]:
    """Return calls made since a time and in one of some states, the oldest first."""
    # Without a filter where none is asked for: a state that isn't ours is damage, and not to be passed over.
    among = "" if states is None else f" AND state IN ({', '.join('?' for _ in states)})"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM call WHERE made >= ?{among} ORDER BY id",
        (float("-inf") if since is None else since, *(states or ())),
    )
    return [_call(row) for row in rows]


def booked(db: sqlite3.Connection, identity: str, since: float) -> Decimal:
    """Return the USD of a service's calls made since a time: what they cost, else what is reserved for them.

    A call of unknown price counts nothing, nor does one that was certainly not charged.
    """
    [total] = db.execute(
        "SELECT COALESCE(SUM(COALESCE(cost, reserved)), 0) FROM call"
        " WHERE identity = ? AND made >= ? AND state != ? AND COALESCE(verdict, '') != 'not charged'",
        (identity, since, State.FAILED),
    ).fetchone()
    return Decimal(total) / _NANO


def _request(draft: Draft) -> str:
    fields = {field.name: getattr(draft, field.name) for field in fields_of(draft)}
    rest = {"parameters": dict(draft.parameters), "by": asdict(draft.by)}
    return json.dumps({name: value for name, value in (fields | rest).items() if name not in _COLUMNS.split(", ")})


def _stored(value: object) -> object:
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    if isinstance(value, Decimal):
        return int(min(value, _MOST) * _NANO)
    # What services and nodes say may hold halves of surrogate pairs, which SQLite doesn't take.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _call(db_row: Iterable[Any]) -> Call:
    row = dict(zip(_COLUMNS.split(", "), db_row, strict=True))
    try:
        request = json.loads(row.pop("request"))
        own = {"identity": row.pop("identity"), "address": row.pop("address"), "by": TakenBy(**request["by"])}
        usage = None if row["usage"] is None else json.loads(row["usage"])
        read = {"state": State(row["state"]), "usage": usage, "answer_kept": bool(row["answer_kept"])}
        read |= {name: None if row[name] is None else Decimal(row[name]) / _NANO for name in ("reserved", "cost")}
        return Call(draft=Draft(**request | own), **row | read)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise sqlite3.DatabaseError(f"call {row['id']} can't be read: {error}") from error
