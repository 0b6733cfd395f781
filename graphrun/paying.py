"""What one run may ask of its image service and what that may cost, from the settings and the run's own options."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from graphrun.amounts import plain, usd_range
from graphrun.errors import GraphrunError, ProviderError, UsageError
from graphrun.kernel.checks import Review
from graphrun.kernel.events import CostEstimated, NodeCost
from graphrun.kernel.node_types import Complaint, NodeType
from graphrun.kernel.plan import Plan, Step
from graphrun.options import PlanOptions, RunOptions
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageRequest, ImageService
from graphrun.providers.budget import Budget, Caps
from graphrun.providers.caps import amount_of, count_of
from graphrun.providers.estimates import Estimate, Outlay, Unsent, outlay_of
from graphrun.providers.ledger import SERVING, Call, Ledger
from graphrun.providers.metered import MeteredService, Tariff
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import ModelMap
from graphrun.providers.purchases import address_of
from graphrun.providers.terms import Terms
from graphrun.settings import Settings


def terms_for(
    service: ImageService, settings: Settings, options: PlanOptions, data: ModelData, workflow: Path | None
) -> Terms:
    """Return the terms of a run. Raises UsageError for options that contradict each other, and a map that is none."""
    chosen, strict = options.get("map_models", False), options.get("strict_models", False)
    if chosen and strict:
        raise UsageError("--map-models and --strict-models contradict each other: leave one of them out")
    names = service.model_map.own if isinstance(service, MeteredService) else {}
    # What a service calls its models is no choice of the user's: strictness is about the models, not their names.
    own = {**names, **({} if strict else settings.model_map), **(chosen if isinstance(chosen, Mapping) else {})}
    offered = ModelMap.suggested({**names, **settings.model_map, **own})
    in_force = offered if chosen else ModelMap.only(own) if own else None
    return Terms(
        tariff=service.tariff if isinstance(service, MeteredService) else Tariff.UNKNOWN,
        data=data,
        today=options.get("today") or date.today(),
        model_map=in_force,
        offered=offered,
        strict=strict,
        way_on="" if chosen else options.get("way_on") or _command(workflow),
    )


def _command(workflow: Path | None) -> str:
    return f"graphrun run {shlex.quote(str(workflow))} --map-models" if workflow else ""


def budget_for(settings: Settings, options: PlanOptions) -> Budget:
    """Return the caps of a run. Raises UsageError for what is no amount."""
    given = cast(RunOptions, options)
    cost = amount_of(given["max_cost"], "--max-cost") if "max_cost" in given else settings.max_cost
    images = count_of(given["max_images"], "--max-images") if "max_images" in given else settings.max_images
    return Budget(Caps(cost, images, settings.max_cost_per_day))


def review_by(terms: Terms) -> Review:
    """Return what judges, in planning, the models that nodes would ask."""

    def review(node_type: NodeType, asked: object) -> Iterator[Complaint]:
        judged = terms.judged(terms.meant(asked).ask) if isinstance(asked, Ask) else None
        if judged is not None:
            place = "model" if node_type.input("model") else ""
            yield Complaint(place, judged.message, judged.type, warning=not judged.refused)

    return review


@dataclass(frozen=True, slots=True)
class Appraiser:
    """Tells what a plan will cost, without asking the service anything. ``refreshes``: a step is bought anew."""

    service: ImageService
    ledger: Ledger
    terms: Terms
    retry_unknown: bool
    refreshes: Callable[[Step], bool]

    def outlay(self, plan: Plan, fates: Mapping[str, str]) -> Outlay:
        """Return the estimates of a plan."""
        return outlay_of(plan, fates, self.terms, self._standing)

    def _standing(self, step: Step, request: ImageRequest) -> Unsent | None:
        if not isinstance(self.service, MeteredService) or self.refreshes(step):
            return None
        try:
            prepared = self.service.prepared(request)
            found = self.ledger.standing(self.service.identity, address_of(self.service, prepared))
        except ProviderError:
            return Unsent("refused", "would be refused")
        except GraphrunError:  # the ledger can't be read: a run says so, and buys nothing
            return None
        return _unsent(found, retry_unknown=self.retry_unknown)


def _unsent(found: Call | None, *, retry_unknown: bool) -> Unsent | None:
    if found is None:
        return None
    if found.state in SERVING and found.answer_kept:
        return Unsent("bought", f"bought before: call {found.id}")
    if found.is_doubtful and not retry_unknown:
        return Unsent("doubtful", f"not sent before call {found.id} is settled")
    return None


def told(outlay: Outlay) -> CostEstimated:
    """Return estimates as an event."""
    nodes = tuple(
        NodeCost(
            each.node_id,
            each.label,
            plain(each.price.low) if each.price else None,
            plain(each.price.high) if each.price else None,
            "; ".join(filter(None, [_what(each), each.remark])),
        )
        for each in outlay.estimates
    )
    total = outlay.total
    return CostEstimated(
        plain(total.low),
        plain(total.high),
        len(outlay.unknown),
        outlay.as_of.isoformat() if outlay.as_of else None,
        nodes,
    )


def _what(each: Estimate) -> str:
    """Return ``gpt-image-2 in place of dall-e-3, 2 pictures``."""
    if each.sent is None or each.asked is None:
        return ""
    model = each.sent.model if each.sent.model == each.asked.model else f"{each.sent.model} for {each.asked.model}"
    pictures = each.sent.count
    count = "some pictures" if pictures is None else f"{pictures} picture{'' if pictures == 1 else 's'}"
    calls = "" if each.calls == 1 else f", {each.calls or 'some'} calls"
    single = f", {usd_range(each.each.low, each.each.high)} each" if each.each and each.calls != 1 else ""
    return f"{model}, {count}{calls}{single}"


def described(estimates: tuple[Estimate, ...]) -> dict[str, object]:
    """Return, by node, what is really asked where that differs from what the workflow says; for saved pictures."""
    return {each.node_id: _described(each) for each in estimates if each.notes and each.sent and each.asked}


def _described(each: Estimate) -> dict[str, object]:
    assert each.sent is not None
    assert each.asked is not None
    known = {name: value for name, value in each.sent.parameters.items() if value is not None}
    return {"model": each.sent.model, "instead_of": each.asked.model, "parameters": known, "notes": list(each.notes)}
