"""Puts the boxes of a drawing into columns and each column in order, so that lines go to the right and cross little.

The layered method (Sugiyama): a column is one more than the furthest column read from; a line that passes columns gets
a lane (a box without height) in each, so that it never runs under another box; columns are then sorted again and again
by where their neighbours stand, and the order with the fewest crossings is kept. Pure, deterministic, not recursive.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MOST_LANES = 20_000
"""Lines that would need more lanes than that are drawn straight: such a graph is beyond following them anyway."""

_SWEEPS = 24
_FEW_SWEEPS = 4
_MANY = 3_000


@dataclass(frozen=True, slots=True)
class Wire:
    """A line between two boxes, from and to a height below their tops."""

    source: int
    target: int
    leaves: float = 0
    enters: float = 0


@dataclass(slots=True)
class Columns:
    """Boxes and lanes by column and place in it. Boxes are numbered as given, lanes after them.

    ``pieces`` are wires between neighbouring columns; ``routes`` are, for every wire that goes to the right, the boxes
    and lanes it passes.
    """

    order: list[list[int]]
    pieces: list[Wire] = field(default_factory=list)
    routes: dict[int, list[int]] = field(default_factory=dict)
    size: int = 0


def arrange(count: int, wires: Sequence[Wire]) -> Columns:
    """Return columns for boxes 0 … count-1, which stay in this order where nothing else decides."""
    column = _columns(count, wires)
    made = _with_lanes(column, wires)
    _sort(made)
    return made


def groups(count: int, wires: Iterable[Wire]) -> list[list[int]]:
    """Return the boxes that hang together, in order."""
    neighbours: list[list[int]] = [[] for _ in range(count)]
    for wire in wires:
        neighbours[wire.source].append(wire.target)
        neighbours[wire.target].append(wire.source)
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in range(count):
        if start in seen:
            continue
        seen.add(start)
        group = [start]
        for box in group:  # grows while it is walked
            new = [each for each in dict.fromkeys(neighbours[box]) if each not in seen]
            seen.update(new)
            group += new
        found.append(sorted(group))
    return found


def _columns(count: int, wires: Sequence[Wire]) -> list[int]:
    """Return each box's column: right of all it reads, but no further from its readers than need be."""
    readers: list[list[int]] = [[] for _ in range(count)]
    sources: list[list[int]] = [[] for _ in range(count)]
    for wire in wires:
        if wire.source != wire.target:
            readers[wire.source].append(wire.target)
            sources[wire.target].append(wire.source)
    column = [0] * count
    order = _released(readers, [len(each) for each in sources])
    place = {box: index for index, box in enumerate(order)}
    for box in order:
        column[box] = max((column[each] + 1 for each in sources[box] if place[each] < place[box]), default=0)
    for box in reversed(order):  # a loader stands beside what it is loaded for
        later = [column[each] for each in readers[box] if place[each] > place[box]]
        if later and len(later) >= len(sources[box]):
            column[box] = max(column[box], min(later) - 1)
    first = min(column, default=0)
    return [each - first for each in column]


def _released(readers: Sequence[Sequence[int]], waiting: list[int]) -> list[int]:
    """Return the boxes in an order in which sources come first; a cycle is opened at its first box."""
    ready = deque(box for box, number in enumerate(waiting) if number == 0)
    order: list[int] = []
    done: set[int] = set()
    next_stuck = 0
    while len(order) < len(readers):
        if not ready:
            while next_stuck in done:
                next_stuck += 1
            ready.append(next_stuck)
        box = ready.popleft()
        if box in done:
            continue
        done.add(box)
        order.append(box)
        for reader in readers[box]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return order


def _with_lanes(column: Sequence[int], wires: Sequence[Wire]) -> Columns:
    """Return the columns in the order of the boxes, with a lane wherever a wire passes one."""
    made = Columns([[] for _ in range(max(column, default=-1) + 1)], size=len(column))
    for box, at in enumerate(column):
        made.order[at].append(box)
    budget = MOST_LANES
    for index, wire in enumerate(wires):
        span = column[wire.target] - column[wire.source]
        if span < 1 or span - 1 > budget:
            continue
        budget -= span - 1
        lanes = list(range(made.size, made.size + span - 1))
        made.size += len(lanes)
        for lane, at in zip(lanes, range(column[wire.source] + 1, column[wire.target]), strict=True):
            made.order[at].append(lane)
        made.routes[index] = [wire.source, *lanes, wire.target]
        made.pieces += _pieces(wire, made.routes[index])
    return made


def _pieces(wire: Wire, route: Sequence[int]) -> list[Wire]:
    last = len(route) - 2
    return [
        Wire(before, after, wire.leaves if index == 0 else 0, wire.enters if index == last else 0)
        for index, (before, after) in enumerate(pairwise(route))
    ]


def _sort(columns: Columns) -> None:
    """Sort the columns by their neighbours, back and forth, and keep the best order seen."""
    forth: list[list[Wire]] = [[] for _ in range(columns.size)]
    back: list[list[Wire]] = [[] for _ in range(columns.size)]
    for piece in columns.pieces:
        forth[piece.source].append(piece)
        back[piece.target].append(piece)
    best, fewest = [list(each) for each in columns.order], _crossings(columns.order, forth)
    for sweep in range(_SWEEPS if columns.size < _MANY else _FEW_SWEEPS):
        if fewest == 0:
            break
        to_the_right = sweep % 2 == 0
        for at in range(len(columns.order)) if to_the_right else reversed(range(len(columns.order))):
            _sort_column(columns.order, at, back if to_the_right else forth, to_the_right=to_the_right)
        crossings = _crossings(columns.order, forth)
        if crossings < fewest:
            best, fewest = [list(each) for each in columns.order], crossings
    columns.order = best


def _sort_column(order: list[list[int]], at: int, wires: Sequence[Sequence[Wire]], *, to_the_right: bool) -> None:
    beside = at - 1 if to_the_right else at + 1
    if not 0 <= beside < len(order):
        return
    place = {box: float(index) for index, box in enumerate(order[beside])}

    def wish(entry: tuple[int, int]) -> float:
        index, box = entry
        if not wires[box]:
            return float(index)
        ends = [
            place[wire.source] + _part(wire.leaves) if to_the_right else place[wire.target] + _part(wire.enters)
            for wire in wires[box]
        ]
        return sum(ends) / len(ends)

    order[at] = [box for _, box in sorted(enumerate(order[at]), key=wish)]


def _part(height: float) -> float:
    """Return a height within a box as a part of a place in the order: the order of its slots counts, a little."""
    return height / (height + 500)


def _crossings(order: Sequence[Sequence[int]], forth: Sequence[Sequence[Wire]]) -> int:
    """Return how often lines cross: pairs that leave in one order and arrive in the other."""
    total = 0
    for left, right in pairwise(order):
        place = {box: index for index, box in enumerate(right)}
        arrived: list[tuple[int, float]] = []
        for box in left:
            for wire in sorted(forth[box], key=lambda each: (each.leaves, place[each.target], each.enters)):
                end = (place[wire.target], wire.enters)
                total += len(arrived) - bisect_left(arrived, (end[0], end[1] + 0.5))
                insort(arrived, end)
    return total
