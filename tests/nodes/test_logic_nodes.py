"""Switches, truth and choices. A branch that is not taken does not run."""

from typing import Any

import pytest
import torch

import graphrun
from graphrun import Matte, NodePack, Pictures
from graphrun.providers.offline import offline_images
from graphrun_nodes.logic import truth


def paid(prompt: str) -> dict[str, Any]:
    """An image node that costs money."""
    inputs = {
        "prompt": prompt,
        "model": "gpt-image-2",
        "model.size": "1024x1024",
        "model.background": "auto",
        "model.quality": "low",
        "n": 1,
        "seed": 1,
    }
    return {"class_type": "OpenAIGPTImageNodeV2", "inputs": inputs}


@pytest.mark.parametrize(("switch", "prompt"), [(True, "a fox"), (False, "a hare")])
def test_only_the_branch_taken_is_paid_for(switch: bool, prompt: str, tmp_path: Any) -> None:
    """Two paid nodes behind a switch make one request."""
    heard: list[Any] = []
    workflow = {
        "hare": paid("a hare"),
        "fox": paid("a fox"),
        "switch": {
            "class_type": "ComfySwitchNode",
            "inputs": {"switch": switch, "on_false": ["hare", 0], "on_true": ["fox", 0]},
        },
        "save": {"class_type": "SaveImage", "inputs": {"images": ["switch", 0], "filename_prefix": "drawn"}},
    }
    result = graphrun.run(workflow, provider=offline_images(heard=heard.append), output_dir=tmp_path)
    assert result.ok
    assert len(heard) == 1
    assert prompt in str(heard[0])
    taken, other = ("fox", "hare") if switch else ("hare", "fox")
    assert result.did_run(taken)
    assert not result.did_run(other)
    assert len(list(tmp_path.glob("*.png"))) == 1


def flow(class_type: str, decide: object, **branches: object) -> dict[str, Any]:
    """A switch whose setting comes from a node, so that it is only known in the run."""
    return {
        "no": {"class_type": "PrimitiveInt", "inputs": {"value": 0}},
        "yes": {"class_type": "PrimitiveInt", "inputs": {"value": 1}},
        "decide": {"class_type": "PrimitiveBoolean", "inputs": {"value": decide}},
        "switch": {"class_type": class_type, "inputs": {"switch": ["decide", 0], **branches}},
    }


@pytest.mark.parametrize("class_type", ["ComfySwitchNode", "ComfySoftSwitchNode"])
@pytest.mark.parametrize("decide", [True, False])
def test_a_switch_passes_on_one_of_two(class_type: str, decide: bool) -> None:
    """What leads to the other never runs, also where the switch is only set in the run."""
    workflow = flow(class_type, decide, on_false=["no", 0], on_true=["yes", 0])
    result = graphrun.run(workflow, targets=["switch"])
    assert result["switch"].value == int(decide)
    assert result.did_run("yes") is decide
    assert result.did_run("no") is not decide


def test_a_switch_set_to_what_is_not_linked_gives_nothing() -> None:
    """And runs nothing for it."""
    result = graphrun.run(flow("ComfySwitchNode", True, on_false=["no", 0]), targets=["switch"])
    assert result["switch"].value is None
    assert not result.did_run("no")


def test_a_soft_switch_takes_what_there_is() -> None:
    """The only branch that is linked, however it is set."""
    result = graphrun.run(flow("ComfySoftSwitchNode", True, on_false=["no", 0]), targets=["switch"])
    assert result["switch"].value == 0
    with pytest.raises(graphrun.NodeError, match="link at least one"):
        graphrun.call("ComfySoftSwitchNode", {"switch": True})


def test_a_switch_over_a_list_runs_what_any_item_needs() -> None:
    """Item by item; both branches are needed here."""
    pack = NodePack("lists")

    @pack.node("Truths")
    def truths() -> list[bool]:
        return [True, False, True]

    workflow = flow("ComfySwitchNode", True, on_false=["no", 0], on_true=["yes", 0])
    workflow["decide"] = {"class_type": "Truths", "inputs": {}}
    result = graphrun.run(workflow, packs=[*graphrun.installed_packs(), pack], targets=["switch"])
    assert result["switch"].outputs == [[1, 0, 1]]


def test_pictures_pass_a_switch_untouched() -> None:
    """Of any type."""
    image = torch.rand(1, 2, 2, 3)
    assert torch.equal(graphrun.call("ComfySwitchNode", {"switch": True, "on_true": image}).value, image)


@pytest.mark.parametrize("value", [0, 1, 0.0, "", "a", None, {}, True])
def test_truth_is_that_of_python(value: object) -> None:
    """Empty, zero and nothing are false."""
    assert graphrun.call("ComfyNotNode", {"value": value}).value is (not value)


@pytest.mark.parametrize("values", [[1], [1, 0], [0, 0], ["a", 2.5, True], [None, ""]])
def test_all_and_any(values: list[object]) -> None:
    """Of as many values as there are; gaps in their numbers don't matter."""
    inputs = {f"values.value{2 * index}": value for index, value in enumerate(values)}
    assert graphrun.call("ComfyAndNode", inputs).value is all(values)
    assert graphrun.call("ComfyOrNode", inputs).value is any(values)


def test_the_truth_of_many_numbers_is_an_error() -> None:
    """However a picture travels; that of one number isn't."""
    import numpy as np

    for value in (
        torch.zeros(2),
        Pictures.from_pixels(np.zeros((1, 2, 2, 3), np.uint8)),
        Matte(np.zeros((1, 2, 2), np.uint8)),
    ):
        with pytest.raises(RuntimeError, match="ambiguous"):
            truth(value)
    assert truth(torch.ones(1)) is True


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"anything": 5, "default": 6}, [[5], [False]]),
        ({"default": 6}, [[6], [True]]),
        ({"anything": None, "default": 6}, [[6], [True]]),
        ({"anything": 0}, [[0], [False]]),
        ({}, [[None], [True]]),
    ],
)
def test_a_default_stands_in_for_nothing(inputs: dict[str, object], outputs: list[list[object]]) -> None:
    """And it is told whether it did."""
    assert graphrun.call("ComfyPassOrNoneNode", inputs).outputs == outputs


def test_small_conversions() -> None:
    """A truth turned around, a text where a choice is wanted."""
    assert graphrun.call("InvertBooleanNode", {"boolean": True}).value is False
    assert graphrun.call("ConvertStringToComboNode", {"string": "bilinear"}).value == "bilinear"


def test_a_choice_of_the_workflow_s_own_is_passed_on() -> None:
    """Its options stand beside it in the file and are no matter of ours, nor worth a warning."""
    inputs = {"choice": "9:16", "index": 1, "option1": "16:9", "option2": "9:16", "option3": ""}
    assert graphrun.call("CustomCombo", inputs).outputs == [["9:16"], [1]]
    result = graphrun.run({"1": {"class_type": "CustomCombo", "inputs": inputs}}, targets=["1"])
    assert result["1"].outputs == [["9:16"], [1]]
    assert result.warnings == ()
