"""The failure catalogue of openai-images.md, section 5, row by row: what a user sees, what is sent, what is booked.

Where a row has waits in it, the run goes through `Engine` with a service that is the same but for shorter ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_disk import files_no_larger_than

from graphrun import Engine, RunResult, Settings, StopSignal
from graphrun.cli import app
from graphrun.cli.exit_codes import run_exit_code
from graphrun.imaging.png import SIGNATURE
from graphrun.providers.http import DEFAULT_TIMEOUTS, Timeouts
from graphrun.providers.ledger import Call, Ledger, State
from graphrun.providers.offline_rules import Heard
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.retries import RetryPolicy
from graphrun.sinks.wording import failure_sentences
from graphrun.testing import (
    Answer,
    BadBase64,
    CutConnection,
    CutUpload,
    Drip,
    ExpiringUrl,
    FaultyImages,
    Good,
    Hang,
    Moderated,
    NoPictures,
    NotJson,
    OutOfMoney,
    RateLimited,
    Redirect,
    Refusal,
    ServerError,
    TruncatedPng,
)

Graph = dict[str, dict[str, Any]]

PAINT = '10 "Paint" (OpenAIGPTImageNodeV2): '
WAYS_ON = ("--retry-unknown", "graphrun spend resolve 1")


def painter(prompt: str = "a fox", model: str = "gpt-image-2", **more: object) -> dict[str, Any]:
    """Write a node that makes pictures."""
    choice = {"model": model, "model.size": "1024x1024", "model.background": "auto", "model.quality": "low"}
    inputs = {"prompt": prompt, "seed": 7, "n": 1, **choice, **more}
    return {"class_type": "OpenAIGPTImageNodeV2", "inputs": inputs, "_meta": {"title": "Paint"}}


def saver(source: str) -> dict[str, Any]:
    """Write a node that saves pictures."""
    return {"class_type": "SaveImage", "inputs": {"images": [source, 0], "filename_prefix": "fox"}}


def loader(name: str) -> dict[str, Any]:
    """Write a node that loads a picture, and its mask in slot 1."""
    return {"class_type": "LoadImage", "inputs": {"image": name}}


FOX: Graph = {"10": painter(), "9": saver("10")}
TWO: Graph = {**FOX, "10": painter(n=2)}


def several(count: int) -> Graph:
    """Write so many nodes that make pictures, with a prompt and a saver each."""
    return {
        name: node
        for number in range(10, 10 + count)
        for name, node in ((str(number), painter(f"fox {number}")), (f"save {number}", saver(str(number))))
    }


@dataclass(frozen=True)
class Said:
    """What a call of the command line left: its exit code and what it wrote."""

    code: int | str | None
    out: str
    err: str


class Desk:
    """Where a user sits: an empty folder, a shell with a key in it, and a ledger."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capfd = capfd
        self.set = monkeypatch.setenv
        monkeypatch.chdir(folder)
        self.set("GRAPHRUN_DATA_DIR", str(folder / "data"))
        self.set("OPENAI_API_KEY", "sk-0123456789")

    def graphrun(self, *arguments: str) -> Said:
        """Call the command line in this process."""
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            app(list(arguments))
        return Said(end.value.code, *self._capfd.readouterr())

    def run(self, service: FaultyImages, graph: Graph = FOX, *flags: str) -> Said:
        """Run a workflow from the command line."""
        self.set("OPENAI_BASE_URL", service.base_url)
        path = self.folder / "workflow.json"
        path.write_text(json.dumps(graph))
        return self.graphrun("run", str(path), "--provider", "openai", *flags)

    def run_hasty(
        self,
        service: FaultyImages | str,
        graph: Graph = FOX,
        *,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        capacity: int = 8,
        **options: Any,
    ) -> RunResult:
        """Run a workflow with a service that waits no time between attempts."""
        base_url = service if isinstance(service, str) else service.base_url
        hasty: dict[str, Any] = {"retries": RetryPolicy(first_wait=0.0), "download_delays": (0.0, 0.0)}

        async def once() -> RunResult:
            images = OpenAIImages(base_url, "sk-0123456789", timeouts=timeouts, capacity=capacity, **hasty)
            async with Engine(Settings(), providers={"openai": images}) as engine:
                result = await engine.run(graph, provider="openai", **options)
            await images.aclose()
            return result

        return asyncio.run(once())

    @property
    def ledger(self) -> Path:
        """The folder of the ledger."""
        return self.folder / "data" / "ledger"

    @property
    def answers(self) -> list[Path]:
        """The raw answers that are kept."""
        return sorted((self.ledger / "answers").iterdir())

    @property
    def calls(self) -> list[Call]:
        """The recorded calls."""
        ledger = Ledger(self.ledger)
        try:
            return ledger.calls()
        finally:
            ledger.close()

    @property
    def states(self) -> list[State]:
        """What became of them."""
        return [call.state for call in self.calls]

    def check_waits_for_decision(self, service: FaultyImages) -> None:
        """Assert that the one call so far stops an equal one until it is asked for, and that this one then serves."""
        before = len(service.requests)
        again = self.run(service)
        assert again.code == 1
        assert f"{PAINT}nothing was sent: an equal request was sent on " in again.err
        assert all(way in again.err for way in WAYS_ON)
        assert len(service.requests) == before
        assert "1 call to be settled" in self.graphrun("spend").out
        assert self.run(service, FOX, "--retry-unknown").code == 0
        assert len(service.requests) == before + 1
        self.check_served(service)

    def check_served(self, service: FaultyImages) -> None:
        """Assert that an equal run sends nothing, also where it has no cache."""
        before = len(service.requests)
        assert self.run(service, FOX, "--no-cache").code == 0
        assert len(service.requests) == before

    def check_free_to_repeat(self, service: FaultyImages) -> None:
        """Assert that the one call so far was not billed, and an equal run simply sends again."""
        before = len(service.requests)
        assert self.states == [State.FAILED]
        assert self.run(service).code == 0
        assert len(service.requests) == before + 1


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty one."""
    return Desk(tmp_path, capfd, monkeypatch)


def sentences(result: RunResult) -> str:
    """Return what the command line would say of the failures."""
    return "\n".join(failure_sentences(result.failures))


def png(rows: Sequence[bytes], colour_type: int, bits: int = 8, level: int = 9) -> bytes:
    """Return a PNG of rows of bytes."""
    channels = {2: 3, 6: 4}[colour_type]
    width = len(rows[0]) * 8 // bits // channels
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), level)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


# ── the answer does not come ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer",
    [
        CutConnection(when="before"),
        CutConnection(when="before", reset=True),
        CutConnection(when="headers"),
        CutConnection(when="during"),
        CutConnection(when="during", reset=True),
    ],
    ids=["before", "reset", "headers", "during", "reset during"],
)
def test_a_lost_answer_is_unknown_and_never_sent_again_unasked(answer: Answer, desk: Desk) -> None:
    """Row "Server disconnected", credits gone: one request, no retry, and a decision of the user's before the next."""
    with FaultyImages([answer]) as service:
        said = desk.run(service)
        assert (said.code, said.out) == (1, "")
        assert f"{PAINT}the answer of image service openai:{service.base_url} was lost (" in said.err
        assert "the service may have charged for this" in said.err
        assert all(way in said.err for way in WAYS_ON)
        assert len(service.requests) == 1
        assert desk.states == [State.UNKNOWN]
        assert desk.calls[0].client_request_id in desk.graphrun("spend", "show", "1").out
        desk.check_waits_for_decision(service)


