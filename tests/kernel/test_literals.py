"""What a literal may become: DESIGN's table, row by row, and what each row refuses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun.kernel.literals import Rejected, convert, shown
from graphrun.kernel.node_types import Input, Widget
from graphrun.kernel.workflow import BoundFile

SEED = Input(name="seed", type="INT", minimum=0, maximum=2**64 - 1)


def an(type: str, **rules: Any) -> Input:
    """Declare an input of a type."""
    return Input(name="x", type=type, **rules)


def refusal(declared: Input, value: object, **options: bool) -> Rejected:
    """Convert what can't be converted."""
    with pytest.raises(Rejected) as caught:
        convert(declared, value, **options)
    return caught.value


def same(got: object, wanted: object) -> bool:
    """Equal, and of one type: 1 is not 1.0."""
    return type(got) is type(wanted) and got == wanted


@pytest.mark.parametrize(
    ("type", "written", "meant"),
    [
        ("INT", 5, 5),
        ("INT", -5, -5),
        ("INT", 5.0, 5),
        ("INT", 1e3, 1000),
        ("INT", "5", 5),
        ("INT", "-5", -5),
        ("INT", "+5", 5),
        ("INT", " 5 ", 5),
        ("INT", "007", 7),
        ("INT", 2**64 - 1, 2**64 - 1),
        ("FLOAT", 5, 5.0),
        ("FLOAT", 0.5, 0.5),
        ("FLOAT", "0.5", 0.5),
        ("FLOAT", "1e3", 1000.0),
        ("FLOAT", "-2", -2.0),
        ("STRING", "text", "text"),
        ("STRING", "", ""),
        ("STRING", 5, "5"),
        ("STRING", 0.5, "0.5"),
        ("BOOLEAN", True, True),
        ("BOOLEAN", False, False),
        ("BOOLEAN", 0, False),
        ("BOOLEAN", 1, True),
        ("BOOLEAN", "true", True),
        ("BOOLEAN", "false", False),
    ],
)
def test_a_literal_becomes_what_its_input_wants(type: str, written: object, meant: object) -> None:
    """Each row of the table, by equality and by type."""
    assert same(convert(an(type), written), meant)


@pytest.mark.parametrize(
    ("type", "written"),
    [
        ("INT", 5.9),
        ("INT", "5.9"),
        ("INT", "5.0"),
        ("INT", "five"),
        ("INT", ""),
        ("INT", "0x10"),
        ("INT", "1_000"),
        ("INT", "٥"),
        ("INT", True),
        ("INT", None),
        ("INT", []),
        ("INT", {}),
        ("INT", math.nan),
        ("INT", math.inf),
        ("FLOAT", "half"),
        ("FLOAT", ""),
        ("FLOAT", "nan"),
        ("FLOAT", "inf"),
        ("FLOAT", "-Infinity"),
        ("FLOAT", math.nan),
        ("FLOAT", math.inf),
        ("FLOAT", 10**400),
        ("FLOAT", "1e400"),
        ("FLOAT", "1_000"),
        ("FLOAT", False),
        ("FLOAT", None),
        ("FLOAT", [1.0]),
        ("STRING", None),
        ("STRING", True),
        ("STRING", ["a"]),
        ("STRING", {"a": 1}),
        ("BOOLEAN", None),
        ("BOOLEAN", 2),
        ("BOOLEAN", 1.0),
        ("BOOLEAN", "yes"),
        ("BOOLEAN", "True"),
        ("BOOLEAN", ""),
        ("BOOLEAN", []),
        ("IMAGE", "a.png"),
        ("MASK", 0),
        ("LATENT", {}),
        ("*", None),
    ],
)
def test_anything_else_is_refused_by_naming_it(type: str, written: object) -> None:
    """The error is ComfyUI's ``invalid_input_type`` and shows the value."""
    rejected = refusal(an(type), written)
    assert rejected.type == "invalid_input_type"
    assert ("null" if written is None else shown(written)) in str(rejected)


def test_limits_are_part_of_what_is_allowed() -> None:
    """``min`` and ``max`` themselves fit; beyond them ComfyUI's two codes say which side."""
    declared = an("INT", minimum=1, maximum=8)
    assert convert(declared, 1) == 1
    assert convert(declared, "8") == 8
    assert refusal(declared, 0).type == "value_smaller_than_min"
    assert refusal(declared, 9).type == "value_bigger_than_max"
    assert refusal(an("FLOAT", maximum=1.0), "1.5").type == "value_bigger_than_max"


def test_limits_are_compared_after_conversion() -> None:
    """An integral float and a decimal string are numbers by then."""
    assert refusal(an("INT", maximum=8), 9.0).type == "value_bigger_than_max"
    assert refusal(an("INT", minimum=0), "-1").type == "value_smaller_than_min"


@pytest.mark.parametrize("written", [18446744073709552000, 1.8446744073709552e19, "18446744073709552000"])
def test_a_seed_that_javascript_rounded_up_is_the_largest_there_is(written: object) -> None:
    """2^64-1 reaches us as 18446744073709552000: editors can't write it exactly."""
    assert same(convert(SEED, written), 2**64 - 1)


