"""Models that are gone or soon will be: told before the network, with the way on; and asked as living ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from priced_runs import fan, picture, run, settings_in

from graphrun import Engine, Problem, UsageError, WorkflowError
from graphrun.imaging import picture_size
from graphrun.imaging.png import read_text
from graphrun.providers.metered import Tariff
from graphrun.providers.offline import offline_images
from graphrun.providers.openai import OpenAIImages
from graphrun.testing import FaultyImages, Good

TODAY = date(2026, 11, 20)


@pytest.fixture
def service() -> Iterator[FaultyImages]:
    with FaultyImages(answer=Good()) as faulty:
        yield faulty


def saved(class_type: str, **inputs: Any) -> dict[str, Any]:
    """Return an image node and its saver."""
    save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "old"}}
    return {"1": {"class_type": class_type, "inputs": {"prompt": "a fox", **inputs}}, "2": save}


def problems(graph: Any, **options: Any) -> list[Problem]:
    """Return what planning finds against OpenAI itself, without a key."""
    return list(Engine().plan(graph, today=TODAY, **options).problems)


def sent(service: FaultyImages) -> list[str]:
    """Return the model of each request."""
    return [request.heard.model for request in service.requests if request.heard]


@pytest.mark.parametrize(
    ("graph", "input", "died"),
    [
        (saved("OpenAIDalle2"), None, "dall-e-2 on 2026-05-12"),
        (saved("OpenAIDalle3"), None, "dall-e-3 on 2026-05-12"),
        (saved("OpenAIGPTImage1"), "model", "gpt-image-1 on 2026-10-23"),
    ],
    ids=["dall-e-2", "dall-e-3", "no model named"],
)
def test_a_dead_model_is_a_problem_of_the_plan(graph: Any, input: str | None, died: str) -> None:
    """With the day and the flag that would make it run; with that flag there is none."""
    [problem] = problems(graph)
    assert (problem.type, problem.node_id, problem.input) == ("model_shut_down", "1", input)
    assert died in problem.message
    assert "--map-models to use gpt-image-2 instead" in problem.message
    assert problems(graph, map_models=True) == []


def test_the_message_names_the_very_command(tmp_path: Path) -> None:
    """Where the workflow is a file."""
    path = tmp_path / "old fox.json"
    path.write_text(json.dumps(saved("OpenAIDalle3")))
    [problem] = problems(path)
    assert f"graphrun run '{path}' --map-models" in problem.message


def test_a_dying_model_is_warned_of(service: FaultyImages, tmp_path: Path) -> None:
    """In the last sixty days, in the plan and in the run; before that nothing is said, from the day on it is dead."""
    graph = saved("OpenAIGPTImage1", model="gpt-image-1.5")
    [warning] = Engine().plan(graph, today=TODAY).warnings
    assert "OpenAI shuts down gpt-image-1.5 on 2026-12-01, in 11 days: add --map-models" in warning
    assert Engine().plan(graph, today=date(2026, 10, 1)).warnings == ()
    assert [problem.type for problem in Engine().plan(graph, today=date(2026, 12, 1)).problems] == ["model_shut_down"]
    result = run(tmp_path, service, graph, today=TODAY)
    assert result.ok
    assert [each for each in result.warnings if "2026-12-01" in each]


def test_strict_models_refuses_instead_of_warning() -> None:
    """Models in their last sixty days, and never maps."""
    graph = saved("OpenAIGPTImage1", model="gpt-image-1.5")
    assert [problem.type for problem in problems(graph, strict_models=True)] == ["model_shutting_down"]
    assert problems(saved("OpenAIGPTImage1", model="gpt-image-2"), strict_models=True) == []
    with pytest.raises(UsageError, match="contradict each other"):
        problems(graph, strict_models=True, map_models=True)


def test_other_services_are_not_judged(service: FaultyImages, tmp_path: Path) -> None:
    """A compatible server, and the offline service, which accepts every model."""
    assert run(tmp_path, service, saved("OpenAIDalle3"), tariff=Tariff.UNKNOWN).ok
    assert problems(saved("OpenAIDalle3"), provider=offline_images()) == []
    regional = OpenAIImages("https://eu.api.openai.com/v1", "sk-test")
    assert [problem.type for problem in problems(saved("OpenAIDalle3"), provider=regional)] == ["model_shut_down"]


def test_nothing_is_sent_for_a_dead_model(service: FaultyImages, tmp_path: Path) -> None:
    """Neither for one that stands in the file nor for one that comes by a link."""
    with pytest.raises(WorkflowError, match="OpenAI shut down dall-e-3"):
        run(tmp_path, service, saved("OpenAIDalle3"), today=TODAY)
    linked = saved("OpenAIGPTImage1", model=["3", 0])
    linked["3"] = {"class_type": "PrimitiveString", "inputs": {"value": "gpt-image-1"}}
    linked["1"]["inputs"]["model"] = ["3", 0]
    plan = Engine().plan(linked, today=TODAY)
    if not plan.problems:  # the link may not be allowed at all
        result = run(tmp_path, service, linked, today=TODAY)
        assert "nothing was sent: OpenAI shut down gpt-image-1" in str(result.failures[0])
    assert service.requests == ()


def test_a_mapped_request_is_one_of_the_living_model(service: FaultyImages, tmp_path: Path) -> None:
    """Translated, and its pictures brought to the size that was asked for; visible wherever one may look."""
    result = run(tmp_path, service, saved("OpenAIDalle2", size="256x256"), map_models=True, keep=["1"], today=TODAY)
    assert result.ok
    [request] = service.requests
    assert request.heard is not None
    assert request.heard.model == "gpt-image-2"
    assert (request.heard.text("size", ""), request.heard.text("quality", "")) == ("1024x1024", "low")
    assert picture_size(result["1"].pictures[0]) == (256, 256)
    assert any("gpt-image-2 is asked in place of dall-e-2" in warning for warning in result.warnings)
    [charge] = result["1"].charges
    assert (charge.asked.model, charge.asked.parameters["size"]) == ("gpt-image-2", "1024x1024")
    told = result.to_json()["nodes"]["1"]["charges"]
    assert [each["model"] for each in told] == ["gpt-image-2"]
    texts = read_text(result.artifacts[0].path.read_bytes())
    assert json.loads(texts["prompt"])["1"]["class_type"] == "OpenAIDalle2", "the graph stays what it was"
    asked = json.loads(texts["graphrun"])["1"]
    assert (asked["model"], asked["instead_of"], asked["parameters"]["quality"]) == ("gpt-image-2", "dall-e-2", "low")


def test_the_map_is_part_of_the_key(service: FaultyImages, tmp_path: Path) -> None:
    """What another model made never stands in; an equal mapped run asks nothing."""
    graph = saved("OpenAIGPTImage1", model="gpt-image-1.5")
    run(tmp_path, service, graph, today=TODAY)
    assert run(tmp_path, service, graph, today=TODAY, map_models=True).did_run("1")
    assert run(tmp_path, service, graph, today=TODAY, map_models=True).did_run("1") is False
    assert sent(service) == ["gpt-image-1.5", "gpt-image-2"]


def test_a_mapped_request_is_served_from_an_equal_one_in_the_ledger(service: FaultyImages, tmp_path: Path) -> None:
    """The address is that of what is sent, whoever asks."""
    run(tmp_path, service, fan(["a fox"]), today=TODAY)
    mapped = {"1": picture("a fox", model="gpt-image-1"), "2": saved("OpenAIDalle3")["2"]}
    assert run(tmp_path, service, mapped, today=TODAY, map_models=True, cache="off").ok
    assert len(service.requests) == 1


def test_a_table_of_ones_own_maps_without_the_flag(service: FaultyImages, tmp_path: Path) -> None:
    """In the settings for all runs, or in Python for one; strict models ignore it."""
    settings = settings_in(tmp_path, model_map={"dall-e-3": "gpt-image-2.5-flare"})
    assert run(tmp_path, service, saved("OpenAIDalle3"), settings=settings, today=TODAY).ok
    assert run(tmp_path, service, saved("OpenAIDalle3"), map_models={"dall-e-3": "gpt-image-2.6-flare"}).ok
    assert sent(service) == ["gpt-image-2.5-flare", "gpt-image-2.6-flare"]
    with pytest.raises(WorkflowError):
        run(tmp_path, service, saved("OpenAIDalle3"), settings=settings, strict_models=True, today=TODAY)


def test_a_map_to_a_dead_model_is_judged_by_that(tmp_path: Path) -> None:
    """The mapped model is what counts; with --map-models the way goes on to a living one."""
    engine = Engine(settings_in(tmp_path, model_map={"dall-e-2": "dall-e-3"}))
    [problem] = engine.plan(saved("OpenAIDalle2"), today=TODAY).problems
    assert "dall-e-3 on 2026-05-12" in problem.message
    assert engine.plan(saved("OpenAIDalle2"), today=TODAY, map_models=True).problems == ()


def test_prices_and_shutdowns_of_ones_own_come_first(tmp_path: Path) -> None:
    """A file that GRAPHRUN_PRICES names."""
    own = tmp_path / "own.yaml"
    own.write_text("version: 1\nas_of: 2026-11-21\nmodels:\n  dall-e-3: {}\n")

    async def plan() -> list[Problem]:
        async with Engine(settings_in(tmp_path, prices=own)) as engine:
            return list(engine.plan(saved("OpenAIDalle3"), today=TODAY).problems)

    assert asyncio.run(plan()) == []
