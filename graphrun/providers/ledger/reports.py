"""What calls came to: sums by day, service, model and state. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from graphrun.providers.ledger.calls import Call, State


@dataclass(frozen=True, slots=True)
class Sum:
    """How many calls, the pictures they brought, and the tokens their services counted."""

    calls: int = 0
    pictures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            self.calls + other.calls,
            self.pictures + other.pictures,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """What a sum is of: the calls of a day to one model of one service."""

    day: date
    identity: str
    model: str


@dataclass(frozen=True, slots=True)
class Spending:
    """The sums of some calls by account, the earliest day first, and in each by state."""

    accounts: Mapping[Account, Mapping[State, Sum]]

    @property
    def total(self) -> Mapping[State, Sum]:
        """The sums of all accounts."""
        total: dict[State, Sum] = {}
        for states in self.accounts.values():
            for state, amount in states.items():
                total[state] = total.get(state, Sum()) + amount
        return total


def spending(calls: Iterable[Call], zone: tzinfo | None = UTC) -> Spending:
    """Return the sums of calls; days begin at midnight in ``zone``, None being that of this computer."""
    accounts: dict[Account, dict[State, Sum]] = {}
    for call in calls:
        account = Account(datetime.fromtimestamp(call.made, zone).date(), call.draft.identity, call.draft.model)
        states = accounts.setdefault(account, {})
        states[call.state] = states.get(call.state, Sum()) + _sum(call)
    return Spending({account: accounts[account] for account in sorted(accounts)})


def _sum(call: Call) -> Sum:
    usage = call.usage or {}
    return Sum(1, call.pictures or 0, _tokens(usage, "input_tokens"), _tokens(usage, "output_tokens"))


def _tokens(usage: Mapping[str, object], name: str) -> int:
    """Services are free to say anything here: what is no count counts nothing."""
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
