"""Dynamic inputs, classes nobody defines, and definitions themselves (workflow-formats.md, 3.5 and 3.9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from drawn import converted, document, inputs_of, kind, node, values_of

import graphrun
from graphrun.errors import FileFormatError
from graphrun.formats import Definitions, dump_definitions
from graphrun.formats.ui.object_info import object_info
from graphrun.formats.ui.placing import place
from graphrun.formats.ui.positions import CONTROL_NAME, Kind, Style, align
from graphrun.kernel.workflow import Link
from graphrun.packs import Registry, installed_packs


def combo(**options: Any) -> list[Any]:
    """Return a dynamic combo; each option with the inputs it brings."""
    listed = [{"key": key, "inputs": {"required": inputs}} for key, inputs in options.items()]
    return ["COMFY_DYNAMICCOMBO_V3", {"options": listed}]


GROWING = [
    "COMFY_AUTOGROW_V3",
    {"template": {"input": {"required": {"image": ["IMAGE", {}]}}, "prefix": "image", "min": 1}},
]
SIZES = combo(
    auto={}, custom={"width": ["INT", {}], "height": ["INT", {}], "fit": combo(crop={"where": ["STRING", {}]}, pad={})}
)
CHOOSING = kind({"size": SIZES, "images": GROWING, "n": "INT"})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["auto", 3], {"size": "auto", "n": 3}),
        (["custom", 8, 9, "pad", 3], {"size": "custom", "size.width": 8, "size.height": 9, "size.fit": "pad", "n": 3}),
        (["custom", 8, 9, "crop", "top", 3], {"size.fit": "crop", "size.fit.where": "top", "n": 3}),
    ],
)
def test_a_dynamic_combo_brings_the_widgets_of_its_option(values: Any, expected: Any) -> None:
    """Right after it, level by level, under dotted names."""
    assert expected.items() <= values_of(CHOOSING, values).items()


def test_named_values_of_other_options_are_left_out() -> None:
    """A file may keep what was typed before another option was chosen."""
    named = {"size": "auto", "size.width": 8, "n": 3}
    assert values_of(CHOOSING, None, widgets_values_named=named) == {"size": "auto", "n": 3}


def test_growing_inputs_are_linked_by_their_listed_names() -> None:
    """The spare slot that is always listed has no link; what belongs to another option is ignored."""
    slots = [("images.image0", 5), ("images.image1", None), ("size.width", 6, "widget")]
    made = document([node(1, "Made", ["auto", 3], *slots), node(2, "Source")], [(5, 2, 0, 1, 0), (6, 2, 0, 1, 1)])
    found = inputs_of(made, classes={"Made": CHOOSING})
    assert found == {"size": "auto", "n": 3, "images.image0": Link("2", 0)}


def test_a_widget_of_the_chosen_option_may_be_linked() -> None:
    """It exists, so its link counts."""
    made = document(
        [node(1, "Made", ["custom", 8, 9, "pad", 3], ("size.width", 5, "widget")), node(2, "Source")], [(5, 2, 0, 1, 0)]
    )
    assert inputs_of(made, classes={"Made": CHOOSING})["size.width"] == Link("2", 0)


def test_a_dynamic_group_has_its_rows_in_the_list() -> None:
    """A count that stays in the editor, then each row's fields."""
    group = [
        "COMFY_DYNAMICGROUP_V3",
        {"template": {"input": {"required": {"text": ["STRING", {}], "x": ["INT", {}]}}}, "max": 9},
    ]
    made = values_of(kind({"rows": group, "n": "INT"}), [2, "a", 1, "b", 2, 7])
    assert made == {"rows.0.text": "a", "rows.0.x": 1, "rows.1.text": "b", "rows.1.x": 2, "n": 7}


LISTED = (("seed", None, "widget"), ("steps", None, "widget"))
INTS = {"seed": "INT", "steps": "INT"}

# ── classes nobody defines ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "given",
    [
        node(1, "Strange", None, widgets_values_named={"seed": 5, "fixed": "fixed", "steps": 20, "upload": "image"}),
        node(1, "Strange", {"seed": 5, "steps": 20, "videopreview": {}}),
        node(1, "Strange", [5, 20], *LISTED, types=INTS),
        node(1, "Strange", [5, "fixed", 20], *LISTED, types=INTS),
        node(1, "Strange", [5, "fixed", 20, "image"], *LISTED, types=INTS),
    ],
    ids=["by name", "as an object", "listed", "listed, with a control", "listed, with an upload button"],
)  # fmt: skip
def test_what_the_file_names_itself_needs_no_definition(given: Any) -> None:
    """Four ways to recover the names, best first."""
    made = converted(document([given]))
    assert made.nodes["1"].inputs == {"seed": 5, "steps": 20}
    assert made.problems == []


