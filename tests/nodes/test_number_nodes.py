"""Numbers and colours: Seed, Math Expression, Convert Number, Color Picker."""

import math

import pytest

import graphrun
from graphrun_nodes.color import color_to_rgb_int, parse_color
from graphrun_nodes.numbers import comfy_math_expression, comfy_number_convert, seed_node


def test_a_seed_is_passed_on() -> None:
    """Up to 2^63 - 1, and no further."""
    assert seed_node(2**63 - 1) == 2**63 - 1
    assert graphrun.call("SeedNode", {"seed": 5}).value == 5
    with pytest.raises(graphrun.WorkflowError, match="bigger than the most allowed"):
        graphrun.call("SeedNode", {"seed": 2**63 + 4096})


@pytest.mark.parametrize(
    ("expression", "values", "result"),
    [
        ("a", {"a": 3}, (3.0, 3, True)),
        ("a * 1.5", {"a": -1}, (-1.5, -1, True)),
        ("a > b", {"a": 1, "b": 2}, (0.0, 0, False)),
        ("a and b", {"a": 2, "b": 0.75}, (0.75, 0, True)),
        ("a + b", {"a": True, "b": True}, (2.0, 2, True)),
        ("sum(values) / values[1]", {"b": 4, "d": 6}, (10 / 6, 1, True)),
        ("2 ** 70 + 1", {}, (float(2**70 + 1), 2**70 + 1, True)),
        ("a - a", {"a": 0.5}, (0.0, 0, False)),
    ],
)
def test_an_expression_gives_a_float_an_int_and_a_truth(
    expression: str, values: dict[str, object], result: tuple[float, int, bool]
) -> None:
    """The int is cut towards zero; ``values`` are in the order of their letters."""
    found = comfy_math_expression(expression, values)
    assert found == result
    assert [type(each) for each in found] == [float, int, bool]
    inputs = {"expression": expression, **{f"values.{name}": value for name, value in values.items()}}
    assert graphrun.call("ComfyMathExpression", inputs).outputs == [[each] for each in result]


@pytest.mark.parametrize("expression", ["", "'text'", "values", "9e999", "9e999 - 9e999", "10 ** 400", "(-8) ** 0.5"])
def test_an_expression_that_gives_no_finite_number_is_refused(expression: str) -> None:
    """Blank, text, a list, infinite, not a number, complex."""
    with pytest.raises(ValueError, match=r"empty|no number|finite|too large"):
        comfy_math_expression(expression, {})


def test_lists_are_computed_item_by_item() -> None:
    """Shorter ones repeat their last item."""
    result = graphrun.call("ComfyMathExpression", {"expression": "a + b", "values.a": [1, 2, 3], "values.b": [10, 20]})
    assert result.outputs == [[11.0, 22.0, 23.0], [11, 22, 23], [True, True, True]]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (True, (1.0, 1)),
        (False, (0.0, 0)),
        (3, (3.0, 3)),
        (2**60 + 1, (float(2**60 + 1), 2**60 + 1)),
        (-2.7, (-2.7, -2)),
        (" 12 ", (12.0, 12)),
        ("12.9", (12.9, 12)),
        ("-1e3", (-1000.0, -1000)),
        ("9007199254740993", (9007199254740992.0, 9007199254740993)),
    ],
)
def test_numbers_are_converted_both_ways(value: object, result: tuple[float, int]) -> None:
    """Large integers keep every digit, also as text."""
    found = comfy_number_convert(value)
    assert found == result
    assert [type(each) for each in found] == [float, int]
    assert graphrun.call("ComfyNumberConvert", {"value": value}).outputs == [[each] for each in result]


@pytest.mark.parametrize("value", ["", "  ", "twelve", "inf", "nan", "1e999", math.inf, math.nan, 10**400])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    """Empty, unreadable, infinite."""
    with pytest.raises(ValueError, match=r"no number|finite|too large"):
        comfy_number_convert(value)


def test_what_is_neither_number_nor_text_is_refused() -> None:
    """By its type."""
    with pytest.raises(TypeError, match="a list can't be converted"):
        comfy_number_convert([1])


@pytest.mark.parametrize(
    ("color", "result"),
    [
        ("#0a9299", (0x0A9299, "#0a9299", 1.0)),
        ("#FFFFFF", (0xFFFFFF, "#FFFFFF", 1.0)),
        ("#00000080", (0, "#000000", 128 / 255)),
        ("#12345600", (0x123456, "#123456", 0.0)),
    ],
)
def test_a_color_is_taken_apart(color: str, result: tuple[int, str, float]) -> None:
    """One number, six digits as they were written, and how opaque it is."""
    assert color_to_rgb_int(color) == result
    assert graphrun.call("ColorToRGBInt", {"color": color}).outputs == [[each] for each in result]


@pytest.mark.parametrize("color", ["", "#fff", "ffffff", "#fffffg", "#fffffff", "#ffffff\n", "red"])
def test_what_is_no_color_is_refused(color: str) -> None:
    """Six or eight digits, and nothing else."""
    with pytest.raises(ValueError, match="is no colour"):
        parse_color(color)
