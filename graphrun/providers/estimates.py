"""What a plan will cost: a range for each node that would buy something, and their sum. Pure but for its questions.

What the cache holds costs nothing, nor does what the ledger is known to hold. Unknown prices are called unknown: they
are left out of the sum, which says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from graphrun.kernel.plan import Plan, Step
from graphrun.kernel.workflow import Given
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageRequest, ImageService
from graphrun.providers.prices import PriceRange
from graphrun.providers.terms import Terms

NOTHING = PriceRange(Decimal(0), Decimal(0))

WhyUnsent = Literal["bought", "doubtful", "refused"]
"""Its answer was bought before; an equal call waits for its user's decision; the service is known to refuse it."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """Why a request would not be sent, for programs and as a remark for people."""

    why: WhyUnsent
    remark: str


Standing = Callable[[Step, ImageRequest], Unsent | None]
"""Why a step's request would not be sent, or None where it would be."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one node will cost in USD. ``price`` is None where nobody knows, and ``remark`` says why.

    ``asked`` is what the node asks and ``sent`` what is sent for it, None where only the run will tell. ``each`` is the
    price of one call where it is known, also if the number of ``calls`` is not. ``unsent`` says why none is made of a
    step that runs all the same.
    """

    node_id: str
    label: str
    price: PriceRange | None
    asked: Ask | None = None
    sent: Ask | None = None
    each: PriceRange | None = None
    calls: int | None = 1
    remark: str = ""
    notes: tuple[str, ...] = ()
    unsent: WhyUnsent | None = None

    @property
    def is_free(self) -> bool:
        """Whether it certainly costs nothing."""
        return self.price == NOTHING


@dataclass(frozen=True)
class Outlay:
    """What a run will cost. ``as_of`` is the date of the oldest price among those counted with."""

    estimates: tuple[Estimate, ...] = ()
    as_of: date | None = None

    @property
    def total(self) -> PriceRange:
        """The sum of all prices that are known."""
        return sum((each.price for each in self.estimates if each.price), NOTHING)

    @property
    def unknown(self) -> tuple[Estimate, ...]:
        """Those of which the price is not known."""
        return tuple(each for each in self.estimates if each.price is None)


def outlay_of(plan: Plan, fates: Mapping[str, str], terms: Terms, standing: Standing) -> Outlay:
    """Return what a run will cost, given what it would do with each step: ``hit``, ``perhaps``, ``run``, ``spared``."""
    many = _called_often(plan)
    estimates = [
        _estimate(step, fates[step.node_id], _calls(step, many), terms, standing)
        for step in plan.steps.values()
        if ImageService in step.type.services
    ]
    return Outlay(tuple(estimates), min(_dates(estimates, terms), default=None))


def _estimate(step: Step, fate: str, calls: int | None, terms: Terms, standing: Standing) -> Estimate:
    asked = step.type.asked(step.literals, step.links)
    if not isinstance(asked, Ask):
        price, remark = _unless_kept(None, fate, "what it asks is known in the run only")
        return Estimate(step.node_id, step.label, price, remark=remark)
    meant = terms.meant(asked)
    each = terms.estimate(meant.ask)
    price, remark = _price(each, calls, fate, meant.ask.model)
    unsent = standing(step, meant.ask.request) if fate in ("run", "perhaps") and meant.ask.request else None
    if unsent:
        price, remark = NOTHING, unsent.remark
    why = unsent.why if unsent else None
    return Estimate(step.node_id, step.label, price, asked, meant.ask, each, calls, remark, meant.notes, why)


def _price(each: PriceRange | None, calls: int | None, fate: str, model: str) -> tuple[PriceRange | None, str]:
    if each == NOTHING:
        return NOTHING, ""
    if each is None:
        return _unless_kept(None, fate, f"no price is known for {model} with these settings")
    if calls is None:
        return _unless_kept(None, fate, "a list decides how many calls it makes")
    return _unless_kept(PriceRange(calls * each.low, calls * each.high), fate, "")


def _unless_kept(price: PriceRange | None, fate: str, remark: str) -> tuple[PriceRange | None, str]:
    match fate:
        case "hit":
            return NOTHING, "in the cache"
        case "spared":
            return NOTHING, "not needed"
        case "perhaps" if price is not None:
            return PriceRange(Decimal(0), price.high), "perhaps in the cache"
    return price, remark


def _calls(step: Step, many: Collection[str]) -> int | None:
    """How often a step is called: once for each value of its longest input; None where a list comes by a link."""
    if step.type.list_input:
        return 1
    if step.node_id in many:
        return None
    return max((len(value.values) for value in step.literals.values() if isinstance(value, Given)), default=1)


def _called_often(plan: Plan) -> set[str]:
    """The steps that may be called several times, as a list of unknown length reaches them, directly or not."""
    many: set[str] = set()
    for node_id, step in plan.steps.items():  # sources first, so one pass does
        if not step.type.list_input and any(_is_list(plan.steps[source], slot, many) for source, slot in _read(step)):
            many.add(node_id)
    return many


def _read(step: Step) -> Iterator[tuple[str, int]]:
    for source in step.links.values():
        yield source.node_id, source.slot


def _is_list(source: Step, slot: int, many: Collection[str]) -> bool:
    given = any(isinstance(value, Given) and len(value.values) != 1 for value in source.literals.values())
    return source.node_id in many or source.type.outputs[slot].is_list or (given and not source.type.list_input)


def _dates(estimates: Sequence[Estimate], terms: Terms) -> Iterator[date]:
    for each in estimates:
        facts = terms.data.facts(each.sent.model) if each.sent and each.price and not each.is_free else None
        if facts is not None and facts.as_of is not None:
            yield facts.as_of