@pytest.mark.parametrize("known", [{}, {"Power Lora Loader (rgthree)": kind({}, {"model": "MODEL"})}])
def test_the_rows_of_a_lora_loader_are_named_by_their_number(known: Any) -> None:
    """Its widgets are made in the editor, so that no definition names them; what is no row goes by its type."""
    first, second = ({"on": on, "lora": name, "strength": 1} for on, name in ((True, "a"), (False, "b")))
    head = {"type": "PowerLoraLoaderHeaderWidget"}
    made = converted(document([node(1, "Power Lora Loader (rgthree)", [{}, head, first, second, {}, ""])]), known)
    expected = {"PowerLoraLoaderHeaderWidget": head, "lora_1": first, "lora_2": second}
    assert made.nodes["1"].inputs == expected
    assert not made.problems


def test_values_nobody_names_are_a_problem_of_their_node() -> None:
    """Links and other nodes load."""
    made = converted(
        document(
            [node(1, "Strange", [5, 20], ("image", 5)), node(2, "Odd", ["x"]), node(3, "Source")], [(5, 3, 0, 1, 0)]
        )
    )
    assert made.nodes["1"].inputs == {"image": Link("3", 0)}
    assert [(each.type, each.node_id) for each in made.problems] == [("unnamed_values", "1"), ("unnamed_values", "2")]
    assert made.problems[0].message.endswith(": 5, 20")


def test_an_unknown_class_keeps_only_its_own_outputs_from_running() -> None:
    """The rest of the file can run."""
    nodes = [node(1, "PrimitiveInt", [4, "fixed"]), node(2, "PreviewAny", [], ("source", 5)), node(3, "KSampler", [5])]
    plan = graphrun.Engine().plan(
        document([*nodes, node(4, "SaveImage", ["x"], ("images", 6))], [(5, 1, 0, 2, 0), (6, 3, 0, 4, 0)])
    )
    assert plan.targets == ("2",)
    assert list(plan.refused) == ["4"]
    assert [problem.type for problem in plan.problems] == ["missing_node_type"]


def test_a_missing_class_is_told_with_the_pack_that_has_it() -> None:
    """As the node's properties name it; ComfyUI's own classes are in no pack."""
    strange = node(1, "Strange", properties={"cnr_id": "strange-pack"})
    plan = graphrun.Engine().plan(document([strange, node(2, "Odd", properties={"cnr_id": "comfy-core"})]))
    assert "strange-pack" in plan.refused["1"]
    assert "from" not in plan.refused["2"]


def test_what_is_wrong_with_a_whole_node_keeps_its_outputs_from_running() -> None:
    """And those only: the plan tells it once, at the node."""
    nodes = [node(1, "PrimitiveInt", [4], outputs=["INT"]), node(1, "PrimitiveInt", [5], outputs=["INT"])]
    nodes += [
        node(2, "PreviewAny", [], ("source", 5)),
        node(3, "PrimitiveInt", [6]),
        node(4, "PreviewAny", [], ("source", 6)),
    ]
    plan = graphrun.Engine().plan(document(nodes, [(5, 1, 0, 2, 0), (6, 3, 0, 4, 0)]))
    assert plan.targets == ("4",)
    assert [(each.type, each.node_id) for each in plan.problems] == [("duplicate_node_id", "2")]


def test_values_that_fit_nothing_are_told_at_their_node_and_can_be_set() -> None:
    """By the plan, as any problem; a value set by hand takes its place."""
    nodes = [node(1, "OpenAIDalle2", ["fox", 5, 1.5, "big", "many", 1]), node(2, "PreviewImage", [], ("images", 5))]
    workflow = graphrun.load(
        document(
            [*nodes, node(3, "PrimitiveInt", [1]), node(4, "PreviewAny", [], ("source", 6))],
            [(5, 1, 0, 2, 0), (6, 3, 0, 4, 0)],
        )
    )
    plan = graphrun.Engine().plan(workflow, provider="offline")
    assert plan.targets == ("4",)
    assert {(each.type, each.node_id, each.input) for each in plan.problems} == {
        ("unplaced_value", "1", "size"),
        ("unplaced_value", "1", "n"),
    }
    again = graphrun.Engine().plan(workflow.with_inputs({"1.size": "512x512", "1.n": 1}), provider="offline")
    assert again.problems == ()


