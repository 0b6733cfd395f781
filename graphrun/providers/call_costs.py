"""What a recorded call cost, also one that was made before costs were recorded. Pure."""

from __future__ import annotations

from decimal import Decimal

from graphrun.providers.ask import Ask
from graphrun.providers.ledger import SERVING, Call
from graphrun.providers.model_data import ModelData
from graphrun.providers.prices import actual_cost
from graphrun.providers.tariff import Tariff, tariff_of_identity


def cost_of(call: Call, data: ModelData) -> Decimal | None:
    """Return what a call cost in USD: as it is recorded, else by the usage its answer told; None where nobody knows."""
    if call.is_free:
        return Decimal(0)
    if call.cost is not None or call.state not in SERVING:
        return call.cost
    match tariff_of_identity(call.draft.identity):
        case Tariff.FREE:
            return Decimal(0)
        case Tariff.OPENAI:  # a guess, as for other addresses, is no entry in the books
            return actual_cost(_asked(call), call.usage, call.pictures or 0, data)
    return None


def _asked(call: Call) -> Ask:
    draft = call.draft
    return Ask(draft.model, dict(draft.parameters), draft.count, draft.references, draft.masked, len(draft.prompt))
