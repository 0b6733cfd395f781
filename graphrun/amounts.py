"""Amounts of money as people read them. Money is USD as Decimal. Pure."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

_SHOWN = Decimal("0.0001")


def usd(amount: Decimal) -> str:
    """Return ``0.0059 USD``, rounded up, so that what is shown is enough as a cap."""
    return f"{rounded_up(amount)} USD"


def usd_range(low: Decimal, high: Decimal) -> str:
    """Return ``0.0059 to 0.2107 USD``, or one amount where both are shown alike."""
    first, last = rounded_up(low), rounded_up(high)
    return f"{last} USD" if first == last else f"{first} to {last} USD"


def rounded_up(amount: Decimal) -> str:
    """Return an amount without its unit, to a hundredth of a cent, never less than it is."""
    return f"{amount.quantize(_SHOWN, ROUND_CEILING).normalize():f}"


def plain(amount: Decimal) -> str:
    """Return an amount exactly, for programs: ``0.0305``, without unit, exponent or zeros at the end."""
    return f"{amount.normalize():f}"
