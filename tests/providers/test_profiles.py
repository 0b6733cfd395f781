"""What profile files say, what they may not, and that no key of theirs is ever shown."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import stat
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphrun import Engine, ImageRequest, ProviderError, Settings, UsageError
from graphrun.providers.comfy import COMFY, ComfyImages
from graphrun.providers.openai import OpenAIImages
from graphrun.providers.opening import open_profile
from graphrun.providers.profile_files import file_beside, read_profiles
from graphrun.providers.profile_report import standing
from graphrun.providers.profiles import Profile, Profiles
from graphrun.providers.tariff import Tariff

SECRET = "asecret_0123456789abcdef"
REQUEST = ImageRequest("their-model", "a fox", {"n": 1})

LOCAL = '[profiles.local]\nbase_url = "http://127.0.0.1:8000/v1"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The user's own file."""
    return tmp_path / "own" / "graphrun.toml"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """The file beside a workflow."""
    return tmp_path / "work" / "graphrun.toml"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def profile(path: Path, text: str, name: str = "local") -> Profile:
    return read_profiles(written(path, text)).find(name)


def refusal(path: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_profiles(written(path, text))
    assert str(path) in str(caught.value)
    return str(caught.value)


# ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_files_there_are_three() -> None:
    """And the first of them is meant where no name is given."""
    profiles = read_profiles(None)
    assert list(profiles.by_name) == ["openai", "comfy", "offline"]
    assert profiles.find(None).name == "openai"
    assert profiles.find("comfy").dialect == COMFY


def test_a_wrong_name_is_answered_with_the_nearest(own: Path) -> None:
    """Profiles of one's own are among them."""
    with pytest.raises(UsageError, match="'locl'; did you mean 'local'\\? There are: openai, comfy, offline, local"):
        profile(own, LOCAL, "locl")


def test_a_file_changes_a_built_in_profile_key_by_key(own: Path) -> None:
    """What it doesn't name stays."""
    changed = profile(own, "[profiles.openai.timeouts]\nread = 900\n", "openai")
    assert (changed.timeouts.read, changed.timeouts.connect) == (900, 10)
    service = open_profile(changed, {"OPENAI_API_KEY": "sk-0123456789"})
    assert service.identity == "openai:https://api.openai.com/v1"


def test_the_file_beside_the_workflow_wins_over_the_users_own(own: Path, beside: Path) -> None:
    """Table by table: models of both are known, and the same entry is the later one's."""
    first = '[profiles.local.models]\na = "x"\nb = "y"\n'
    second = '[profiles.local.models]\nb = "z"\n[profiles.local]\ndrop = ["style"]\n'
    profiles = read_profiles(written(own, LOCAL + first), written(beside, second))
    found = profiles.find("local")
    assert found.model_map.own == {"a": "x", "b": "z"}
    assert found.dialect.dropped == {"style"}
    assert found.origins == (str(own), str(beside))


def test_a_profile_of_comfys_proxy_has_its_paths_and_header(own: Path) -> None:
    """A second account needs only its key's variable."""
    second = profile(own, '[profiles.work]\nservice = "comfy"\nkey_variable = "WORK_KEY"\n', "work")
    opened = open_profile(second, {"WORK_KEY": "comfyui-0123456789"})
    assert isinstance(opened, ComfyImages)
    assert opened.identity == "work:https://api.comfy.org"
    assert opened.tariff is Tariff.OPENAI


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile = 1", "profile: no such table; did you mean 'profiles'?"),
        ("profiles = 1", "profiles: is no table"),
        ("[profiles]\nlocal = 1", "profiles.local: is no table"),
        ('[profiles."a b"]\nbase_url = "http://x"', "profiles.a b: a profile's name"),
        (f'{LOCAL}base_ur = "x"', "profiles.local.base_ur: no such setting; did you mean 'base_url'?"),
        (
            f"{LOCAL}[profiles.local.files]\nmasc = 'a'",
            "profiles.local.files.masc: no such setting; did you mean 'mask'",
        ),
        (f"{LOCAL}[profiles.local.timeouts]\nread = -1", "profiles.local.timeouts.read: "),
        (f"{LOCAL}[profiles.local.timeouts]\nread = inf", "profiles.local.timeouts.read: "),
        (f"{LOCAL}[profiles.local.models]\ngpt-image-1.5 = 'x'", "a name with a dot needs quotes"),
        (f"{LOCAL}[profiles.local.paths]\nedits = '//evil.example/x'", "profiles.local.paths.edits: is no path"),
        (f"{LOCAL}[profiles.local.paths]\nedits = '/{{key}}/x'", "placeholder other than {model}"),
        (f"{LOCAL}[profiles.local.add]\nseed = 1", "write send_seed = true"),
        (f"{LOCAL}[profiles.local.add]\nn = 9", "'n' is said by the node alone"),
        (f"{LOCAL}[profiles.local.add]\nscale = nan", "profiles.local.add.scale"),
        (f"{LOCAL}[profiles.local.headers]\nHost = 'x'", "graphrun sets itself"),
        (f"{LOCAL}[profiles.local.headers]\n'X Y' = 'x'", "is no name of a header"),
        (f"{LOCAL}[profiles.local.query]\napi_key = 'x'", "sounds like a secret, and addresses are shown"),
        (f"{LOCAL}key_variable = 'A'\nkey_file = 'b'", "two places for one key"),
        (f"{LOCAL}[[profiles.local]]", "is no TOML"),
        ("[profiles.offline]\nwidth = 3", "the offline service is as it is"),
    ],
)
def test_a_fault_is_told_by_file_and_key_with_the_remedy(own: Path, text: str, said: str) -> None:
    """Nothing in a profile is silently ignored."""
    assert said in refusal(own, text)


