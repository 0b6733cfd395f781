"""No key is in anything a run leaves behind: what it prints, logs, writes, keeps or shows of itself.

A key that nothing else looks like is planted, the service quotes it back wherever it can, and then everything is
searched: also for the key's other spellings, and inside what is packed.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import json
import logging
import re
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from graphrun import Engine, ImageRequest, ProviderError, RunResult, Settings, StopSignal
from graphrun.cli import app
from graphrun.providers.http import Timeouts
from graphrun.providers.offline_rules import Heard
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.retries import RetryPolicy
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
    Reply,
    ServerError,
    TruncatedPng,
)

KEY = "sk-planted/KEY+never=shown~7f3a9c"

GRAPH = {
    "10": {
        "class_type": "OpenAIGPTImage1",
        "inputs": {
            "prompt": "a fox", "seed": 7, "quality": "low", "background": "auto", "size": "1024x1024", "n": 1,
            "model": "gpt-image-2",
        },
    },
    "9": {"class_type": "SaveImage", "inputs": {"images": ["10", 0], "filename_prefix": "fox"}},
}  # fmt: skip


def spellings(key: str) -> dict[str, bytes]:
    """Return what the key may look like: as it is, for addresses, escaped for JSON, and as base64 at each offset."""
    forms = {"plain": key.encode(), "for addresses": quote(key, safe="").encode(), "hex": key.encode().hex().encode()}
    for offset in range(3):
        # Without the ends, whose letters depend on what stands around it.
        for name, encode in (("base64", base64.b64encode), ("base64 for addresses", base64.urlsafe_b64encode)):
            forms[f"{name}, offset {offset}"] = encode(b"\0" * offset + key.encode())[4:-4]
    return forms


SPELLINGS = spellings(KEY)


def found_in(data: bytes | str) -> list[str]:
    """Return the spellings of the key that are in some data, or in what is packed in it."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    plain = [raw, raw.replace(rb"\/", b"/"), *_unpacked(raw)]
    return [name for name, form in SPELLINGS.items() if any(form in each for each in plain)]


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what zlib or gzip made of streams inside: compressed texts of a PNG, packed answers."""
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data):
        try:
            yield zlib.decompressobj(47).decompress(data[start.start() :], 10_000_000)
        except zlib.error:
            continue


@pytest.mark.parametrize(
    "trace",
    [
        f"x{KEY}y",
        json.dumps(KEY),
        KEY.replace("/", r"\/"),
        quote(KEY, safe=""),
        base64.b64encode(f"..{KEY}..".encode()).decode(),
        KEY.encode().hex(),
        b"PNG" + zlib.compress(KEY.encode()),
        gzip.compress(KEY.encode(), mtime=0),
    ],
)
def test_the_search_finds_a_key(trace: str | bytes) -> None:
    """A search that finds nothing anywhere proves something only if it can find."""
    assert found_in(trace)
    assert not found_in("sk-another key")


# ── a service that quotes the key ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Quoting(Answer):
    """An answer that says the key wherever a text can stand, and perhaps comes packed."""

    of: Answer
    packed: bool = False

    def make(self, asked: Any) -> Reply:
        """Return the answer with the key in body and headers."""
        reply = self.of.make(asked)
        said = {"x-request-id": f"req {KEY}", "x-said": KEY, "www-authenticate": f"Bearer {KEY}", "set-cookie": KEY}
        body = reply.body.replace(b"QUOTE", KEY.encode())
        packing = {"content-encoding": "gzip"} if self.packed else {}
        return replace(
            reply, body=gzip.compress(body) if self.packed else body, headers={**reply.headers, **said, **packing}
        )


def refusal(**fields: Any) -> Refusal:
    """Return a refusal that quotes the key."""
    return Refusal(**{"status": 401, "code": "QUOTE", "message": "Incorrect API key provided: QUOTE.", **fields})


QUOTED: dict[str, Answer] = {
    "a good answer": Quoting(of=Good(revised_prompt="a fox for QUOTE", usage={"for": "QUOTE", "input_tokens": 1})),
    "a good answer, packed": Quoting(of=Good(revised_prompt="a fox for QUOTE"), packed=True),
    "an address": Quoting(of=ExpiringUrl(fetches=None)),
    "a wrong key": Quoting(of=refusal()),
    "a wrong key, packed": Quoting(of=refusal(), packed=True),
    "in a detail": Quoting(of=refusal(form="detail")),
    "in an error": Quoting(of=refusal(form="error")),
    "in a message": Quoting(of=refusal(form="message", status=422)),
    "a page": Quoting(of=NotJson(text="<html>QUOTE</html>")),
    "a page, packed": Quoting(of=NotJson(text="<html>QUOTE</html>"), packed=True),
    "no pictures": Quoting(of=NoPictures(usage={"QUOTE": "QUOTE"})),
    "bad base64": Quoting(of=BadBase64(damage="QUOTE")),
    "a gateway's page": Quoting(of=ServerError(status=504, form="html")),
    "blocked": Quoting(of=Moderated(stage="output", categories=("QUOTE",))),
    "blocked, packed": Quoting(of=Moderated(stage="output", categories=("QUOTE",)), packed=True),
    "a server error": Quoting(of=refusal(status=500, code=None)),
    "a redirect": Redirect(location=f"http://elsewhere.invalid/{KEY}?key={quote(KEY, safe='')}"),
    "an expired address": Quoting(of=ExpiringUrl()),
    "a limit": Quoting(of=RateLimited(retry_after="301", code="QUOTE", of="QUOTE")),
}

PLAIN: dict[str, Answer] = {
    "all is well": Good(),
    "cut before": CutConnection(when="before"),
    "cut in the headers": CutConnection(when="headers"),
    "reset in the body": CutConnection(when="during", reset=True),
    "cut upload": CutUpload(),
    "silence": Hang(),
    "a drip": Drip(piece=20, pause=0.05),
    "a limit that ends": RateLimited(retry_after_ms=5),
    "no money": OutOfMoney(),
    "blocked": Moderated(),
    "a truncated picture": TruncatedPng(),
    "SVG": Good(kind="svg"),
    "a redirect": Redirect(),
    "an expired address": ExpiringUrl(busy=1, cut=1),
}


# ── everything a run leaves ────────────────────────────────────────────────────────────────────────────────────


class Diary(logging.Handler):
    """Every record of every logger, as text with its arguments and its exception."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record down."""
        self.text += f"{self.format(record)} {record.__dict__!r}\n"


