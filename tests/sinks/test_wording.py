"""Sentences about nodes, problems and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrun.errors import NodeError, Problem
from graphrun.sinks.wording import duration, failure_sentences, one_line, printable, problem_sentences


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (4.21, "4.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (3599.9, "1 h 00 min"),
        (3725, "1 h 02 min"),
    ],
)
def test_times_read_as_people_say_them(seconds: float, said: str) -> None:
    """No time is given as 60.0 s or as 125 seconds."""
    assert duration(seconds) == said


@given(st.text(st.characters()))
def test_no_text_can_steer_the_terminal(text: str) -> None:
    """Whatever a title holds, what is printed has no control character but line ends, and can be encoded."""
    shown = printable(text)
    assert all(character == "\n" or character.isprintable() or ord(character) > 0x9F for character in shown)
    assert "\x1b" not in shown
    shown.encode()


@given(st.text(st.characters()))
def test_a_label_never_takes_two_lines(text: str) -> None:
    """A title with line ends stays on its line."""
    assert len(one_line(text).splitlines()) <= 1


def test_further_lines_of_a_message_are_indented() -> None:
    """A message can't fake a line of ours."""
    assert printable("broken\nerror: 9 is on fire") == "broken\n    error: 9 is on fire"


def problem(node_id: str, message: str, **more: str) -> Problem:
    return Problem(more.pop("type", "service_unavailable"), message, node_id, "Draw", f"Picture {node_id}", **more)


def test_the_same_problem_at_several_nodes_is_said_once() -> None:
    """Six nodes without an image service make one line that names them, not six."""
    problems = [problem(str(number), "no key is set") for number in range(1, 8)]
    [sentence] = problem_sentences(problems)
    assert sentence.startswith('1 "Picture 1" (Draw), 2 "Picture 2" (Draw)')
    assert sentence.endswith('5 "Picture 5" (Draw) and 2 more: no key is set')


def test_a_problem_of_one_node_keeps_its_place_in_the_file() -> None:
    """Where the file has lines, the line is told first."""
    [sentence] = problem_sentences([problem("7", "'x' is no INT", input="n", place="fox.yaml:3:5")])
    assert sentence == "fox.yaml:3:5: 7 \"Picture 7\" (Draw): n: 'x' is no INT"


def test_each_refused_output_has_a_sentence_of_its_own() -> None:
    """Outputs that need the same missing class are not thrown together."""
    missing = [problem(number, "needs KSampler: local models", type="missing_node_type") for number in ("8", "9")]
    assert problem_sentences(missing) == [
        'output 8 "Picture 8" (Draw) needs KSampler: local models',
        'output 9 "Picture 9" (Draw) needs KSampler: local models',
    ]


def test_outputs_lost_to_a_faulty_node_follow_the_fault() -> None:
    """First what is wrong, then what can't run for it; an output at fault itself is not told twice."""
    refused = {"3": "output 3 can't run because of 7", "7": "output 7 can't run as it is"}
    assert problem_sentences([problem("7", "is wrong")], refused) == [
        '7 "Picture 7" (Draw): is wrong',
        "output 3 can't run because of 7",
    ]


def test_nodes_that_failed_of_the_same_share_a_line() -> None:
    """A lost network is told once, with the nodes it hit."""
    failures = [NodeError("1", "Draw", None, "no network"), NodeError("2", "Draw", "Fox", "no network")]
    assert failure_sentences(failures) == ['1 (Draw), 2 "Fox" (Draw): no network']