def test_javascript_excuses_no_more_than_its_rounding() -> None:
    """A number clearly above the limit is refused, and so is any excess over a limit that JavaScript can write."""
    assert refusal(SEED, 18446744073709560000).type == "value_bigger_than_max"
    assert refusal(an("INT", maximum=2**32), 2**32 + 1).type == "value_bigger_than_max"


def test_options_are_compared_without_conversion() -> None:
    """An option is matched by value and type: 8 is not "8", and 1 is not true."""
    declared = an("COMBO", options=("auto", 8, True))
    assert convert(declared, "auto") == "auto"
    assert convert(declared, 8) == 8
    assert convert(declared, True) is True
    for written in ("8", 8.0, 1, "true", None, ["auto"], "AUTO"):
        assert refusal(declared, written).type == "value_not_in_list"


def test_a_near_miss_among_options_is_suggested() -> None:
    """The error lists the options and says which one was probably meant."""
    assert str(refusal(an("COMBO", options=("bicubic", "area")), "bicubik")) == (
        "'bicubik' is not one of 'bicubic', 'area'; did you mean 'bicubic'?"
    )


def test_long_lists_of_options_are_counted() -> None:
    """More than 20 options are not all listed (comfyui-execution.md, 4.3)."""
    assert "list of 21 options" in str(refusal(an("COMBO", options=tuple(range(21))), 99))


def test_quoted_text_tells_text_from_numbers() -> None:
    """Where only quotes make text, as in YAML, a number is no STRING; a quoted number still is an INT."""
    assert "quote it" in str(refusal(an("STRING"), 5, quoted_text=True))
    assert convert(an("STRING"), "5", quoted_text=True) == "5"
    assert convert(an("INT"), "5", quoted_text=True) == 5


@pytest.mark.parametrize(
    ("type", "written"),
    [("INT,FLOAT", 5), ("INT,FLOAT", 0.5), ("STRING,INT", "5"), ("FLOAT, BOOLEAN", True), ("STRING,*", [5])],
)
def test_unions_take_any_member_as_written(type: str, written: object) -> None:
    """Nothing is converted, since there is no telling to what."""
    assert same(convert(an(type), written), written)


@pytest.mark.parametrize(
    ("type", "written"), [("INT,FLOAT", "5"), ("INT,FLOAT", True), ("INT,FLOAT", math.nan), ("IMAGE,MASK", 5)]
)
def test_unions_refuse_what_is_no_member(type: str, written: object) -> None:
    """The members are named."""
    rejected = refusal(an(type), written)
    assert rejected.type == "invalid_input_type"
    assert all(member in str(rejected) for member in type.split(","))


def test_limits_hold_in_unions() -> None:
    """``INT,FLOAT`` with a maximum refuses what is beyond it."""
    assert refusal(an("INT,FLOAT", maximum=1), 2).type == "value_bigger_than_max"


@pytest.mark.parametrize("type", ["*", "CURVE", "STRING,CURVE"])
def test_types_of_packs_we_do_not_know_keep_what_was_written(type: str) -> None:
    """A widget value of a foreign type is the pack's own business."""
    assert convert(an(type), {"points": [1, 2]}) == {"points": [1, 2]}


def test_a_bound_file_goes_where_files_go(tmp_path: Path) -> None:
    """``--file`` binds to an input that takes a file, whatever its options, and to no other."""
    file = BoundFile("a.png", tmp_path / "a.png")
    assert convert(an("COMBO", options=("x.png",), widget=Widget(file=True)), file) is file
    assert "can't be bound" in str(refusal(an("STRING"), file))


def test_values_are_shown_short() -> None:
    """Error messages stay readable, and possible, whatever the value."""
    assert len(shown("x" * 1000)) == 80
    assert shown("x") == "'x'"
    assert shown(10**5000) == "a huge int"
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "a deeply nested list"


@pytest.mark.parametrize("type", ["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "INT,FLOAT"])
def test_a_huge_number_is_refused_and_not_a_crash(type: str) -> None:
    """Python refuses to write numbers of more than 4300 digits; a YAML file may hold one in hexadecimal."""
    declared = an(type, maximum=9, options=(1,)) if type == "COMBO" else an(type, maximum=9)
    assert refusal(declared, 16**5000)


class Ambiguous:
    """A value that, like a tensor, has no truth value when compared."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise RuntimeError("ambiguous")


@pytest.mark.parametrize("type", ["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"])
def test_a_value_that_cannot_be_compared_is_refused(type: str) -> None:
    """A program may hand over a tensor where a literal belongs."""
    options = ("a",) if type == "COMBO" else None
    assert refusal(an(type, options=options), Ambiguous())


@given(st.integers())
def test_every_integer_survives_as_text(value: int) -> None:
    """A decimal string and the number it writes are one INT."""
    assert convert(an("INT"), str(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_survives_as_text(value: float) -> None:
    """repr and FLOAT are inverse."""
    assert convert(an("FLOAT"), repr(value)) == value


@given(
    st.sampled_from(["INT", "FLOAT", "STRING", "BOOLEAN"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
)
def test_converting_twice_changes_nothing(type: str, written: object) -> None:
    """What conversion gives is what it takes."""
    try:
        once = convert(an(type), written)
    except Rejected:
        return
    assert same(convert(an(type), once), once)
