"""Text: cutting, comparing, patterns, places to fill in, JSON. Python's own rules, by code points."""

import json
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import graphrun
from graphrun_nodes import text_lists
from graphrun_nodes.regex_worker import answer
from graphrun_nodes.text import (
    case_converter,
    string_compare,
    string_contains,
    string_length,
    string_replace,
    string_substring,
    string_trim,
)
from graphrun_nodes.text_format import string_format
from graphrun_nodes.text_json import json_extract_string
from graphrun_nodes.text_regex import BadPattern, match, regex_extract, regex_match, regex_replace


@given(st.text(), st.integers(-9, 9), st.integers(-9, 9))
def test_a_part_is_cut_as_python_cuts(string: str, start: int, end: int) -> None:
    """Negative positions count from the end."""
    assert string_substring(string, start, end) == string[start:end]
    assert string_length(string) == len(string)


@pytest.mark.parametrize(
    ("mode", "result"),
    [
        ("UPPERCASE", "IT'S ÄSSE ΣΑΣ"),
        ("lowercase", "it's äße σας"),
        ("Capitalize", "It's äße σας"),
        ("Title Case", "It'S Äße Σας"),
        ("of another release", "it's Äße ΣΑΣ"),
    ],
)
def test_case_follows_unicode(mode: Any, result: str) -> None:
    """An unknown mode, which only a link can bring, changes nothing."""
    assert case_converter("it's Äße ΣΑΣ", mode) == result


@pytest.mark.parametrize(("mode", "result"), [("Both", "a b"), ("Left", "a b\u00a0\n"), ("Right", "\t\u3000a b")])
def test_white_space_of_any_kind_is_trimmed(mode: Any, result: str) -> None:
    """At either end or both."""
    assert string_trim("\t\u3000a b\u00a0\n", mode) == result


@pytest.mark.parametrize(("find", "result"), [("a", "-b-"), ("ab", "-a"), ("", "-a-b-a-"), ("x", "aba")])
def test_every_occurrence_is_replaced(find: str, result: str) -> None:
    """Nothing occurs between all characters."""
    assert string_replace("aba", find, "-") == result


@pytest.mark.parametrize(
    ("substring", "sensitive", "found"),
    [("ELL", True, False), ("ELL", False, True), ("ell", True, True), ("", True, True)],
)
def test_a_text_is_looked_for(substring: str, sensitive: bool, found: bool) -> None:
    """In any case of letters if that is wanted."""
    assert string_contains("Hello", substring, sensitive) is found


@pytest.mark.parametrize(
    ("mode", "b", "sensitive", "result"),
    [
        ("Starts With", "he", True, False),
        ("Starts With", "he", False, True),
        ("Ends With", "lo", True, True),
        ("Ends With", "LO", True, False),
        ("Equal", "hello", False, True),
        ("Equal", "hello", True, False),
    ],
)
def test_texts_are_compared(mode: Any, b: str, sensitive: bool, result: bool) -> None:
    """``string_a`` begins or ends with ``string_b``, or equals it."""
    assert string_compare("Hello", b, mode, sensitive) is result


@pytest.mark.parametrize(
    ("name", "more", "result"),
    [
        ("TextToLowercase", {}, " añ b "),
        ("TextToUppercase", {}, " AÑ B "),
        ("TruncateText", {"max_length": 3}, " Añ"),
        ("AddTextPrefix", {"prefix": "x"}, "x Añ b "),
        ("AddTextSuffix", {"suffix": "x"}, " Añ b x"),
        ("ReplaceText", {"find": " ", "replace": ""}, "Añb"),
        ("StripWhitespace", {}, "Añ b"),
    ],
)
def test_texts_of_a_data_set_are_changed_one_by_one(name: str, more: dict[str, object], result: str) -> None:
    """A list makes a call for each, and gives a list of texts."""
    found = graphrun.call(name, {"texts": [" Añ b ", ""], **more})
    function = getattr(text_lists, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower())
    assert found.outputs == [[result, function("", **more)]]


# ── patterns ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pattern", "flags", "found"),
    [
        ("WORLD", (True, False, False), True),
        ("WORLD", (False, False, False), False),
        ("^world", (True, False, False), False),
        ("^world", (True, True, False), True),
        ("hello.world", (True, False, False), False),
        ("hello.world", (True, False, True), True),
        ("(", (True, False, False), False),
        ("*", (True, False, False), False),
    ],
)
def test_a_pattern_is_searched_for(pattern: str, flags: tuple[bool, bool, bool], found: bool) -> None:
    """Case, lines and dots as asked for; a pattern that can't be read matches nothing."""
    assert regex_match("Hello\nworld", pattern, *flags) is found