def test_all_faults_are_told_at_once(own: Path) -> None:
    """One run tells everything to mend."""
    said = refusal(own, f"{LOCAL}widht = 1\nprices = 'cheap'\n")
    assert "local.widht" in said
    assert "local.prices" in said


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=60)
def test_any_text_is_profiles_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever stands in the file, nothing but a UsageError comes of it."""
    path = tmp_path_factory.mktemp("any") / "graphrun.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with suppress(UsageError):
        assert read_profiles(path).by_name


def test_a_file_nested_without_end_is_refused(own: Path) -> None:
    """No recursion limit is met on the way."""
    assert "nested too deeply" in refusal(own, f"a = {'[' * 20_000}")


def test_a_huge_file_is_refused(own: Path) -> None:
    """It is not read to its end."""
    assert "no profile file" in refusal(own, "#" * 300_000)


def test_a_profile_without_an_address_says_what_is_missing(own: Path) -> None:
    """Only when it is used."""
    with pytest.raises(UsageError, match="has no address: write base_url"):
        open_profile(profile(own, "[profiles.local]\nsend_seed = true\n"), {})


# ── trust ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        '[profiles.openai]\nbase_url = "https://evil.example/v1"',
        '[profiles.openai]\nbase_url_variable = "EVIL"',
        '[profiles.openai]\nkey_variable = "AWS_SECRET_ACCESS_KEY"',
        '[profiles.openai]\nkey_file = "~/.ssh/id_ed25519"',
        '[profiles.openai]\nkey_header = "X-Leak"',
        '[profiles.openai.headers]\nX-Leak = "${AWS_SECRET_ACCESS_KEY}"',
        '[profiles.openai.paths]\ngenerations = "/elsewhere"',
        '[profiles.openai.query]\na = "b"',
        '[profiles.openai]\nservice = "comfy"',
        '[profiles.openai]\nprices = "free"',
        "[profiles.openai]\nwidth = 500",
        '[profiles.fresh.models]\na = "b"',
    ],
)
def test_a_file_that_came_with_a_workflow_may_not_say_where_to_and_with_what(beside: Path, text: str) -> None:
    """The refusal names the file, the key and the flag; with the flag it may."""
    written(beside, text)
    with pytest.raises(UsageError, match=r"may only set .*add --trust-profiles") as caught:
        read_profiles(None, beside)
    assert str(beside) in str(caught.value)
    assert read_profiles(None, beside, trusted=True).by_name


def test_it_may_say_how_requests_are_worded(beside: Path) -> None:
    """Models, parameters and time, of a profile that is set up elsewhere."""
    text = '[profiles.openai]\ndrop = ["style"]\nsend_seed = true\n[profiles.openai.add]\nuser = "me"\n'
    more = '[profiles.openai.models]\ndall-e-3 = "gpt-image-2"\n[profiles.openai.timeouts]\nread = 900\n'
    found = read_profiles(None, written(beside, text + more)).find("openai")
    assert found.dialect.added == {"user": "me"}
    assert found.model_map.own == {"dall-e-3": "gpt-image-2"}


def test_the_users_own_file_is_trusted_wherever_it_is(own: Path) -> None:
    """Also beside a workflow."""
    written(own, LOCAL)
    assert read_profiles(own, own).find("local").origins == (str(own),)


def test_an_engine_reads_the_file_beside_the_workflow(beside: Path, tmp_path: Path) -> None:
    """And refuses to plan with one that wants too much; without a use for image services it isn't read."""
    workflow = written(beside.with_name("w.json"), '{"1": {"class_type": "OpenAIDalle3", "inputs": {"prompt": "x"}}}')
    harmless = written(beside.with_name("h.json"), '{"1": {"class_type": "PrimitiveInt", "inputs": {"value": 1}}}')
    written(beside, '[profiles.openai]\nbase_url = "https://evil.example/v1"\n')

    async def scene(**trust: Any) -> None:
        async with Engine(Settings(**trust), environ={"OPENAI_API_KEY": "sk-0123456789"}) as engine:
            engine.plan(harmless, targets=["1"])
            engine.plan(workflow, targets=["1"], provider="openai")

    with pytest.raises(UsageError, match="--trust-profiles"):
        asyncio.run(scene())
    asyncio.run(scene(trust_profiles=True))


