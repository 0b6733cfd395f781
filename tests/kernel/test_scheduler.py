"""The scheduler decides what may start, purely: every transition, then laws over made-up graphs.

In the drawings ``a → b`` means b reads a; ``a ⇢ b`` means b may come to read a (a lazy link).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import Dag, dags

from graphrun.kernel.scheduler import Scheduler, Settled, State

Names = Callable[[str], str]


@pytest.fixture(params=["forwards", "backwards"])
def names(request: pytest.FixtureRequest) -> Names:
    """Name the steps a, b, c … forwards or backwards, so that no test passes because "a" sorts before "b"."""
    if request.param == "forwards":
        return lambda drawing: drawing
    return lambda drawing: re.sub(r"\b[a-z]\b", lambda m: chr(ord("a") + ord("z") - ord(m[0])), drawing)


class Play:
    """A scheduler over a drawing: ``b: a ~c`` says that b reads a, and c lazily."""

    def __init__(self, names: Names, drawing: str, *, want: str, hits: str = "", keep: str = "") -> None:
        self._names = names
        reads, lazy = self._read(drawing)
        self.scheduler = Scheduler(
            reads, lazy=lazy, wanted=self._list(want), hits=self._list(hits), kept=self._list(keep)
        )

    def _list(self, steps: str) -> list[str]:
        return self._names(steps).split()

    def _read(self, drawing: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        reads: dict[str, list[str]] = {}
        lazy: dict[str, list[str]] = {}
        for line in filter(None, re.split(r"\s*;\s*", drawing)):
            step, _, sources = self._names(line).partition(":")
            reads[step] = [source for source in sources.split() if not source.startswith("~")]
            lazy[step] = [source[1:] for source in sources.split() if source.startswith("~")]
        return reads, lazy

    def _told(self, settled: Settled) -> str:
        """``-a`` for a released value, ``b✗a`` for a step lost because of a."""
        released = [f"-{step}" for step in settled.released]
        return self._names(" ".join([*released, *(f"{step}✗{cause}" for step, cause in settled.lost)]))

    def start(self, limit: int = 99) -> str:
        return self._names(" ".join(self.scheduler.start(limit)))

    def done(self, step: str) -> str:
        return self._told(self.scheduler.done(self._names(step)))

    def failed(self, step: str) -> str:
        return self._told(self.scheduler.failed(self._names(step)))

    def require(self, step: str, sources: str) -> str:
        return self._told(self.scheduler.require(self._names(step), self._list(sources)))

    def demote(self, step: str) -> str:
        return self._told(self.scheduler.demote(self._names(step)))

    def add(self, parent: str, drawing: str, *, results: str, want: str = "") -> str:
        reads, lazy = self._read(drawing)
        return self._told(
            self.scheduler.add(
                self._names(parent), reads, lazy=lazy, results=self._list(results), wanted=self._list(want)
            )
        )

    def abandon(self, step: str) -> str:
        return self._told(self.scheduler.abandon(self._names(step)))

    def cycle(self) -> set[str]:
        return set(self._names(" ".join(self.scheduler.cycle())).split())

    def state(self, step: str) -> str:
        return self.scheduler.state(self._names(step)).value


def test_a_step_starts_when_all_it_reads_is_done(names: Names) -> None:
    """
    a → c
    b → c
    """
    play = Play(names, "a:; b:; c: a b", want="c")
    assert play.start() == "a b"
    play.done("a")
    assert play.start() == ""
    play.done("b")
    assert play.start() == "c"


def test_the_ready_step_first_in_the_plan_starts_first(names: Names) -> None:
    """
    a → c     d became ready before c did, but c stands before it in the plan.
    b → d
    """
    play = Play(names, "a:; b:; c: a; d: b", want="c d")
    play.start()
    play.done("b")
    play.done("a")
    assert play.start(1) == "c"
    assert play.start(1) == "d"


def test_no_more_steps_start_than_asked_for(names: Names) -> None:
    """Three ready steps, a limit of two: the third stays ready."""
    play = Play(names, "a:; b:; c:", want="a b c")
    assert play.start(2) == "a b"
    assert play.state("c") == "ready"


def test_what_no_wanted_step_reads_is_spared(names: Names) -> None:
    """
    a → b     only a is wanted
    """
    play = Play(names, "a:; b: a", want="a")
    assert play.start() == "a"
    play.done("a")
    assert play.state("b") == "spared"
    assert play.scheduler.finished


def test_a_step_wanted_twice_runs_once(names: Names) -> None:
    """A target that is named twice, and read by another target besides, starts once."""
    play = Play(names, "a:; b: a", want="a b a")
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "b"


def test_a_value_is_released_when_its_last_reader_is_done(names: Names) -> None:
    """
    a → b
    a → c
    """
    play = Play(names, "a:; b: a; c: a", want="b c", keep="b c")
    play.start()
    assert play.done("a") == ""
    play.start()
    assert play.done("b") == ""
    assert play.done("c") == "-a"


def test_a_value_no_one_reads_is_released_at_once(names: Names) -> None:
    """A wanted step that is not kept gives its value up as soon as it is done."""
    play = Play(names, "a:", want="a")
    play.start()
    assert play.done("a") == "-a"


def test_a_kept_value_is_never_released(names: Names) -> None:
    """
    a → b     a is kept
    """
    play = Play(names, "a:; b: a", want="b", keep="a")
    play.start()
    assert play.done("a") == ""
    play.start()
    assert play.done("b") == "-b"


def test_failure_loses_only_readers(names: Names) -> None:
    """
    a ✗ → b → d        a fails: b and d are lost because of it,
    c ──────→ e        c and e are done.
    """
    play = Play(names, "a:; b: a; c:; d: b; e: c", want="d e", keep="d e")
    play.start()
    assert play.failed("a") == "b✗a d✗a"
    assert play.done("c") == ""
    assert play.start() == "e"
    assert play.done("e") == "-c"
    assert play.scheduler.finished


def test_a_lost_reader_releases_what_it_would_have_read(names: Names) -> None:
    """
    a ───→ c      a is done, b fails: c is lost and no one will read a.
    b ✗ → c
    """
    play = Play(names, "a:; b:; c: a b", want="c")
    play.start()
    play.done("a")
    assert play.failed("b") == "-a c✗b"


def test_a_value_that_comes_after_its_readers_were_lost_is_released_at_once(names: Names) -> None:
    """
    a ✗ → c      b is still running when a fails.
    b ───→ c
    """
    play = Play(names, "a:; b:; c: a b", want="c")
    play.start()
    assert play.failed("a") == "c✗a"
    assert play.done("b") == "-b"


def test_what_only_lost_steps_would_have_read_is_not_started(names: Names) -> None:
    """
    a ✗→ c → d        a fails before b has started: c and d are lost, so nobody would read b, nor what b reads.
    e → b ──↗         f reads e too, so e is done.
    e → f
    """
    play = Play(names, "a; e; b: e; c: a b; d: c; f: e", want="d f")
    assert play.start(1) == "a"
    assert play.failed("a") == "c✗a d✗a"
    assert (play.state("b"), play.state("e")) == ("spared", "ready")
    assert play.start() == "e"


def test_the_first_failure_is_named_where_there_are_two(names: Names) -> None:
    """
    a ✗ → c
    b ✗ → c     c was lost when a failed; b's failure changes nothing.
    """
    play = Play(names, "a:; b:; c: a b", want="c")
    play.start()
    assert play.failed("a") == "c✗a"
    assert play.failed("b") == ""
    assert play.scheduler.finished


def test_a_lazy_source_is_not_started_unless_required(names: Names) -> None:
    """
    a → c
    b ⇢ c     c never asks for b
    """
    play = Play(names, "a:; b:; c: a ~b", want="c")
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "c"
    assert play.done("c") == "-c -a"
    assert play.state("b") == "spared"
    assert play.scheduler.finished


def test_a_required_source_is_run_and_its_reader_is_ready_again(names: Names) -> None:
    """
    a → b ⇢ c     c asks for b, which brings a along
    """
    play = Play(names, "a:; b: a; c: ~b", want="c")
    assert play.start() == "c"
    play.require("c", "b")
    assert not play.scheduler.stuck
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "b"
    assert play.done("b") == "-a"
    assert play.start() == "c"
    assert play.done("c") == "-c -b"


def test_requiring_what_is_there_makes_a_step_ready_at_once(names: Names) -> None:
    """
    a ⇢ b     a is done and held, since b may ask for it
    a → c
    """
    play = Play(names, "a:; b: ~a; c: a", want="b c", keep="b c")
    play.start()
    assert play.done("a") == ""
    play.start()
    assert play.done("c") == ""
    play.require("b", "a")
    assert play.start() == "b"
    assert play.done("b") == "-a"


def test_requiring_a_source_that_is_running_waits_for_it(names: Names) -> None:
    """
    a ⇢ b     a is running on its own account when b asks for it.
    """
    play = Play(names, "a:; b: ~a", want="a b")
    assert play.start() == "a b"
    play.require("b", "a")
    assert play.start() == ""
    play.done("a")
    assert play.start() == "b"


def test_requiring_a_lost_source_loses_the_step(names: Names) -> None:
    """
    a ✗ ⇢ b → c
    """
    play = Play(names, "a:; b: ~a; c: b", want="a c")
    play.start()
    assert play.failed("a") == ""
    assert play.require("b", "a") == "b✗a c✗a"
    assert play.scheduler.finished


def test_a_lost_lazy_source_harms_no_one_who_does_not_ask(names: Names) -> None:
    """
    a ✗ ⇢ b
    """
    play = Play(names, "a:; b: ~a", want="a b")
    play.start()
    play.failed("a")
    assert play.done("b") == "-b"
    assert play.state("b") == "done"


def test_a_step_can_ask_twice(names: Names) -> None:
    """
    a ⇢ c
    b ⇢ c     c asks for a first and for b when it has seen a
    """
    play = Play(names, "a:; b:; c: ~a ~b", want="c")
    play.start()
    play.require("c", "a")
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "c"
    play.require("c", "b")
    assert play.start() == "b"
    play.done("b")
    assert play.start() == "c"
    assert play.done("c") == "-c -a -b"


def test_a_hit_reads_nothing_and_spares_its_ancestry(names: Names) -> None:
    """
    a → b → c → d     c is a hit: a and b are not even started
    """
    play = Play(names, "a:; b: a; c: b; d: c", want="d", hits="c")
    assert play.start() == "c"
    assert play.done("c") == ""
    assert play.start() == "d"
    assert play.done("d") == "-d -c"
    assert [play.state(step) for step in "abcd"] == ["spared", "spared", "done", "done"]
    assert play.scheduler.finished


def test_a_target_may_be_a_hit(names: Names) -> None:
    """
    a → b     b is wanted and a hit
    """
    play = Play(names, "a:; b: a", want="b", hits="b", keep="b")
    assert play.start() == "b"
    assert play.done("b") == ""
    assert play.scheduler.finished
    assert play.state("a") == "spared"


def test_a_demoted_hit_brings_its_ancestors_back(names: Names) -> None:
    """
    a → b → c     b is a hit that turns out to be gone
    """
    play = Play(names, "a:; b: a; c: b", want="c", hits="b")
    assert play.start() == "b"
    assert play.demote("b") == ""
    assert not play.scheduler.is_hit(names("b"))
    assert play.start() == "a"
    assert play.done("a") == ""
    assert play.start() == "b"
    assert play.done("b") == "-a"


def test_a_demoted_hit_may_find_further_hits(names: Names) -> None:
    """
    a → b → c     b and c are hits; c is gone, b is not: a stays spared
    """
    play = Play(names, "a:; b: a; c: b", want="c", hits="b c")
    assert play.start() == "c"
    play.demote("c")
    assert play.start() == "b"
    play.done("b")
    assert play.start() == "c"
    assert play.done("c") == "-c -b"
    assert play.state("a") == "spared"


def test_a_demoted_hit_takes_values_that_are_still_held(names: Names) -> None:
    """
    a → b     a is kept and done when the hit b turns out to be gone
    """
    play = Play(names, "a:; b: a", want="a b", hits="b", keep="a")
    play.start()
    play.done("a")
    play.demote("b")
    assert play.start() == "b"
    assert play.done("b") == "-b"


def test_a_released_value_is_made_again_for_a_demoted_hit(names: Names) -> None:
    """
    a → b
    a → c     c is a hit, so a is released when b is done; then c turns out to be gone
    """
    play = Play(names, "a:; b: a; c: a", want="b c", hits="c")
    assert play.start() == "a c"
    play.done("a")
    assert play.start() == "b"
    assert play.done("b") == "-b -a"
    play.demote("c")
    assert play.start() == "a"
    assert play.done("a") == ""
    assert play.start() == "c"
    assert play.done("c") == "-c -a"
    assert play.scheduler.finished


def test_making_a_value_again_makes_its_released_sources_again(names: Names) -> None:
    """
    a → b → c
        b → d     d is a hit that turns out to be gone when a and b are released
    """
    play = Play(names, "a:; b: a; c: b; d: b", want="c d", hits="d", keep="c d")
    play.start(1)
    play.done("a")
    play.start(1)
    assert play.done("b") == "-a"
    play.start(1)
    assert play.done("c") == "-b"
    play.start(1)
    play.demote("d")
    assert play.start() == "a"
    assert play.done("a") == ""
    assert play.start() == "b"
    assert play.done("b") == "-a"
    assert play.start() == "d"
    assert play.done("d") == "-b"


def test_a_hit_may_be_found_gone_when_its_value_is_read(names: Names) -> None:
    """
    a → b → d     b is a hit and done; d is running when it finds b's value gone
        b → e     e, which was ready, waits again; f waits for c, and now for b too
    c, b → f
    """
    play = Play(names, "a:; b: a; c:; d: b; e: b; f: b c", want="d e f", hits="b", keep="d e f")
    assert play.start() == "b c"
    assert play.done("b") == ""
    assert play.start(1) == "d"
    assert play.state("e") == "ready"
    assert play.demote("b") == ""
    play.require("d", "b")
    assert [play.state(step) for step in "abdef"] == ["ready", "waiting", "waiting", "waiting", "waiting"]
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "b"
    assert play.done("b") == "-a"
    assert play.start() == "d e"
    play.done("d")
    play.done("e")
    assert play.start() == "", "c is running still"
    play.done("c")
    assert play.start() == "f"
    assert play.done("f") == "-b -c"


def test_a_hit_found_gone_twice_is_made_once(names: Names) -> None:
    """
    a → b, a → c     both are running when they find the value of the hit a gone
    """
    play = Play(names, "a:; b: a; c: a", want="b c", hits="a")
    play.start()
    play.done("a")
    assert play.start() == "b c"
    play.demote("a")
    play.require("b", "a")
    assert play.demote("a") == ""
    play.require("c", "a")
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "b c"


def test_a_hit_whose_source_was_lost_is_lost_when_demoted(names: Names) -> None:
    """
    a ✗ → b
    a ✗ → c → d     c is a hit; a failed for b; c is gone: c and d are lost, and e is not started for them
    e ─── → c
    """
    play = Play(names, "a:; e:; b: a; c: a e; d: c", want="b d", hits="c")
    assert play.start() == "a c"
    assert play.failed("a") == "b✗a"
    assert play.demote("c") == "c✗a d✗a"
    assert play.start() == ""
    assert play.state("e") == "spared"
    assert play.scheduler.finished


def test_a_failing_hit_takes_its_readers_along(names: Names) -> None:
    """
    a → b → c     b is a hit whose value can't be read
    """
    play = Play(names, "a:; b: a; c: b", want="c", hits="b")
    play.start()
    assert play.failed("b") == "c✗b"
    assert play.scheduler.finished


def test_an_expanded_step_waits_for_its_results(names: Names) -> None:
    """
    a → b     a expands into x → y and z; y gives its result, z is not needed
    """
    play = Play(names, "a:; b: a", want="b")
    play.start()
    assert play.add("a", "x:; y: x; z:", results="y") == ""
    assert play.start() == "x"
    play.done("x")
    assert play.start() == "y"
    assert play.done("y") == "-x"
    assert play.start() == "a"
    assert play.done("a") == "-y"
    assert play.start() == "b"
    assert play.state("z") == "spared"


def test_new_output_nodes_run_for_their_own_sake(names: Names) -> None:
    """
    a ⇒ x → y     y is an output among the new steps and gives no result
    """
    play = Play(names, "a:", want="a", keep="a")
    play.start()
    play.add("a", "x:; y: x", results="", want="y")
    assert play.start() == "a x"
    assert play.done("a") == ""
    play.done("x")
    assert play.start() == "y"
    assert play.done("y") == "-y -x"
    assert play.scheduler.finished


def test_an_expansion_into_nothing_is_ready_again_at_once(names: Names) -> None:
    """All results are plain values: the step is ready to collect them."""
    play = Play(names, "a:", want="a")
    play.start()
    play.add("a", "", results="")
    assert play.start() == "a"


def test_new_steps_may_read_old_ones(names: Names) -> None:
    """
    a → b     b expands into x, which reads a as well
    """
    play = Play(names, "a:; b: a", want="b", keep="b")
    play.start()
    play.done("a")
    play.start()
    play.add("b", "x: a", results="x")
    assert play.start() == "x"
    assert play.done("x") == ""
    assert play.start() == "b"
    assert play.done("b") == "-a -x"


def test_a_value_released_before_new_steps_read_it_is_made_again(names: Names) -> None:
    """
    a → b → c     c expands into x, which reads a; a was released when b was done
    """
    play = Play(names, "a:; b: a; c: b", want="c", keep="c")
    play.start()
    play.done("a")
    play.start()
    assert play.done("b") == "-a"
    play.start()
    play.add("c", "x: a", results="x")
    assert play.start() == "a"
    play.done("a")
    assert play.start() == "x"
    assert play.done("x") == "-a"
    assert play.start() == "c"
    assert play.done("c") == "-b -x"


def test_a_result_may_be_a_step_there_was(names: Names) -> None:
    """
    a → b     b expands into a link back to a, which it reads already
    """
    play = Play(names, "a:; b: a", want="b", keep="b")
    play.start()
    play.done("a")
    play.start()
    play.add("b", "", results="a")
    assert play.start() == "b"
    assert play.done("b") == "-a"


def test_a_result_may_be_a_source_that_was_lazy(names: Names) -> None:
    """
    a ⇢ c     c never asked for a, but expands into links to a and to x:
    x → c     it waits for both, once each
    """
    play = Play(names, "a:; c: ~a", want="c", keep="c")
    play.start()
    play.add("c", "x:", results="a x")
    assert play.start() == "a x"
    play.done("a")
    assert play.start() == ""
    play.done("x")
    assert play.start() == "c"
    assert play.done("c") == "-a -x"


def test_an_expansion_that_reads_a_lost_step_is_lost(names: Names) -> None:
    """
    a ✗     b expands into x, which reads a
    b ⇒ x
    """
    play = Play(names, "a:; b:; c: b", want="a c")
    play.start()
    play.failed("a")
    assert play.add("b", "x: a", results="x") == "b✗a c✗a x✗a"
    assert play.scheduler.finished


def test_a_failure_among_new_steps_loses_the_one_that_expanded(names: Names) -> None:
    """
    a ⇒ x ✗     a → b
    """
    play = Play(names, "a:; b: a", want="b")
    play.start()
    play.add("a", "x:", results="x")
    play.start()
    assert play.failed("x") == "a✗x b✗x"


def test_expansions_nest(names: Names) -> None:
    """
    a ⇒ x ⇒ y     y's value becomes x's, and x's a's
    """
    play = Play(names, "a:", want="a", keep="a")
    play.start()
    play.add("a", "x:", results="x")
    play.start()
    play.add("x", "y:", results="y")
    assert play.start() == "y"
    assert play.done("y") == ""
    assert play.start() == "x"
    assert play.done("x") == "-y"
    assert play.start() == "a"
    assert play.done("a") == "-x"


def test_new_steps_that_read_the_one_they_came_from_are_stuck(names: Names) -> None:
    """
    a ⇒ x → y     x reads a, which waits for y: the ring is found, and abandoning a loses the others with it
    a → b
    """
    play = Play(names, "a:; b: a; c:", want="b c")
    play.start()
    play.add("a", "x: a; y: x", results="y")
    assert not play.scheduler.stuck, "c is running still"
    play.done("c")
    assert play.scheduler.stuck
    assert play.cycle() == {"a", "x", "y"}
    assert play.abandon("a") == "b✗a x✗a y✗a"
    assert play.scheduler.finished


def test_only_running_steps_can_end(names: Names) -> None:
    """Ending, requiring or expanding a step that isn't running is the caller's mistake."""
    play = Play(names, "a:; b: a", want="b")
    for mistake in (play.done, play.failed):
        with pytest.raises(ValueError, match="waiting, not running"):
            mistake("b")
    with pytest.raises(ValueError, match="ready, not waiting"):
        play.abandon("a")


class Driver:
    """Plays a scheduler to its end by random choices and checks the laws after each of them."""

    def __init__(self, dag: Dag, data: st.DataObject, *, hits: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self.dag, self.data, self.kept = dag, data, set(kept)
        self.reads = {step: set(sources) for step, sources in dag.reads.items()}
        self.lazy = {step: set(sources) for step, sources in dag.lazy.items()}
        self.hits = set(hits)
        self.own_sake = {*dag.wanted, *self.kept}
        self.held: set[str] = set()
        self.running: list[str] = []
        self.lost: set[str] = set()
        self.grown = 0
        self.scheduler = Scheduler(dag.reads, lazy=dag.lazy, wanted=dag.wanted, hits=self.hits, kept=self.kept)

    def play(self) -> None:
        while not self.scheduler.finished:
            assert not self.scheduler.stuck, "an acyclic graph can't get stuck"
            self.start()
            step = self.data.draw(st.sampled_from(self.running), label="ends")
            self.running.remove(step)
            self.absorb(step, self.end(step))
            self.check()
        assert not self.running
        assert self.held == {step for step in self.kept if self.scheduler.state(step) is State.DONE}

    def start(self) -> None:
        started = self.scheduler.start(self.data.draw(st.integers(0 if self.running else 1, 3), label="limit"))
        for step in started:
            assert step in self.hits or self.reads[step] <= self.held, f"{step} started before what it reads"
        self.running += started

    def end(self, step: str) -> Settled:
        if step in self.hits:
            return self.data.draw(st.sampled_from((self.finish, self.demote, self.fail)), label="how")(step)
        ways = [self.finish, self.finish, self.fail, self.require, self.grow, self.find_gone]
        return self.data.draw(st.sampled_from(ways), label="how")(step)

    def finish(self, step: str) -> Settled:
        assert step not in self.held
        self.held.add(step)
        return self.scheduler.done(step)

    def fail(self, step: str) -> Settled:
        self.lost.add(step)
        return self.scheduler.failed(step)

    def demote(self, step: str) -> Settled:
        self.hits.discard(step)
        return self.scheduler.demote(step)

    def require(self, step: str) -> Settled:
        asked = self.data.draw(st.sets(st.sampled_from(sorted(self.lazy[step] | {step}))), label="asks") - {step}
        self.reads[step] |= asked
        self.lazy[step] -= asked
        return self.scheduler.require(step, sorted(asked))

    def find_gone(self, step: str) -> Settled:
        """Try to read a hit, and find that its value isn't there after all."""
        readable = sorted(self.reads[step] & self.hits & self.held)
        if not readable:
            return self.finish(step)
        source = self.data.draw(st.sampled_from(readable), label="gone")
        self.hits.discard(source)
        self.held.discard(source)
        settled = self.scheduler.demote(source)
        return settled + self.scheduler.require(step, [source])

    def grow(self, step: str) -> Settled:
        """Expand into a chain of new steps that reads some of what is upstream of the step."""
        if self.grown >= 3:
            return self.finish(step)
        upstream = sorted(self.upstream(step))
        new: dict[str, list[str]] = {}
        for _ in range(self.data.draw(st.integers(0, 3), label="new")):
            self.grown += 1
            sources = self.data.draw(st.sets(st.sampled_from([*upstream, *new])), label="reads") if upstream else set()
            new[f"x{self.grown}{step}"] = sorted(sources)
        pool = [*new, *upstream]
        results = self.data.draw(st.lists(st.sampled_from(pool)), label="results") if pool else []
        wanted = self.data.draw(st.lists(st.sampled_from([*new])), label="wanted") if new else []
        for name, sources in new.items():
            self.reads[name], self.lazy[name] = set(sources), set()
        self.reads[step] |= set(results)
        self.lazy[step] -= set(results)
        self.own_sake |= set(wanted)
        return self.scheduler.add(step, new, results=results, wanted=wanted)

    def upstream(self, step: str) -> set[str]:
        found: set[str] = set()
        pending = [step]
        while pending:
            current = pending.pop()
            fresh = (self.reads[current] | self.lazy[current]) - found
            found |= fresh
            pending += fresh
        return found

    def absorb(self, ended: str, settled: Settled) -> None:
        assert len(set(settled.released)) == len(settled.released), "released twice"
        assert set(settled.released) <= self.held, "released what isn't there"
        assert not set(settled.released) & self.kept, "released what was to be kept"
        self.held -= set(settled.released)
        for step in settled.released:
            assert not self.unfinished_readers(step), f"{step} was released before its last reader had ended"
        for step, cause in settled.lost:
            assert step not in self.lost, "lost twice"
            assert cause in self.lost
            self.lost.add(step)

    def unfinished_readers(self, source: str) -> set[str]:
        """Wanted steps that may still read a value. A hit reads nothing."""
        unfinished = (State.WAITING, State.READY, State.RUNNING)
        readers = {step for step in self.reads if source in self.reads[step] | self.lazy[step]} - self.hits
        return {step for step in readers if self.scheduler.state(step) in unfinished}

    def check(self) -> None:
        for step in self.held - self.kept:
            assert self.unfinished_readers(step), f"{step} is held although no one will read it"
        for step in self.reads:
            state = self.scheduler.state(step)
            if state in (State.READY, State.WAITING) and step not in self.own_sake:
                assert self.unfinished_readers(step), f"{step} is to run although no one will read it"
            assert (state is State.LOST) == (step in self.lost)
            if state in (State.READY, State.WAITING) and step not in self.hits:
                assert not self.reads[step] & self.lost, f"{step} waits for something lost"


