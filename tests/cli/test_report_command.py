"""``graphrun report``, and ``graphrun batch --report``."""

from __future__ import annotations

from pathlib import Path

from callers import PICTURES, Graphrun, Write

BATCH = ("--matrix", "1.width=8,16", "--name", "{1.width}")


def test_a_batch_writes_its_report_when_asked(graphrun: Graphrun, write: Write, here: Path) -> None:
    """Standard error says where; standard output stays with the pictures."""
    said = graphrun("batch", write(PICTURES), *BATCH, "--report")
    [page] = here.glob("output/*/*/report.html")
    assert said.code == 0
    assert f"the report is {page.relative_to(here)}" in said.err
    assert "report" not in said.out
    assert page.read_text().count("<article") == 2
    assert page.with_name("index.csv").is_file()


def test_a_report_can_be_written_later(graphrun: Graphrun, write: Write, here: Path) -> None:
    """The path of the page is printed."""
    graphrun("batch", write(PICTURES), *BATCH)
    [run] = (path.parent for path in here.glob("output/*/*/rows.jsonl"))
    said = graphrun("report", run)
    assert (said.code, said.out) == (0, f"{run / 'report.html'}\n")


def test_a_report_that_cant_be_written_does_not_hide_the_rows(graphrun: Graphrun, write: Write, here: Path) -> None:
    """The batch has run and says so; the exit code tells of the report."""
    graphrun("batch", write(PICTURES), *BATCH)
    [run] = (path.parent for path in here.glob("output/*/*/rows.jsonl"))
    (run / "report.html").mkdir()
    said = graphrun("batch", write(PICTURES), *BATCH, "--resume", run, "--report")
    assert said.code == 1
    assert "2 done before" in said.err
    assert "can't write" in said.err


def test_a_folder_without_a_run_is_a_wrong_call(graphrun: Graphrun, here: Path) -> None:
    """Exit code 2, and which folder is meant."""
    said = graphrun("report", here)
    assert said.code == 2
    assert "name the folder of a run" in said.err
