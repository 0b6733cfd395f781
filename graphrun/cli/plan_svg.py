"""A plan as an SVG picture: a card per node, coloured by what would become of it, and the links between them.

The picture brings its own light ground, so that it reads the same on a dark page. It needs no program but a browser,
and the same plan gives the same bytes. All text from the file is escaped; nothing in it is ever a link or a script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from graphrun.cli.plan_svg_cards import LOOKS, SMALL, Row, draw_card, height_of, number, port, rows_of, safe, xy
from graphrun.cli.plan_svg_layers import Wire
from graphrun.cli.plan_svg_layout import Layout, Point, lay_out
from graphrun.cli.plan_svg_scene import Cable, Scene, State, scene_of
from graphrun.cli.plan_svg_text import fitted, text_width
from graphrun.kernel.node_types import NodeType
from graphrun.outlook import Forecast
from graphrun.sinks.wording import counted

_MARGIN = 28
_TOP = 92
_SWING = 34
_GROUND = "#fbfbfa"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_CABLES = (
    "#2f6fdb", "#c2571a", "#1f8a4c", "#8b4bc4", "#b3273f", "#12808f", "#a07800", "#d0489a", "#54657a", "#7a5230",
)  # fmt: skip


def svg_text(forecast: Forecast, types: Mapping[str, NodeType]) -> str:
    """Return the picture as an XML document."""
    scene = scene_of(forecast, types)
    rows = {card.node_id: rows_of(card) for card in scene.cards}
    heights = [height_of(rows[card.node_id]) for card in scene.cards]
    layout = lay_out(heights, _wires(scene))
    return "\n".join(_document(scene, rows, heights, layout))


def _wires(scene: Scene) -> list[Wire]:
    at = {card.node_id: index for index, card in enumerate(scene.cards)}
    ports = [{slot: port(row) for row, slot in enumerate(card.outputs)} for card in scene.cards]
    inputs = [{name: port(row) for row, name in enumerate(card.inputs)} for card in scene.cards]
    return [
        Wire(
            at[cable.source],
            at[cable.target],
            ports[at[cable.source]][cable.slot],
            inputs[at[cable.target]][cable.input],
        )
        for cable in scene.cables
    ]


def _document(
    scene: Scene, rows: Mapping[str, Sequence[Row]], heights: Sequence[float], layout: Layout
) -> Iterator[str]:
    counts = Counter(card.state for card in scene.cards)
    heading = f"{scene.name} · {counted(len(scene.cards), 'node')}, {counted(len(scene.cables), 'link')}"
    width = max(layout.size[0], 1.2 * text_width(scene.name, 17), _legend_width(counts)) + 2 * _MARGIN
    size = number(width), number(layout.size[1] + _TOP + _MARGIN)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        f'viewBox="0 0 {size[0]} {size[1]}" role="img">'
    )
    yield f"<title>{safe(heading)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield f'<rect width="100%" height="100%" fill="{_GROUND}"/>'
    yield f'<text x="{_MARGIN}" y="40" class="h">{safe(fitted(scene.name, width - 2 * _MARGIN, 17, bold=True))}</text>'
    yield from _legend(counts)
    yield f'<g transform="translate({_MARGIN} {_TOP})">'
    yield from _cables(scene.cables, layout.paths)
    for card, corner, tall in zip(scene.cards, layout.corners, heights, strict=True):
        yield from draw_card(card, rows[card.node_id], corner, tall)
    yield from ("</g>", "</svg>")


_STYLE = (
    f"text{{font-family:{_FONTS};font-size:{SMALL:g}px;fill:#222}}"
    ".h{font-size:17px;font-weight:600}.t{font-size:13px;font-weight:600}.s{fill:#5a5a5a}.k{fill:#767676}"
    ".f{fill:#a01c0e}.w{font-weight:600}.e{text-anchor:end}"
    f".c{{fill:none;stroke-width:2}}.o{{fill:none;stroke:{_GROUND};stroke-width:6}}.l{{stroke-dasharray:6 4}}"
)


def _legend_entries(counts: Counter[State]) -> list[tuple[State, str]]:
    return [(state, f"{counts[state]} {look.legend}") for state, look in LOOKS.items() if counts[state]]


def _legend_width(counts: Counter[State]) -> float:
    return sum(text_width(text, SMALL) + 40 for _, text in _legend_entries(counts)) + 180


def _legend(counts: Counter[State]) -> Iterator[str]:
    x = float(_MARGIN)
    for state, text in _legend_entries(counts):
        look = LOOKS[state]
        yield f'<rect x="{x:g}" y="56" width="16" height="12" rx="3" {look.paint()}/>'
        yield f'<text x="{x + 22:g}" y="66" class="s">{safe(text)}</text>'
        x = round(x + text_width(text, SMALL) + 40, 1)
    yield f'<rect x="{x:g}" y="56" width="16" height="12" rx="3" fill="#fff" stroke="#444" stroke-width="2.5"/>'
    yield f'<text x="{x + 22:g}" y="66" class="s">thick border: an output</text>'


def _cables(cables: Sequence[Cable], paths: Sequence[Sequence[Point]]) -> Iterator[str]:
    """Yield the links. Those of one output have one colour, and a rim that parts them from what they cross.

    Outputs that are near each other have different colours: they take turns from the left and from the top.
    """
    starts = {(cable.source, cable.slot): path[0] for cable, path in zip(cables, paths, strict=True)}
    colours = {
        output: _CABLES[turn % len(_CABLES)] for turn, output in enumerate(sorted(starts, key=starts.__getitem__))
    }
    curves: dict[tuple[str, int | str, bool], list[str]] = {}
    for cable, path in zip(cables, paths, strict=True):
        curves.setdefault((cable.source, cable.slot, cable.lazy), []).append(_curve(path))
    for (source, slot, lazy), parts in curves.items():
        together = " ".join(parts)
        yield f'<path class="o" d="{together}"/>'
        yield f'<path class="c{" l" if lazy else ""}" stroke="{colours[source, slot]}" d="{together}"/>'


def _curve(path: Sequence[Point]) -> str:
    """Return a path that leaves and enters each column level; what goes down or up beside a box swings out from it."""
    parts = [f"M{xy(path[0])}"]
    for index in range(0, len(path) - 1, 2):
        (x, y), (to_x, to_y) = path[index], path[index + 1]
        if index:
            parts.append(f"L{xy((x, y))}")
        out, back = (
            ((to_x - x) / 2, (x - to_x) / 2) if to_x > x else (_SWING, _SWING) if index == 0 else (-_SWING, -_SWING)
        )
        parts.append(f"C{xy((x + out, y))} {xy((to_x + back, to_y))} {xy((to_x, to_y))}")
    return "".join(parts)
