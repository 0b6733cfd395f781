"""What calls came to: sums by day, service, model and state, and by run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from graphrun.providers.ledger.calls import Call, State

CostOf = Callable[[Call], Decimal | None]
"""What a call cost in USD, None where nobody knows."""


def recorded_cost(call: Call) -> Decimal | None:
    """Return the cost that is recorded; nothing for a call that was certainly not charged."""
    return Decimal(0) if call.is_free else call.cost


@dataclass(frozen=True, slots=True)
class Sum:
    """How many calls, the pictures they brought, the tokens their services counted, and their cost in USD.

    ``unpriced`` is how many of them cost what nobody knows.
    """

    calls: int = 0
    pictures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            self.calls + other.calls,
            self.pictures + other.pictures,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """What a sum is of: the calls of a day to one model of one service."""

    day: date
    identity: str
    model: str


@dataclass(frozen=True, slots=True)
class Spending:
    """The sums of some calls by account, the earliest day first, and in each by state; and by run, the first first."""

    accounts: Mapping[Account, Mapping[State, Sum]]
    runs: Mapping[str, Sum]

    @property
    def total(self) -> Mapping[State, Sum]:
        """The sums of all accounts."""
        total: dict[State, Sum] = {}
        for states in self.accounts.values():
            for state, amount in states.items():
                total[state] = total.get(state, Sum()) + amount
        return total


def spending(calls: Iterable[Call], zone: tzinfo | None = UTC, cost_of: CostOf = recorded_cost) -> Spending:
    """Return the sums of calls; days begin at midnight in ``zone``, None being that of this computer."""
    accounts: dict[Account, dict[State, Sum]] = {}
    runs: dict[str, Sum] = {}
    for call in calls:
        account = Account(datetime.fromtimestamp(call.made, zone).date(), call.draft.identity, call.draft.model)
        states = accounts.setdefault(account, {})
        amount = _sum(call, cost_of(call))
        states[call.state] = states.get(call.state, Sum()) + amount
        runs[call.draft.by.run] = runs.get(call.draft.by.run, Sum()) + amount
    return Spending({account: accounts[account] for account in sorted(accounts)}, runs)


def _sum(call: Call, cost: Decimal | None) -> Sum:
    usage = call.usage or {}
    tokens = _tokens(usage, "input_tokens"), _tokens(usage, "output_tokens")
    return Sum(1, call.pictures or 0, *tokens, cost or Decimal(0), cost is None)


def _tokens(usage: Mapping[str, object], name: str) -> int:
    """Services are free to say anything here: what is no count counts nothing."""
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