def test_a_person_may_settle_a_lost_answer(desk: Desk) -> None:
    """Row "Server disconnected": after a look at the usage page an ordinary run sends the request again."""
    with FaultyImages([CutConnection()]) as service:
        desk.run(service)
        settled = desk.graphrun("spend", "resolve", "1", "--charged")
        assert (settled.code, "call 1 is booked as charged" in settled.out) == (0, True)
        assert desk.run(service).code == 0
        assert len(service.requests) == 2
        desk.check_served(service)


def test_a_client_waits_as_long_as_pictures_take() -> None:
    """Row "client timeout too short": connect 10 s, write 120 s, read 600 s; a total for answers that drip in."""
    assert (DEFAULT_TIMEOUTS.connect, DEFAULT_TIMEOUTS.write, DEFAULT_TIMEOUTS.read) == (10.0, 120.0, 600.0)
    assert DEFAULT_TIMEOUTS.total > DEFAULT_TIMEOUTS.read


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(Hang(), "ReadTimeout"), (Hang(when="during"), "ReadTimeout"), (Drip(piece=40, pause=0.05), "within 0.6 s")],
)
def test_a_timeout_is_a_lost_answer(answer: Answer, reason: str, desk: Desk) -> None:
    """Row "client timeout too short": it ends, a drip too, and then nobody knows."""
    with FaultyImages([answer]) as service:
        result = desk.run_hasty(service, timeouts=Timeouts(read=0.3, total=0.6))
        assert run_exit_code(result) == 1
        assert reason in sentences(result)
        assert "may have charged" in sentences(result)
        assert len(service.requests) == 1
        assert desk.states == [State.UNKNOWN]
        desk.check_waits_for_decision(service)


