"""Whose prices and shutdowns apply where."""

from __future__ import annotations

import pytest

from graphrun.providers.tariff import Tariff, tariff_of_identity, tariff_of_url


@pytest.mark.parametrize(
    ("address", "tariff"),
    [
        ("https://api.openai.com/v1", Tariff.OPENAI),
        ("https://eu.api.openai.com/v1", Tariff.OPENAI),
        ("https://api.openai.com.example/v1", Tariff.LISTED),
        ("http://127.0.0.1:8000/v1", Tariff.LISTED),
        ("http://[", Tariff.LISTED),
    ],
)
def test_openai_is_known_by_its_hosts_and_others_are_taken_to_cost_as_much(address: str, tariff: Tariff) -> None:
    """So that a cap on the cost holds at a gateway too; only at OpenAI's own are models judged dead."""
    assert tariff_of_url(address) is tariff
    assert tariff_of_identity(f"openai:{address}") is tariff


def test_the_offline_service_is_free() -> None:
    """Also in the books, where only its identity is known."""
    assert tariff_of_identity("offline:1") is Tariff.FREE
