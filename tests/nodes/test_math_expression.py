"""Arithmetic of ComfyMathExpression: what Python gives where both can, and nothing that Python alone can."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun_nodes.math_expression import evaluate

MATH = ["sqrt", "ceil", "floor", "log", "log2", "log10", "sin", "cos", "tan"]
NAMES = {"a": 7, "b": -2, "c": 2.5, "d": True, "values": [7, -2, 2.5, True]}

PLAIN = [
    "a",
    "1_000 + 0x1F + 0b101 + 0o17",
    "1. + .5 + 1e3 + 2.5e-1",
    "a + b * c - d",
    "a / b // c % 3",
    "-a ** 2",
    "2 ** -1",
    "2 ** 3 ** 2",
    "(-a) ** 2",
    "--a - -b + +c",
    "~a & 5 | 8 ^ 3 << 2 >> 1",
    "a - b - c",
    "7 // -2 * -2 + 7 % -2",
    "-7 % 3",
    "a > b",
    "b < c < a <= 7",
    "b < c > a",
    "1 < 2 == True",
    "a == 7.0 != b",
    "7 in values and 9 not in values",
    "not a",
    "not not b",
    "not a == b",
    "a and b",
    "a and 0 or c",
    "0 or '' or 3",
    "a or b / 0",
    "0 and 1 / 0",
    "1 if a > b else 1 / 0",
    "1 if 0 else 2 if 0 else 3",
    "(1 if d else 2) + 1",
    "values[0] + values[-1]",
    "sum(values[1:]) + sum(values[:2]) + sum(values[::2])",
    "'ab' + \"c\" == 'abc' and 'b' in 'abc' and 'abc'[1] == 'b'",
    "'ab' * 2 == 'abab'",
    "max(values) + min(a, b) + max(a, b, c,)",
    "round(2.5) + round(-c, 0) + round(3.14159, 2)",
    "abs(b) + pow(2, 10) + sqrt(a) + ceil(c) + floor(-c)",
    "log(a) + log(8, 2) + log2(8) + log10(1000)",
    "sin(a) + cos(a) + tan(a)",
    "int(-c) + float('1.5') + int('12')",
    "(\n a\n + b)",
    "# the sum\na + b  # of two",
    "values[  # the second\n 1]\n",
]


@pytest.mark.parametrize("expression", PLAIN)
def test_expressions_mean_what_they_mean_in_python(expression: str) -> None:
    """Values and types alike; the test may use what the node must not."""
    functions = {name: getattr(math, name) for name in MATH}
    expected = eval(expression, {**functions, **NAMES})
    found = evaluate(expression, NAMES)
    assert (type(found), found) == (type(expected), expected)


OPERATORS = ["+", "-", "*", "/", "//", "%", "<<", ">>", "&", "|", "^", "<", ">", "<=", ">=", "==", "!="]
ATOMS = st.sampled_from(["a", "b", "c", "d", "3", "0", "1.5", "-2", "(a)", "not a", "~b"])


# Powers are not among them: three in a row would keep Python busy for longer than there are years.
@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Atoms and operators in any order, some in brackets, some a choice."""
    text = draw(ATOMS)
    for _ in range(draw(st.integers(0, 5))):
        text = draw(
            st.sampled_from(
                [
                    f"{text} {draw(st.sampled_from(OPERATORS))} {draw(ATOMS)}",
                    f"({text})",
                    f"{text} and {draw(ATOMS)}",
                    f"{text} or {draw(ATOMS)}",
                    f"{draw(ATOMS)} if {text} else {draw(ATOMS)}",
                ]
            )
        )
    return text


@given(expressions())
def test_any_expression_agrees_with_python(expression: str) -> None:
    """In its value, or in having none."""
    try:
        expected = eval(expression, dict(NAMES))
    except (ArithmeticError, ValueError, TypeError, SyntaxError):
        with pytest.raises((ArithmeticError, ValueError, TypeError)):
            evaluate(expression, NAMES)
        return
    assert repr(evaluate(expression, NAMES)) == repr(expected)