@pytest.mark.parametrize("status", [502, 504, 520, 521, 522, 523, 524])
def test_a_gateway_that_gives_up_leaves_the_call_unknown(status: int, desk: Desk) -> None:
    """Row "gateway 504, 524, nginx 60 s": as a lost answer, with a hint at the gateway's own setting."""
    with FaultyImages([ServerError(status=status, form="html")]) as service:
        said = desk.run(service)
        assert said.code == 1
        assert f"answered {status}: " in said.err
        assert "proxy_read_timeout" in said.err
        assert "may have charged" in said.err
        assert f"Its answer is kept in {desk.answers[0]}" in said.err
        assert b"<h1>" in desk.answers[0].read_bytes()
        assert desk.states == [State.UNKNOWN]
        desk.check_waits_for_decision(service)


@pytest.mark.parametrize(("status", "form"), [(500, "html"), (503, "html"), (503, "empty"), (408, "empty")])
def test_a_server_error_that_is_not_the_services_own_is_unknown(status: int, form: Any, desk: Desk) -> None:
    """Row "gateway 504, 524": 5xx without the service's JSON says nothing about the bill."""
    with FaultyImages([ServerError(status=status, form=form)]) as service:
        said = desk.run(service)
        assert (said.code, "may have charged" in said.err) == (1, True)
        assert desk.states == [State.UNKNOWN]
        desk.check_waits_for_decision(service)


# ── refusals that pass ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "limit",
    [
        RateLimited(retry_after_ms=5),
        RateLimited(retry_after="0.005"),
        RateLimited(in_words=0.005),
        RateLimited(retry_after_ms=5, of="input-images per min", type="rate_limit_error", code="slow_down"),
        RateLimited(retry_after_ms=5, form="detail"),
    ],
)
def test_a_rate_limit_is_waited_out(limit: RateLimited, desk: Desk) -> None:
    """Row "429 images per minute": however it says when to come back, the run comes back then and succeeds."""
    with FaultyImages([limit, limit]) as service:
        assert desk.run(service).code == 0
        assert [arrival.status for arrival in service.requests] == [429, 429, 200]
        assert len({arrival.headers["x-client-request-id"] for arrival in service.requests}) == 1
        assert (desk.states, desk.calls[0].attempts) == ([State.DECODED], 3)
        desk.check_served(service)


def test_a_rate_limit_is_not_waited_out_for_ever(desk: Desk) -> None:
    """Row "429 images per minute": at most five minutes in all; longer than that is told at once, and costs nothing."""
    with FaultyImages([RateLimited(retry_after="301")]) as service:
        said = desk.run(service)
        assert said.code == 1
        assert f"{PAINT}image service openai:{service.base_url} answered 429 rate_limit_exceeded: " in said.err
        assert "wait 301 s, then run again" in said.err
        assert "may have charged" not in said.err
        desk.check_free_to_repeat(service)


def test_calls_behind_a_rate_limit_are_not_held_longer_than_that(desk: Desk) -> None:
    """Row "429 images per minute": what waits behind a limit of ten minutes is refused by the service itself."""
    with FaultyImages(answer=RateLimited(retry_after="600")) as service:
        desk.set("GRAPHRUN_IMAGE_WIDTH", "1")
        assert desk.run(service, several(2)).code == 1
        assert [arrival.status for arrival in service.requests] == [429, 429]


def test_pictures_are_counted_not_requests(desk: Desk) -> None:
    """Row "429 images per minute": two calls of eight pictures each don't fit a width of eight at once."""
    graph = {"10": painter(n=8), "11": painter("a dog", n=8), "8": saver("10"), "9": saver("11")}
    in_flight: list[int] = []

    def count(heard: Heard, number: int) -> Answer:
        in_flight.append(sum(arrival.outcome == "open" for arrival in service.log))
        return Good(size=(64, 64), latency=0.05)

    with FaultyImages(answer=count) as service:
        assert desk.run(service, graph).code == 0
    assert in_flight == [1, 1]


def test_other_nodes_go_on_while_a_limit_is_waited_out(desk: Desk) -> None:
    """Row "429 images per minute": the limit holds until a local branch is saved, so that one can't be waiting."""
    inputs = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
    graph = {**FOX, "1": {"class_type": "EmptyImage", "inputs": inputs}, "2": saver("1")}

    def refuse_until_saved(heard: Heard, number: int) -> Answer:
        is_saved = any(desk.folder.glob("output/*.png"))
        return Good() if is_saved and number > 1 else RateLimited(retry_after_ms=50)

    with FaultyImages(answer=refuse_until_saved) as service:
        assert desk.run(service, graph).code == 0


