"""Names of files from templates."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.batches.naming import filled_name, filled_value

texts = st.text(max_size=200)


@settings(deadline=None)
@given(texts)
def test_a_value_can_not_leave_its_part_of_a_name(value: str) -> None:
    """Whatever a column holds, it adds no folder, is no dots, and fits into a file name."""
    name = filled_name("pictures/{row.name}", lambda field: value)
    folder, base = name.split("/")
    assert folder == "pictures"
    assert base not in ("", ".", "..")
    assert len(base.encode()) <= 100
    assert not set(base) & set('\\:*?"<>|%\0\n')


def test_braces_of_a_prompt_are_text() -> None:
    """Only what names a column, the index, the seed or the date is filled in."""
    assert filled_value("{red|blue} {row.what}", lambda field: "fox") == "{red|blue} fox"


def test_a_value_that_is_a_column_keeps_its_type() -> None:
    """A number stays one."""
    assert filled_value("{row.width}", lambda field: 64) == 64
