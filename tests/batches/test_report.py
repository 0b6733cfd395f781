"""The report of a batch: `write_report`, what it writes, and what a browser makes of it."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun.batches.record import RowArtifact, RowRecord
from graphrun.batches.report import write_report
from graphrun.batches.report.index_csv import guarded
from graphrun.batches.report.markup import element, escaped
from graphrun.batches.report.thumbnails import room_for_each, thumbnail
from graphrun.errors import PathError, UsageError

ROWS = 1_000
NASTY = "</script><img src=x onerror=\"document.title='owned'\"> & 'so' <b>"
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)


class Page(HTMLParser):
    """Reads a page strictly: elements are closed in the order they were opened."""

    VOID = frozenset({"meta", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[int, dict[str, str | None]] = {}
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len({*names}) == len(names), f"<{tag}> has an attribute twice"
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "article":
            self.rows[int(dict(attrs)["data-row"] or 0)] = dict(attrs)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, tag: str, attribute: str) -> list[str | None]:
        """Return the values of an attribute of all elements of a kind."""
        return [value for name, key, value in self.attributes if (name, key) == (tag, attribute)]


Browse = Callable[[str], Page]


def record(row: int, **fields: Any) -> dict[str, Any]:
    """Write what a run's record says of a row."""
    told = RowRecord(row=row, id=f"{row:032x}", state="done", started=1_700_000_000.0 + row, seconds=1.5, ran=("9",))
    return {**json.loads(told.to_line()), **fields}


def artifact(name: str) -> dict[str, Any]:
    """Write what a record says of a file."""
    return asdict(RowArtifact(name, node="9", kind="output", digest="0" * 64, bytes=1))


def run_of(folder: Path, *records: Mapping[str, Any], rows: int | None = None) -> Path:
    """Write the folder of a run."""
    run = folder / "foxes" / "2026-01-02T03-04-05"
    run.mkdir(parents=True)
    (run / "rows.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records), "utf-8")
    manifest = {"job": "x", "date": "2026-01-02", "seed": 1, "rows": len(records) if rows is None else rows}
    (run / "run.json").write_text(json.dumps(manifest))
    return run


def picture(run: Path, name: str, size: tuple[int, int] = (32, 24), colour: str = "teal") -> Path:
    """Save a picture into a run."""
    path = run / name
    Image.new("RGB", size, colour).save(path)
    return path


def page_of(run: Path) -> Page:
    """Write the report of a run and read it."""
    return Page(write_report(run).read_text("utf-8"))


def index_of(run: Path) -> list[dict[str, str]]:
    """Read the table of a run."""
    with (run / "index.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def big_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 1,000 rows: every 4th from the cache, every 50th failed, the last 20 open, 100 not run."""
    folder = tmp_path_factory.mktemp("big")
    run = run_of(folder, *(record(row, **_fields(row)) for row in range(1, ROWS + 1)), rows=ROWS + 100)
    for row in range(1, ROWS + 1):
        if not (row % 50 == 0 or row > ROWS - 20):
            picture(run, f"fox {row}#.png", colour=f"hsl({row % 360}, 60%, 50%)")
    write_report(run)
    return run


def _fields(row: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "inputs": {"6.text": NASTY if row == 7 else f"fox number {row}", "5.steps": row % 3, "5.cfg": 7.5},
        "seeds": {"5.seed": row % 10},
        "cost": "0.01",
    }
    if row > ROWS - 20:
        return {**fields, "state": "open", "error": "the limit of 5 USD is reached", "cost": None}
    if row % 50 == 0:
        return {**fields, "state": "failed", "error": f"{NASTY}\nno luck"}
    return {**fields, "artifacts": [artifact(f"fox {row}#.png")], "ran": [] if row % 4 == 0 else ["9"]}


def test_a_thousand_rows_are_one_well_formed_page(big_run: Path) -> None:
    """A card per row, with its thumbnail, in their order; below 15 MB."""
    path = big_run / "report.html"
    page = Page(path.read_text("utf-8"))
    assert list(page.rows) == list(range(1, ROWS + 1))
    assert len(page.values("img", "src")) == ROWS - 20 - 19
    assert path.stat().st_size < 15_000_000
    assert not list(big_run.glob("*.part"))


def test_states_are_told_and_counted(big_run: Path) -> None:
    """Rows that ran, came from the cache, failed, were left open; the sum tells those not run, and the cost."""
    page = Page((big_run / "report.html").read_text("utf-8"))
    states = {row: page.rows[row]["data-state"] for row in (1, 4, 50, ROWS)}
    assert states == {1: "ran", 4: "cached", 50: "failed", ROWS: "open"}
    assert page.values("svg", "aria-label") == ["725 ran, 236 cached, 19 failed, 20 left open, 100 not run"]
    text = " ".join(page.text)
    assert "$9.80 cost that is known" in text
    assert "10 seeds" in text
    assert "Why 39 rows did not come out" in text


def test_the_page_loads_nothing(big_run: Path) -> None:
    """No address but data: and paths beside the page; a policy that would refuse any other."""
    page = Page((big_run / "report.html").read_text("utf-8"))
    assert all((each or "").startswith("data:image/webp;base64,") for each in page.values("img", "src"))
    assert {tag for tag, name, _ in page.attributes if name == "src"} == {"img"}
    links = page.values("a", "href")
    assert not [each for each in links if re.match(r"[a-z]+:|//|/", each or "")]
    assert "fox%201%23.png" in links
    assert "default-src 'none'" in (page.values("meta", "content")[0] or "")
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]


def test_text_is_never_markup(big_run: Path) -> None:
    """A prompt that looks like a script is shown as it is, in the card, in the alternative text, in the errors."""
    text = (big_run / "report.html").read_text("utf-8")
    page = Page(text)
    assert text.count("<script>") == text.count("</script>") == 1
    assert NASTY in page.text
    assert NASTY in page.values("img", "alt")
    assert f"{NASTY}\nno luck" in page.text


@given(st.text(max_size=50))
@settings(deadline=None)
def test_any_text_comes_back_from_an_element(text: str) -> None:
    """What a browser reads is what was put in, but for characters HTML can't write."""
    read = Page(element("p", text, title=text))
    expected = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]", "\ufffd", text)
    assert "".join(read.text) == expected
    assert read.values("p", "title") == [expected]
    assert not set("<>\"'") & set(escaped(text))


