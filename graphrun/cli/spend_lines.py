"""The record of paid calls in words. Prompts, models and messages come from files and services: none is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from graphrun.amounts import usd
from graphrun.cli.moments import moment
from graphrun.providers.ledger import Account, Call, CostOf, State, Sum, spending
from graphrun.sinks.wording import counted, one_line

_FIRST_WORDS = 48
"""Characters of a prompt by which a person knows it."""
_SIDES = "<<<>>>><"
"""Of the table's columns: day, model, service, calls, pictures, tokens, cost, and how the calls ended."""
_RUNS = 10
"""How many of the last runs are told; --json has all."""


def report_lines(
    calls: Sequence[Call], waiting: Sequence[Call], folder: Path, since: float | None, cost_of: CostOf
) -> Iterator[str]:
    """Yield a line for each day and model, their sum, one for each of the last runs, and what waits for a decision."""
    sums = spending(calls, None, cost_of)
    table = [_row(account, states) for account, states in sums.accounts.items()]
    if not table:
        yield f"no paid call is recorded in {folder}{'' if since is None else f' since {moment(since)}'}"
    elif len(table) > 1:
        table.append(("in all", "", "", *_amounts(sums.total)))
    yield from _aligned(table)
    yield from _run_lines(sums.runs)
    if waiting:
        yield ""
        yield f"{counted(len(waiting), 'call')} to be settled:"
    for call in waiting:
        yield from _waiting_lines(call)


def _run_lines(runs: Mapping[str, Sum]) -> Iterator[str]:
    """Yield a line for each of the last runs; what one run came to is the sum above."""
    if len(runs) < 2:
        return
    yield ""
    last = list(runs.items())[-_RUNS:]
    yield "by run:" if len(last) == len(runs) else f"by run, the last {_RUNS}:"
    yield from _aligned([(f"  {one_line(run)}", counted(amount.calls, "call"), _cost(amount)) for run, amount in last])


def call_lines(call: Call, answer: Path | None, equal_call: str, cost_of: CostOf) -> Iterator[str]:
    """Yield all that is known of a call, a line each."""
    draft = call.draft
    facts = {
        "call": f"{call.id}, {_state(call)}",
        "message": call.message,
        "service": draft.identity,
        "model": draft.model,
        "prompt": draft.prompt,
        "parameters": ", ".join(f"{name}={value}" for name, value in draft.parameters.items()),
        "seed": draft.seed,
        "pictures sent": f"{draft.references}{', and a mask' if draft.masked else ''}",
        "pictures asked for": draft.count,
        "pictures received": call.pictures,
        "usage": ", ".join(f"{name}={value}" for name, value in (call.usage or {}).items()),
        "cost": _one_cost(call, cost_of),
        "run": draft.by.run,
        "node": draft.by.node,
        "made": moment(call.made),
        "last changed": moment(call.changed),
        "purchase": f"{call.take} of equal requests",
        "times sent": call.attempts,
        "client request id": call.client_request_id,
        "request id": call.request_id,
        "answered": " ".join(str(part) for part in (call.status, call.code) if part is not None),
        "raw answer": answer or "not kept",
        "an equal request": equal_call,
    }
    known = {name: one_line(str(fact)) for name, fact in facts.items() if fact not in (None, "")}
    width = max(map(len, known))
    for name, fact in known.items():
        yield f"{name:{width}}  {fact}"


def _row(account: Account, states: Mapping[State, Sum]) -> tuple[str, ...]:
    return (str(account.day), one_line(account.model), one_line(account.identity), *_amounts(states))


def _amounts(states: Mapping[State, Sum]) -> tuple[str, ...]:
    total = sum(states.values(), Sum())
    tokens = f"{total.input_tokens:,} + {total.output_tokens:,} tokens"
    ends = [f"{amount.calls} {state}" for state, amount in sorted(states.items()) if state is not State.DECODED]
    return counted(total.calls, "call"), counted(total.pictures, "picture"), tokens, _cost(total), ", ".join(ends)


def _cost(amount: Sum) -> str:
    """Return ``0.0059 USD``, and how many calls nobody knows the cost of."""
    unknown = f"{counted(amount.unpriced, 'call')} of unknown cost"
    if not amount.unpriced:
        return usd(amount.cost)
    return f"{usd(amount.cost)} and {unknown}" if amount.cost else unknown


def _one_cost(call: Call, cost_of: CostOf) -> str:
    cost = cost_of(call)
    if cost is not None:
        return usd(cost)
    return "unknown" if call.reserved is None else f"unknown; {usd(call.reserved)} were expected at most"


def _aligned(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, _SIDES, widths, strict=False)]
        yield "  ".join(cells).rstrip()


def _waiting_lines(call: Call) -> Iterator[str]:
    draft = call.draft
    node = f", node {one_line(draft.by.node)}" if draft.by.node else ""
    what = f"{one_line(draft.model)}{node}, {_first_words(draft.prompt)}"
    yield f"  {call.id}: {_state(call)}, {moment(call.made)}, {what}"
    if call.message:
        yield f"      {one_line(call.message)}"
    if call.state is State.ANSWERED and call.answer_kept:
        yield "      the same run reads its answer again and pays nothing; to give that answer up and pay once more:"
    yield f"      graphrun spend resolve {call.id}"


def _state(call: Call) -> str:
    said = "answered, not read" if call.state is State.ANSWERED else str(call.state)
    return f"{said}, booked as {call.verdict}" if call.verdict else said


def _first_words(prompt: str) -> str:
    line = one_line(prompt[: 4 * _FIRST_WORDS])
    return f'"{line}"' if len(line) <= _FIRST_WORDS else f'"{line[: _FIRST_WORDS - 1].rstrip()}…"'
