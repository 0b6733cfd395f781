"""``graphrun plan --format svg``: any file drawn, legible, and nothing in it but a picture."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from callers import LOCAL_MODELS, PICTURES, TEXT, Graph, Graphrun, Write, node
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.cli.plan_svg_layers import Wire, arrange
from graphrun.cli.plan_svg_layout import BOX_WIDTH, lay_out
from graphrun.cli.plan_svg_text import fitted, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"


def drawn(graphrun: Graphrun, path: object, *more: object) -> Xml.Element:
    """Draw a file and read the picture as XML."""
    return Xml.fromstring(graphrun("plan", path, "--format", "svg", *more).out)


def cards(picture: Xml.Element) -> dict[str, list[str]]:
    """Return the texts on each card, by its first."""
    groups = picture.findall(f"{SVG}g/{SVG}g")
    texts = [["".join(text.itertext()) for text in group.findall(f"{SVG}text")] for group in groups]
    return {each[0]: each[1:] for each in texts}


def test_a_card_per_node_and_a_curve_per_link(graphrun: Graphrun, write: Write) -> None:
    """Title, id, class, fate; the inputs that are linked, the outputs that are read, the values."""
    picture = drawn(graphrun, write(PICTURES))
    assert cards(picture) == {
        "EmptyImage": ["1", "run", "IMAGE", "width8", "height8", "batch_size2", "color255"],
        "Save Image": ["3 · SaveImage", "run", "images", "filename_prefixdog"],
    }
    [curves] = [path.get("d", "") for path in picture.iter(f"{SVG}path") if (path.get("class") or "").startswith("c")]
    assert curves.count("M") == 2


def test_the_legend_counts_what_there_is(graphrun: Graphrun, write: Write) -> None:
    """States that no node has are not explained."""
    path = write({**TEXT, **LOCAL_MODELS, "7": node("PrimitiveInt", value=1), "8": node("SaveImage", images=["7", 0])})
    picture = drawn(graphrun, path)
    legend = ["".join(text.itertext()) for text in picture.findall(f"{SVG}text")]
    assert legend == [
        "workflow.json",
        "2 would run",
        "1 with a problem",
        "2 not installed",
        "2 in a part that can't run",
        "thick border: an output",
    ]


def test_after_a_run_the_drawing_shows_what_the_cache_spares(graphrun: Graphrun, write: Write) -> None:
    """The fates of the plan are on the cards."""
    path = write(PICTURES)
    graphrun("run", path)
    fates = {title: texts[1] for title, texts in cards(drawn(graphrun, path)).items()}
    assert fates == {"EmptyImage": "spared", "Save Image": "hit"}


def test_a_file_of_which_nothing_can_run_is_drawn_whole(graphrun: Graphrun, write: Write) -> None:
    """The picture shows what the file is; standard error and the exit code say that it can't run."""
    said = graphrun("plan", write(LOCAL_MODELS), "--format", "svg")
    assert said.code == 2
    assert said.err.startswith("error: output 9")
    assert {title: texts[1] for title, texts in cards(Xml.fromstring(said.out)).items()} == {
        "CheckpointLoaderSimple": "not installed",
        "KSampler": "not installed",
        "Save Image": "can't run",
    }


def test_what_no_target_needs_is_drawn_pale(graphrun: Graphrun, write: Write) -> None:
    """--target cuts the plan down; the picture still has the whole file."""
    path = write({**TEXT, "5": node("PreviewAny", "Other", source="x")})
    fates = {title: texts[1] for title, texts in cards(drawn(graphrun, path, "--target", "2")).items()}
    assert fates == {"String": "run", "Show it": "run", "Other": "not needed"}