@pytest.mark.parametrize(
    "answer", [ServerError(status=500), ServerError(status=503, code="server_is_overloaded"), ServerError(status=409)]
)
def test_the_services_own_error_is_tried_again_twice(answer: Answer, desk: Desk) -> None:
    """Row "408, 409, 500, 503 with an OpenAI JSON error": rarely billed, so three attempts, under one id."""
    with FaultyImages([answer] * 5) as service:
        result = desk.run_hasty(service)
        assert len(service.requests) == 3
        assert len({arrival.headers["x-client-request-id"] for arrival in service.requests}) == 1
        assert "The service may have charged for this" in sentences(result)
        assert desk.run_hasty(service).ok
        assert len(service.requests) == 6
        desk.check_served(service)


def test_a_network_that_is_not_there_is_tried_four_times(desk: Desk) -> None:
    """Row "DNS, refused, TLS, connect timeout, proxy refused": three retries, free, and the remedy is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = desk.run_hasty(f"http://127.0.0.1:{port}/v1")
    assert run_exit_code(result) == 1
    assert "can't be reached (ConnectError" in sentences(result)
    assert "nothing was sent. Check the network, its proxy settings and OPENAI_BASE_URL" in sentences(result)
    assert (desk.states, desk.calls[0].attempts) == ([State.FAILED], 4)
    with FaultyImages(port=port) as service:
        desk.check_free_to_repeat(service)


def test_a_name_that_is_none_is_never_sent_to(desk: Desk) -> None:
    """Row "DNS": nothing was sent, so nothing is to be decided."""
    result = desk.run_hasty("http://nobody.invalid/v1")
    assert "image service openai:http://nobody.invalid/v1 can't be reached" in sentences(result)
    assert desk.states == [State.FAILED]


@pytest.fixture(scope="module")
def noise() -> bytes:
    """A PNG of 12 megabytes."""
    return png([os.urandom(3 * 2048) for _ in range(2048)], colour_type=2, level=0)


LINKED: dict[str, Any] = {"model.images.image_1": ["20", 0]}


def edit(count: int = 1, *, mask: bool = False) -> Graph:
    """Write an edit of ``photo.png``, so many times the same one."""
    images: dict[str, Any] = {f"model.images.image_{number}": ["20", 0] for number in range(1, count + 1)}
    masked: dict[str, Any] = {"model.mask": ["20", 1]} if mask else {}
    return {"20": loader("photo.png"), "10": painter(**images, **masked), "9": saver("10")}


def test_an_upload_that_breaks_off_is_sent_once_more(noise: bytes, desk: Desk) -> None:
    """Row "write error before the body was complete": probably not sent, so one retry and no more."""
    (desk.folder / "photo.png").write_bytes(noise)
    with FaultyImages([CutUpload()]) as service:
        assert desk.run_hasty(service, edit()).ok
        assert len(service.requests) == 2
        service.script([CutUpload(), CutUpload()])
        again = {**edit(), "10": painter("a dog", **LINKED)}
        result = desk.run_hasty(service, again)
        assert "broke off before all of it was sent" in sentences(result)
        assert len(service.requests) == 4
        assert desk.states == [State.DECODED, State.FAILED]
        assert desk.run_hasty(service, again).ok


# ── refusals for good ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", ["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"])
def test_an_empty_account_stops_every_paid_call_of_the_run(code: Any, desk: Desk) -> None:
    """Row "429 insufficient_quota, 400 billing_hard_limit_reached": one request, all told, with the billing page."""
    desk.set("GRAPHRUN_IMAGE_WIDTH", "1")
    with FaultyImages([OutOfMoney(code=code)]) as service:
        said = desk.run(service, several(3))
        assert said.code == 1
        assert "https://platform.openai.com/settings/organization/billing" in said.err
        assert all(f'{number} "Paint"' in said.err for number in (10, 11, 12))
        assert "may have charged" not in said.err
        assert len(service.requests) == 1
        assert set(desk.states) <= {State.FAILED}
        assert desk.run(service, several(3)).code == 0
        assert len(service.requests) == 4


def test_what_is_blocked_at_the_output_may_have_been_billed(desk: Desk) -> None:
    """Row "moderation_blocked": stage, categories, request id, the prompt; other branches go on; no repetition."""
    with FaultyImages(prompts={"a fox": [Moderated(stage="output", categories=("violence", "gore"))]}) as service:
        said = desk.run(service, {**FOX, "11": painter("a dog"), "8": saver("11")})
        assert said.code == 1
        assert "answered 400 moderation_blocked: " in said.err
        assert "stage: output; categories: violence, gore" in said.err
        assert "(request id req_faulty_" in said.err
        assert 'The prompt was "a fox"' in said.err
        assert "moderation: low" in said.err
        assert "may have charged" in said.err
        assert len(said.out.splitlines()) == 1
        assert len(service.requests) == 2
        assert sorted(desk.states) == [State.DECODED, State.REFUSED]


@pytest.mark.parametrize("stage", ["output", "unknown", None])
def test_a_blocked_picture_is_asked_for_again_only_on_purpose(stage: Any, desk: Desk) -> None:
    """Row "moderation_blocked": unless it was the prompt that was blocked, the picture may have been made."""
    with FaultyImages([Moderated(stage=stage)]) as service:
        assert desk.run(service).code == 1
        assert desk.states == [State.REFUSED]
        desk.check_waits_for_decision(service)


def test_a_blocked_prompt_is_free(desk: Desk) -> None:
    """Row "moderation_blocked": blocked at the input, nothing was made."""
    with FaultyImages([Moderated(stage="input")]) as service:
        said = desk.run(service)
        assert "stage: input" in said.err
        assert "may have charged" not in said.err
        assert len(service.requests) == 1
        desk.check_free_to_repeat(service)


REFUSALS = {
    "organisation not verified (403)": (
        Refusal(status=403, message="Your organization must be verified to use the model `gpt-image-2`."),
        ["https://platform.openai.com/settings/organization/general", "15 minutes"],
    ),
    "model gone": (
        Refusal(code="model_not_found", message="The model 'gpt-image-2' does not exist."),
        ["answered 400 model_not_found", "choose a living model"],
    ),
    "model gone, in words only": (
        Refusal(status=404, message="This model has been deprecated."),
        ["The service has no model 'gpt-image-2'"],
    ),
    "unknown parameter": (
        Refusal(code="unknown_parameter", message="Unknown parameter: 'moderation'.", param="moderation"),
        ["answered 400 unknown_parameter: Unknown parameter: 'moderation'"],
    ),
    "unsupported mimetype": (
        Refusal(code="unsupported_file_mimetype", message="Invalid file 'image': unsupported mimetype."),
        ["answered 400 unsupported_file_mimetype"],
    ),
    "413": (Refusal(status=413, form="html"), ["answered 413", "scale them down or send fewer"]),
    "400": (Refusal(status=400), ["answered 400 invalid_request_error: The request was refused"]),
    "401": (Refusal(status=401, code="invalid_api_key"), ["answered 401 invalid_api_key", "Check OPENAI_API_KEY"]),
    "403": (Refusal(status=403, code="unsupported_country_region_territory"), ["not offered where this computer is"]),
    "404": (Refusal(status=404, form="html"), ["answered 404", "Check OPENAI_BASE_URL"]),
    "422": (Refusal(status=422, form="detail"), ["answered 422: The request was refused"]),
    "redirect": (Redirect(), ["answered 307", "elsewhere.invalid", "OPENAI_BASE_URL"]),
}


@pytest.mark.parametrize("row", REFUSALS)
def test_a_refusal_is_told_once_and_costs_nothing(row: str, desk: Desk) -> None:
    """Rows of refusals for good, and "400, 401, 403, 404, 413, 422": no retry, not billed, the next run may ask."""
    answer, parts = REFUSALS[row]
    with FaultyImages([answer]) as service:
        said = desk.run(service)
        assert said.code == 1
        assert f"error: {PAINT}image service openai:{service.base_url} answered " in said.err
        assert [part for part in parts if part not in said.err] == []
        assert "may have charged" not in said.err
        assert len(service.requests) == 1
        desk.check_free_to_repeat(service)


@pytest.mark.parametrize(
    "model", ["gpt-image-1", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst"]
)
def test_each_model_is_sent_what_it_knows(model: str, desk: Desk) -> None:
    """Row "unknown parameter, input_fidelity, response_format": never null, never what the model doesn't know."""
    (desk.folder / "photo.png").write_bytes(png([b"\x40\x80\xc0" * 16] * 16, colour_type=2))
    graph = {**edit(), "10": painter(model=model, **LINKED), "11": painter(model=model), "8": saver("11")}
    with FaultyImages() as service:
        said = desk.run(service, graph)
        assert (said.code, len(said.out.splitlines())) == (0, 2)
        for arrival in service.requests:
            assert arrival.heard is not None
            assert not {"response_format", "input_fidelity", "seed"} & set(arrival.heard.fields)
            assert None not in arrival.heard.fields.values()


