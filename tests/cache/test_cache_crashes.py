"""Whatever moment a process dies at, a later lookup is a correct value or a miss. ``CRASHES`` sets how often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CRASHES = int(os.environ.get("CRASHES", "300"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_writers_leave_correct_values_or_misses(tmp_path: Path) -> None:
    """Two processes write the same keys into a small store and are killed, again and again."""
    script = Path(__file__).with_name("crashing_writers.py")
    command = [sys.executable, str(script), str(tmp_path), str(CRASHES)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(told)  # noqa: T201
    assert told["faults"] == []
    assert told["hits"] > 0
    assert told["misses"] > 0
