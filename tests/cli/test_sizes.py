"""Sizes as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun.cli.sizes import parse_size, size_said
from graphrun.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("5GB", 5 * 10**9),
        ("5 gb", 5 * 10**9),
        ("1.5M", 1_500_000),
        ("2KiB", 2048),
        ("1Ti", 2**40),
        ("100b", 100),
    ],
)
def test_units_are_read_in_any_case(text: str, size: int) -> None:
    """Decimal as disks are sold, binary where an i says so, bytes without a unit."""
    assert parse_size(text, "--max-size") == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "5 apples", "1e9", "inf", "5GBB", "9" * 5000])
def test_what_is_no_size_is_met_with_an_example(text: str) -> None:
    """Nothing is guessed: a wrong bound would throw away what was paid for."""
    with pytest.raises(UsageError, match="write a size, for example --max-size 5GB"):
        parse_size(text, "--max-size")


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (999_960, "1 MB"),
        (3_440_000, "3.4 MB"),
        (2 * 10**10, "20 GB"),
    ],
)
def test_a_size_reads_well(size: int, said: str) -> None:
    """At most one decimal, and never 1000 of a unit."""
    assert size_said(size) == said


@given(st.integers(0, 10**15))
def test_what_is_said_can_be_typed(size: int) -> None:
    """`cache stats` and `cache prune` speak the same language."""
    typed = size_said(size).replace("bytes", "b").replace("byte", "b")
    assert abs(parse_size(typed, "--max-size") - size) <= max(1, size * 0.06)
