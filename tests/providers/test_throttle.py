"""How many pictures are asked for at once, in which order, and what refusals and rate headers do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.providers.throttle import Throttle, Width, duration


def let_in(width: Width[str], moment: float = 0.0) -> str:
    return "".join(width.admit(moment))


def queue(most: int, **pictures: int) -> Width[str]:
    width: Width[str] = Width(most)
    for caller, count in pictures.items():
        width.join(caller, count)
    return width


def test_pictures_are_counted_not_calls() -> None:
    """A call of three takes three of four places."""
    width = queue(4, a=3, b=1, c=1)
    assert let_in(width) == "ab"
    width.release(3)
    assert let_in(width) == "c"


def test_a_call_larger_than_the_width_takes_all_of_it() -> None:
    """It runs alone instead of never."""
    width = queue(4, a=10, b=1)
    assert let_in(width) == "a"
    width.release(10)
    assert let_in(width) == "b"


def test_small_calls_do_not_overtake_a_large_one() -> None:
    """First come, first served, even while there is room for the small one."""
    width = queue(4, a=1, b=4, c=1)
    assert let_in(width) == "a"
    width.release(1)
    assert let_in(width) == "b"


def test_a_refusal_halves_the_width_and_closes_the_door() -> None:
    """Nothing starts before the time that was named."""
    width = queue(8, a=8)
    width.refused(7.0, moment=100.0)
    assert width.now == 4
    assert let_in(width, 106.9) == ""
    assert let_in(width, 107.0) == "a"


def test_a_burst_of_refusals_counts_once() -> None:
    """Ten calls that went out together are refused together; that is one piece of news."""
    width = queue(8)
    for moment in (10.0, 10.1, 12.9):
        width.refused(3.0, moment)
    assert width.now == 4
    width.refused(3.0, 20.0)
    assert width.now == 2
    for moment in (30.0, 40.0, 50.0):
        width.refused(None, moment)
    assert width.now == 1


def test_the_longest_pause_of_a_burst_counts() -> None:
    """A later refusal may ask for more time, never for less."""
    width = queue(8, a=1)
    width.refused(20.0, 0.0)
    width.refused(5.0, 1.0)
    assert let_in(width, 19.0) == ""
    assert let_in(width, 20.0) == "a"


def test_a_pause_of_hours_is_no_pause() -> None:
    """Who waits learns from the next refusal, which costs nothing, and not from an hour of silence."""
    width = queue(8, a=1)
    width.refused(3600.0, 0.0)
    assert width.now == 4
    assert let_in(width, 0.1) == "a"


def test_successes_widen_it_again_one_by_one() -> None:
    """Up to what was set, and no further."""
    width = queue(4)
    width.refused(1.0, 0.0)
    seen = []
    for _ in range(4):
        width.answered({}, 10.0)
        seen.append(width.now)
    assert seen == [3, 4, 4, 4]


@pytest.mark.parametrize("unit", ["requests", "images"])
def test_what_is_left_narrows_and_nothing_left_closes(unit: str) -> None:
    """The headers of a success tell before a refusal has to."""
    width = queue(8, a=1)
    width.answered({f"x-ratelimit-remaining-{unit}": "3", f"x-ratelimit-reset-{unit}": "1m0s"}, 0.0)
    assert width.now == 3
    width.answered({f"x-ratelimit-remaining-{unit}": "0", f"x-ratelimit-reset-{unit}": "6m0s"}, 5.0)
    assert let_in(width, 364.9) == ""
    assert let_in(width, 365.0) == "a"


def test_headers_that_make_no_sense_change_nothing() -> None:
    """Gateways write what they like."""
    width = queue(8, a=1)
    for text in ("", "many", "-1", "1.5", "²"):
        width.answered({"x-ratelimit-remaining-images": text, "x-ratelimit-reset-images": "soon"}, 0.0)
    width.answered({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "soon"}, 0.0)
    assert let_in(width) == "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12ms", 0.012),
        ("6m0s", 360),
        ("1h2m", 3720),
        ("1.5s", 1.5),
        ("7", 7),
        ("1m", 60),
        ("2h", 7200),
        ("1s500ms", 1.5),
        (" 3s ", 3),
        ("", None),
        ("soon", None),
        ("5x", None),
        ("s", None),
        ("-3s", None),
    ],
)
def test_durations_are_read_as_the_headers_write_them(text: str, expected: float | None) -> None:
    """``12ms``, ``6m0s`` and the like (openai-images.md, 2.5)."""
    assert duration(text) == (None if expected is None else pytest.approx(expected))


def test_no_width_is_refused() -> None:
    """Zero would wait forever."""
    with pytest.raises(ValueError, match="at least one"):
        Throttle(0)


events = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(1, 12)),
        st.tuples(st.just("finish"), st.integers(0, 5)),
        st.tuples(st.just("quit"), st.integers(0, 5)),
        st.tuples(st.just("refused"), st.none() | st.floats(0, 2000)),
        st.tuples(st.just("answered"), st.integers(0, 12)),
        st.tuples(st.just("pass"), st.floats(0, 100)),
    ),
    max_size=60,
)


class Story:
    """Plays events against a width and remembers who came, started and left."""

    def __init__(self, most: int) -> None:
        self.width: Width[int] = Width(most)
        self.moment = 0.0
        self.pictures: dict[int, int] = {}
        self.running: list[int] = []
        self.started: list[int] = []
        self.left: set[int] = set()

    def play(self, kind: str, amount: Any) -> None:
        waiting = self.width.waiting
        match kind:
            case "join":
                caller = len(self.pictures)
                self.pictures[caller] = amount
                self.width.join(caller, amount)
            case "finish" if self.running:
                self.width.release(self.pictures[self.running.pop(amount % len(self.running))])
            case "quit" if waiting:
                self.width.quit(waiting[amount % len(waiting)])
                self.left.add(waiting[amount % len(waiting)])
            case "refused":
                self.width.refused(amount, self.moment)
            case "answered":
                headers = {"x-ratelimit-remaining-images": str(amount), "x-ratelimit-reset-images": "30s"}
                self.width.answered(headers, self.moment)
            case "pass":
                self.moment += amount
        admitted = self.width.admit(self.moment)
        self.running += admitted
        self.started += admitted

    @property
    def busy(self) -> int:
        return sum(min(self.pictures[caller], self.width.most) for caller in self.running)


@settings(deadline=None)
@given(st.integers(1, 8), events)
def test_never_more_than_the_width_always_in_order_and_everyone_in_the_end(
    most: int, story: list[tuple[str, Any]]
) -> None:
    """Whatever comes, in whatever order: the bound holds, nobody overtakes, nobody is forgotten."""
    play = Story(most)
    for kind, amount in story:
        play.play(kind, amount)
        assert play.busy == play.width.busy <= most
        assert 1 <= play.width.now <= most
    play.moment += 10_000
    while play.running or play.width.waiting:
        play.play("finish", 0)
    assert play.started == sorted(play.started)
    assert set(play.started) | play.left == set(play.pictures)
    assert play.width.busy == 0


def in_loop(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Calls:
    """Calls that hold their places until they are told to end."""

    def __init__(self, throttle: Throttle) -> None:
        self.throttle = throttle
        self.inside: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    def start(self, name: str, pictures: int = 1) -> asyncio.Task[None]:
        self.ends[name] = asyncio.Event()
        return asyncio.create_task(self._call(name, pictures))

    async def _call(self, name: str, pictures: int) -> None:
        async with self.throttle.images(pictures):
            self.inside.append(name)
            await self.ends[name].wait()
        self.inside.remove(name)


def test_calls_wait_for_each_other() -> None:
    """The next one starts when there is room, in the order they came."""

    async def scene() -> None:
        calls = Calls(Throttle(2))
        tasks = [calls.start(name) for name in "abc"]
        await settle()
        assert calls.inside == ["a", "b"]
        calls.ends["a"].set()
        await settle()
        assert calls.inside == ["b", "c"]
        calls.ends["b"].set()
        calls.ends["c"].set()
        await asyncio.gather(*tasks)

    in_loop(scene)


def test_a_call_cancelled_while_it_waits_leaves_no_hole() -> None:
    """The one behind it is next."""

    async def scene() -> None:
        calls = Calls(Throttle(1))
        first, second, third = (calls.start(name) for name in "abc")
        await settle()
        second.cancel()
        await settle()
        calls.ends["a"].set()
        await settle()
        assert calls.inside == ["c"]
        calls.ends["c"].set()
        await asyncio.gather(first, third)

    in_loop(scene)


def test_a_call_cancelled_between_being_let_in_and_waking_up_gives_its_place_back() -> None:
    """It never ran, so it holds nothing."""

    async def scene() -> None:
        throttle = Throttle(1)
        calls = Calls(throttle)
        async with throttle.images(1):
            second, third = calls.start("b"), calls.start("c")
            await settle()
        second.cancel()  # let in just now, and not yet awake
        await settle()
        assert second.cancelled()
        assert calls.inside == ["c"]
        calls.ends["c"].set()
        await third

    in_loop(scene)


def test_a_call_that_was_cancelled_before_it_could_be_let_in_gives_its_turn_on() -> None:
    """Cancelled in the very step in which a place becomes free."""

    async def scene() -> None:
        calls = Calls(Throttle(1))
        first, second, third = (calls.start(name) for name in "abc")
        await settle()
        calls.ends["a"].set()
        second.cancel()
        await settle()
        assert calls.inside == ["c"]
        calls.ends["c"].set()
        await asyncio.gather(first, third)

    in_loop(scene)


def test_a_pause_ends_by_itself() -> None:
    """Nobody has to knock."""

    async def scene() -> None:
        throttle = Throttle(2)
        throttle.refused(0.02)
        async with asyncio.timeout(5), throttle.images(1):
            pass

    in_loop(scene)


def test_an_empty_account_ends_the_wait_of_all_and_later_calls_may_try() -> None:
    """What is true of every call is told to every call that waits."""

    async def scene() -> None:
        throttle = Throttle(1)
        calls = Calls(throttle)
        first, *others = (calls.start(name) for name in "abc")
        await settle()
        throttle.close(RuntimeError("no money"))
        results = await asyncio.gather(*others, return_exceptions=True)
        assert [str(result) for result in results] == ["no money", "no money"]
        calls.ends["a"].set()
        await first
        async with throttle.images(1):
            pass

    in_loop(scene)


def test_it_serves_one_event_loop_after_another() -> None:
    """Nothing of a loop that is gone remains."""
    throttle = Throttle(1)

    async def scene() -> None:
        async with throttle.images(1):
            pass

    in_loop(scene)
    throttle.refused(0.01)
    in_loop(scene)
