"""The record of paid calls as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from graphrun.amounts import plain
from graphrun.cli.moments import timestamp
from graphrun.providers.ledger import Call, CostOf, State, Sum, spending


def report_json(
    calls: Sequence[Call], waiting: Sequence[Call], folder: Path, since: float | None, cost_of: CostOf
) -> dict[str, Any]:
    """Return sums, the calls they are of, and the ids of those that wait for a decision. Money is USD, as text."""
    sums = spending(calls, None, cost_of)
    return {
        "folder": str(folder),
        "since": timestamp(since),
        "accounts": [
            {
                "day": account.day.isoformat(),
                "service": account.identity,
                "model": account.model,
                "states": _sums_json(states),
            }
            for account, states in sums.accounts.items()
        ],
        "runs": {run: _sum_json(amount) for run, amount in sums.runs.items()},
        "total": _sums_json(sums.total),
        "waiting": [call.id for call in waiting],
        "calls": [call_json(call, cost_of) for call in calls],
    }


def call_json(call: Call, cost_of: CostOf) -> dict[str, Any]:
    """Return all that is recorded of a call."""
    draft = call.draft
    return {
        "id": call.id,
        "state": call.state,
        "waiting": call.waits,
        "verdict": call.verdict,
        "service": draft.identity,
        "model": draft.model,
        "prompt": draft.prompt,
        "parameters": dict(draft.parameters),
        "seed": draft.seed,
        "references": draft.references,
        "masked": draft.masked,
        "count": draft.count,
        "pictures": call.pictures,
        "usage": call.usage,
        "cost": _amount(cost_of(call)),
        "reserved": _amount(call.reserved),
        "run": draft.by.run,
        "node": draft.by.node,
        "made": timestamp(call.made),
        "changed": timestamp(call.changed),
        "take": call.take,
        "attempts": call.attempts,
        "client_request_id": call.client_request_id,
        "request_id": call.request_id,
        "status": call.status,
        "code": call.code,
        "message": call.message,
        "encoding": call.encoding,
        "address": draft.address,
        "answer_kept": call.answer_kept,
    }


def _sums_json(states: Mapping[State, Sum]) -> dict[str, dict[str, Any]]:
    return {state.value: _sum_json(amount) for state, amount in states.items()}


def _sum_json(amount: Sum) -> dict[str, Any]:
    return {**asdict(amount), "cost": _amount(amount.cost)}


def _amount(cost: Decimal | None) -> str | None:
    return None if cost is None else plain(cost)
