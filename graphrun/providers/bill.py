"""What the calls of one run came to, node by node. Filled while it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from graphrun.providers.ask import Ask


@dataclass(frozen=True, slots=True)
class Charge:
    """One request of a node: what was really asked, and its cost in USD, None where nobody knows.

    ``call`` is its number in the ledger. One that is served from there costs nothing.
    """

    asked: Ask
    cost: Decimal | None
    call: int


class Bill:
    """The charges of one run."""

    def __init__(self) -> None:
        self._charges: dict[str, list[Charge]] = {}

    def add(self, node_id: str, charge: Charge) -> None:
        """Note a node's request."""
        self._charges.setdefault(node_id, []).append(charge)

    def of(self, node_id: str) -> tuple[Charge, ...]:
        """Return a node's charges, in the order their answers came."""
        return tuple(self._charges.get(node_id, ()))


def total(costs: Iterable[Decimal | None]) -> Decimal | None:
    """Return the sum of costs, None where one of them is unknown."""
    known = Decimal(0)
    for cost in costs:
        if cost is None:
            return None
        known += cost
    return known
