"""Combinations: their number and their order."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.batches.axes import Axes, Point

values = st.lists(st.integers(), min_size=1, max_size=4)
axes = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@settings(deadline=None)
@given(matrix=axes, zipped=st.lists(st.tuples(st.integers(), st.integers()), max_size=4), seeds=st.none() | values)
def test_combinations_are_the_product(
    matrix: dict[str, list[int]], zipped: list[tuple[int, int]], seeds: list[int] | None
) -> None:
    """As itertools has it, zipped axes slowest and seeds fastest; the n-th needs none of the others."""
    pairs = {"y": [y for y, _ in zipped], "z": [z for _, z in zipped]} if zipped else {}
    made = Axes(matrix, pairs, seeds)
    slowest = [{"y": y, "z": z} for y, z in zipped] or [{}]
    expected = [
        Point({**first, **dict(zip(matrix, chosen, strict=True))}, seed)
        for first, *chosen, seed in product(slowest, *matrix.values(), seeds or [None])
    ]
    assert list(made) == expected
    assert made.count == len(expected)


def test_counting_makes_nothing() -> None:
    """10^36 combinations are counted at once, and the last one is there."""
    made = Axes({name: range(10**12) for name in "abc"})
    assert made.count == 10**36
    assert made.at(10**36 - 1).values == dict.fromkeys("abc", 10**12 - 1)
