"""What every test may use: the corpus folder, and the flag that accepts new golden data."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
CORPUS = PROJECT.parent / "shared" / "data" / "workflows"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="accept the present state as the golden one")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CORPUS.is_dir():
        return
    skip = pytest.mark.skip(reason="the corpus of real workflow files is not here")
    for item in items:
        if "corpus" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real workflow files."""
    return CORPUS


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the user's keys, settings, cache or ledger, or writes into the user's folders."""
    for service in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "GRAPHRUN_PROVIDER"):
        monkeypatch.delenv(service, raising=False)
    for name in ("COMFY_API_KEY", "COMFY_API_BASE_URL", "GRAPHRUN_TRUST_PROFILES"):
        monkeypatch.delenv(name, raising=False)
    profiles = tmp_path_factory.mktemp("config") / "graphrun.toml"
    profiles.touch()
    monkeypatch.setenv("GRAPHRUN_CONFIG", str(profiles))
    monkeypatch.setenv("GRAPHRUN_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    monkeypatch.setenv("GRAPHRUN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
