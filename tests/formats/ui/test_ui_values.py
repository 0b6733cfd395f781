"""Which saved value belongs to which widget (workflow-formats.md, 3.2 and 3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import CONTROLLED, converted, document, inputs_of, kind, node, values_of

from graphrun.kernel.workflow import Address, Control, Misread

SAMPLER = kind(
    {"model": "MODEL", "seed": ["INT", CONTROLLED], "steps": "INT", "cfg": "FLOAT", "name": [["a", "b"], {}]}
)
UPLOAD = ["COMBO", {"image_upload": True}]
FORCED = ["INT", {"forceInput": True}]


@pytest.mark.parametrize(
    ("record", "values", "expected"),
    [
        (SAMPLER, [5, "randomize", 20, 7.5, "a"], {"seed": 5, "steps": 20, "cfg": 7.5, "name": "a"}),
        (kind({"seed": "INT", "n": "INT"}), [5, "fixed", 1], {"seed": 5, "n": 1}),
        (kind({"noise_seed": "INT", "n": "INT"}), [5, "fixed", 1], {"noise_seed": 5, "n": 1}),
        (kind({"seed": ["INT", {"control_after_generate": False}], "n": "INT"}), [5, 1], {"seed": 5, "n": 1}),
        (kind({"strength": "FLOAT", "seed": "INT"}), [0.5, 5, "fixed"], {"strength": 0.5, "seed": 5}),
        (kind({"file": [["x"], CONTROLLED], "n": "INT"}), ["x", "fixed", "", 3], {"file": "x", "n": 3}),
        (kind({"image": UPLOAD}), ["cat.png", "image"], {"image": "cat.png"}),
        (kind({"image": UPLOAD, "c": [["red", "b"], {}]}), ["c.png", "red", "image"], {"image": "c.png", "c": "red"}),
        (kind({"audio": ["COMBO", {"audio_upload": True}]}), ["a.mp3", ""], {"audio": "a.mp3"}),
        (kind({"box": "BOUNDING_BOX", "n": "INT"}), [{"x": 1}, 0, 0, 5, 5, 7], {"box": {"x": 1}, "n": 7}),
        (kind({"curve": "CURVE"}), [{"points": [[0, 0]]}], {"curve": {"points": [[0, 0]]}}),
        (kind({"which": ["COMBO", {"remote": {"route": "/x"}}], "n": "INT"}), ["a", False, 4], {"which": "a", "n": 4}),
        (kind({"which": ["COMBO", {"remote": {"refresh_button": True}}]}), ["a", False, "refresh"], {"which": "a"}),
        (kind({"either": ["FLOAT,INT", {"widgetType": "FLOAT"}]}), [0.5], {"either": 0.5}),
        (kind({"a": "IMAGE", "b": "*", "text": "STRING"}), ["x"], {"text": "x"}),
        (kind({"images": "IMAGECOMPARE", "text": "STRING"}), ["x"], {"text": "x"}),
    ],
)  # fmt: skip
def test_values_are_dealt_out_in_the_order_of_the_widgets(record: Any, values: list[Any], expected: Any) -> None:
    """Controls, filters, buttons and echoes take places of the list, but never reach the prompt."""
    assert values_of(record, values) == expected


def test_required_inputs_come_before_optional_ones_in_their_declared_order() -> None:
    """``input_order`` decides, not the order of the JSON object."""
    record = {**kind({"b": "STRING", "a": "STRING"}, {"c": "STRING"}), "input_order": {"required": ["a", "b"]}}
    assert values_of(record, ["1", "2", "3"]) == {"a": "1", "b": "2", "c": "3"}


HERE = [["here.png"], {}]


@pytest.mark.parametrize(
    ("record", "values", "expected"),
    [
        (kind({"file": [["here.png"], {"image_upload": True}]}, {"n": "INT"}), ["image", 7], {"n": 7}),
        (kind({"file": HERE, "x": FORCED, "n": "INT", "text": "STRING"}), ["", 7, "w"], {"n": 7, "text": "w"}),
        (kind({"file": HERE, "images": "IMAGECOMPARE", "n": "INT"}), [None, 4], {"n": 4}),
    ],
)
def test_a_file_that_is_not_here_does_not_hinder_the_repair(record: Any, values: list[Any], expected: Any) -> None:
    """An option that nobody lists says nothing about where the other values belong; the plan reports it."""
    assert values_of(record, ["elsewhere.png", *values]) == {"file": "elsewhere.png", **expected}


@pytest.mark.parametrize(
    ("record", "values", "expected"),
    [
        # placeholders of previews, and of the audio player
        (kind({"images": "IMAGECOMPARE", "text": "STRING"}), [None, "x"], {"text": "x"}),
        ({**kind({"audio": ["COMBO", {"audio_upload": True}]})}, ["a.mp3", None, ""], {"audio": "a.mp3"}),
        # dummies of forced inputs, with a control after a flagged one
        (kind({"x": FORCED, "n": "INT"}), [0, 7], {"n": 7}),
        (kind({"seed": ["INT", {"forceInput": True}], "n": "INT"}), [0, "fixed", 7], {"n": 7}),
        # the upload button before the optional widgets
        (kind({"image": UPLOAD}, {"mode": [["x", "y"], {}]}), ["c.png", "image", "y"], {"image": "c.png", "mode": "y"}),
        # too few: what came later takes its default
        (kind({"a": "STRING", "device": [["cpu", "gpu"], {}]}), ["x"], {"a": "x", "device": "cpu"}),
        (kind({"a": "STRING", "n": ["INT", {"default": 9}]}), ["x"], {"a": "x", "n": 9}),
        (kind({"a": "STRING", "n": "INT"}), ["x"], {"a": "x"}),
        # too many: leftovers
        (kind({"a": "STRING"}), ["x", True, None, "done in 3 s"], {"a": "x"}),
        # a control word the class does not ask for
        (kind({"n": "INT", "s": "FLOAT"}), [4096, "fixed", 0.5], {"n": 4096, "s": 0.5}),
    ],
)
def test_lists_of_older_editors_and_classes_are_repaired(record: Any, values: list[Any], expected: Any) -> None:
    """Section 3.3.4, one case a row."""
    assert values_of(record, values) == expected


STYLED = kind({"prompt": "STRING", "ratio": "STRING", "style": "STRING", "seed": "INT", "denoise": "FLOAT"})
SIZED = kind({"prompt": "STRING", "seed": "INT", "size": [["s", "m"], {}], "n": "INT"})
GUIDED = kind({"name": "STRING", "cfg": "FLOAT", "seed": "INT", "denoise": "FLOAT"})


@pytest.mark.parametrize(
    ("record", "values", "expected"),
    [
        (STYLED, ["p", "1:1", "art", 3366771684, 0.66, 0.8], {"seed": 3366771684, "denoise": 0.8}),
        (GUIDED, ["x", 4, 0, 1, [False, True]], {"cfg": 4, "seed": 0, "denoise": 1}),
        (SIZED, ["p", 5, "m", 1], {"size": "m", "n": 1}),
    ],
)  # fmt: skip
def test_junk_for_a_control_word_is_told_from_a_missing_one(record: Any, values: list[Any], expected: Any) -> None:
    """Both are real, and need opposite answers: the values that go to the prompt decide."""
    assert expected.items() <= values_of(record, values).items()


def test_values_that_fit_neither_way_are_a_problem_that_names_them() -> None:
    """A value is never guessed; what stands before the doubt is kept."""
    made = values_of(kind({"a": "STRING", "seed": "INT", "n": "INT", "on": "BOOLEAN"}), ["x", 5, "junk", "more", "yet"])
    assert (made["a"], made["seed"]) == ("x", 5)
    assert isinstance(made["n"], Misread)
    assert made["n"].type == "unplaced_value"
    assert "'more'" in made["n"].message
    assert isinstance(made["on"], Misread)


def test_values_behind_an_unknown_option_are_a_problem() -> None:
    """Which widgets an option of a newer class brings, nobody here knows; values in front of it have their place."""
    options = {"options": [{"key": "a", "inputs": {"required": {"size": ["INT", {}]}}}]}
    record = kind({"text": "STRING", "model": ["COMFY_DYNAMICCOMBO_V3", options], "n": "INT"})
    made = values_of(record, ["x", "newer", 512, 4])
    assert (made["text"], made["model"]) == ("x", "newer")
    assert isinstance(made["n"], Misread)
    assert made["n"].type == "unplaced_value"
    assert made["n"].value == [512, 4]
    assert values_of(record, ["x", "a", 512, 4]) == {"text": "x", "model": "a", "model.size": 512, "n": 4}


def test_a_list_of_the_right_length_is_passed_on_as_it_is() -> None:
    """Options the class of today lacks are the plan's to report, with the list of those there are."""
    assert values_of(kind({"quality": [["low", "high"], {}]}), ["hd"]) == {"quality": "hd"}


