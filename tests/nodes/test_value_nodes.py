"""Primitives and text nodes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphrun import Matte, Pictures
from graphrun_nodes.numbers import primitive_boolean, primitive_float, primitive_int
from graphrun_nodes.text import preview_any, primitive_string, primitive_string_multiline, string_concatenate


@given(st.integers(), st.floats(allow_nan=False), st.booleans(), st.text())
def test_primitives_pass_their_value_through(number: int, real: float, truth: bool, words: str) -> None:
    """Unchanged."""
    assert primitive_int(number) == number
    assert primitive_float(real) == real
    assert primitive_boolean(truth) is truth
    assert primitive_string(words) == primitive_string_multiline(words) == words


@given(st.text(), st.text(), st.text())
def test_texts_are_joined_by_the_delimiter(a: str, b: str, delimiter: str) -> None:
    """Also where one side is empty."""
    assert string_concatenate(a, b, delimiter) == a + delimiter + b


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("a", "a"),
        (3, "3"),
        (0.5, "0.5"),
        (True, "True"),
        ({"ä": [1]}, '{\n    "\\u00e4": [\n        1\n    ]\n}'),
        ({1}, "{1}"),
        (torch.tensor([1.5]), "tensor([1.5000])"),
        (Unprintable(), "source exists, but could not be serialized."),
        (nested(100_000), "source exists, but could not be serialized."),
    ],
)
def test_any_value_is_shown_as_text(value: object, text: str) -> None:
    """JSON where it has that form, else as Python prints it; and the text is the output."""
    shown = preview_any(value)
    assert shown.value == text
    assert shown.ui == {"text": [text]}


def test_pictures_are_shown_as_their_tensors() -> None:
    """However they happen to travel."""
    import numpy as np

    pictures, matte = Pictures.from_pixels(np.zeros((1, 2, 2, 3), np.uint8)), Matte(np.zeros((1, 2, 2), np.uint8))
    assert preview_any(pictures).value == str(pictures.tensor())
    assert preview_any(matte).value == str(matte.tensor())
