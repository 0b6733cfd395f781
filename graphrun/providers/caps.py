"""What a run, and a day, may cost at most: amounts as people write and read them, and the refusals. Pure.

Money is USD as Decimal.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from graphrun.amounts import rounded_up, usd
from graphrun.errors import LimitError, UsageError

NO_CAP = "none"


def amount_of(given: object, name: str) -> Decimal | None:
    """Return a cap as it was given, as `amount_in` reads it. Raises UsageError naming ``name``."""
    try:
        return amount_in(given)
    except ValueError as error:
        raise UsageError(f"{name} {error}") from None


def count_of(given: object, name: str) -> int | None:
    """Return a number of pictures as it was given, as `count_in` reads it. Raises UsageError naming ``name``."""
    try:
        return count_in(given)
    except ValueError as error:
        raise UsageError(f"{name} {error}") from None


def amount_in(given: object) -> Decimal | None:
    """Return an amount in USD: a number, its text, or ``"none"`` for no cap. Raises ValueError."""
    text = str(given).strip()
    if given is None or text.lower() == NO_CAP:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(given, bool) or not amount.is_finite() or not 0 <= amount < 10**12:
        raise ValueError(f"{given!r:.80}: write an amount in USD such as 2.50, or {NO_CAP}")
    return amount


def count_in(given: object) -> int | None:
    """Return a number of pictures, or None for no cap. Raises ValueError."""
    if given is None or str(given).strip().lower() == NO_CAP:
        return None
    try:
        count = int(str(given))
    except ValueError:
        count = -1
    if isinstance(given, bool) or count < 0:
        raise ValueError(f"{given!r:.80}: write a whole number, or {NO_CAP}")
    return count


def check_cost(spent: Decimal, price: Decimal, cap: Decimal | None) -> None:
    """Raise LimitError where another call would come to more than a run may cost."""
    if cap is not None and spent + price > cap:
        raise LimitError(
            f"not sent: this run may cost {usd(cap)}, of which {usd(spent)} are spent, and this call may cost "
            f"{usd(price)}; --max-cost {rounded_up(spent + price)} would allow it, and what is finished is kept"
        )


def check_images(made: int, more: int, cap: int | None) -> None:
    """Raise LimitError where another call would make more pictures than a run may."""
    if cap is not None and made + more > cap:
        raise LimitError(
            f"not sent: this run may buy {cap} picture{'' if cap == 1 else 's'} and has bought {made}, and this call "
            f"asks for {more}; --max-images {made + more} would allow it, and what is finished is kept"
        )


def check_day_cap(identity: str, booked: Decimal, price: Decimal, cap: Decimal) -> None:
    """Raise LimitError where another call would come to more than a day may cost."""
    if booked + price > cap:
        raise LimitError(
            f"not sent: calls to {identity} may cost {usd(cap)} a day, of which {usd(booked)} are spent or under way "
            f"today, and this call may cost {usd(price)}; GRAPHRUN_MAX_COST_PER_DAY={rounded_up(booked + price)} would "
            "allow it, and what is finished is kept"
        )