def test_uploads_carry_a_name_and_a_media_type(desk: Desk) -> None:
    """Row "unsupported mimetype": file name with extension, and image/png, also of a JPEG's pixels."""
    from PIL import Image

    Image.new("RGB", (16, 16), "red").save(desk.folder / "photo.png", "JPEG")
    with FaultyImages() as service:
        assert desk.run(service, edit(2)).code == 0
        heard = service.requests[0].heard
    assert heard is not None
    files = [(file.name, file.file_name, file.media_type, file.data[:8]) for file in heard.files]
    assert files == [("image[]", f"image_{index}.png", "image/png", SIGNATURE) for index in (0, 1)]


def test_large_uploads_are_warned_of_before_and_explained_after(noise: bytes, desk: Desk) -> None:
    """Row "413 with several big references": their size is known before it is sent; a 413 says what to do."""
    (desk.folder / "photo.png").write_bytes(noise)
    with FaultyImages([Refusal(status=413, form="html")]) as service:
        said = desk.run(service, edit(3))
        assert said.code == 1
        assert "MB in all, and servers on the way may refuse more than 25 MB: scale them down" in said.err
        assert "The pictures are too large for the way there: scale them down or send fewer" in said.err
        assert len(service.requests) == 1
        assert desk.states == [State.FAILED]


