"""``graphrun providers``, and profiles on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from callers import Graph, Graphrun, Write, node

KEY = "sk-proj-very-secret-0123456789"
FOX: Graph = {
    "1": node("OpenAIGPTImage1", prompt="a fox", seed=1, model="gpt-image-2", quality="low"),
    "2": node("SaveImage", images=["1", 0], filename_prefix="fox"),
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file of profiles."""
    path = tmp_path / "own.toml"
    path.write_text('[profiles.local]\nbase_url = "http://127.0.0.1:8000/v1"\nsend_seed = true\n')
    monkeypatch.setenv("GRAPHRUN_CONFIG", str(path))
    return path


def test_each_provider_is_listed_with_what_is_set_up(
    graphrun: Graphrun, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address, whether its key is there, and where it was written; never the key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = graphrun("providers")
    lines = said.out.splitlines()
    assert said.code == 0
    assert [line.split()[0] for line in lines[:4]] == ["openai", "comfy", "offline", "local"]
    assert lines[0].endswith("https://api.openai.com/v1  key: OPENAI_API_KEY is there")
    assert lines[1].endswith("key: COMFY_API_KEY is not there")
    assert lines[3].endswith("http://127.0.0.1:8000/v1   sends no key")
    assert f"from: {own}" in said.out
    assert "send_seed: true" in said.out
    assert KEY not in said.out + said.err


def test_models_are_listed_with_the_days_they_end(graphrun: Graphrun) -> None:
    """From the dated file that comes along."""
    out = graphrun("providers").out
    assert "dall-e-3                shut down on 2026-05-12" in out
    assert "models at OpenAI, as known on 2026-" in out


def test_a_program_gets_the_same_as_json(graphrun: Graphrun, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are true or false there."""
    monkeypatch.setenv("COMFY_API_KEY", "comfyui-0123456789abcdef")
    out = graphrun("providers", "--json").out
    told = json.loads(out)
    there = {each["name"]: each["key_is_there"] for each in told["providers"]}
    assert there == {"openai": False, "comfy": True, "offline": None, "local": None}
    assert {"model": "dall-e-2", "state": "shut down", "shutdown": "2026-05-12"}.items() <= told["models"][0].items()
    assert "0123456789abcdef" not in out


def test_the_file_beside_a_workflow_is_told_of_and_refused_if_it_wants_too_much(
    graphrun: Graphrun, write: Write, here: Path
) -> None:
    """With the flag it may, here and in a run."""
    workflow = write(FOX)
    (here / "graphrun.toml").write_text(
        '[profiles.openai]\nbase_url = "http://127.0.0.1:9/v1"\nkey_variable = "HOME"\n'
    )
    refused = graphrun("providers", workflow)
    assert refused.code == 2
    assert "add --trust-profiles" in refused.err
    assert "http://127.0.0.1:9/v1" in graphrun("providers", workflow, "--trust-profiles").out
    assert graphrun("run", workflow, "--provider", "openai").code == 2
    assert graphrun("check", workflow, "--provider", "openai", "--trust-profiles").code == 0


def test_a_provider_that_cant_be_used_says_why(graphrun: Graphrun, own: Path) -> None:
    """The others are listed all the same."""
    own.write_text('[profiles.local]\nbase_url = "nowhere"\n[profiles.local.headers]\nX-A = "${GATEWAY}"\n')
    said = graphrun("providers")
    assert said.code == 0
    assert "problem: base_url of profile 'local'" in said.out
    own.write_text('[profiles.local]\nbase_url = "http://x"\n[profiles.local.headers]\nX-A = "${GATEWAY}"\n')
    assert "problem: its headers need GATEWAY, which is not set" in graphrun("providers").out


def test_a_missing_file_of_profiles_is_an_error_where_it_was_named(
    graphrun: Graphrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where it is only the usual place."""
    monkeypatch.setenv("GRAPHRUN_CONFIG", "nowhere.toml")
    said = graphrun("providers")
    assert said.code == 2
    assert "GRAPHRUN_CONFIG=nowhere.toml: there is no such file" in said.err


def test_the_usual_place_is_the_users_own_folder(
    graphrun: Graphrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where platformdirs says it is."""
    import platformdirs

    monkeypatch.delenv("GRAPHRUN_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = platformdirs.user_config_path("graphrun")
    if not folder.is_relative_to(tmp_path):
        pytest.skip("this system's folder can't be moved")
    folder.mkdir()
    (folder / "graphrun.toml").write_text('[profiles.mine]\nbase_url = "http://127.0.0.1:8000/v1"\n')
    assert "mine " in graphrun("providers").out


def test_a_profile_can_be_named_in_a_plan(graphrun: Graphrun, write: Write, own: Path) -> None:
    """And a wrong name is answered with the right ones."""
    workflow = write(FOX)
    assert graphrun("plan", workflow, "--provider", "local").code == 0
    said = graphrun("plan", workflow, "--provider", "locl")
    assert "did you mean 'local'" in said.err
