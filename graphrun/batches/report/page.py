"""The page around the cards: its head, the sum of the run, what failed, and the tools that filter and sort."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files

from graphrun.batches.report.cards import WORDS, dollars
from graphrun.batches.report.entries import shown
from graphrun.batches.report.markup import Markup, element, joined, link
from graphrun.batches.report.summary import Failure, Summary
from graphrun.sinks.wording import counted, duration

_UNRUN = "not run"


def page_start(summary: Summary, shown_rows: int) -> str:
    """Return everything before the first card. ``shown_rows`` of the run's rows are on the page."""
    return joined(
        Markup('<!doctype html>\n<html lang="en">\n'),
        _head(summary),
        Markup('\n<body>\n<a class="skip" href="#rows">To the rows</a>\n'),
        _heading(summary),
        _failures(summary),
        _fixed(summary),
        _tools(summary, shown_rows),
        Markup('\n<main id="rows">\n'),
    )


def page_end() -> str:
    """Return everything after the last card."""
    script = element("script", Markup(_part("page.js")))
    nothing = element("p", "No row is like that.", id="nothing", hidden=True)
    return f"</main>\n{nothing}\n{script}\n</body>\n</html>\n"


def _head(summary: Summary) -> Markup:
    style = _part("page.css")
    # Nothing is loaded, and only this script runs, whatever a prompt manages to look like.
    policy = (
        f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(_part('page.js'))}; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="graphrun"),
        element("title", f"{summary.title} {summary.run}"),
        element("style", Markup(style)),
    )


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _source(part: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"


def _heading(summary: Summary) -> Markup:
    return element(
        "header",
        element("h1", summary.title or "batch"),
        element("p", joined(*_when(summary), by=" · "), class_="when"),
        element("div", *_tiles(summary), class_="tiles"),
        _bar(summary),
        class_="top",
    )


def _when(summary: Summary) -> Iterator[str]:
    if summary.began is None or summary.ended is None:
        yield f"run {summary.run}"
    else:
        yield joined("began ", _moment(summary.began))
        yield joined("last row ended ", _moment(summary.ended))
        yield duration(summary.ended - summary.began)
    if summary.seeds:
        yield summary.seeds
    yield link("index.csv", "index.csv")
    yield link("rows.jsonl", "rows.jsonl")


def _moment(unix: float) -> Markup:
    moment = datetime.fromtimestamp(unix).astimezone()
    return element("time", moment.strftime("%Y-%m-%d %H:%M:%S"), datetime=moment.isoformat(timespec="seconds"))


def _tiles(summary: Summary) -> Iterator[Markup]:
    yield _tile("rows", f"{summary.rows + summary.unrun:,}")
    for state, number, word in _counts(summary):
        yield _tile(word, f"{number:,}", state if number else None)
    if summary.cost is not None:
        partly = summary.unpriced > 0
        yield _tile("total cost" if not partly else "cost that is known", dollars(summary.cost))
    yield _tile("pictures", f"{summary.pictures:,}")


def _tile(label: str, figure: str, state: str | None = None) -> Markup:
    return element("div", element("b", figure), element("span", label), class_=f"tile {state or ''}".strip())


def _counts(summary: Summary) -> Iterator[tuple[str, int, str]]:
    """Yield the states that are worth telling: those that hold rows, and always what ran and what failed."""
    for state, word in WORDS.items():
        if summary.counts[state] or state in ("ran", "failed"):
            yield state, summary.counts[state], word
    if summary.unrun:
        yield "unrun", summary.unrun, _UNRUN


def _bar(summary: Summary) -> Markup:
    """Return the states as parts of a bar. An SVG, since the page's policy allows no styles of single elements."""
    counts = list(_counts(summary))
    total = max(1, sum(number for _, number, _ in counts))
    begin, parts = 0.0, []
    for state, number, word in counts:
        width = 1000 * number / total
        title = element("title", f"{number:,} {word}")
        parts.append(
            element("g", title, element("rect", x=f"{begin:.2f}", width=f"{width:.2f}", height=10), class_=state)
        )
        begin += width
    told = ", ".join(f"{number:,} {word}" for _, number, word in counts)
    return element(
        "svg", *parts, class_="bar", viewBox="0 0 1000 10", preserveAspectRatio="none", role="img", aria_label=told
    )


def _failures(summary: Summary) -> Markup | None:
    if not summary.failures:
        return None
    rows = sum(failure.rows for failure in summary.failures) + summary.further
    rest = (
        element("li", f"{counted(summary.further, 'further row')} ended in other errors") if summary.further else None
    )
    heading = element("summary", f"Why {counted(rows, 'row')} did not come out")
    return element("details", heading, element("ul", *map(_failure, summary.failures), rest), class_="why", open=True)


def _failure(failure: Failure) -> Markup:
    links = [element("a", f"#{row:,}", href=f"#row-{row}") for row in failure.first]
    more = f"and {failure.rows - len(links):,} more" if failure.rows > len(links) else None
    told = joined(counted(failure.rows, "row"), ": ", joined(*links, more, by=" "))
    return element("li", element("pre", failure.error, tabindex=0), element("p", told))


def _fixed(summary: Summary) -> Markup | None:
    if not summary.fixed:
        return None
    pairs = (element("div", element("dt", name), element("dd", shown(value))) for name, value in summary.fixed.items())
    return element("details", element("summary", "The same in every row"), element("dl", *pairs), class_="fixed")


def _tools(summary: Summary, shown_rows: int) -> Markup:
    """Return the tools, hidden until the script that serves them runs."""
    cut = f"of {summary.rows:,} rows, {shown_rows:,} are here; index.csv has all" if shown_rows < summary.rows else None
    return joined(
        element("p", cut, class_="cut") if cut else None,
        element(
            "form",
            element("fieldset", element("legend", "State"), *_state_choices(summary), class_="states"),
            _labelled("Search", element("input", type="search", id="search", placeholder="any text   /")),
            _labelled("Sort by", element("select", *_sort_choices(summary), id="sort")),
            element("label", element("input", type="checkbox", id="down"), " descending", class_="check"),
            _labelled("Size", element("input", type="range", id="size", min=140, max=520, step=20, value=230)),
            element("div", id="facets"),
            element("output", id="count", aria_live="polite"),
            id="tools",
            aria_label="Filter and sort the rows",
            hidden=True,
        ),
    )


def _labelled(text: str, field: Markup) -> Markup:
    return element("label", element("span", text), field)


def _state_choices(summary: Summary) -> Iterator[Markup]:
    yield _choice("", f"all {summary.rows:,}", chosen=True)
    for state, word in WORDS.items():
        if summary.counts[state]:
            yield _choice(state, f"{word} {summary.counts[state]:,}")


def _choice(state: str, label: str, *, chosen: bool = False) -> Markup:
    box = element("input", type="radio", name="state", value=state, checked=chosen)
    return element("label", box, element("span", label), class_=f"chip {state}".strip())


def _sort_choices(summary: Summary) -> Iterator[Markup]:
    yield element("option", "row", value="row")
    yield element("option", "time taken", value="seconds")
    if summary.cost is not None:
        yield element("option", "cost", value="cost")
    for name in summary.varied:
        yield element("option", name, value=f"v.{name}")