def test_a_problem_is_told_on_its_card(graphrun: Graphrun, write: Write) -> None:
    """In words, at the node that has it."""
    path = write({"1": node("PreviewAny", source=["1", 0])})
    [texts] = cards(drawn(graphrun, path)).values()
    assert "problem" in texts
    assert any("cycle" in text for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        "</text><script>alert(1)</script>",
        "a & b <c> \"d\" 'e'",
        "]]>",
        "\x00\x1b[31m\ufffe\u202e",
        "&#0;",
        "👨‍👩‍👧 é 漢字" * 99,
    ],
)
def test_no_text_of_a_file_breaks_out(graphrun: Graphrun, write: Write, text: str) -> None:
    """As id, title, class, name of an input, and value; the document stays well-formed and only shows it."""
    hostile: Graph = {
        text or "1": {"class_type": text, "inputs": {text: text, "x": ["2", 0]}, "_meta": {"title": text}},
        "2": node("PreviewAny", text, source=text),
    }
    picture = drawn(graphrun, write(hostile))
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "svg", "title", "style", "rect", "text", "tspan", "g", "path", "circle"
    }  # fmt: skip
    assert not [
        name for element in picture.iter() for name in element.attrib if name.startswith("on") or "href" in name
    ]


def test_nothing_is_fetched_from_elsewhere(graphrun: Graphrun, write: Write) -> None:
    """No fonts, no pictures, no style sheets: the file is all there is."""
    text = graphrun("plan", write(PICTURES), "--format", "svg").out
    assert text.replace('xmlns="http://www.w3.org/2000/svg"', "").find("http") == -1
    assert "url(" not in text
    assert "@import" not in text


def test_the_same_plan_gives_the_same_bytes(here: Path, write: Write) -> None:
    """In another process too, where sets and dictionaries are hashed differently."""
    path = write({**PICTURES, **LOCAL_MODELS, **TEXT})
    command = [sys.executable, "-m", "graphrun", "plan", path.name, "--format", "svg"]
    first, second = (subprocess.run(command, cwd=here, capture_output=True, check=False).stdout for _ in range(2))
    assert first
    assert first == second


def test_a_long_chain_is_drawn(graphrun: Graphrun, write: Write) -> None:
    """2,000 nodes, each reading the one before: nothing recurses."""
    chain = {
        str(n): node("StringConcatenate", string_a=[str(n - 1), 0], string_b="", delimiter="") for n in range(1, 2000)
    }
    graph = {"0": node("PrimitiveString", value="x"), **chain, "out": node("PreviewAny", source=["1999", 0])}
    assert len(drawn(graphrun, write(graph)).findall(f"{SVG}g/{SVG}g")) == 2001


@pytest.mark.corpus
def test_every_real_file_is_drawn_without_overlap(graphrun: Graphrun, corpus: Path) -> None:
    """Cards don't touch, and all is inside the picture."""
    paths = [
        *corpus.glob("core-only/*.json"),
        *corpus.glob("openai-templates/*.json"),
        *corpus.glob("format-only/[ahiptw]*.json"),
    ]
    assert len(paths) > 30
    for path in paths:
        picture = drawn(graphrun, path)
        _, _, width, height = map(float, picture.get("viewBox", "").split())
        boxes = []
        for group in picture.findall(f"{SVG}g/{SVG}g"):
            x, y = map(float, group.get("transform", "")[len("translate(") : -1].split())
            frame = group.find(f"{SVG}rect")
            assert frame is not None
            boxes.append((x, y, x + BOX_WIDTH, y + float(frame.get("height", "0"))))
        assert not any(overlap(*pair) for pair in itertools.combinations(boxes, 2)), path.name
        assert max(right for _, _, right, _ in boxes) < width
        assert max(bottom for *_, bottom in boxes) < height


Box = tuple[float, float, float, float]


