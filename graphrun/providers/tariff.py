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
    FREE = "free"  # nothing costs anything, and every model lives
    UNKNOWN = "unknown"  # a compatible server: nobody here knows


def tariff_of_url(base_url: str) -> Tariff:
    """Return the tariff of a service by its address: only OpenAI's own hosts are known."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return Tariff.UNKNOWN
    return Tariff.OPENAI if _OFFICIAL.fullmatch(host) else Tariff.UNKNOWN


def tariff_of_identity(identity: str) -> Tariff:
    """Return the tariff of a service that is only known by what the ledger calls it: ``openai:https://…``."""
    kind, _, address = identity.partition(":")
    return Tariff.FREE if kind == "offline" else tariff_of_url(address)
