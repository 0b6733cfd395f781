"""A program that starts paid runs, kills each at a random moment, and runs it again. Tells of each round as JSON.

Usage: killed_runs.py BASE_URL FOLDER ROUNDS SEED. Imports once and forks, since a start costs more than a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx  # noqa: F401 - imported before the fork, so that no child has to

import graphrun
from graphrun.providers.ledger import Ledger, State
from graphrun.providers.openai import OpenAIImages

CALLS = 20


def workflow(round: int) -> dict[str, Any]:
    """Return twenty image nodes with a prompt of their own each, and their savers."""
    nodes: dict[str, Any] = {}
    for number in range(CALLS):
        inputs = {"prompt": f"{round}/{number}", "model": "gpt-image-2", "size": "1024x1024", "quality": "low"}
        nodes[f"make {number}"] = {"class_type": "OpenAIGPTImage1", "inputs": {**inputs, "background": "opaque"}}
        saved = {"images": [f"make {number}", 0], "filename_prefix": "picture"}
        nodes[f"save {number}"] = {"class_type": "SaveImage", "inputs": saved}
    return nodes


def run(base_url: str, folder: Path, round: int) -> None:
    """Run the workflow of a round."""

    async def running() -> None:
        settings = graphrun.Settings(data_dir=folder / "data", cache_dir=folder / "cache", output_dir=folder / "out")
        service = OpenAIImages(base_url, "sk-test", capacity=8)
        async with graphrun.Engine(settings) as engine:
            result = await engine.run(workflow(round), provider=service)
        await service.aclose()
        delivered = [prompt(node) for node in result.nodes.values() if node.node_id.startswith("save") and node.ui]
        failed = {str(failure.node_id): str(failure) for failure in result.failures}
        (folder / "result.json").write_text(json.dumps({"delivered": delivered, "failed": failed}))

    def prompt(node: graphrun.NodeResult) -> str:
        return f"{round}/{node.node_id.removeprefix('save ')}"

    asyncio.run(running())


def forked(work: Callable[[], None], kill_after: float | None = None) -> bool:
    """Do work in a child, kill it after some seconds, and return whether it came to its end by itself."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def prompts(folder: Path, *, answered: bool) -> list[str]:
    """Return the prompts of the ledger's calls whose answer is on disk, or of those that nobody knows of."""
    ledger = Ledger(folder / "data" / "ledger")
    calls = ledger.calls()
    ledger_says = [
        call.draft.prompt
        for call in calls
        if (ledger.answer_path(call) is not None if answered else call.state is State.UNKNOWN)
    ]
    ledger.close()
    return ledger_says


def play(base_url: str, folder: Path, round: int, kill_after: float) -> dict[str, object]:
    """Start a run, kill it, run it again, and tell what was there and what came of it."""
    folder.mkdir(parents=True)
    work = partial(run, base_url, folder, round)
    ended = forked(work, kill_after)
    answered = prompts(folder, answered=True)
    went = forked(work)
    unknown = prompts(folder, answered=False)
    told = {"round": round, "ended": ended, "answered": answered, "went": went, "unknown": unknown}
    return {**told, **json.loads((folder / "result.json").read_text())}


def main(base_url: str, folder: Path, rounds: int, chance: random.Random) -> None:
    """Play all rounds, each killed at any moment of the time that a whole run takes."""
    packs = graphrun.installed_packs()  # loaded before the fork
    (folder / "whole").mkdir()
    started = time.monotonic()
    forked(partial(run, base_url, folder / "whole", -1))
    whole = time.monotonic() - started
    assert packs
    for round in range(rounds):
        told = play(base_url, folder / str(round), round, chance.uniform(0, whole))
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()  # before the next fork: a child would write it once more


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), random.Random(int(sys.argv[4])))
