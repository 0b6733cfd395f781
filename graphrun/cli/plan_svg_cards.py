"""One node as a card: a header coloured by its state, below it inputs, outputs and values, each on a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple
from xml.sax.saxutils import escape

from graphrun.cli.plan_svg_layout import BOX_WIDTH, Point
from graphrun.cli.plan_svg_scene import Card, State
from graphrun.cli.plan_svg_text import fitted, text_width, wrapped
from graphrun.sinks.wording import counted, one_line

SMALL = 11.0
"""The size of most text, in pixels."""

_HEADER = 46
_ROW = 17
_PAD = 11
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Look(NamedTuple):
    """How a state is drawn, and the words for it on a card and in the legend."""

    fill: str
    line: str
    ink: str
    word: str
    legend: str
    dashed: bool = False

    def paint(self, border: float = 1.2, *, filled: bool = True) -> str:
        """Return the attributes of a shape in this look."""
        dash = ' stroke-dasharray="5 3"' if self.dashed else ""
        return f'fill="{self.fill if filled else "none"}" stroke="{self.line}" stroke-width="{border}"{dash}'


LOOKS: Mapping[State, Look] = {
    "run": Look("#dfeaff", "#3f74d1", "#1c4587", "run", "would run"),
    "hit": Look("#d5f0da", "#3a9a57", "#1b5e30", "hit", "in the cache"),
    "perhaps": Look("#fdf0c4", "#c39a1b", "#6b5200", "perhaps", "perhaps in the cache"),
    "spared": Look("#ececec", "#9b9b9b", "#5c5c5c", "spared", "spared: nobody needs them then"),
    "problem": Look("#ffd9d4", "#c62f1d", "#8c1a0d", "problem", "with a problem"),
    "missing": Look("#fbe6d6", "#cc6b1f", "#83410b", "not installed", "not installed", dashed=True),
    "blocked": Look("#f5ecea", "#b58d86", "#7a544d", "can't run", "in a part that can't run", dashed=True),
    "idle": Look("#f3f3f3", "#c9c9c9", "#777777", "not needed", "not needed for any output", dashed=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card: text at the left (muted, then plain), and text at the right."""

    muted: str = ""
    plain: str = ""
    right: str = ""
    style: str = "v"
    indented: bool = False


def height_of(rows: Sequence[Row]) -> float:
    """Return how tall a card of these lines is."""
    return _HEADER + _ROW * len(rows) + (_PAD if rows else 0)


def port(row: int) -> float:
    """Return how far below the top of a card its n-th input and output are."""
    return _HEADER + _PAD / 2 + _ROW * (row + 0.5)


def rows_of(card: Card) -> list[Row]:
    """Return the lines of a card below its header: inputs and outputs side by side, then values."""
    room = BOX_WIDTH - 2 * _PAD
    rows = [
        _port_row(left, right) for left, right in zip_longest(_short(card.inputs), card.outputs.values(), fillvalue="")
    ]
    for name, value in card.values:
        rows += _value_rows(name, value)
    if card.more_values:
        rows.append(Row(muted=f"and {counted(card.more_values, 'more value')}"))
    if card.fault:
        rows += [Row(plain=line, style="f") for line in wrapped(card.fault, room, room, SMALL, 3)]
    return rows


def _short(names: Sequence[str]) -> list[str]:
    """Return what names of linked inputs end with, if that still tells them apart: ``model.images.image_1``."""
    ends = [name.rpartition(".")[2] for name in names]
    return ends if len(set(ends)) == len(ends) else list(names)


def _port_row(left: str, right: str) -> Row:
    room = BOX_WIDTH - 2 * _PAD
    output = fitted(one_line(right), room * 0.45, SMALL)
    return Row(
        muted=fitted(one_line(left), room - text_width(f"{output}  " if output else "", SMALL), SMALL), right=output
    )