def request(work: str, pattern: str, string: str, **more: object) -> object:
    """What the worker answers, in this process."""
    return answer({"work": work, "pattern": pattern, "string": string, "flags": 0, **more}).get("value")


@pytest.mark.parametrize(
    ("mode", "pattern", "index", "result"),
    [
        ("First Match", r"[a-z]\d", 1, "a1"),
        ("First Match", r"x", 1, ""),
        ("First Match", r"", 1, ""),
        ("All Matches", r"[a-z]\d", 1, "a1\nb2"),
        ("All Matches", r"[a-z](\d)", 1, "1\n2"),
        ("All Matches", r"([a-z])(\d)", 2, "a\nb"),
        ("All Matches", r"(x)?\d", 1, "\n"),
        ("All Matches", r"x", 1, ""),
        ("First Group", r"([a-z])(\d)", 2, "1"),
        ("First Group", r"([a-z])(\d)", 3, ""),
        ("First Group", r"a(x)?", 1, ""),
        ("First Group", r"x(y)", 1, ""),
        ("First Group", r"a", 1, ""),
        ("All Groups", r"([a-z])(\d)", 2, "1\n2"),
        ("All Groups", r"([a-z])(\d)", 3, ""),
        ("All Groups", r"[a-z]", 1, ""),
        ("All Groups", r"(a)?\d", 1, "a"),
        ("All Groups", r"x(y)", 1, ""),
    ],
)
def test_what_a_pattern_matches_is_taken_out(mode: str, pattern: str, index: int, result: str) -> None:
    """A line each; of several groups All Matches takes the first; a group that took no part gives nothing."""
    assert request(mode, pattern, "a1 b2", group_index=index) == result


def test_extraction_ignores_a_bad_pattern() -> None:
    """It finds nothing."""
    assert regex_extract("a1 b2", "(", "First Match", True, False, False, 1) == ""
    assert regex_extract("a1 B2", "([a-z])(\\d)", "All Groups", True, False, False, 1) == "a\nB"


@pytest.mark.parametrize(
    ("pattern", "replace", "count", "result"),
    [
        ("(a)(b)", r"\2\1", 0, "ba ba"),
        ("(?P<x>a)b", r"<\g<x>>", 0, "<a> <a>"),
        ("ab", "c", 1, "c ab"),
        ("z", "c", 0, "ab ab"),
        ("b*", "-", 0, re.sub("b*", "-", "ab ab")),
    ],
)
def test_matches_are_replaced(pattern: str, replace: str, count: int, result: str) -> None:
    """As Python's ``re.sub`` does it; 0 means all."""
    assert request("Replace", pattern, "ab ab", replace=replace, count=count) == result


def test_options_of_a_replacement_may_be_left_out() -> None:
    """Case is ignored unless the file says otherwise."""
    assert graphrun.call("RegexReplace", {"string": "aA", "regex_pattern": "a", "replace": "b"}).value == "bb"


@pytest.mark.parametrize(("pattern", "replace"), [("(", "x"), ("a", r"\1"), ("a", r"\g<x>"), ("[", "")])
def test_a_replacement_tells_of_a_bad_pattern(pattern: str, replace: str) -> None:
    """Or of a group that the pattern hasn't."""
    with pytest.raises(BadPattern, match="can't be used"):
        regex_replace("a", pattern, replace)


def test_a_pattern_that_never_ends_is_ended() -> None:
    """With an error that says why; the process is gone, and ours was never held up."""
    slow = {"work": "Matches", "pattern": "(a+)+$", "string": "a" * 50 + "b", "flags": 0}
    with pytest.raises(TimeoutError, match=r"'\(a\+\)\+\$' took more than 0.5 seconds"):
        match(slow, seconds=0.5)


def test_a_replacement_that_takes_all_memory_is_refused() -> None:
    """A million times a million letters; the worker gives up, not we."""
    with pytest.raises(BadPattern, match="more than 1024 MiB"):
        regex_replace("a" * 10**6, "", "b" * 10**6)


