"""The money side of one step's purchases: judged and priced before a call, its cost read off the answer, and billed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from graphrun.errors import ProviderError
from graphrun.kernel.context import RunContext
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageAnswer, ImageRequest
from graphrun.providers.bill import Bill, Charge
from graphrun.providers.errand import Errand
from graphrun.providers.ledger import Call
from graphrun.providers.prices import PriceRange
from graphrun.providers.terms import Terms


@dataclass(frozen=True, slots=True)
class Till:
    """What is known of the money of one step. Without ``terms`` no model is judged and no price is known."""

    identity: str
    errand: Errand
    terms: Terms | None
    bill: Bill
    context: RunContext

    def refuse_dead(self, request: ImageRequest) -> None:
        """Raise ProviderError for a model that is gone: planning can't know a name that comes by a link."""
        judged = self.terms.judged(Ask.of(request)) if self.terms else None
        if judged and judged.refused:
            raise ProviderError(f"nothing was sent: {judged.message}", code=judged.type)

    def price(self, request: ImageRequest) -> PriceRange | None:
        """Return what a call may cost; where nobody knows that, say once that no cap counts it."""
        expected = self.terms.estimate(Ask.of(request)) if self.terms else None
        if expected is not None:
            return expected
        message = (
            f"no price is known for {request.model} at {self.identity}: what it costs is not counted against "
            "--max-cost; --max-images bounds it"
        )
        if self.terms is not None and self.errand.budget.caps.bound_cost and self.errand.tells(message):
            self.context.warn(message)
        return None

    def cost_told(self, headers: Mapping[str, str]) -> Decimal | None:
        """Return the cost that an answer's headers tell. It is noted at once, as they are not kept."""
        return self.terms.cost_told(headers) if self.terms else None

    def cost(
        self, call: Call, request: ImageRequest, answer: ImageAnswer, headers: Mapping[str, str]
    ) -> Decimal | None:
        """Return what an answered call cost, None where nobody knows."""
        if call.cost is not None or self.terms is None:
            return call.cost
        return self.terms.cost(Ask.of(request), answer.usage, len(answer.files), headers)

    def charge(self, request: ImageRequest, cost: Decimal | None, call: Call) -> None:
        """Put a request on the bill of its node."""
        self.bill.add(self.context.node_id, Charge(Ask.of(request), cost, call.id))