def test_a_mask_that_selects_nothing_is_warned_of(desk: Desk) -> None:
    """Row "mask ignored": at least one pixel has to be fully transparent."""
    (desk.folder / "photo.png").write_bytes(png([b"\x40\x80\xc0\xff" * 16] * 16, colour_type=6))
    with FaultyImages() as service:
        said = desk.run(service, edit(mask=True))
    assert said.code == 0
    assert f"{PAINT}the mask selects nothing: only fully white mask pixels are changed" in said.err


def test_what_is_painted_transparent_is_what_is_changed(desk: Desk) -> None:
    """Row "mask the wrong way round": alpha 0 on the wire where the user painted, 255 elsewhere, of equal size."""
    from io import BytesIO

    from PIL import Image

    (desk.folder / "photo.png").write_bytes(png([b"\x40\x80\xc0\x00" * 4 + b"\x40\x80\xc0\xff" * 12] * 16, 6))
    with FaultyImages() as service:
        said = desk.run(service, edit(mask=True))
        heard = service.requests[0].heard
    assert (said.code, "selects nothing" in said.err) == (0, False)
    assert heard is not None
    assert heard.mask is not None
    assert heard.mask.media_type == "image/png"
    alpha = Image.open(BytesIO(heard.mask.data)).getchannel("A")
    assert alpha.size == (16, 16)
    assert alpha.tobytes() == (b"\x00" * 4 + b"\xff" * 12) * 16


def test_a_mask_of_another_size_is_refused_unsent(desk: Desk) -> None:
    """Row "mask ignored": a picture without alpha has a mask of 64x64, and the message says so."""
    (desk.folder / "photo.png").write_bytes(png([b"\x40\x80\xc0" * 16] * 16, colour_type=2))
    with FaultyImages() as service:
        said = desk.run(service, edit(mask=True))
        assert said.code == 1
        assert "Mask and Image must be the same size: the loaded picture has no alpha channel" in said.err
        assert service.requests == ()
    assert desk.calls == []


# ── answers that aren't as expected ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("as_url", [True, False])
def test_pictures_come_as_address_or_as_base64(as_url: bool, desk: Desk) -> None:
    """Row "answer has url although b64 was expected, or the reverse": both everywhere, the address without the key."""
    with FaultyImages([Good(as_url=as_url)]) as service:
        said = desk.run(service, TWO)
        assert (said.code, len(said.out.splitlines())) == (0, 2)
        assert len(service.requests) == 1
        assert len(service.downloads) == (2 if as_url else 0)
        assert not any("authorization" in arrival.headers for arrival in service.downloads)