def overlap(one: Box, other: Box) -> bool:
    """Return whether two boxes (left, top, right, bottom) touch."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[Wire]]:
    """Draw boxes and wires between them, cycles and wires to oneself included."""
    heights = draw(st.lists(st.floats(46, 300), min_size=1, max_size=14))
    box = st.integers(0, len(heights) - 1)
    port = st.floats(0, 46)
    return heights, draw(st.lists(st.builds(Wire, box, box, port, port), max_size=24))


@settings(deadline=None)  # two cores may be busy elsewhere
@given(graphs())
def test_no_two_boxes_touch_and_all_are_inside(graph: tuple[list[float], list[Wire]]) -> None:
    """Whatever the graph, and every wire has ends."""
    heights, wires = graph
    layout = lay_out(heights, wires)
    boxes = [(x, y, x + BOX_WIDTH, y + tall) for (x, y), tall in zip(layout.corners, heights, strict=True)]
    assert not any(overlap(*pair) for pair in itertools.combinations(boxes, 2))
    assert all(
        x >= 0 and y >= -0.1 and right <= layout.size[0] + 0.1 and bottom <= layout.size[1] + 0.1
        for x, y, right, bottom in boxes
    )
    for wire, path in zip(wires, layout.paths, strict=True):
        assert path[0] == pytest.approx((boxes[wire.source][2], boxes[wire.source][1] + wire.leaves))
        assert path[-1] == pytest.approx((boxes[wire.target][0], boxes[wire.target][1] + wire.enters))


@settings(deadline=None)
@given(graphs())
def test_wires_pass_columns_on_lanes_of_their_own(graph: tuple[list[float], list[Wire]]) -> None:
    """Where a wire crosses a column of boxes it runs level, and through none of them."""
    heights, wires = graph
    layout = lay_out(heights, wires)
    boxes = list(zip(layout.corners, heights, strict=True))
    for path in layout.paths:
        for (x, y), (to_x, to_y) in zip(path[1::2], path[2::2], strict=False):
            assert y == to_y
            if to_x == pytest.approx(x + BOX_WIDTH):
                assert not [top for (left, top), tall in boxes if left == x and top < y < top + tall]
            else:  # back in a cycle: along the bottom
                assert not [top for (left, top), tall in boxes if x > left > to_x and top < y < top + tall]


@given(graphs())
def test_without_cycles_every_wire_goes_to_the_right(graph: tuple[list[float], list[Wire]]) -> None:
    """A reader stands in a later column than what it reads."""
    heights, wires = graph
    forward = [Wire(min(w.source, w.target), max(w.source, w.target)) for w in wires if w.source != w.target]
    column = {box: at for at, boxes in enumerate(arrange(len(heights), forward).order) for box in boxes}
    assert all(column[wire.source] < column[wire.target] for wire in forward)


def test_crossed_wires_are_untangled() -> None:
    """
    a ─┐ ┌→ d        drawn so that no wire crosses another
    b ─┼─┼→ c
       └─┘
    """
    order = arrange(4, [Wire(0, 3), Wire(1, 2)]).order
    assert order in ([[0, 1], [3, 2]], [[1, 0], [2, 3]])


def test_a_source_stands_beside_its_reader() -> None:
    """A loader that is only read at the end is drawn there."""
    order = arrange(4, [Wire(0, 1), Wire(1, 2), Wire(3, 2)]).order
    assert [sorted(column) for column in order] == [[0], [1, 3], [2]]


@given(st.text(), st.floats(20, 300))
def test_a_fitted_text_is_no_wider_than_its_room(text: str, room: float) -> None:
    """Cut off with an ellipsis, or whole."""
    found = fitted(text, room, 11)
    assert text_width(found, 11) <= room + 0.01
    assert found == text or found.endswith("…")


@given(st.text(alphabet="ab c", max_size=80), st.integers(1, 4))
def test_wrapping_loses_nothing_but_blanks_and_the_end(text: str, most: int) -> None:
    """Words go to the next line; what is left after the last is cut."""
    lines = wrapped(text, 40, 60, 11, most)
    assert 1 <= len(lines) <= most
    joined = letters(lines)
    assert letters([text]).startswith(joined.removesuffix("…"))
    assert joined.endswith("…") or joined == letters([text])


def letters(lines: Sequence[str]) -> str:
    return "".join(lines).replace(" ", "")


def test_the_other_formats_are_named_when_one_is_not_there(graphrun: Graphrun, write: Write) -> None:
    """svg is one of them."""
    assert "tree, json, mermaid, svg; did you mean 'svg'?" in graphrun("plan", write(TEXT), "--format", "svgz").err


def test_both_ways_to_write_an_output_are_one(graphrun: Graphrun, here: Path) -> None:
    """By number and by name."""
    graph: dict[str, Any] = {"1": node("EmptyImage", width=8, height=8, batch_size=1, color=0)}
    graph |= {"2": node("PreviewImage", images=["1", 0]), "3": node("PreviewImage", images=["1", "IMAGE"])}
    (here / "named.yaml").write_text(f"---\n{json.dumps(graph)}")
    assert cards(drawn(graphrun, "named.yaml"))["EmptyImage"].count("IMAGE") == 1