def test_a_workflow_without_a_folder_has_no_file() -> None:
    """Standard input and bytes come from nowhere."""
    assert file_beside(None) is None


# ── keys ───────────────────────────────────────────────────────────────────────────────────────────────────────


def answered(service: OpenAIImages) -> None:
    async def scene() -> None:
        try:
            await service.create(REQUEST)
        finally:
            await service.aclose()

    asyncio.run(scene())


class Server:
    """Answers well, or quotes whatever headers it got."""

    def __init__(self, *, quotes: bool = False) -> None:
        self.headers: list[httpx.Headers] = []
        self._quotes = quotes

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        if self._quotes:
            return httpx.Response(401, text=str(dict(request.headers)), headers={"x-echo": str(dict(request.headers))})
        file = io.BytesIO()
        Image.new("RGB", (4, 4)).save(file, "PNG")
        return httpx.Response(200, json={"data": [{"b64_json": base64.b64encode(file.getvalue()).decode()}]})


def opened(found: Profile, server: Server, **environ: str) -> OpenAIImages:
    return open_profile(found, environ, transport=httpx.MockTransport(server))


def test_a_key_comes_from_a_file_beside_the_one_that_names_it(own: Path) -> None:
    """Without its line end; whatever the current folder is."""
    written(own.with_name("key.txt"), f"{SECRET}\n")
    server = Server()
    answered(opened(profile(own, f'{LOCAL}key_file = "key.txt"'), server))
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


def test_a_key_in_a_header_of_its_own_goes_out_bare(own: Path) -> None:
    """As Azure wants it; headers from variables go along."""
    text = f'{LOCAL}key_variable = "K"\nkey_header = "api-key"\n[profiles.local.headers]\nX-Team-Token = "t ${{T}}"\n'
    server = Server()
    answered(opened(profile(own, text), server, K=SECRET, T="token-0123456789"))
    assert (server.headers[0]["api-key"], server.headers[0]["x-team-token"]) == (SECRET, "t token-0123456789")
    assert "authorization" not in server.headers[0]


def test_a_later_source_of_a_key_replaces_the_earlier_one(own: Path) -> None:
    """A key file in the user's file stands in for the variable of the built-in profile."""
    written(own.with_name("key.txt"), SECRET)
    server = Server()
    answered(
        opened(profile(own, '[profiles.openai]\nkey_file = "key.txt"', "openai"), server, OPENAI_API_KEY="sk-other")
    )
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


SECRETIVE = [
    ('key_file = "key.txt"', {}),
    ('key_variable = "K"', {"K": SECRET}),
    ('key_variable = "K"\nkey_header = "api-key"', {"K": SECRET}),
    ('[profiles.local.headers]\nX-Gateway = "${K}"', {"K": SECRET}),
    ('[profiles.local.headers]\nAuthorization = "Basic ${K}"', {"K": SECRET}),
]


