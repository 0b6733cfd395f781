"""``graphrun check``: everything that is wrong, and how wrong it is."""

from __future__ import annotations

import json
from pathlib import Path

from callers import LOCAL_MODELS, NEEDS_LOCAL_MODELS, PAID, PICTURES, TEXT, Graphrun, Write, node


def test_a_good_workflow_is_said_to_be_good(graphrun: Graphrun, write: Write) -> None:
    """One line and the price, exit code 0; an image service is not needed to know that."""
    said = graphrun("check", write({**TEXT, **PAID}))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "ok: 4 nodes would run for 2 outputs"


def test_all_problems_are_told_at_once(graphrun: Graphrun, write: Write) -> None:
    """Two faults in one node, one in another, a class that isn't here, what is lost for them, and a warning."""
    graph = {
        **TEXT,
        **LOCAL_MODELS,
        "20": node("EmptyImage", width=0, height="tall", batch_size=1, color=0),
        "21": node("PreviewImage", "Look", images=["20", 0]),
        "22": node("PreviewAny", source=["sky", 0], extra=1),
    }
    said = graphrun("check", write(graph))
    assert said.code == 1
    assert said.out.splitlines() == [
        """error: 20 (EmptyImage): width: 0 is smaller than the least allowed, 1""",
        """error: 20 (EmptyImage): height: 'tall' is no INT: write a whole number""",
        """error: 22 "Preview as Text" (PreviewAny): source: links to 'sky', which is not in the workflow""",
        NEEDS_LOCAL_MODELS,
        """error: output 21 "Look" (PreviewImage) can't run because of 20 (EmptyImage)""",
        """warning: inputs that their nodes don't know are ignored (22 (PreviewAny): extra)""",
        "1 of 4 outputs can run",
    ]


def test_strict_makes_any_problem_a_refusal(graphrun: Graphrun, write: Write) -> None:
    """As `run --strict` would."""
    path = write({**TEXT, **LOCAL_MODELS})
    assert graphrun("check", path).code == 1
    assert graphrun("check", path, "--strict").code == 2


def test_nothing_that_can_run_is_exit_code_2(graphrun: Graphrun, write: Write) -> None:
    """The workflow is wrong as a whole."""
    said = graphrun("check", write(LOCAL_MODELS))
    assert (said.code, said.out.splitlines()) == (2, [NEEDS_LOCAL_MODELS, "nothing can run"])


def test_json_has_the_same_fields_for_good_bad_and_unreadable_files(
    graphrun: Graphrun, write: Write, here: Path
) -> None:
    """A program needs one way to read the answer."""
    (here / "broken.json").write_text("{")
    said = [
        graphrun("check", write(TEXT), "--json"),
        graphrun("check", write({**TEXT, **LOCAL_MODELS}), "--json"),
        graphrun("check", "broken.json", "--json"),
    ]
    good, bad, unreadable = [json.loads(each.out) for each in said]
    assert [each.code for each in said] == [0, 1, 2]
    assert good.keys() == bad.keys() == unreadable.keys()
    assert good["problems"] == []
    assert bad["refused"].keys() == {"9"}
    assert bad["problems"][0]["type"] == "missing_node_type"
    assert unreadable["problems"][0]["message"]


def test_inputs_can_be_set_for_a_check(graphrun: Graphrun, write: Write) -> None:
    """What `run` would take, `check` takes."""
    graphrun("run", write(PICTURES), "--output-dir", ".", "--quiet")
    path = write({"1": node("LoadImage", image="nix.png"), "2": node("PreviewImage", images=["1", 0])})
    assert graphrun("check", path).code == 2
    assert graphrun("check", path, "--set", "1.image=fox_00001_.png").code == 0
    assert graphrun("check", path, "--file", "1.image=fox_00001_.png").code == 0


def test_the_price_is_told_per_node_and_in_all(graphrun: Graphrun, write: Write) -> None:
    """Dated; one line for nodes of which the same is to be said; programs get exact amounts."""
    path = write({**PAID, "11": PAID["10"], "12": node("PreviewImage", images=["11", 0])})
    price = "0.0059 USD"
    assert graphrun("check", path).out.splitlines()[1:] == [
        f'cost of 10 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1): {price} (gpt-image-2, 1 picture)',
        'cost of 11 "OpenAI GPT Image 2 (legacy)" (OpenAIGPTImage1): 0 USD (gpt-image-2, 1 picture; in the cache)',
        f"cost in all: {price} by the prices of 2026-11-20",
    ]
    cost = json.loads(graphrun("check", path, "--json").out)["cost"]
    assert (cost["low"], cost["high"], cost["unknown"], cost["as_of"]) == ("0.00589", "0.00589", 0, "2026-11-20")


def test_a_dead_model_is_told_with_the_command_that_runs_it(graphrun: Graphrun, write: Write) -> None:
    """Without key and network; with the map it is told what it costs instead."""
    path = write(
        {"1": node("OpenAIDalle3", prompt="a fox"), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
    )
    said = graphrun("check", path)
    assert said.code == 2
    assert said.out.splitlines()[0] == (
        'error: 1 "OpenAI DALL·E 3" (OpenAIDalle3): OpenAI shut down dall-e-3 on 2026-05-12: '
        f"add --map-models (graphrun run {path} --map-models) to use gpt-image-2 instead, "
        "or choose a service that still has it"
    )
    mapped = graphrun("check", path, "--map-models")
    assert mapped.code == 0
    assert "0.0527 USD (gpt-image-2 for dall-e-3, 1 picture)" in mapped.out
    assert graphrun("check", path, "--provider", "offline").code == 0
    assert graphrun("check", path, "--map-models", "--strict-models").code == 2
    assert graphrun("plan", path, "--map-models").out.splitlines()[-1].startswith("cost in all: 0.0527 USD")