# ── definitions ────────────────────────────────────────────────────────────────────────────────────────────────


def test_definitions_may_be_given_whole_or_for_one_class(tmp_path: Path) -> None:
    """As a file, its bytes, or parsed; they count more than the installed class of that name."""
    record = {**kind({"first": "INT", "second": "INT"}), "name": "PrimitiveInt"}
    path = tmp_path / "object_info.json"
    path.write_text(json.dumps({"PrimitiveInt": record}))
    made = document([node(1, "PrimitiveInt", [1, 2])])
    for given in (path, str(path), path.read_bytes(), {"PrimitiveInt": record}, record):
        assert graphrun.load(made, definitions=given).nodes["1"].inputs == {"first": 1, "second": 2}


@pytest.mark.parametrize("given", [b"{", b"[]", b"{}", {"1": {"class_type": "C", "inputs": {}}}, Path("no.json")])
def test_what_is_no_dump_is_refused(given: Any) -> None:
    """With the reason, not taken for a dump without the class."""
    with pytest.raises(FileFormatError):
        graphrun.load(document([node(1, "Strange", [1])]), definitions=given)


def test_our_own_classes_written_as_a_dump_read_back_the_same() -> None:
    """What ``object_info`` writes is what the conversion goes by."""
    types = Registry(installed_packs())
    dump = json.loads(json.dumps(dump_definitions(types.values())))
    for name in types:
        written, own = Definitions(dump=dump).find(name), Definitions(types).find(name)
        assert written is not None
        assert own is not None
        assert (written.inputs, written.outputs) == (own.inputs, own.outputs)


def test_an_input_that_is_only_linked_has_no_place_in_the_list() -> None:
    """SaveText's text, although texts have a field elsewhere."""
    made = document([node(1, "SaveText", ["notes", "md"], ("text", 5)), node(2, "Named", ["x"])], [(5, 2, 0, 1, 0)])
    found = inputs_of(made, classes={"SaveText": object_info(Registry(installed_packs())["SaveText"])})
    assert found == {"text": Link("2", 0), "filename_prefix": "notes", "format": "md"}


# What classes got after the definitions in the corpus were taken, at the end of their lists.
SINCE = {
    "ImageScaleToTotalPixels": ["resolution_steps"],
    "OpenAIGPTImage1": ["model", "custom_width", "custom_height"],
}
# Buttons whose place doesn't matter, since only others' follow, and which the file needs no name for.
BUTTONS = ("refresh", "upload")


@pytest.mark.corpus
def test_our_classes_have_the_widgets_that_files_know(corpus: Path) -> None:
    """The places of each installed class, beside what its definition in ComfyUI has."""
    known = json.loads((corpus / "widget-order.json").read_text())
    definitions = Definitions(Registry(installed_packs()))
    for name, record in known.items():
        definition = definitions.find(name)
        if definition is None or "values_order" not in record:
            continue
        places = [each.place for each in align(definition, [], Style()).taken]
        told = [place.name for place in places if place.name not in BUTTONS]
        assert told == [each for each in record["values_order"] if each not in BUTTONS] + SINCE.get(name, []), name
        aside = {place.name for place in places if place.kind is not Kind.VALUE}
        assert aside <= set(record["not_in_prompt"]), name


@pytest.mark.corpus
def test_our_classes_read_the_values_that_newer_files_name(corpus: Path) -> None:
    """By position alone, each value gets the name that the file itself gives it."""
    known = json.loads((corpus / "widget-order.json").read_text())
    definitions = Definitions(Registry(installed_packs()))
    for name, record in known.items():
        definition = definitions.find(name)
        for observed in record.get("observed_named", ()) if definition is not None else ():
            taken = place(definition, list(observed["example"].values())).alignment.taken
            told = [each.place.name for each in taken if each.given]
            # Some editors name a control after the word that it holds.
            assert told == [CONTROL_NAME if each == "fixed" else each for each in observed["order"]], name
