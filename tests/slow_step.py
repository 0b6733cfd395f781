"""Runs one slow step over a shared cache folder. Run as a script: FOLDER SECONDS; prints what became of the step.

Each call of the step appends a line to FOLDER/calls, and then takes that many seconds.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from counted import node, run_fresh

from graphrun import NodePack


def main(folder: Path, seconds: float) -> None:
    """Run it."""
    pack = NodePack("slow", versioned=True)

    @pack.node("Slow")
    def slow() -> int:
        with (folder / "calls").open("a") as calls:
            calls.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        return 7

    @pack.node("Show", output_node=True)
    def show(value: int) -> int:
        return value

    result = run_fresh(folder, pack, {"slow": node("Slow"), "show": node("Show", value=["slow", 0])})
    print(result["slow"].state, result["show"].value)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