@pytest.mark.parametrize(
    ("values", "total"), [("values", 7.5 + 1), ("1, 2, 3", 6), ("5", 5), ("", 0), ("values[:0]", 0)]
)
def test_sum_takes_a_list_or_numbers(values: str, total: float) -> None:
    """One list, or the arguments."""
    assert evaluate(f"sum({values})", NAMES) == total


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "  \n",
        "a b",
        "a +",
        "(a",
        "a)",
        "a; b",
        "a\n+ b",
        "(a)  # first\n-b",
        "(a  # + b)",
        "a = 1",
        "[1, 2]",
        "(1, 2)",
        "()",
        "{}",
        "lambda: 1",
        "[x for x in values]",
        "a.real",
        "().__class__",
        "values.__class__",
        "f'{a}'",
        "'a\\x41'",
        "__import__('os')",
        "len(values)",
        "open('x')",
        "e",
        "max",
        "None",
        "a is b",
        "1 2",
        "1..2",
        "values[0",
        "values[1:2:3:4]",
        "min(,)",
        "max(values, default=0)",
        "1 if 2",
        "1 +* 2",
        "@",
        "a @ b",
        "ä",
        "a if b else",
        "1 + not a",
    ],
)
def test_nothing_else_can_be_said(expression: str) -> None:
    """A plain error for what is no arithmetic, and for every way out of it."""
    with pytest.raises(ValueError, match=r"expression|no function"):
        evaluate(expression, NAMES)


@pytest.mark.parametrize(
    "expression",
    [
        "4000001 ** 1",
        "2 ** 4000001",
        "4000000 ** 4000000",
        "9 ** 9 ** 9",
        "pow(2, 4001)",
        "1 << 999999999",
        "'a' * 999999999",
        "values * 999999999",
        "('a' * 99999 + 'a' * 99999)",
        "round(5, -999999999)",
        "2 ** 90000 * 2 ** 90000",
        "(" * 31 + "1" + ")" * 31,
        "1 if 1 else " * 31 + "1",
        "2 ** " * 31 + "1",
        "-" * 10_001,
    ],
)
def test_nothing_becomes_too_large(expression: str) -> None:
    """It is refused before it is computed."""
    started = time.process_time()
    with pytest.raises(ValueError, match=r"allowed|at most|deep|too large"):
        evaluate(expression, NAMES)
    assert time.process_time() - started < 5  # seconds, where it would take years


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 ** 4000000", 1),
        ("4000000 ** 2", 16 * 10**12),
        ("pow(1, 4000)", 1),
        ("2 ** 1000 % 7", 2**1000 % 7),
        ("(" * 29 + "1" + ")" * 29, 1),
        ("-" * 9000 + "1", 1),
        ("not " * 2000 + "1", True),
        ("+".join(["1"] * 4000), 4000),
        ("values" + "[:]" * 2000 + "[0]", 7),
        ("1" + " < 2 < 3" * 600, False),
    ],
)
def test_long_expressions_are_no_deep_ones(expression: str, value: object) -> None:
    """Chains of any length that the limit allows, without recursion."""
    assert evaluate(expression, NAMES) == value


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1 / 0", ZeroDivisionError),
        ("1 % 0", ZeroDivisionError),
        ("sqrt(-1)", ValueError),
        ("'%d' % 3", TypeError),
        ("'a' - 1", TypeError),
        ("1 in 2", TypeError),
        ("a[0]", TypeError),
        ("values[9]", IndexError),
        ("values[c]", TypeError),
        ("1 << -1", ValueError),
        ("9.0 ** 999", OverflowError),
    ],
)
def test_arithmetic_fails_as_in_python(expression: str, error: type[Exception]) -> None:
    """With Python's own kind of error."""
    with pytest.raises(error):
        evaluate(expression, NAMES)


def test_an_error_tells_the_place() -> None:
    """The first character is 1."""
    with pytest.raises(ValueError, match="has '\\)' at character 5"):
        evaluate("a + )", NAMES)
    with pytest.raises(ValueError, match="has '\\$' at character 3"):
        evaluate("a $ b", NAMES)
    with pytest.raises(ValueError, match="ends unexpectedly"):
        evaluate("a +", NAMES)
    with pytest.raises(ValueError, match="names 'x'; it knows a, b, c, d, values"):
        evaluate("x", NAMES)
