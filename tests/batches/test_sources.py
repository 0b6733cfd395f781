"""Where rows come from, and what real files look like."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from graphrun import UsageError, WorkflowError
from graphrun.batches.sources import open_source


def columns(path: Path) -> list[dict[str, object]]:
    """Return the columns of each row."""
    return [dict(row.columns) for row in open_source(path)]


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n\r\n3,4",
        codecs.BOM_UTF8 + b"a,b\n1,2\n3,4\n",
        codecs.BOM_UTF16_LE + "a,b\r\n1,2\r\n3,4\r\n".encode("utf-16-le"),
        b"a;b\n1;2\n3;4\n",
        b'"a", b\n"1",2\n3,"4"\n',
    ],
)
def test_csv_comes_in_many_dresses(tmp_path: Path, content: bytes) -> None:
    """Line ends, byte order marks, encodings, separators, quotes, blank lines."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert columns(path) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_a_quoted_cell_holds_commas_quotes_and_lines(tmp_path: Path) -> None:
    """As RFC 4180 has it; the place is the line where the row starts."""
    path = tmp_path / "rows.csv"
    path.write_text('p,n\n"a ""red"" fox,\nrunning",1\nb,2\n')
    rows = list(open_source(path))
    assert rows[0].columns == {"p": 'a "red" fox,\nrunning', "n": "1"}
    assert [row.place for row in rows] == ["rows.csv:2", "rows.csv:4"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "rows.csv:1: is empty"),
        (b"a,a\n1,2\n", "rows.csv:1: column 'a' is there more than once"),
        (b"a,\n1,2\n", "rows.csv:1: column 2 has no name"),
        (b"a,b\n1,2\n3\n", "rows.csv:3: has 1 field, and the header 2"),
        (b"a,b\n1,2,3\n", "rows.csv:2: has 3 fields"),
        (b"a,b\n1,\xff\n", "rows.csv:2: is no text in UTF-8"),
        (b'a,b\n1,"2\n3,4\n', "rows.csv:2: is no CSV"),
        (b'a,b\n1,"2"x\n', "rows.csv:2: is no CSV"),
        (codecs.BOM_UTF16_LE + b"a\0\n\0\x00", "is no text in UTF-16"),
    ],
)
def test_a_fault_in_a_csv_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    """One sentence, at the place."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(WorkflowError, match=said):
        columns(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [("{", "is no JSON"), ("[1]", "is no JSON object"), ('{"a": NaN}', "NaN is no JSON number"), ("[" * 9999, "JSON")],
)
def test_a_fault_in_a_jsonl_file_is_told_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    """The lines before it are fine."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n\n{line}\n')
    with pytest.raises(WorkflowError, match=f"rows.jsonl:3: .*{said}"):
        columns(path)


def test_a_folder_gives_its_pictures_by_name(tmp_path: Path) -> None:
    """Other files, hidden ones and folders are none."""
    for name in ("b.png", "a.JPG", ".c.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.png").mkdir()
    assert [row["file"] for row in columns(tmp_path)] == ["a.JPG", "b.png"]
    assert columns(tmp_path)[1]["name"] == "b"


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    """With the kinds there are."""
    (tmp_path / "rows.xlsx").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"none of \.csv"):
        open_source(tmp_path / "rows.xlsx")
