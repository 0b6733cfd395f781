"""One row of a run as a card: its pictures, what it was run with, what it took and cost, and why it failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath

from graphrun.batches.record import RowArtifact
from graphrun.batches.report.entries import Entry, State, shown
from graphrun.batches.report.markup import Markup, element, joined, link
from graphrun.batches.report.summary import looks_like_a_picture
from graphrun.batches.report.thumbnails import Thumbnail, thumbnail
from graphrun.sinks.wording import counted, duration

WORDS: dict[State, str] = {"ran": "ran", "cached": "cached", "failed": "failed", "open": "left open"}
"""What the states are called, in the order in which they are told."""

_LONG = 160  # characters of a value; beyond that it opens when it gets the focus
_MOST_FILES = 12
_ALT = 300


@dataclass(frozen=True)
class CardMaker:
    """Makes cards for the run in ``folder``: of each row the ``varied`` values, and at most ``pictures`` thumbnails.

    ``room`` is how many characters a thumbnail may have.
    """

    folder: Path
    varied: Sequence[str]
    pictures: int
    room: int

    def card(self, entry: Entry) -> Markup:
        """Return the card of a row. Safe to call from several threads."""
        row, state = entry.record.row, entry.state
        return element(
            "article",
            element(
                "header",
                element("a", f"#{row:,}", href=f"#row-{row}", class_="number"),
                element("span", WORDS[state], class_=f"badge {state}"),
            ),
            self._pictures(entry),
            element("pre", entry.record.error, class_="error", tabindex=0) if entry.record.error else None,
            self._values(entry),
            element("footer", *_footer(entry)),
            id=f"row-{row}",
            class_="row",
            aria_label=f"Row {row}, {WORDS[state]}",
            data_row=row,
            data_state=state,
            data_seconds=str(entry.record.seconds),
            data_cost=None if entry.cost is None else f"{entry.cost:f}",
        )

    def _pictures(self, entry: Entry) -> Markup | None:
        found = [each for each in entry.record.artifacts if looks_like_a_picture(each)]
        alt = _described(entry, self.varied)
        shown_ones = [
            _picture(each, small, alt)
            for each in found[: self.pictures]
            if (small := thumbnail(self.folder / each.path, self.room))
        ]
        kind = "one" if len(shown_ones) == 1 else "several"
        return element("div", *shown_ones, class_=f"pictures {kind}") if shown_ones else None

    def _values(self, entry: Entry) -> Markup | None:
        values = entry.values
        told = [_pair(name, shown(values[name])) for name in self.varied if name in values]
        return element("dl", *told) if told else None


def dollars(cost: Decimal) -> str:
    """Return an amount in USD: to the cent, below a dollar to a hundredth of one, since a picture costs so little."""
    if abs(cost) >= 1:
        return f"${cost:,.2f}"
    exact = f"{cost:.4f}"
    return f"${exact[:-2]}{exact[-2:].rstrip('0')}"


def _picture(artifact: RowArtifact, small: Thumbnail, alt: str) -> Markup:
    image = element(
        "img", src=small.url, width=small.width, height=small.height, alt=alt, loading="lazy", decoding="async"
    )
    return link(artifact.path, image, title=PurePosixPath(artifact.path).name)


def _pair(name: str, value: str) -> Markup:
    long = len(value) > _LONG or value.count("\n") > 3
    told = element("dd", value, dir="auto", class_="long" if long else None, tabindex=0 if long else None)
    return element("div", element("dt", name), told)


def _described(entry: Entry, varied: Sequence[str]) -> str:
    """Return what a picture shows: its prompt, if the row has one, else what it was run with."""
    values = entry.values
    prompts = [shown(value) for name, value in values.items() if name.endswith((".prompt", ".text"))]
    others = [f"{name} {shown(values[name])}" for name in varied if name in values]
    told = "; ".join(prompts or others) or f"row {entry.record.row}"
    return told if len(told) <= _ALT else f"{told[: _ALT - 1]}…"


def _footer(entry: Entry) -> Iterator[Markup]:
    record = entry.record
    facts = [
        duration(record.seconds),
        None if entry.cost is None else dollars(entry.cost),
        f"{counted(len(record.ran), 'node')} ran, {len(record.cached)} cached" if record.ran or record.cached else None,
        counted(record.tries, "try").replace("trys", "tries") if record.tries > 1 else None,
        entry.place,
    ]
    yield element("p", joined(*facts, by=" · "))
    if record.artifacts:
        yield element("p", joined(*_file_links(record.artifacts), by=" "), class_="files")


def _file_links(artifacts: Sequence[RowArtifact]) -> Iterator[str]:
    for artifact in artifacts[:_MOST_FILES]:
        yield link(artifact.path, PurePosixPath(artifact.path).name)
    if len(artifacts) > _MOST_FILES:
        yield f"and {len(artifacts) - _MOST_FILES} more"