@pytest.mark.parametrize(("text", "environ"), SECRETIVE)
def test_no_form_of_a_key_is_shown_when_a_service_quotes_it(own: Path, text: str, environ: dict[str, str]) -> None:
    """Not in messages, not in tracebacks, not by the service, its profile, or what is told of it."""
    written(own.with_name("key.txt"), SECRET)
    found = profile(own, LOCAL + text)
    server = Server(quotes=True)
    service = opened(found, server, **environ)
    with pytest.raises(ProviderError) as caught:
        answered(service)
    assert SECRET in str(server.headers[0].raw)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(service) + service.identity
    assert SECRET not in shown + repr(found) + found.identity + repr(standing(found, environ))
    assert "[key]" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'{LOCAL}key = "{SECRET}"',
        f'{LOCAL}api_key = "{SECRET}"',
        f'{LOCAL}key_variable = "{SECRET}"',
        f'{LOCAL}prices = "{SECRET}"',
        f'{LOCAL}[profiles.local.headers]\nX-A = "${{{SECRET}}}"',
        f'{LOCAL}[profiles.local.headers]\nAuthorization = "Bearer {SECRET}"',
        f'{LOCAL}[profiles.local.headers]\nX-Api-Key = "{SECRET}"',
        f'{LOCAL}key = "{SECRET}',
        f'{LOCAL}"{SECRET}" "{SECRET}"',
        f'[profiles.local]\nbase_url = "https://me:{SECRET}@host.example/v1"\n',
        f'[profiles.local]\nbase_url = "https://host.example/v1?key={SECRET}"\n',
    ],
)
def test_a_key_written_into_the_file_is_refused_unseen(own: Path, text: str) -> None:
    """Wherever it was put."""
    with pytest.raises(UsageError) as caught:
        open_profile(profile(own, text), {})
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", ["", "two words", f"{SECRET}\nanother"])
def test_a_key_file_that_holds_no_single_key_is_refused_unseen(own: Path, content: str) -> None:
    """Its content is in no message."""
    written(own.with_name("key.txt"), content)
    with pytest.raises(UsageError, match="must hold one key") as caught:
        open_profile(profile(own, f'{LOCAL}key_file = "key.txt"'), {})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('key_file = "none.txt"', "can't be read"),
        ('key_variable = "K"', "takes its key from the variable K, which is not set"),
        ('[profiles.local.headers]\nX-A = "${K}"', "the header X-A needs the variable K: set it"),
        ('key_variable = "H"\n[profiles.local.headers]\nauthorization = "x ${H}"', "holds the key: keep one"),
        ('key_variable = "C"', "looks like Comfy's"),
        ('[profiles.local.headers]\nX-A = "${C}"', "looks like Comfy's"),
    ],
)
def test_a_key_that_is_missing_or_not_its_own_is_told(own: Path, text: str, said: str) -> None:
    """Before anything is sent."""
    environ = {"H": "0123456789", "C": "comfyui-0123456789"}
    with pytest.raises(UsageError) as caught:
        open_profile(profile(own, LOCAL + text), environ)
    assert said in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_key_file_others_can_read_is_worth_a_warning(own: Path) -> None:
    """Mounted secrets are often like that, so it is no error."""
    key = written(own.with_name("key.txt"), SECRET)
    found = profile(own, f'{LOCAL}key_file = "key.txt"')
    key.chmod(0o644)
    assert "chmod 600" in (standing(found, {}).warning or "")
    key.chmod(stat.S_IRUSR)
    assert standing(found, {}).warning is None


def test_prices_are_as_the_profile_says_else_as_its_address() -> None:
    """Only OpenAI's own address has OpenAI's prices unsaid."""
    found = Profiles.built_in().changed({"local": {"prices": "openai"}}, "here").find("local")
    assert found.tariff("http://127.0.0.1") is Tariff.OPENAI
    openai = Profiles.built_in().find("openai")
    assert openai.tariff("https://api.openai.com/v1") is Tariff.OPENAI
    assert openai.tariff("https://host.example/v1") is Tariff.LISTED