def test_numbers_are_not_converted() -> None:
    """``8`` stays ``8`` for a FLOAT, and noise stays noise."""
    made = values_of(kind({"a": "FLOAT", "b": "FLOAT"}), [8, 6.000000000000001])
    assert [(type(value), value) for value in made.values()] == [(int, 8), (float, 6.000000000000001)]


def test_names_win_over_places() -> None:
    """The two agree in files an editor wrote; where a tool changed one, the name is believed, and said so."""
    named = {"seed": 1, "control_after_generate": "fixed", "steps": 2, "cfg": 3.5, "name": "b"}
    made = converted(
        document([node(1, "Made", [1, "fixed", 99, 3.5, "b"], widgets_values_named=named)]), {"Made": SAMPLER}
    )
    assert made.nodes["1"].inputs == {"seed": 1, "steps": 2, "cfg": 3.5, "name": "b"}
    assert made.warnings == ["1 (Made): steps is 2 by name, but 99 by position; the name was believed"]


def test_a_missing_name_is_looked_up_by_place() -> None:
    """Two widgets of one name collapse into one."""
    named = {"seed": 1, "fixed": "fixed", "upload": "image"}
    assert values_of(kind({"seed": "INT", "n": "INT"}), [1, "fixed", 4], widgets_values_named=named) == {
        "seed": 1,
        "n": 4,
    }


