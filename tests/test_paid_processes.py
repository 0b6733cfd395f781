"""Paid calls and what befalls processes: kill -9 at any moment, and two of them at once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from killed_runs import CALLS, workflow

from graphrun.providers.offline_rules import Heard
from graphrun.testing import Answer, FaultyImages, Good, RateLimited

PROGRAM = Path(__file__).parent / "killed_runs.py"
ROUNDS = 200


class Moody:
    """Answers after a while, and refuses every fifth request the first time it comes: a 429 costs nothing."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._refused: set[str] = set()

    def __call__(self, heard: Heard, number: int) -> Answer:
        prompt = heard.text("prompt", "")
        if prompt not in self._refused and self._chance.random() < 0.2:
            self._refused.add(prompt)
            return RateLimited(retry_after_ms=2)
        return Good(latency=self._chance.uniform(0.002, 0.03))


def paid(service: FaultyImages) -> Counter[str]:
    """Count, per prompt, the requests that arrived whole and were not refused."""
    return Counter(
        request.heard.text("prompt", "")
        for request in service.requests
        if request.heard is not None and not isinstance(request.answer, RateLimited)
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_a_run_killed_at_any_moment_pays_for_nothing_twice(tmp_path: Path) -> None:
    """200 runs of 20 calls are killed and run again: what was answered is used, what is unknown is listed."""
    with FaultyImages(answer=Moody(7)) as service:
        command = [sys.executable, str(PROGRAM), service.base_url, str(tmp_path), str(ROUNDS), "11"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=500)
        sent = paid(service)
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == ROUNDS
    tally = Counter[str]()
    for each in rounds:
        check_round(each, sent)
        tally += Counter(
            killed=not each["ended"],
            answered_before=len(each["answered"]),
            unknown=len(each["unknown"]),
            delivered=len(each["delivered"]),
        )
    sys.stdout.write(f"\n{dict(tally)}, {sum(sent.values())} requests paid of {ROUNDS * CALLS} asked for\n")
    assert done.stderr == ""
    assert tally["killed"] > ROUNDS / 2
    assert tally["answered_before"], "no kill came between the first answer and the last"
    assert tally["unknown"], "no kill came while a call was on its way"


def check_round(told: dict[str, Any], sent: Counter[str]) -> None:
    """Assert what must hold of every round."""
    prompts = [f"{told['round']}/{number}" for number in range(CALLS)]
    assert told["went"], "the second run came to its end"
    assert [prompt for prompt in prompts if sent[prompt] > 1] == [], "each was sent once, unless it was refused"
    assert set(told["answered"]) <= set(told["delivered"]), "every answer that was on disk is used"
    assert set(told["delivered"]) | set(told["unknown"]) == set(prompts), "what isn't delivered is listed as unknown"
    assert not set(told["delivered"]) & set(told["unknown"])
    assert len(told["failed"]) == len(told["unknown"])
    assert all("--retry-unknown" in message for message in told["failed"].values())


@pytest.mark.parametrize("cache", [[], ["--no-cache"]])
def test_two_processes_with_the_same_workflow_pay_once(tmp_path: Path, cache: list[str]) -> None:
    """Started together, they share every call; the ledger alone is enough for that."""
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(workflow(0)))
    with FaultyImages(answer=Good(latency=0.3)) as service:
        environment = {**os.environ, "OPENAI_BASE_URL": service.base_url, "OPENAI_API_KEY": "sk-test"}
        command = [sys.executable, "-m", "graphrun", "run", str(file), "--provider", "openai", "--quiet", *cache]
        both = [
            subprocess.Popen(
                [*command, "--output-dir", str(tmp_path / name)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("one", "two")
        ]
        ends = [(*each.communicate(timeout=120), each.returncode) for each in both]
        sent = paid(service)
    assert [(err, code) for _, err, code in ends] == [("", 0), ("", 0)]
    assert [len(out.splitlines()) for out, _, _ in ends] == [CALLS, CALLS]
    assert sorted(sent.values()) == [1] * CALLS