def _value_rows(name: str, value: str) -> list[Row]:
    room = BOX_WIDTH - 2 * _PAD
    label = fitted(name.rpartition(".")[2] or name, room * 0.5, SMALL)
    first = room - text_width(f"{label}  ", SMALL)
    lines = wrapped(value, first, room - 8, SMALL, 3)
    return [Row(label, lines[0]), *(Row(plain=line, indented=True) for line in lines[1:])]


def draw_card(card: Card, rows: Sequence[Row], corner: Point, tall: float) -> Iterator[str]:
    """Yield a card's elements, its left upper corner at ``corner``. All there is about the node is in its tooltip."""
    look = LOOKS[card.state]
    room = BOX_WIDTH - 2 * _PAD
    word = text_width(look.word, SMALL, bold=True)
    node_id = one_line(card.node_id)
    under = f"{node_id} · {card.class_type}" if card.title != card.class_type else node_id
    yield f'<g transform="translate({xy(corner)})"><title>{safe(card.tooltip)}</title>'
    yield f'<rect width="{BOX_WIDTH}" height="{tall:g}" rx="8" fill="#fff"/>'
    yield f'<path d="{_HEADER_SHAPE if rows else _WHOLE_SHAPE}" fill="{look.fill}"/>'
    frame = look.paint(2.8 if card.is_target else 1.2, filled=False)
    yield f'<rect width="{BOX_WIDTH}" height="{tall:g}" rx="8" {frame}/>'
    yield f'<text x="{_PAD}" y="20" class="t">{safe(fitted(card.title, room, 13, bold=True))}</text>'
    yield f'<text x="{_PAD}" y="37" class="s">{safe(fitted(under, room - word - 8, SMALL))}</text>'
    yield f'<text x="{BOX_WIDTH - _PAD}" y="37" class="w e" style="fill:{look.ink}">{safe(look.word)}</text>'
    for index, row in enumerate(rows):
        yield from _row(row, port(index) + 4)
    yield from _ports(card, look)
    yield "</g>"


_HEADER_SHAPE = f"M0 8a8 8 0 0 1 8-8h{BOX_WIDTH - 16}a8 8 0 0 1 8 8v{_HEADER - 8}h-{BOX_WIDTH}z"
_WHOLE_SHAPE = (
    f"M0 8a8 8 0 0 1 8-8h{BOX_WIDTH - 16}a8 8 0 0 1 8 8v{_HEADER - 16}a8 8 0 0 1-8 8h-{BOX_WIDTH - 16}a8 8 0 0 1-8-8z"
)


def _row(row: Row, y: float) -> Iterator[str]:
    x = _PAD + 8 * row.indented
    if row.muted and row.plain:
        yield (
            f'<text x="{x}" y="{y:g}"><tspan class="k">{safe(row.muted)}</tspan>'
            f'<tspan dx="6" class="{row.style}">{safe(row.plain)}</tspan></text>'
        )
    elif row.muted or row.plain:
        style = "k" if row.muted else row.style
        yield f'<text x="{x}" y="{y:g}" class="{style}">{safe(row.muted or row.plain)}</text>'
    if row.right:
        yield f'<text x="{BOX_WIDTH - _PAD}" y="{y:g}" class="k e">{safe(row.right)}</text>'


def _ports(card: Card, look: Look) -> Iterator[str]:
    """Yield a dot where each link ends."""
    ends = [(0, len(card.inputs)), (BOX_WIDTH, len(card.outputs))]
    for x, number in ends:
        for row in range(number):
            yield f'<circle cx="{x}" cy="{port(row):g}" r="3.6" fill="#fff" stroke="{look.line}" stroke-width="1.5"/>'


def xy(point: Point) -> str:
    """Return a point as paths and transforms have it."""
    return f"{number(point[0])} {number(point[1])}"


def number(value: float) -> str:
    """Return a length to a tenth of a pixel. ``:g`` would round those of very wide pictures."""
    return f"{value:.1f}".removesuffix(".0")


def safe(text: str) -> str:
    """Return a text that XML holds and takes for nothing but text."""
    return escape(_NOT_XML.sub("�", text))
