"""Combinations of values: how many there are and what the n-th is, without making the others. Pure.

Axes that are zipped advance together and count as one; all others are multiplied, the last one fastest, seeds fastest
of all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: a value per axis, and the seed where seeds are an axis."""

    values: Mapping[str, object]
    seed: int | None = None


@dataclass(frozen=True)
class Axes:
    """``matrix`` and ``zipped`` map what is set to its values; zipped lists are equally long, and none is empty."""

    matrix: Mapping[str, Sequence[object]] = field(default_factory=dict)
    zipped: Mapping[str, Sequence[object]] = field(default_factory=dict)
    seeds: Sequence[int] | None = None

    @property
    def count(self) -> int:
        """How many combinations there are. No ``__len__``: there may be more than that can return."""
        return math.prod(map(len, self._lengths()))

    def at(self, index: int) -> Point:
        """Return the combination with this number, from 0 on."""
        places: list[int] = []
        for axis in reversed(self._lengths()):
            index, place = divmod(index, len(axis))
            places.append(place)
        first, *places = reversed(places)
        values = {name: axis[first] for name, axis in self.zipped.items()}
        values |= {name: axis[place] for (name, axis), place in zip(self.matrix.items(), places, strict=False)}
        return Point(values, None if self.seeds is None else self.seeds[places[-1]])

    def __iter__(self) -> Iterator[Point]:
        return map(self.at, range(self.count))

    def _lengths(self) -> list[Sequence[object]]:
        """Return something as long as each factor, the slowest first; one that never moves stands for no zip."""
        slowest: Sequence[object] = next(iter(self.zipped.values()), range(1))
        return [slowest, *self.matrix.values(), *([] if self.seeds is None else [self.seeds])]
