"""What the next owner finds where a process was killed, and processes that buy the same at the same moment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_calls import ADDRESS, DRAFT

from graphrun.providers.ledger import Ledger, State

BUY = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_calls import ADDRESS, BODY, DRAFT, intend
from graphrun.providers.ledger import Ledger
from graphrun.providers.ledger import durable

def step(name):
    if name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

ledger = Ledger(Path(sys.argv[1]))
lock = ledger.lock(ADDRESS)
step("locked")
call = intend(ledger)
step("intended")
place = ledger.reserve(call, 100_000)
step("reserved")
ledger.sent(call.id)
step("sent")
durable.part_of(place.path).write_bytes(BODY[:5])
step("half an answer")
place.fill(BODY)
step("filled")
ledger.answered(call.id, status=200, request_id=None, encoding="")
step("answered")
ledger.decoded(call.id, pictures=1, usage=None, request_id=None)
step("decoded")
"""


def run_until(step: str, folder: Path) -> None:
    """Run a purchase in a process that is killed after a step."""
    command = [sys.executable, "-c", BUY, str(folder), str(Path(__file__).parent), step]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("locked", None),
        ("intended", State.FAILED),
        ("reserved", State.FAILED),
        ("sent", State.UNKNOWN),
        ("half an answer", State.UNKNOWN),
        ("filled", State.ANSWERED),
        ("answered", State.ANSWERED),
        ("decoded", State.DECODED),
    ],
)
def test_what_the_next_owner_finds(tmp_path: Path, step: str, found: State | None) -> None:
    """Sent is unknown, unless the whole answer is there; what was certainly not sent may be bought."""
    run_until(step, tmp_path)
    ledger = Ledger(tmp_path)
    with ledger.lock(ADDRESS) or pytest.fail("a killed owner has released it"):
        latest = ledger.latest(DRAFT.identity, ADDRESS)
    assert (latest and latest.state) == found
    has_answer = found in (State.ANSWERED, State.DECODED)
    answers = list((tmp_path / "answers").iterdir()) if (tmp_path / "answers").exists() else []
    assert len(answers) == has_answer, "and nothing else is left"
    if latest:
        assert (ledger.answer(latest) is not None) == has_answer == latest.answer_kept
    ledger.close()


RACE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from ledger_calls import intend
from graphrun.providers.ledger import Ledger
sys.stdin.readline()
ledger = Ledger(Path(sys.argv[1]))
print(json.dumps([(call.id, call.take) for call in (intend(ledger) for _ in range(10))]))
ledger.close()
"""


def test_processes_that_intend_the_same_get_takes_of_their_own(tmp_path: Path) -> None:
    """They start the ledger at the same moment, too: one of them makes it, and no call is lost."""
    command = [sys.executable, "-c", RACE, str(tmp_path / "ledger"), str(Path(__file__).parent)]
    runs = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for run in runs:
        assert run.stdin
        run.stdin.write("\n")
        run.stdin.flush()
    numbers = [number for run in runs for number in json.loads(run.communicate()[0])]
    assert sorted(numbers) == [[number, number] for number in range(1, 41)]
