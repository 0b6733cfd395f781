"""What is sent again, how often, and after how long."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.providers.retries import Attempts, RetryPolicy, Setback

POLICY = RetryPolicy()
LIMITED = Setback.RATE_LIMITED


def tries_after(setback: Setback, policy: RetryPolicy = POLICY) -> int:
    """How many attempts follow if every one ends like this."""
    attempts = Attempts(policy)
    tries = 0
    while attempts.next_wait(setback, None, 0.0, lambda: 0.5) is not None and tries < 100:
        tries += 1
    return tries


@pytest.mark.parametrize(
    ("setback", "expected"),
    [
        (Setback.NOT_SENT, 3),
        (Setback.PARTLY_SENT, 1),
        (Setback.SERVER_ERROR, 2),
        (Setback.UNKNOWN, 0),
        (Setback.REFUSED, 0),
        (Setback.BLOCKED, 0),
        (Setback.NO_MONEY, 0),
    ],
)
def test_each_setback_is_followed_by_as_many_attempts_as_the_table_allows(setback: Setback, expected: int) -> None:
    """The retry table of openai-images.md, section 5."""
    assert tries_after(setback) == expected


def test_what_nobody_knows_is_repeated_only_if_the_user_said_so() -> None:
    """``retry_unknown`` is the user's own risk of paying twice."""
    assert tries_after(Setback.UNKNOWN, RetryPolicy(unknown=2)) == 2


def test_rate_limits_use_up_nothing_of_the_budget_for_lost_connections() -> None:
    """Nor the other way round."""
    attempts = Attempts(POLICY)
    for _ in range(20):
        assert attempts.next_wait(LIMITED, None, 0.0, lambda: 0.0) is not None
    for _ in range(3):
        assert attempts.next_wait(Setback.NOT_SENT, None, 0.0, lambda: 0.0) is not None
    assert attempts.next_wait(Setback.NOT_SENT, None, 0.0, lambda: 0.0) is None
    assert attempts.next_wait(LIMITED, None, 1.0, lambda: 0.0) is not None


def waits(setback: Setback, elapsed: Iterable[float], asked: float | None = None) -> list[float | None]:
    attempts = Attempts(RetryPolicy(connect=9))
    return [attempts.next_wait(setback, asked, moment, lambda: 0.0) for moment in elapsed]


def test_rate_limits_that_name_no_time_double_the_wait_up_to_half_a_minute() -> None:
    """1, 2, 4 … 30 s, and the last one ends with the patience."""
    moments = [0, 1, 3, 7, 15, 31, 61, 91, 280, 300, 301]
    assert waits(LIMITED, moments) == [1, 2, 4, 8, 16, 30, 30, 30, 20, None, None]


def test_the_patience_begins_with_the_first_rate_limit() -> None:
    """A call that had taken minutes before isn't given up at its first 429."""
    assert waits(LIMITED, [1000, 1299, 1300]) == [1, 1, None]


def test_other_setbacks_are_tried_again_soon() -> None:
    """Half a second, doubled up to eight."""
    assert waits(Setback.NOT_SENT, [0] * 7) == [0.5, 1, 2, 4, 8, 8, 8]


@pytest.mark.parametrize("asked", [0.02, 7.0, 299.0])
def test_a_wait_that_was_asked_for_is_kept(asked: float) -> None:
    """To the letter, apart from jitter upwards."""
    assert waits(LIMITED, [0], asked) == [asked]


def test_a_wait_longer_than_the_patience_is_not_begun() -> None:
    """Giving up at once is better than giving up in five minutes."""
    assert waits(LIMITED, [0], 301) == [None]
    assert waits(LIMITED, [0, 100], 201) == [201, None]
    assert waits(Setback.SERVER_ERROR, [0], 301) == [None]


def test_to_wait_no_time_at_all_is_no_answer() -> None:
    """Retry-After: 0 behind a refusal would mean to ask as fast as the line allows."""
    assert waits(LIMITED, [0, 0], 0) == [1, 2]


def test_a_server_error_that_names_a_time_is_waited_out() -> None:
    """503 carries Retry-After too."""
    assert waits(Setback.SERVER_ERROR, [0], 20) == [20]


chances = st.floats(0, 1, exclude_max=True)
steps = st.tuples(st.sampled_from(Setback), st.none() | st.floats(0, 1000), st.floats(0, 50), chances)


@settings(deadline=None)
@given(st.lists(steps, max_size=80))
def test_no_wait_is_shorter_than_asked_and_all_ends(story: list[tuple[Setback, float | None, float, float]]) -> None:
    """Whatever happens: nothing starts early, no single wait exceeds its bound, and 429s end with the patience."""
    attempts, moment, limited_since = Attempts(POLICY), 0.0, None
    others = 0
    for setback, asked, passes, chance in story:
        moment += passes
        wait = attempts.next_wait(setback, asked, moment, lambda chance=chance: chance)  # type: ignore[misc]
        if setback is LIMITED:
            limited_since = moment if limited_since is None else limited_since
            if wait is not None:
                assert 0 < wait <= max(30, (asked or 0) + 1)
                assert moment + wait <= limited_since + POLICY.patience + 1.01
        elif wait is not None:
            others += 1
        if wait is not None:
            assert wait >= (asked or 0)
            moment += wait
    assert others <= POLICY.connect + POLICY.partly_sent + POLICY.server_error
