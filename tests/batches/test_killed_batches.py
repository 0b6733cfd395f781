"""Batches of paid calls that are killed: no row is lost, none is paid twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from graphrun.batches import RowRecord, read_records
from graphrun.testing import FaultyImages, Good

ROWS = 60
WORKFLOW = {
    "make": {"class_type": "OpenAIGPTImage1", "inputs": {"prompt": "", "model": "gpt-image-2", "quality": "low"}},
    "save": {"class_type": "SaveImage", "inputs": {"images": ["make", 0], "filename_prefix": "out"}},
}


class Desk:
    """A folder with a job, and the command that runs it."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        (folder / "flow.json").write_text(json.dumps(WORKFLOW))
        (folder / "rows.csv").write_text("make.prompt\n" + "".join(f"lake {row}\n" for row in range(1, ROWS + 1)))
        self._environment = {**os.environ, "OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "sk-test"}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the batch."""
        command = [sys.executable, "-m", "graphrun", "batch", "flow.json", "--rows", "rows.csv", "--quiet"]
        return subprocess.Popen(
            [*command, "--provider", "openai", "--name", "{index}", *words],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def records(self) -> dict[int, RowRecord]:
        """Return the last record of each row, of the only run there is."""
        [run] = (self.folder / "output" / "flow").glob("*/")
        return {record.row: record for record in read_records(run)}


def paid(service: FaultyImages) -> Counter[str]:
    """Count the requests that arrived whole, per prompt."""
    return Counter(request.heard.text("prompt", "") for request in service.requests if request.heard is not None)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_killed_batch_loses_no_row_and_pays_none_twice(tmp_path: Path, seed: int) -> None:
    """Run again it makes what is missing; calls of unknown fate are left open until their user says so."""
    chance = random.Random(seed)
    with FaultyImages(answer=Good(latency=0.05)) as service:
        desk = Desk(tmp_path, service.base_url)
        first = desk.start()
        enough = chance.randint(5, ROWS // 2)
        while len(service.requests) < enough and first.poll() is None:
            time.sleep(0.01)
        first.kill()
        first.communicate()
        second = desk.start()
        said = second.communicate(timeout=120)[1]
        sent = paid(service)
        assert max(sent.values()) == 1
        records = desk.records()
        assert set(records) == {*range(1, ROWS + 1)}
        left = [record for record in records.values() if record.state != "done"]
        assert {record.state for record in left} <= {"open"}
        assert len(left) == said.count("is left open")
        assert second.returncode == (1 if left else 0)
        third = desk.start("--retry-unknown")
        third.communicate(timeout=120)
        assert (third.returncode, {record.state for record in desk.records().values()}) == (0, {"done"})
        assert sum(paid(service).values()) == len(sent) + len(left), "only those were sent again"