def test_a_missing_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in programs that have Python built in."""
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(RuntimeError, match="second Python"):
        regex_match("a", "a", True, False, False)


def test_text_of_any_kind_reaches_the_worker() -> None:
    """Line ends, NUL, and half characters, which JSON files may hold."""
    strange = "\r\n\0\ud800é漢"
    assert regex_replace(strange, "é", "e") == strange.replace("é", "e")


# ── places to fill in ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f_string", "result"),
    [
        ("{a}", "1"),
        ("{a}:{b}, {c!r} {{x}}", "1:2.5, 'x' {x}"),
        ("{b:.2f}|{a:>4}|{c:^{a}}", "2.50|   1|x"),
        ("{d}", "True"),
        ("no places", "no places"),
    ],
)
def test_places_are_filled_in(f_string: str, result: str) -> None:
    """As ``str.format`` does."""
    values = {"a": 1, "b": 2.5, "c": "x", "d": True}
    assert string_format(values, f_string) == f_string.format(**values) == result
    inputs = {"f_string": f_string, **{f"values.{name}": value for name, value in values.items()}}
    assert graphrun.call("StringFormat", inputs).value == result


def test_pictures_are_filled_in_as_tensors() -> None:
    """However they travel."""
    image = torch.zeros(1, 1, 1, 3)
    assert string_format({"a": image}, "{a}") == str(image)


def test_a_name_that_is_not_there_is_told() -> None:
    """As a KeyError, which names it."""
    with pytest.raises(KeyError, match=r"asks for \{b\}"):
        string_format({"a": 1}, "{b}")


@pytest.mark.parametrize("f_string", ["{a.__class__}", "{a[0]}", "{a.real}", "{a:{a.real}}", "{a!r:{a[0]}}"])
def test_no_way_leads_into_a_value(f_string: str) -> None:
    """Attributes and indices are refused, in forms too."""
    with pytest.raises(ValueError, match="only names are allowed"):
        string_format({"a": 1}, f_string)


@pytest.mark.parametrize("f_string", ["{a:99999}", "{a:>1000000000}", "{a:.99999f}", "{a:{b}}"])
def test_no_text_becomes_as_wide_as_memory(f_string: str) -> None:
    """Widths of five digits and more are refused."""
    with pytest.raises(ValueError, match="at most 4 digits"):
        string_format({"a": 1, "b": 10**9}, f_string)


# ── JSON ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"k": "v"}', "v"),
        ('before {"k": 1.50} after', "1.5"),
        ('{"k": true}', "True"),
        ('{"k": [1, "x", null]}', "[1, 'x', None]"),
        ('{"k": {"a": 1}}', "{'a': 1}"),
        ('{"k": null}', ""),
        ('{"other": 1}', ""),
        ('{broken {"k": "second"}', "second"),
        ('{"a": 1} {"k": "too late"}', ""),
        ('[{"k": "in a list"}]', "in a list"),
        ("no object", ""),
        ("", ""),
        ('{"k": ', ""),
        ('{"a":' * 5000, ""),
        ('{"k": "ä\\u00e4"}', "ää"),
    ],
)
def test_a_value_is_taken_out_of_the_first_object(text: str, result: str) -> None:
    """From the left, whatever stands around it; lists and truths as Python writes them."""
    assert json_extract_string(text, "k") == result


@pytest.mark.parametrize("indent", [0, 2, 8])
def test_data_is_written_as_json(indent: int) -> None:
    """Characters as they are; without indent in one line."""
    data = {"ä": [1, {"b": None}]}
    expected = json.dumps(data, ensure_ascii=False, indent=indent or None)
    assert graphrun.call("ConvertDictionaryToString", {"dictionary": data, "indent": indent}).value == expected
    expected = json.dumps([data], ensure_ascii=False, indent=indent or None)
    assert graphrun.call("ConvertArrayToString", {"array": [[data]], "indent": indent}).value == expected


BASE = {"element": [[{"type": "obj"}]], "background": "sea", "aesthetics": "calm", "lighting": "low", "medium": "oil"}


def ideogram(**inputs: object) -> tuple[dict[str, Any], list[str]]:
    """The prompt, and the order of the keys of its style."""
    prompt = graphrun.call("BuildJsonPromptIdeogram", {**BASE, **inputs}).value
    return prompt, list(prompt.get("style_description", ()))


def test_a_prompt_in_json_is_put_together() -> None:
    """In the order the model was trained on; what is blank or not chosen is left out."""
    prompt, _ = ideogram(high_level_description=" ", style="none")
    assert prompt == {"compositional_deconstruction": {"background": "sea", "elements": [{"type": "obj"}]}}
    photo, keys = ideogram(
        high_level_description="boats", style="photo", color_palette=[["#ff00aa"]], **{"style.photo": "35 mm"}
    )
    assert list(photo) == ["high_level_description", "style_description", "compositional_deconstruction"]
    assert keys == ["aesthetics", "lighting", "photo", "medium", "color_palette"]
    assert photo["style_description"]["color_palette"] == ["#FF00AA"]
    art, keys = ideogram(high_level_description="x", style="art_style", **{"style.art_style": "cubist"})
    assert keys == ["aesthetics", "lighting", "medium", "art_style"]
    assert art["style_description"]["art_style"] == "cubist"
