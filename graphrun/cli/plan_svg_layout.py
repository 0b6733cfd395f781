"""Gives the boxes of a drawing their places in pixels, and lines their paths between them. Pure and deterministic.

Columns come from `arrange`. Heights: each column in turn is moved towards where its neighbours would have it; within
a column that is a least-squares fit under "not closer than the gap", which pooling neighbours solves exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from graphrun.cli.plan_svg_layers import Columns, Wire, arrange, groups

BOX_WIDTH = 270
_GAP = 26
_LANE_GAP = 11
_LANE_TO_BOX = 20
_COLUMN_GAP = 84
_WIDEST_GAP = 170
_BETWEEN_GROUPS = 48
_SHELF = 2_200
_PASSES = 14
_FEW_PASSES = 4
_MANY = 3_000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each box's left upper corner is; for each wire the points it goes through, in pairs: out of one column,
    into the next, or straight down or up beside one. ``size`` is that of the whole.
    """

    corners: Sequence[Point]
    paths: Sequence[Sequence[Point]]
    size: Point


def lay_out(heights: Sequence[float], wires: Sequence[Wire]) -> Layout:
    """Place boxes of these heights. What isn't connected is laid out on its own, the parts side by side in rows."""
    corners: list[Point] = [(0.0, 0.0)] * len(heights)
    paths: list[Sequence[Point]] = [()] * len(wires)
    parts = groups(len(heights), wires)
    part_of = {box: number for number, part in enumerate(parts) for box in part}
    wires_of: list[list[int]] = [[] for _ in parts]
    for index, wire in enumerate(wires):
        wires_of[part_of[wire.source]].append(index)
    x = y = shelf = width = 0.0
    laid = [_lay_out_part(part, [wires[i] for i in own], heights) for part, own in zip(parts, wires_of, strict=True)]
    room = max(_SHELF, *(each.size[0] for each in laid)) if laid else 0
    for part, own, each in zip(parts, wires_of, laid, strict=True):
        if x and x + each.size[0] > room:
            x, y, shelf = 0.0, y + shelf + _BETWEEN_GROUPS, 0.0
        for box, corner in zip(part, each.corners, strict=True):
            corners[box] = (corner[0] + x, corner[1] + y)
        for index, path in zip(own, each.paths, strict=True):
            paths[index] = [(px + x, py + y) for px, py in path]
        x, shelf, width = x + each.size[0] + _BETWEEN_GROUPS, max(shelf, each.size[1]), max(width, x + each.size[0])
    return Layout(corners, paths, (width, y + shelf))


def _lay_out_part(part: Sequence[int], wires: Sequence[Wire], heights: Sequence[float]) -> Layout:
    number = {box: index for index, box in enumerate(part)}
    own = [Wire(number[wire.source], number[wire.target], wire.leaves, wire.enters) for wire in wires]
    columns = arrange(len(part), own)
    tall = [heights[box] for box in part] + [0.0] * (columns.size - len(part))
    tops = _tops(columns, tall)
    lefts = _lefts(columns)
    corners = [(0.0, 0.0)] * columns.size
    for x, column in zip(lefts, columns.order, strict=True):
        for box in column:
            corners[box] = (x, tops[box])
    bottom = max(tops[box] + tall[box] for box in range(columns.size))
    paths: list[Sequence[Point]] = []
    for index, wire in enumerate(own):
        if index in columns.routes:
            paths.append(_path(wire, columns.routes[index], corners))
        else:
            bottom += _LANE_TO_BOX
            paths.append(_path_around(wire, corners, bottom))
    size = (lefts[-1] + BOX_WIDTH, bottom)
    return Layout(corners[: len(part)], paths, size)


def _path(wire: Wire, boxes: Sequence[int], corners: Sequence[Point]) -> list[Point]:
    """Return the points of a wire that goes to the right, from column to column."""
    points: list[Point] = []
    for index, (before, after) in enumerate(pairwise(boxes)):
        down = wire.leaves if index == 0 else 0
        up = wire.enters if index == len(boxes) - 2 else 0
        points.append((corners[before][0] + BOX_WIDTH, corners[before][1] + down))
        points.append((corners[after][0], corners[after][1] + up))
    return points


