"""What the tests of schedules share."""

from __future__ import annotations

from pathlib import Path

import pytest
from schedule_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder and a pack."""
    return Bench(tmp_path)