def test_the_table_has_a_line_per_row(big_run: Path) -> None:
    """The values that vary have columns; those that don't, have none."""
    table = index_of(big_run)
    assert [int(line["row"]) for line in table] == list(range(1, ROWS + 1))
    assert table[0].keys() >= {"state", "6.text", "5.steps", "5.seed", "artifacts", "error", "cost_usd", "seconds"}
    assert "5.cfg" not in table[0]
    assert table[6]["6.text"] == NASTY
    assert (table[49]["state"], table[49]["artifacts"]) == ("failed", "")
    assert (table[0]["artifacts"], table[0]["cost_usd"]) == ("fox 1#.png", "0.01")


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", "|x"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    """Text that a spreadsheet would run gets an apostrophe, in values, names and errors."""
    row = record(1, inputs={f"{text}.x": text}, state="failed", error=text)
    run = run_of(tmp_path, row, record(2))
    write_report(run)
    [first, _] = index_of(run)
    assert (first[f"'{text}.x"], first["error"]) == (f"'{text}", f"'{text}")


@pytest.mark.parametrize("text", ["-5", "+0.25", "-1e-05", "a = b", "", "a fox - red"])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    """Spreadsheets calculate with negative numbers."""
    assert guarded(text) == text


def test_the_last_record_of_a_row_counts(tmp_path: Path) -> None:
    """A row that failed and was made in a later session is told once, as made; rows stand in their order."""
    failed = record(2, state="failed", error="no luck")
    page = page_of(run_of(tmp_path, record(3), failed, record(1), record(2), rows=3))
    assert {row: card["data-state"] for row, card in page.rows.items()} == {1: "ran", 2: "ran", 3: "ran"}
    assert list(page.rows) == [1, 2, 3]


def test_what_earlier_sessions_paid_for_a_row_counts(tmp_path: Path) -> None:
    """A row that a cap left open half way was paid for in two parts."""
    parts = [record(1, state="open", cost="0.03"), record(2, cost="0.10"), record(1, cost="0.04")]
    run = run_of(tmp_path, *parts, rows=2)
    text = page_of(run).text
    assert {"$0.17", "total cost"} <= {*text}
    assert [row["cost_usd"] for row in index_of(run)] == ["0.07", "0.10"]


def test_a_call_of_unknown_cost_stays_unknown_when_it_was_made_again(tmp_path: Path) -> None:
    """The known part is told, and called that."""
    run = run_of(tmp_path, record(1, state="open", cost=None), record(1, cost="0.04"), rows=1)
    assert {"$0.04", "cost that is known"} <= {*page_of(run).text}


def test_a_torn_line_and_unknown_fields_do_no_harm(tmp_path: Path) -> None:
    """A killed run has half a last line; a later graphrun may tell more of a row."""
    run = run_of(tmp_path, record(1, mood="good"), record(2))
    with (run / "rows.jsonl").open("a") as file:
        file.write('{"row": 3, "id"')
    assert list(page_of(run).rows) == [1, 2]


def test_a_run_without_rows_has_a_report(tmp_path: Path) -> None:
    """It says that nothing was run."""
    page = page_of(run_of(tmp_path, rows=5))
    assert page.rows == {}
    assert page.values("svg", "aria-label") == ["0 ran, 0 failed, 5 not run"]


def test_without_costs_no_cost_is_told(tmp_path: Path) -> None:
    """Neither absent nor null nor made up."""
    page = page_of(run_of(tmp_path, record(1, cost=None), record(2, cost=None), record(3, cost="much")))
    assert not [each for each in page.text if "cost" in each and "=>" not in each and "{" not in each]


def test_columns_and_files_are_told_without_this_machines_folders(tmp_path: Path) -> None:
    """A column that sets an input, or names a file, is told as that; the names of saved files by the files."""
    fields = {
        "columns": {"Loader.image": "x", "path": "/home/me/in/cat.png", "client": "Ode"},
        "files": {"2.image": "/home/me/in/cat.png"},
        "place": "/home/me/in/cat.png",
        "inputs": {"9.filename_prefix": "cat", "6.text": "a cat"},
    }
    run = run_of(tmp_path, record(1, **fields))
    text = write_report(run).read_text("utf-8")
    assert "/home/me" not in text + (run / "index.csv").read_text("utf-8")
    [line] = index_of(run)
    assert (line["row.client"], line["2.image"], line["6.text"]) == ("Ode", "cat.png", "a cat")
    assert not {"row.path", "row.Loader.image", "9.filename_prefix"} & line.keys()


def test_a_column_that_only_repeats_an_input_is_told_once(tmp_path: Path) -> None:
    """As of a job that says ``set: {6.text: "{row.prompt}"}``. Equal by chance in one row is not repeated."""
    rows = (
        record(number, columns={"prompt": text, "size": size}, inputs={"6.text": text, "5.width": "2"})
        for number, text, size in ((1, "a cat", "2"), (2, "a dog", "3"))
    )
    run = run_of(tmp_path, *rows)
    write_report(run)
    header = index_of(run)[0].keys()
    assert {"6.text", "row.size"} <= header
    assert "row.prompt" not in header


def test_damaged_missing_and_strange_files_have_no_thumbnail(tmp_path: Path) -> None:
    """They are linked to all the same."""
    names = ("gone.png", "torn.png", "text.png", "notes.txt")
    run = run_of(tmp_path, record(1, artifacts=[*map(artifact, names)]))
    torn = picture(run, "torn.png", (300, 300))
    torn.write_bytes(torn.read_bytes()[:-40])
    (run / "text.png").write_text("no picture")
    page = page_of(run)
    assert page.values("img", "src") == []
    assert {*names} <= {*page.values("a", "href")}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F"])
def test_pictures_of_any_sort_have_thumbnails(tmp_path: Path, mode: str) -> None:
    """Of the same shape."""
    path = tmp_path / ("x.tiff" if mode in ("CMYK", "F") else "x.png")
    Image.new("I;16", (640, 480), 40_000).save(path) if mode == "I;16" else Image.new(mode, (640, 480)).save(path)
    small = thumbnail(path, room_for_each(1))
    assert small is not None
    assert (small.width, small.height) == (320, 240)


@pytest.mark.parametrize("pictures", [1, 1_000, 10_000])
def test_a_thumbnail_keeps_to_its_room(tmp_path: Path, pictures: int) -> None:
    """Even of noise, which nothing can pack: so a page has a bound."""
    path = tmp_path / "noise.png"
    Image.effect_noise((512, 512), 120).convert("RGB").save(path)
    small = thumbnail(path, room_for_each(pictures))
    assert small is not None
    assert len(small.url) <= room_for_each(pictures)


def test_a_strip_is_cut_to_what_can_be_seen(tmp_path: Path) -> None:
    """Shrunk as a whole it would be a line."""
    Image.new("RGB", (4000, 10)).save(tmp_path / "strip.png")
    small = thumbnail(tmp_path / "strip.png", room_for_each(1))
    assert small is not None
    assert small.width == 4 * small.height


def test_of_more_rows_than_fit_a_page_has_those_in_trouble(tmp_path: Path) -> None:
    """The table has all of them, and the page says so."""
    failed = record(12_000, state="failed", error="no luck")
    run = run_of(tmp_path, *map(record, range(1, 12_000)), failed)
    page = page_of(run)
    assert len(page.rows) == 10_000
    assert list(page.rows)[-2:] == [9_999, 12_000]
    assert "of 12,000 rows, 10,000 are here; index.csv has all" in page.text
    assert len(index_of(run)) == 12_000


def test_a_folder_that_is_none_of_a_run_is_refused(tmp_path: Path) -> None:
    """The folder of the job names its newest run."""
    run = run_of(tmp_path, record(1))
    with pytest.raises(UsageError, match=re.escape(f"its newest run is {run}")):
        write_report(run.parent)
    with pytest.raises(UsageError, match=r"there is no rows\.jsonl"):
        write_report(tmp_path / "nowhere")


def test_where_the_page_cant_be_written_the_error_names_it(tmp_path: Path) -> None:
    """And nothing is left behind."""
    run = run_of(tmp_path, record(1))
    (run / "report.html").mkdir()
    with pytest.raises(PathError, match=r"report\.html"):
        write_report(run)
    assert not list(run.glob("*.part"))


@pytest.fixture
def browsed(big_run: Path, tmp_path: Path) -> Browse:
    """Show the report of the big run in a browser, and return the page as it is then."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")

    def show(fragment: str) -> Page:
        flags = (
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
            "--disable-component-update --disable-sync --virtual-time-budget=2000 --dump-dom"
        )
        address = f"{(big_run / 'report.html').as_uri()}#{fragment}"
        command = [CHROMIUM, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return Page(done.stdout)

    return show


def visible(page: Page) -> list[int]:
    """Return the rows that are to be seen, in their order."""
    return [row for row, attributes in page.rows.items() if "hidden" not in attributes]


@pytest.mark.parametrize(
    ("fragment", "rows"),
    [
        ("state=failed", list(range(50, 981, 50))),
        ("q=number+12+fox&v.5.steps=0", [12, 120, 123, 126, 129, 312, 612, 912]),
        ("q=number+12&sort=v.5.seed&down=1&state=ran", [129, 127, 126, 125, 123, 122, 121]),
        ("q=onerror&state=ran", [7]),
        ("state=cached&v.5.seed=0&sort=v.6.text", [row for row in range(20, 981, 20) if row % 50]),
    ],
)
def test_a_browser_filters_and_sorts(browsed: Browse, fragment: str, rows: list[int]) -> None:
    """What the address asks for is shown; nothing of a prompt has run."""
    page = browsed(fragment)
    assert visible(page) == rows
    assert f"{len(rows)} of 1,000 rows" in page.text
    assert "owned" not in page.text
