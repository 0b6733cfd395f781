"""Whose prices and shutdowns apply to a service's models. Pure."""

from __future__ import annotations

import re
from enum import Enum
from urllib.parse import urlsplit

_OFFICIAL = re.compile(r"(?:[a-z]{2}\.)?api\.openai\.com")
"""OpenAI's hosts, regional ones included: us, eu, ae (openai-images.md, section 2)."""


class Tariff(Enum):
    """Whose prices and shutdowns apply to a service's models."""

    OPENAI = "openai"  # those of the dated model data
    LISTED = "listed"  # OpenAI's prices as a cautious guess, where a gateway sells models of the same names; all live
    FREE = "free"  # nothing costs anything, and every model lives
    UNKNOWN = "unknown"  # nobody here knows


def tariff_of_url(base_url: str) -> Tariff:
    """Return the tariff of a service by its address.

    A cap on the cost must hold at a gateway too, so its models are taken to cost what OpenAI asks for them.
    """
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return Tariff.LISTED
    return Tariff.OPENAI if _OFFICIAL.fullmatch(host) else Tariff.LISTED


def tariff_of_identity(identity: str) -> Tariff:
    """Return the tariff of a service that is only known by what the ledger calls it: ``openai:https://…``."""
    kind, _, address = identity.partition(":")
    return Tariff.FREE if kind == "offline" else tariff_of_url(address)