class SixteenBit(Good):
    """Pictures of 16 bits a channel."""

    def file(self, kind: Any, size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
        """Return a PNG."""
        return png([bytes(each for value in colour for each in (value, value)) * size[0]] * size[1], 2, bits=16)


ODD_BUT_GOOD: dict[str, Answer] = {
    "data-URL prefix": Good(data_url=True),
    "line breaks": Good(line_breaks=True),
    "missing padding": Good(padding=False),
    "all three": Good(data_url=True, line_breaks=True, padding=False),
    "GIF": Good(kind="gif"),
    "WebP": Good(kind="webp"),
    "16-bit": SixteenBit(size=(64, 64)),
    "no usage": Good(usage=None),
    "usage nobody knows": Good(usage={"input_tokens": "many", "new": [None]}),
    "chunked": Good(framing="chunked"),
    "closed behind it": CutConnection(when="after"),
}


@pytest.mark.parametrize("row", ODD_BUT_GOOD)
def test_an_odd_answer_is_taken(row: str, desk: Desk) -> None:
    """Rows "bad base64" and "SVG, GIF or 16-bit answer", as far as pictures are in them."""
    with FaultyImages([ODD_BUT_GOOD[row]]) as service:
        said = desk.run(service)
        assert (said.code, len(said.out.splitlines())) == (0, 1), said.err
        assert Path(said.out.strip()).stat().st_size > 0
        assert desk.states == [State.DECODED]
        desk.check_served(service)


UNREADABLE: dict[str, tuple[Answer, str]] = {
    "empty data, HTTP 200": (NoPictures(), "No images returned from API endpoint"),
    "bad base64": (BadBase64(), "a picture's base64 is damaged"),
    "truncation": (TruncatedPng(), "a picture is damaged"),
    "SVG": (Good(kind="svg"), "a picture is SVG, which graphrun does not read: choose another output_format"),
    "no JSON": (NotJson(), "the answer is no JSON"),
    "cut, and nobody can see it": (
        CutConnection(when="during", of=Good(framing="until close")),
        "the answer is no JSON",
    ),
    "URL expired": (ExpiringUrl(), "Failed to download generated image: http://127.0.0.1"),
}


@pytest.mark.parametrize("row", UNREADABLE)
def test_an_unreadable_answer_is_kept_and_never_bought_again(row: str, desk: Desk) -> None:
    """Rows "empty data", "bad base64", "URL expired", "SVG", "answer unreadable": billed; the raw answer is saved."""
    answer, reason = UNREADABLE[row]
    with FaultyImages([answer]) as service:
        said = desk.run(service)
        assert said.code == 1
        assert f"error: {PAINT}image service openai:{service.base_url}: {reason}" in said.err
        assert "The service may have charged for this" in said.err
        (kept,) = desk.answers
        assert f"Its raw answer is kept in {kept} and is read again next time" in said.err
        assert desk.states == [State.ANSWERED]
        assert desk.run(service).code == 1
        assert len(service.requests) == 1
        # The one way on that the message names has to work.
        assert desk.graphrun("spend", "resolve", "1").code == 0
        assert desk.run(service).code == 0
        assert len(service.requests) == 2


def test_an_unreadable_answer_promises_no_way_on_that_leads_nowhere(desk: Desk) -> None:
    """Row "answer unreadable": it is known to be billed, so --retry-unknown is no remedy, and is not named as one."""
    with FaultyImages([NoPictures()]) as service:
        said = desk.run(service)
        assert "graphrun spend resolve 1" in said.err
        assert "--retry-unknown" not in said.err
        assert desk.run(service, FOX, "--retry-unknown").code == 1
        assert len(service.requests) == 1


def test_an_address_that_is_slow_to_serve_is_asked_again_alone(desk: Desk) -> None:
    """Row "URL expired or download fails after a paid generation": only the GET is repeated; later runs do, too."""
    with FaultyImages([ExpiringUrl(busy=1, cut=1, fetches=None)]) as service:
        assert desk.run_hasty(service).ok
        assert (len(service.requests), len(service.downloads)) == (1, 3)
    with FaultyImages([ExpiringUrl(busy=4, fetches=None)]) as service:
        result = desk.run_hasty(service)
        address = f"http://127.0.0.1:{service.port}/files/1"
        assert f"{address} answered 503; tried 3 times in" in sentences(result)
        assert desk.run_hasty(service).ok
        assert (len(service.requests), len(service.downloads)) == (1, 5)


def test_a_picture_that_was_fetched_is_not_fetched_again(desk: Desk) -> None:
    """Row "URL expired": an address lives an hour, the picture is kept for later runs."""
    with FaultyImages([ExpiringUrl(fetches=1)]) as service:
        assert desk.run(service).code == 0
        desk.check_served(service)
        assert len(service.downloads) == 1


def test_pictures_of_unequal_size_are_saved_with_a_warning(desk: Desk) -> None:
    """Row "pictures of one answer differ in size": all are there, and readers of pixels are warned."""
    with FaultyImages([Good(unequal=True)]) as service:
        said = desk.run(service, TWO)
    assert (said.code, len(said.out.splitlines())) == (0, 2)
    assert f"{PAINT}the pictures differ in size: " in said.err


def test_fewer_pictures_than_asked_are_taken_with_a_warning(desk: Desk) -> None:
    """Row "n > 1 and one blocked": what came is saved."""
    with FaultyImages([Good(count=1)]) as service:
        said = desk.run(service, TWO)
        assert (said.code, len(said.out.splitlines())) == (0, 1)
        assert f"{PAINT}asked for 2 pictures and got 1" in said.err
        assert len(service.requests) == 1


# ── interruptions and disks ────────────────────────────────────────────────────────────────────────────────────


def test_a_first_interrupt_lets_the_call_in_flight_finish(desk: Desk) -> None:
    """Row "interrupt by the user": what is on its way is stored, nothing more is sent, and the next run goes on."""
    stop = StopSignal()

    def interrupt(heard: Heard, number: int) -> Answer:
        stop.stop()
        return Good(latency=0.05)

    with FaultyImages(answer=interrupt) as service:
        result = desk.run_hasty(service, several(2), capacity=1, stop=stop)
        assert run_exit_code(result) == 130
        assert len(service.requests) == 1
        assert desk.states.count(State.DECODED) == 1
        service.script()
        assert desk.run(service, several(2)).code == 0
        assert len(service.requests) == 2


def test_a_second_interrupt_cancels_and_says_that_it_may_be_charged(desk: Desk) -> None:
    """Row "interrupt by the user": the connection is closed, the call recorded as unknown."""
    stop = StopSignal()

    def interrupt(heard: Heard, number: int) -> Answer:
        stop.stop()
        stop.stop()
        return Hang()

    with FaultyImages(answer=interrupt) as service:
        result = desk.run_hasty(service, stop=stop)
        assert run_exit_code(result) == 130
        assert any("call 1 was on its way and may be charged" in warning for warning in result.warnings)
        service.wait_until(lambda log: log[0].hung_up)
        assert desk.states == [State.UNKNOWN]
        service.script()
        desk.check_waits_for_decision(service)


def test_the_raw_answer_is_on_disk_before_it_is_decoded(desk: Desk) -> None:
    """Row "disk full or crash after payment": an answer nobody can read survives byte for byte, for its owner only."""
    body = '{"data": [{"b64_json": "never fin'
    with FaultyImages([NotJson(text=body)]) as service:
        desk.run(service)
    (kept,) = desk.answers
    assert kept.read_text() == body
    assert os.name == "nt" or kept.stat().st_mode & 0o777 == 0o600


def test_the_raw_answer_is_kept_when_all_is_well_too(desk: Desk) -> None:
    """Row "disk full or crash after payment": a run that lost everything else is served from it, and pays nothing."""
    with FaultyImages() as service:
        first = Path(desk.run(service).out.strip())
        (kept,) = desk.answers
        assert len(json.loads(kept.read_bytes())["data"]) == 1
        picture = first.read_bytes()
        first.unlink()
        assert desk.graphrun("cache", "clear", "--yes").code == 0
        again = desk.run(service)
        assert (again.code, Path(again.out.strip()).read_bytes() == picture) == (0, True)
        assert len(service.requests) == 1


def test_nothing_is_bought_whose_answer_could_not_be_kept(desk: Desk) -> None:
    """Row "disk full or crash after payment": found out before the POST, named with the remedy."""
    (desk.folder / "data").write_text("a file, no folder")
    with FaultyImages() as service:
        said = desk.run(service)
        assert said.code == 1
        assert f"{PAINT}{desk.ledger} can't be used" in said.err
        assert "set GRAPHRUN_DATA_DIR to another folder" in said.err
        assert service.requests == ()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system can't reserve room in a file")
def test_nothing_is_bought_while_the_disk_is_full(desk: Desk) -> None:
    """Row "disk full": a folder that can be written is not enough, there must be room for the answer."""
    with FaultyImages() as service:
        with files_no_larger_than(1_000_000):
            said = desk.run(service)
        assert said.code == 1
        assert "free some room or set GRAPHRUN_DATA_DIR to another folder" in said.err
        assert service.requests == ()
        assert desk.answers == []
        desk.check_free_to_repeat(service)


class Padded(Good):
    """An answer larger than the room that is reserved for it."""

    def make(self, asked: Any) -> Any:
        """Return the pictures and nine megabytes of blanks."""
        from dataclasses import replace

        reply = super().make(asked)
        return replace(reply, body=reply.body + b" " * 9_000_000)


def test_a_disk_that_fills_up_meanwhile_does_not_cost_the_pictures(desk: Desk) -> None:
    """Row "disk full": where an answer can't be stored, its pictures are still saved, and a warning says so."""
    with FaultyImages([Padded()]) as service:
        with files_no_larger_than(8_500_000):
            said = desk.run(service)
        assert (said.code, len(said.out.splitlines())) == (0, 1), said.err
        assert "the paid answer of call 1 could not be kept" in said.err
        assert len(service.requests) == 1
        assert desk.run(service).code == 0
        assert len(service.requests) == 1


class Noisy(Good):
    """Pictures of ten megabytes, each at an address of its own."""

    def file(self, kind: Any, size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
        """Return a PNG that nothing makes smaller."""
        return png([os.urandom(3 * 2048) for _ in range(1600)], colour_type=2, level=0)


def test_a_disk_that_fills_up_before_the_download_does_not_cost_the_picture(desk: Desk) -> None:
    """Row "disk full": a picture that was fetched and can't be kept beside its answer is handed on all the same."""
    with FaultyImages([Noisy(as_url=True)]) as service, files_no_larger_than(8_500_000):
        result = desk.run_hasty(service, targets=["10"])
    assert sentences(result) == ""
    assert len(result["10"].pictures[0]) > 9_000_000
