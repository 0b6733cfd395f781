"""A thousand rows of 0.2 s calls at width 32, over the ideal time; and the memory they take, beside a hundred rows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from graphrun import Engine, Settings

ROWS, FEW, SECONDS, WIDTH = 1_000, 100, 0.2, 32

MAKERS: dict[str, dict[str, Any]] = {
    # The smallest picture there is: what is measured is the batch, not how fast stand-in pictures are drawn.
    "small": {"class_type": "OpenAIDalle2", "inputs": {"prompt": "", "size": "256x256", "n": 1, "seed": 0}},
    # For memory. Small ones are told by address, and the stand-in service keeps what it has told for a while.
    "large": {
        "class_type": "OpenAIGPTImage1",
        "inputs": {"prompt": "", "model": "gpt-image-2", "quality": "low", "size": "1024x1024"},
    },
}
SAVER = {"class_type": "SaveImage", "inputs": {"images": ["make", 0], "filename_prefix": "lake"}}


def prompts(folder: Path, rows: int) -> Path:
    """Write a file of prompts."""
    path = folder / "prompts.csv"
    lines = "".join(f'"a lake, number {number}",{number}\n' for number in range(rows))
    path.write_text(f"make.prompt,name\n{lines}")
    return path


async def seconds(folder: Path, rows: int, maker: str) -> float:
    """Return how long a batch takes, checking its rows included."""
    settings = Settings(
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        output_dir=folder / "output",
        offline_latency=SECONDS,
        image_width=WIDTH,
    )
    workflow = {"make": MAKERS[maker], "save": SAVER}
    job = {"workflow": workflow, "rows": prompts(folder, rows), "output": "{row.name}", "provider": "offline"}
    async with Engine(settings) as engine:
        started = perf_counter()
        ok = [row.ok async for row in engine.batch(job)]
        taken = perf_counter() - started
    assert len(ok) == rows
    assert all(ok)
    return taken


def in_a_process(rows: int, maker: str) -> tuple[float, float, int]:
    """Return seconds, those of them that processors were busy, and the peak of memory in bytes."""
    command = [sys.executable, "-m", "tests.bench.batch", str(rows), maker]
    taken, busy, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(taken), float(busy), int(peak)


def report() -> None:
    """Print the time over the ideal, and the ratio of the peaks (aims: 1.15 and 1.3)."""
    taken, busy, _ = in_a_process(ROWS, "small")
    _, _, peak = in_a_process(ROWS, "large")
    _, _, least = in_a_process(FEW, "large")
    ideal = ROWS * SECONDS / WIDTH
    what = f"{ROWS} rows of {SECONDS:g} s at width {WIDTH}"
    print(f"\n{what}: {taken:.2f} s, {taken / ideal:.3f} of the ideal {ideal:g} s")  # noqa: T201
    print(f"{busy / ROWS * 1e3:.1f} ms of processor time a row")  # noqa: T201
    print(f"peak memory {peak / 2**20:.0f} MB, {peak / least:.2f} of that of {FEW} rows")  # noqa: T201


def main(rows: int, maker: str) -> None:
    """Run a batch and print its seconds, and what this process took."""
    with tempfile.TemporaryDirectory() as name:
        taken = asyncio.run(seconds(Path(name), rows, maker))
    print(taken, process_time(), peak_bytes())  # noqa: T201


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    import resource

    status = Path("/proc/self/status")
    if status.exists():  # Linux counts into ru_maxrss what the process held that started this one
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
