"""The record of a batch: whole lines, whatever happens."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from graphrun import PathError, RowRecord
from graphrun.batches import read_records
from graphrun.batches.record import FILE_NAME, RecordFile


def record(row: int, state: str = "done") -> RowRecord:
    """Return a record of a row."""
    return RowRecord(row, f"{row:032x}", state, inputs={"a.prompt": "é\ud800 \n"})  # type: ignore[arg-type]


def test_what_is_appended_is_read(tmp_path: Path) -> None:
    """Line by line, whatever a prompt holds."""
    file = RecordFile(tmp_path)
    file.append(record(1))
    file.append(record(2))
    file.sync()
    file.close()
    assert [each.row for each in read_records(tmp_path)] == [1, 2]


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    """The line that did not fit is taken back, the error names the file, and later lines are whole again."""
    file = RecordFile(tmp_path)
    file.append(record(1))
    size = (tmp_path / FILE_NAME).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(PathError, match=r"can't write the record .*rows\.jsonl"):
            file.append(record(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / FILE_NAME).stat().st_size == size
    file.append(record(3))
    file.close()
    assert [each.row for each in read_records(tmp_path)] == [1, 3]


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_a_line_that_was_cut_short_is_removed(tmp_path: Path, cut: int) -> None:
    """By whoever opens the file next."""
    file = RecordFile(tmp_path)
    file.append(record(1))
    file.append(record(2))
    file.close()
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-cut])
    again = RecordFile(tmp_path)
    again.append(record(3))
    again.close()
    assert [each.row for each in read_records(tmp_path)] == [1, 3]


def test_lines_that_are_not_ours_are_passed_over(tmp_path: Path) -> None:
    """A record of a later version, or a note of somebody's."""
    (tmp_path / FILE_NAME).write_text(f'[]\n{{"row": 1}}\nnote\n{record(2, "failed").to_line()}\n', "utf-8", "replace")
    assert [each.row for each in read_records(tmp_path)] == [2]
