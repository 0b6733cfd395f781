"""Job files: what they say, and where they say what can't be."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from batch_jobs import WORKFLOW, Bench, texts

from graphrun import GraphrunError
from graphrun.batches import read_job


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder with a workflow, and a pack."""
    bench = Bench(tmp_path)
    bench.write("flow.json", json.dumps(WORKFLOW))
    return bench


def test_a_job_file_says_it_all(bench: Bench) -> None:
    """Its paths are meant from its own folder."""
    bench.write("rows.csv", "prompt,name\na red fox,fox\na dog,dog\n")
    path = bench.write(
        "job.yaml",
        """
        workflow: flow.json
        set: {size.width: 20, paint.prompt: "{row.prompt}, gouache"}
        rows: rows.csv
        matrix: {paint.steps: 1..2}
        seeds: [5]
        output: "{row.name}/{index}-{paint.steps}-{seed}"
        output_dir: made
        limits: {jobs: 2}
        """,
    )
    rows = bench.run(path)
    assert texts(rows)[1:3] == ["load a@20|a red fox, gouache|5|2", "load a@20|a dog, gouache|5|1"]
    assert [each.record.artifacts[0].path for each in rows][1:3] == ["fox/2-2-5.txt", "dog/3-1-5.txt"]
    assert rows[0].folder.parent == bench.folder / "made" / "job"


def test_zipped_values_advance_together(bench: Bench) -> None:
    """Two rows, not four."""
    path = bench.write(
        "job.yaml", "workflow: flow.json\nzip: {paint.prompt: [a, b], paint.seed: [1, 2]}\noutput: '{index}'"
    )
    assert texts(bench.run(path)) == ["load a@10|a|1|1", "load a@10|b|2|1"]


def test_a_workflow_is_a_job_of_one_row(bench: Bench) -> None:
    """Nothing differs."""
    assert len(bench.run(bench.folder / "flow.json")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workflow: flow.json\nmatrx: {}\n", "job.yaml:2:1: matrx: there is no such setting; did you mean 'matrix'?"),
        ("workflow: flow.json\nmatrix:\n  paint.prompt: []\n", "job.yaml:3:3: matrix.paint.prompt: has no values"),
        ("workflow: flow.json\nmatrix:\n  pant.prompt: [a]\n", "job.yaml:3:3: 'pant.prompt': no node is called 'pant'"),
        ("workflow: flow.json\nmatrix:\n", "job.yaml:2:1: matrix"),
        ("workflow: flow.json\nlimits:\n  jobs: many\n", "job.yaml:3:3: limits.jobs: Input should be a valid integer"),
        *(
            (
                f"workflow: flow.json\nlimits:\n  max_cost: {written}\n",
                f"job.yaml:3:3: limits.max_cost: {read}: write an amount in USD such as 2.50, or none",
            )
            for written, read in [
                ("-1", "-1"),
                ("lots", "'lots'"),
                (".nan", "nan"),
                ("'nan'", "'nan'"),
                ("true", "True"),
            ]
        ),
        (
            "workflow: flow.json\nlimits: {max_images: 2.5}\n",
            "job.yaml:2:10: limits.max_images: 2.5: write a whole number, or none",
        ),
        ("workflow: flow.json\nseeds: now\n", "job.yaml:2:1: seeds: write keep, random"),
        ("workflow: flow.json\nmatrix:\n  size.width: [1, 101]\n", "job.yaml:3:3: size.width: 101 is bigger"),
        (
            "workflow: flow.json\nmatrix:\n  paint.seed: 1..4000\n  paint.steps: 1..2500\n",
            "job.yaml:2:1: 10,000,000 rows",
        ),
        ("matrix: {paint.prompt: [a]}\n", "workflow: is missing"),
        ("workflow: flow.json\nworkflow: flow.json\n", "job.yaml:2:1: 'workflow' is defined twice"),
        ("workflow: gone.json\n", "there is no file"),
        ("workflow: flow.json\nrows: rows.csv\n", "rows.csv:3: size.width: 'wide' is no INT"),
        ("workflow: flow.json\nset: {paint.prompt: '{row.subject}'}\nrows: rows.csv\n", "there is no column 'subject'"),
    ],
)
def test_a_fault_is_told_at_its_place(bench: Bench, text: str, said: str) -> None:
    """File, line and column, before anything runs."""
    bench.write("rows.csv", "size.width\n10\nwide\n")
    path = bench.write("job.yaml", text)
    with pytest.raises(GraphrunError) as caught:
        bench.run(path)
    assert said in str(caught.value)
    assert bench.taken() == {}


def test_caps_are_amounts_or_none(bench: Bench) -> None:
    """Exactly as they are written; what is left out is left to the settings."""
    path = bench.write("job.yaml", "workflow: flow.json\nlimits: {max_cost: 0.1, max_images: none}\n")
    limits = read_job(path).limits
    assert (limits.max_cost, limits.max_images) == (Decimal("0.1"), None)
    assert limits.model_fields_set == {"max_cost", "max_images"}


def test_a_cap_that_is_left_blank_is_no_wish_for_none(bench: Bench) -> None:
    """It is left to the settings, which may have one; to lift it takes a word, which a changed job keeps."""
    path = bench.write("job.yaml", "workflow: flow.json\nlimits: {max_cost: , max_images: none}\n")
    job = read_job(path)
    assert job.limits.model_fields_set == {"max_images"}
    again = job.changed(limits={**job.limits.model_dump(exclude_unset=True), "jobs": 2})
    assert again.limits.model_fields_set == {"max_images", "jobs"}
    assert again.limits.max_images is None


def test_every_fault_is_told_at_once(bench: Bench) -> None:
    """Not one after the other."""
    path = bench.write("job.yaml", "workflow: flow.json\nseeds: x\nlimits: {jobs: 0, job: 1}\n")
    with pytest.raises(GraphrunError) as caught:
        read_job(path)
    assert len(str(caught.value).splitlines()) == 3


def test_a_fault_that_many_rows_share_is_told_once(bench: Bench) -> None:
    """At the first of them; other faults have their own places."""
    bench.write("rows.csv", "pant.prompt,size.width\na,1\nb,1\nc,x\n")
    path = bench.write("job.yaml", "workflow: flow.json\nrows: rows.csv\n")
    with pytest.raises(GraphrunError) as caught:
        bench.run(path)
    first, second = str(caught.value).splitlines()
    assert first.startswith("rows.csv:2: column 'pant.prompt': no node is called 'pant'")
    assert second.startswith("rows.csv:4: size.width: 'x' is no INT")