@pytest.mark.parametrize(
    "values",
    [
        {"n": 4, "text": "x", "videopreview": {"hidden": True}, "choose file to upload": "image"},
        {"length": 2, "0": 4, "1": "x"},
    ],
)
def test_values_may_be_saved_as_an_object(values: Any) -> None:
    """By widget name, or as an array-like."""
    assert values_of(kind({"n": "INT", "text": "STRING"}), values) == {"n": 4, "text": "x"}


@pytest.mark.parametrize("values", [None, [], {}])
def test_nothing_saved_means_defaults(values: Any) -> None:
    """Absent, null and empty are alike."""
    assert values_of(kind({"n": ["INT", {"default": 3}], "s": [["a"], {}]}), values) == {"n": 3, "s": "a"}


def test_null_means_not_given() -> None:
    """A combo takes its first option, another widget its default, and one without stays out."""
    record = kind({"c": [["a", "b"], {}], "n": ["INT", {"default": 3}], "t": "STRING"})
    assert values_of(record, [None, None, None]) == {"c": "a", "n": 3}


def test_null_for_a_combo_means_its_first_option() -> None:
    """Whatever a new node would start with; an option that is missing takes that (3.3.5)."""
    record = kind({"name": [["a", "b"], {"default": "b"}]})
    assert values_of(record, [None]) == {"name": "a"}
    assert values_of(record, []) == {"name": "b"}


def test_numbers_no_node_can_take_are_problems() -> None:
    """NaN, infinity, and nesting without end."""
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    made = values_of(kind({"a": "FLOAT", "b": "CURVE"}), [float("nan"), {"points": deep}])
    assert [value.type for value in made.values()] == ["invalid_input_type", "too_deep"]


def test_old_sampler_names_lose_their_prefix() -> None:
    """A fix-up the editor applies on load."""
    record = kind({"sampler_name": [["euler"], {}]})
    made = inputs_of(document([node(1, "KSampler", ["sample_euler"])]), classes={"KSampler": record})
    assert made == {"sampler_name": "euler"}


@pytest.mark.parametrize(("word", "mode"), [("randomize", "randomize"), (True, "randomize"), (False, "fixed")])
def test_the_control_of_a_number_is_kept(word: Any, mode: str) -> None:
    """It matters for ``--seed random``; very old files had true and false for it."""
    made = converted(document([node(1, "Made", [5, word, 1, 1.0, "a"])]), {"Made": SAMPLER})
    assert made.controls == {Address("1", "seed"): Control(mode, "1.seed")}


def test_the_moderation_of_early_files_is_told_from_a_model() -> None:
    """Both were once the eighth value of OpenAIGPTImage1; absent, a model is the function's own matter."""
    import graphrun

    common = ["p", 5, "fixed", "low", "auto", "auto", 1]
    for eighth, name in (("low", "moderation"), ("gpt-image-1.5", "model")):
        made = graphrun.load(document([node(1, "OpenAIGPTImage1", [*common, eighth])]))
        assert made.nodes["1"].inputs[name] == eighth
    assert "model" not in graphrun.load(document([node(1, "OpenAIGPTImage1", common)])).nodes["1"].inputs


def test_the_index_of_a_custom_combo_is_computed() -> None:
    """Its options are made in the editor; the saved index may be stale."""
    made = inputs_of(
        document([node(1, "CustomCombo", ["b", 0, "a", "b", ""])]), classes={"CustomCombo": kind({"choice": "COMBO"})}
    )
    assert made == {"choice": "b", "index": 1, "option1": "a", "option2": "b", "option3": ""}