@given(dags(), st.data())
def test_any_play_keeps_the_laws(dag: Dag, data: st.DataObject) -> None:
    """Whatever ends, fails, asks, expands or turns out to be gone, in any order.

    No step starts before what it reads is there; a value is held exactly as long as someone may read it, or it is to
    be kept; a step is lost exactly when it, or something it reads, failed; the run comes to an end.
    """
    steps = st.sets(st.sampled_from(sorted(dag.reads)))
    Driver(dag, data, hits=data.draw(steps, label="hits"), kept=data.draw(steps, label="kept")).play()


@given(dags(), st.data())
def test_what_is_lost_is_what_failures_reach(dag: Dag, data: st.DataObject) -> None:
    """A step is lost exactly if it failed or reads what is lost; all other targets are done.

    What else didn't run is read by lost steps only.
    """
    failing = data.draw(st.sets(st.sampled_from(sorted(dag.reads))), label="failing")
    scheduler = Scheduler(dag.reads, wanted=dag.wanted)
    failed: set[str] = set()
    while not scheduler.finished:
        for step in scheduler.start(1):
            if step in failing:
                scheduler.failed(step)
                failed.add(step)
            else:
                scheduler.done(step)
    states = {step: scheduler.state(step) for step in dag.reads}
    assert all(states[step] in (State.DONE, State.LOST) for step in dag.wanted)
    for step, state in states.items():
        lost_sources = [source for source in dag.reads[step] if states[source] is State.LOST]
        if state is State.LOST:
            assert step in failed or lost_sources
        if state is State.DONE:
            assert not lost_sources
        if state is State.SPARED:
            readers = [reader for reader in dag.reads if step in dag.reads[reader]]
            assert all(states[reader] in (State.LOST, State.SPARED) for reader in readers)


