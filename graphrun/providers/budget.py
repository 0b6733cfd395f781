"""What one run may still spend. Room is held for a call before it is sent, and settled once its cost is known.

What is *spent* is settled; what is *held* may still turn out cheaper, or free. So where only held amounts stand in the
way a call waits for them, and whether it is sent doesn't depend on how fast others are answered.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from graphrun.errors import LimitError
from graphrun.providers.caps import check_cost, check_images

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Caps:
    """What a run and a day may cost in USD, and how many pictures a run may buy; None is no cap."""

    cost: Decimal | None = None
    images: int | None = None
    cost_per_day: Decimal | None = None

    @property
    def bound_cost(self) -> bool:
        """Whether money is bounded at all, so that an unknown price matters."""
        return self.cost is not None or self.cost_per_day is not None


class Budget:
    """The caps of a run and what counts against them. Belongs to one event loop."""

    def __init__(self, caps: Caps | None = None) -> None:
        self.caps = caps or Caps()
        self.spent = _NOTHING
        self.images = 0
        self._held: list[Reservation] = []
        self._change = asyncio.Event()

    async def reserve(self, price: Decimal | None, images: int, *, least: Decimal = _NOTHING) -> Reservation:
        """Hold room for a call that may cost so much, None where nobody knows: that counts as nothing.

        ``least`` is what it counts at least, whatever its answer says of itself: a cap holds by the price table.

        Waits for calls under way where they may leave enough. Raises LimitError, naming the amounts and the flag, where
        what is spent alone doesn't.
        """
        while True:
            self._check(price, images)
            if self._has_room(price, images):
                return self._hold(price, images, least)
            await self._change.wait()

    def settle(self, reservation: Reservation, cost: Decimal | None, *, billed: bool) -> None:
        """Give back what a call held, and count what it cost, or what was held where nobody knows that. Once."""
        if reservation not in self._held:
            return
        self._held.remove(reservation)
        if billed:
            self.spent += (reservation.price or _NOTHING) if cost is None else max(cost, reservation.least)
            self.images += reservation.images
        self._change.set()
        self._change = asyncio.Event()

    def repeats(self, reservation: Reservation) -> bool:
        """Count a call that is sent again though the last attempt may have been billed; False if that is too much."""
        if not self._has_room(reservation.price, reservation.images):
            return False
        self.spent += reservation.price or _NOTHING
        self.images += reservation.images
        return True

    def _check(self, price: Decimal | None, images: int) -> None:
        check_images(self.images, images, self.caps.images)
        if price is not None:
            check_cost(self.spent, price, self.caps.cost)

    def _has_room(self, price: Decimal | None, images: int) -> bool:
        try:
            check_images(self.images + sum(each.images for each in self._held), images, self.caps.images)
            if price is not None:
                check_cost(self.spent + sum(each.price or _NOTHING for each in self._held), price, self.caps.cost)
        except LimitError:
            return False
        return True

    def _hold(self, price: Decimal | None, images: int, least: Decimal) -> Reservation:
        reservation = Reservation(price, images, least)
        self._held.append(reservation)
        return reservation


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Room that is held for one call. Compared by identity: two equal calls hold twice as much."""

    price: Decimal | None
    images: int
    least: Decimal = _NOTHING