@pytest.fixture
def diary() -> Iterator[Diary]:
    """What is logged, at the most talkative level."""
    root, heard = logging.getLogger(), Diary()
    talkative = [logging.getLogger(name) for name in ("", "httpx", "httpcore", "asyncio", "graphrun")]
    before = [logger.level for logger in talkative]
    for logger in talkative:
        logger.setLevel(logging.DEBUG)
    root.addHandler(heard)
    yield heard
    root.removeHandler(heard)
    for logger, level in zip(talkative, before, strict=True):
        logger.setLevel(level)


def traces_in(folder: Path) -> dict[str, list[str]]:
    """Return the files below a folder that hold the key, or are named by it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {str(path): found_in(path.read_bytes()) + found_in(str(path)) for path in files}
    return {path: names for path, names in found.items() if names}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all that is written: results, previews, cache, ledger, temporary files."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "CACHE", "TEMP"):
        monkeypatch.setenv(f"GRAPHRUN_{name}_DIR", str(tmp_path / name.lower()))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def command(*arguments: str) -> None:
    """Call the command line in this process, whatever its exit code."""
    with pytest.raises(SystemExit):
        app(list(arguments))


@pytest.mark.parametrize(
    "row", [f"{kind}: {row}" for kind, rows in (("quoted", QUOTED), ("plain", PLAIN)) for row in rows]
)
def test_the_command_line_leaves_no_key_behind(
    row: str, home: Path, diary: Diary, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With everything that makes it talk: --debug, --events, --json, a second run, and the ledger's own reports."""
    kind, _, name = row.partition(": ")
    answer = {"quoted": QUOTED, "plain": PLAIN}[kind][name]
    if isinstance(answer, Hang | Drip):
        answer = CutConnection(when="during")  # its waits are too long for the command line: see the test below
    (home / "workflow.json").write_text(json.dumps(GRAPH))
    with FaultyImages([answer] * 4) as service:
        monkeypatch.setenv("OPENAI_BASE_URL", service.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        for flags in ([], ["--json", "--no-cache", "--retry-unknown"]):
            command("run", "workflow.json", "--provider", "openai", "--debug", "--events", "events.jsonl", *flags)
        command("spend", "show", "1", "--debug")
        command("spend", "show", "1", "--json")
        command("spend", "--json")
        assert service.requests[0].headers["authorization"] == f"Bearer {KEY}", "the key was used at all"
    said = capfd.readouterr()
    assert (home / "events.jsonl").stat().st_size > 0
    assert {"stdout": found_in(said.out), "stderr": found_in(said.err)} == {"stdout": [], "stderr": []}
    assert found_in(diary.text) == []
    assert traces_in(home) == {}


def all_of_the_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [
                each.__cause__,
                each.__context__,
                *(each.exceptions if isinstance(each, BaseExceptionGroup) else ()),
            ]


def everything_of(error: BaseException) -> str:
    """Return what any reporter of crashes could show: messages, attributes, and the variables of every frame."""
    return "\n".join(
        f"{each} {each!r} {vars(each)!r} "
        + "".join(traceback.TracebackException.from_exception(each, capture_locals=True, max_group_width=99).format())
        for each in all_of_the_chain(error)
    )


@dataclass(frozen=True)
class Leftovers:
    """What an engine leaves in memory, as text."""

    result: RunResult | None
    text: str


async def run_engine(service: FaultyImages, **options: Any) -> Leftovers:
    """Run a workflow and write down what the engine, its service, its result and its errors show of themselves."""
    images = OpenAIImages(
        service.base_url,
        KEY,
        retries=RetryPolicy(first_wait=0.0),
        timeouts=Timeouts(read=0.3, total=0.6),
        download_delays=(0.0,),
    )
    settings, events = Settings(), list[Any]()
    async with Engine(settings, providers={"openai": images}) as engine:
        result = await engine.run(GRAPH, provider="openai", emit=events.append, debug=True, **options)
        calls = engine.ledger.calls()
        shown: list[object] = [engine, vars(engine), images, vars(images), settings, settings.model_dump(), events]
        shown += [result, result.to_json(), result.warnings, calls, images.identity, engine.plan(GRAPH)]
        text = "\n".join([*map(repr, shown), *map(str, shown), *map(everything_of, result.failures)])
    await images.aclose()
    return Leftovers(result, text)


@pytest.mark.parametrize(
    "row", [f"{kind}: {row}" for kind, rows in (("quoted", QUOTED), ("plain", PLAIN)) for row in rows]
)
def test_nothing_in_memory_shows_the_key(row: str, home: Path, diary: Diary) -> None:
    """Engine, service, settings, results, events, errors with their causes and the variables of all their frames."""
    kind, _, name = row.partition(": ")
    with FaultyImages([{"quoted": QUOTED, "plain": PLAIN}[kind][name]] * 4) as service:
        left = asyncio.run(run_engine(service))
        assert service.requests
    assert found_in(left.text) == []
    assert found_in(diary.text) == []
    assert traces_in(home) == {}


def test_a_cancelled_call_shows_no_key(home: Path, diary: Diary) -> None:
    """Cancelled in the middle of the request, whose frames hold its headers."""
    stop = StopSignal()

    def interrupt(heard: Heard, number: int) -> Answer:
        stop.stop()
        stop.stop()
        return Hang()

    with FaultyImages(answer=interrupt) as service:
        left = asyncio.run(run_engine(service, stop=stop))
    assert left.result is not None
    assert left.result.stopped
    assert found_in(left.text) == []
    assert found_in(diary.text) == []
    assert traces_in(home) == {}


def test_a_network_that_is_not_there_shows_no_key(home: Path, diary: Diary) -> None:
    """What can't be connected to, resolved, or understood."""
    with FaultyImages() as stopped:
        pass
    for base_url in (stopped.base_url, "http://nobody.invalid/v1", "https://127.0.0.1:1/v1"):

        async def once(url: str = base_url) -> str:
            images = OpenAIImages(url, KEY, retries=RetryPolicy(first_wait=0.0))
            async with Engine(Settings(), providers={"openai": images}) as engine:
                result = await engine.run(GRAPH, provider="openai", cache="off")
            await images.aclose()
            return "\n".join(map(everything_of, result.failures))

        text = asyncio.run(once())
        assert "can't be reached" in text
        assert found_in(text) == []
    assert found_in(diary.text) == []
    assert traces_in(home) == {}


@pytest.mark.parametrize("base_url", [f"http://{KEY}@127.0.0.1/v1", f"http://127.0.0.1/v1?key={KEY}", KEY])
def test_an_address_with_the_key_in_it_is_refused_without_showing_it(
    base_url: str, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A base URL is part of cache keys and messages; so is a key pasted into the wrong variable."""
    (home / "workflow.json").write_text(json.dumps(GRAPH))
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    command("run", "workflow.json", "--provider", "openai", "--debug", "--json")
    said = capfd.readouterr()
    assert "OPENAI_BASE_URL" in said.err
    assert found_in(said.out + said.err) == []
    assert traces_in(home) == {}


@pytest.mark.parametrize("mangle", [lambda key: f"{key}\n{key}", lambda key: f"„{key}“", lambda key: f"{key} {key}"])
def test_a_mangled_key_is_refused_without_showing_it(
    mangle: Callable[[str], str], home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line breaks, quotes and spaces that came along when it was copied."""
    (home / "workflow.json").write_text(json.dumps(GRAPH))
    monkeypatch.setenv("OPENAI_API_KEY", mangle(KEY))
    command("run", "workflow.json", "--provider", "openai", "--debug", "--json")
    said = capfd.readouterr()
    assert "OPENAI_API_KEY" in said.err
    assert found_in(said.out + said.err) == []


def test_the_service_alone_shows_no_key() -> None:
    """For callers without an engine: the error of `create` with all its frames."""
    with FaultyImages([QUOTED["a wrong key"]]) as service:

        async def once() -> str:
            images = OpenAIImages(service.base_url, KEY)
            with pytest.raises(ProviderError) as caught:
                await images.create(ImageRequest("gpt-image-2", "a fox", {"n": 1}))
            await images.aclose()
            return everything_of(caught.value)

        assert found_in(asyncio.run(once())) == []


def test_a_closed_service_leaves_the_loggers_of_others_alone(home: Path, diary: Diary) -> None:
    """They are filtered while there is a key to hide, also one per service where there are two."""
    before = filters()
    with FaultyImages([Quoting(of=refusal())] * 2) as service:

        async def both() -> None:
            first, second = OpenAIImages(service.base_url, KEY), OpenAIImages(service.base_url, f"other-{KEY}")
            for images in (first, second):
                with pytest.raises(ProviderError):
                    await images.create(ImageRequest("gpt-image-2", "a fox", {"n": 1}))
            await first.aclose()
            await second.aclose()

        asyncio.run(both())
    assert "x-said" in diary.text
    assert found_in(diary.text) == []
    assert filters() == before


def test_a_service_nobody_closed_leaves_them_alone_too(home: Path) -> None:
    """What is forgotten is not filtered for ever."""
    before = filters()
    with FaultyImages([Quoting(of=refusal())]) as service:
        images = OpenAIImages(service.base_url, KEY)
        with pytest.raises(ProviderError):
            asyncio.run(images.create(ImageRequest("gpt-image-2", "a fox", {"n": 1})))
        assert filters() != before
        del images
        gc.collect()
    assert filters() == before


def filters() -> list[list[object]]:
    """Return the filters of the HTTP libraries' loggers, of which other tests may have left some."""
    gc.collect()
    return [list(logging.getLogger(name).filters) for name in ("httpx", "httpcore.http11")]
