"""``graphrun nodes``: what is installed, and what each class takes."""

from __future__ import annotations

import json

import pytest
from callers import Graphrun

from graphrun import NodeType, Registry, installed_packs
from graphrun.cli.node_example import example_lines
from graphrun.cli.node_list import markdown_lines
from graphrun.cli.node_sheet import sheet_lines
from graphrun.engine import Engine
from graphrun.formats import load
from graphrun.settings import Settings

TYPES = Registry(installed_packs())


def test_the_list_names_every_class_under_its_category(graphrun: Graphrun) -> None:
    """With the first line of its help, so that one can find what one needs."""
    lines = graphrun("nodes", "list").out.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings == sorted({node_type.category for node_type in TYPES.values()})
    for node_type in TYPES.values():
        [line] = [line for line in lines if line.split()[:1] == [node_type.name]]
        assert node_type.help.splitlines()[0] in line


def test_the_list_tells_packs_apart(graphrun: Graphrun, strangers: None) -> None:
    """A class of a stranger's pack is marked; those of the largest pack are not."""
    lines = graphrun("nodes", "list").out.splitlines()
    [divide] = [line for line in lines if line.startswith("  Divide ")]
    assert divide.endswith("  Raise an exception that nobody meant to raise.  [strangers]")
    assert not any(line.endswith("[builtin]") for line in lines)


def test_the_list_can_be_narrowed_to_a_word(graphrun: Graphrun) -> None:
    """In any case of letters, in name, display name, category or help."""
    lines = graphrun("nodes", "list", "PORTER").out.splitlines()
    assert [line.split()[0] for line in lines] == ["mask/compositing", "PorterDuffImageComposite"]
    said = graphrun("nodes", "list", "checkpoint")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: no installed node class has to do with 'checkpoint'\n"


def test_the_list_is_a_table_in_markdown(graphrun: Graphrun) -> None:
    """A row per class; the category stands where it changes; signs that mean something there are written out."""
    lines = graphrun("nodes", "list", "--markdown").out.splitlines()
    assert lines[:2] == ["| category | class | what it does |", "| --- | --- | --- |"]
    assert len(lines) == 2 + len(TYPES)
    assert len([line for line in lines[2:] if not line.startswith("|  |")]) == len({t.category for t in TYPES.values()})
    odd = NodeType(name="Odd", call=TYPES["LoadImage"].call, help="a | b * c\nmore")
    assert list(markdown_lines([odd]))[2] == "| other | `Odd` | a \\| b \\* c |"


def test_a_sheet_tells_types_limits_options_and_both_defaults(graphrun: Graphrun) -> None:
    """What the file may leave out, and what the editor would write."""
    said = graphrun("nodes", "show", "ImageScale")
    assert said.out.splitlines()[:3] == ['ImageScale "Upscale Image"', "in image/upscaling, pack builtin", ""]
    assert "  image           IMAGE  required\n" in said.out
    assert "  width           INT    required; 0 to 16384; the editor starts with 512\n" in said.out
    assert '  crop            COMBO  required; one of "disabled", "center"\n' in said.out
    assert "  0 IMAGE  IMAGE\n" in said.out
    assert "      upscale_method: " in said.out


def test_a_choice_shows_what_it_brings_along(graphrun: Graphrun) -> None:
    """Models with the same parameters share a heading."""
    said = graphrun("nodes", "show", "OpenAIGPTImageNodeV2").out
    assert '    with "gpt-image-1.5" or "gpt-image-1":\n      model.size ' in said
    assert "      model.images.image_1 … image_16  IMAGE   optional; up to 16\n" in said


def test_an_example_shows_what_makes_a_node_useful(graphrun: Graphrun) -> None:
    """The first of growing inputs and the branches of a switch, though all of them may be left out."""
    assert "      values.a: 0\n" in graphrun("nodes", "show", "ComfyMathExpression").out
    said = graphrun("nodes", "show", "ComfySwitchNode").out
    assert "      on_false: $source\n      on_true: $source\n" in said


def test_a_sheet_tells_how_a_node_takes_its_inputs(graphrun: Graphrun) -> None:
    """Whole lists, or inputs nobody declared."""
    assert "gets whole lists in one call" in graphrun("nodes", "show", "RebatchImages").out
    assert "  and any others, under names of their own\n" in graphrun("nodes", "show", "CustomCombo").out


@pytest.mark.parametrize("name", ["saveimage", "Save Image", "save image"])
def test_a_class_is_found_by_its_display_name_in_any_case(graphrun: Graphrun, name: str) -> None:
    """The editor shows display names; nobody knows the class by heart."""
    assert graphrun("nodes", "show", name).out.startswith('SaveImage "Save Image"\n')


def test_an_unknown_class_is_met_with_a_suggestion(graphrun: Graphrun) -> None:
    """A slip of the finger is the likeliest cause."""
    said = graphrun("nodes", "show", "SaveImag")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "error: no node class is called 'SaveImag'; did you mean 'SaveImage'? "
        "(`graphrun nodes list` shows what there is)\n"
    )


@pytest.mark.parametrize("name", TYPES)
def test_the_example_of_every_class_is_a_workflow(name: str) -> None:
    """Copied into a file it has no fault but the sources, files and folders it can't know, and a model that is gone."""
    example = "\n".join(example_lines(TYPES[name])).replace("$source.", "$source.OUT_")
    plan = Engine(Settings()).plan(load(example.encode()), targets=["example"])
    problems = {problem.type for problem in plan.problems if problem.input != "folder"}
    assert problems <= {"missing_link_source", "invalid_image_file", "model_shut_down"}


@pytest.mark.parametrize("name", TYPES)
def test_every_class_has_a_sheet(name: str) -> None:
    """Whatever inputs a class declares, its sheet names all of them."""
    sheet = list(sheet_lines(TYPES[name]))
    for declared in TYPES[name].inputs:
        assert any(line.strip().startswith(declared.name) for line in sheet)


def test_object_info_prints_definitions_in_the_editors_form(graphrun: Graphrun) -> None:
    """Of all classes, or of those that are named; tools that read ComfyUI's own read it."""
    everything = json.loads(graphrun("nodes", "object-info").out)
    assert set(everything) == set(TYPES)
    one = json.loads(graphrun("nodes", "object-info", "LoadImage").out)
    assert one == {"LoadImage": everything["LoadImage"]}
    assert one["LoadImage"]["input"]["required"] == {"image": [[], {"image_upload": True}]}
    assert one["LoadImage"]["output"] == ["IMAGE", "MASK"]