@given(dags(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_equal_finishes_give_equal_starts(dag: Dag, random: object, limit: int) -> None:
    """Two schedulers told the same things in the same order start the same steps in the same order."""
    pair = [Scheduler(dag.reads, lazy=dag.lazy, wanted=dag.wanted) for _ in range(2)]
    running: list[str] = []
    while not pair[0].finished:
        first, second = (scheduler.start(limit) for scheduler in pair)
        assert first == second
        running += first
        step = running.pop(random.randrange(len(running)))  # type: ignore[attr-defined]
        assert pair[0].done(step) == pair[1].done(step)


@given(dags(), st.integers(1, 4))
def test_started_steps_come_in_plan_order(dag: Dag, limit: int) -> None:
    """Of the steps started at one time, the first in the plan come first."""
    scheduler = Scheduler(dag.reads, wanted=dag.wanted)
    order = list(dag.reads)
    while not scheduler.finished:
        ready = [step for step in order if scheduler.state(step) is State.READY]
        started = scheduler.start(limit)
        assert started == ready[:limit]
        for step in started:
            scheduler.done(step)


def test_a_chain_of_100_000_steps_is_lost_without_recursion() -> None:
    """The first of a very long chain fails: all others are lost because of it."""
    steps = [str(i) for i in range(100_000)]
    reads = {step: steps[max(i - 1, 0) : i] for i, step in enumerate(steps)}
    scheduler = Scheduler(reads, wanted=[steps[-1]])
    assert scheduler.start(9) == ["0"]
    settled = scheduler.failed("0")
    assert settled.lost == tuple((step, "0") for step in steps[1:])
    assert scheduler.finished