def _path_around(wire: Wire, corners: Sequence[Point], y: float) -> list[Point]:
    """Return the points of a wire without a route, as in a cycle: below everything, straight down at both ends."""
    x, top = corners[wire.source]
    to_x, to_top = corners[wire.target]
    return [(x + BOX_WIDTH, top + wire.leaves), (x + BOX_WIDTH, y), (to_x, y), (to_x, to_top + wire.enters)]


def _lefts(columns: Columns) -> list[float]:
    """Return where each column begins: the more lines between two, the further apart."""
    at = {box: index for index, column in enumerate(columns.order) for box in column}
    leaving = [0] * len(columns.order)
    for piece in columns.pieces:
        leaving[at[piece.source]] += 1
    widths = [BOX_WIDTH + min(_WIDEST_GAP, _COLUMN_GAP + 4 * number) for number in leaving]
    return [float(each) for each in accumulate(widths[:-1], initial=0)]


def _tops(columns: Columns, heights: Sequence[float]) -> list[float]:
    """Return the top of each box and lane, the highest at 0."""
    tops = [0.0] * columns.size
    gaps = [_gaps(column, heights) for column in columns.order]
    for column, offsets in zip(columns.order, gaps, strict=True):
        for box, offset in zip(column, offsets, strict=True):
            tops[box] = offset - offsets[-1] / 2
    sides = _sides(columns)
    for number in range(_PASSES if columns.size < _MANY else _FEW_PASSES):
        order = list(zip(columns.order, gaps, strict=True))
        for column, offsets in order if number % 2 == 0 else reversed(order):
            _settle(column, offsets, sides, tops, heights)
    highest = min(tops, default=0.0)
    return [round(top - highest, 1) for top in tops]


def _gaps(column: Sequence[int], heights: Sequence[float]) -> list[float]:
    """Return how far below the first box each box of a column is at least."""
    steps = [heights[upper] + _gap(heights[upper], heights[lower]) for upper, lower in pairwise(column)]
    return list(accumulate(steps, initial=0.0))


def _gap(upper: float, lower: float) -> float:
    """Return how far two neighbours in a column are apart. Lanes, which have no height, may run closer together."""
    return _GAP if upper and lower else _LANE_GAP if not (upper or lower) else _LANE_TO_BOX


def _sides(columns: Columns) -> list[list[tuple[int, float]]]:
    """Return for each box its neighbours, and how much lower it would be level with them."""
    sides: list[list[tuple[int, float]]] = [[] for _ in range(columns.size)]
    for piece in columns.pieces:
        sides[piece.target].append((piece.source, piece.leaves - piece.enters))
        sides[piece.source].append((piece.target, piece.enters - piece.leaves))
    return sides


def _settle(
    column: Sequence[int],
    offsets: Sequence[float],
    sides: Sequence[Sequence[tuple[int, float]]],
    tops: list[float],
    heights: Sequence[float],
) -> None:
    """Move a column's boxes as near to level with their neighbours as their order and gaps allow."""
    wishes: list[tuple[float, float]] = []
    for box, offset in zip(column, offsets, strict=True):
        # A lane that is level with the lanes around it makes a straight line, the easiest to follow.
        weights = [4.0 if heights[box] == heights[other] == 0 else 1.0 for other, _ in sides[box]]
        levels = [(tops[other] + lower) * weight for (other, lower), weight in zip(sides[box], weights, strict=True)]
        wish = sum(levels) / sum(weights) if weights else tops[box]
        wishes.append((wish - offset, sum(weights) or 0.1))
    for box, offset, level in zip(column, offsets, _rising(wishes), strict=True):
        tops[box] = level + offset


def _rising(wishes: Iterable[tuple[float, float]]) -> list[float]:
    """Return the never-falling numbers nearest to weighted wishes (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in wishes:
        pool = (wish, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            value, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((value * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [value for value, _, count in pools for _ in range(count)]
