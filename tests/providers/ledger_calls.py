"""What the tests of the ledger share: a call to make, and how it is made up to a state."""

from __future__ import annotations

from dataclasses import replace

from graphrun.providers.ledger import Call, Draft, Ledger, State, TakenBy

ADDRESS = "ab" * 32
DRAFT = Draft(
    identity="openai:https://api.example/v1",
    address=ADDRESS,
    model="gpt-image-2",
    prompt="a fox",
    parameters={"n": 1, "size": "auto"},
    seed=7,
    count=1,
    by=TakenBy("run-1", "10"),
)
BODY = b'{"data": []}'
USAGE = {"input_tokens": 12, "output_tokens": 345}


def draft(address: str = ADDRESS, identity: str = DRAFT.identity) -> Draft:
    """Return a draft that differs in its address."""
    return replace(DRAFT, address=address, identity=identity)


def intend(ledger: Ledger, wanted: Draft = DRAFT) -> Call:
    """Record a call."""
    return ledger.intend(wanted, lambda take: f"graphrun-{wanted.address[:8]}-{take}")


def call_in(ledger: Ledger, state: State, wanted: Draft = DRAFT) -> Call:
    """Make a call that comes as far as a state, on the way a real one goes."""
    call = intend(ledger, wanted)
    if state is not State.INTENDED:
        place = ledger.reserve(call, 1000)
        ledger.sent(call.id)
        if state in (State.ANSWERED, State.DECODED):
            place.fill(BODY)
            ledger.answered(call.id, status=200, request_id="req_1", encoding="")
        if state is State.DECODED:
            ledger.decoded(call.id, pictures=1, usage=USAGE, request_id=None)
        end = {State.FAILED: ledger.failed, State.REFUSED: ledger.refused, State.UNKNOWN: ledger.unknown}.get(state)
        if end:
            place.release()
            end(call.id, "said no", status=400, code="bad", request_id="req_2")
    return ledger.call(call.id)
