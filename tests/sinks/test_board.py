"""Which nodes the live view shows, and what it says of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphrun.kernel import events
from graphrun.kernel.events import Event
from graphrun.sinks.board import Board


def board_of(count: int, *story: tuple[float, Event]) -> Board:
    board = Board()
    board.note(events.RunStarted(count, {str(number): f"node {number}" for number in range(count)}), 0)
    for now, event in story:
        board.note(event, now)
    return board


def start(number: int) -> Event:
    return events.NodeStarted(str(number), f"node {number}")


def finish(number: int) -> Event:
    return events.NodeFinished(str(number), f"node {number}", 2.0)


def labels(board: Board, lines: int) -> list[str]:
    return [row.label for row in board.visible(lines)]


def test_all_nodes_are_shown_in_plan_order_if_they_fit() -> None:
    """A small workflow is seen whole, waiting nodes included."""
    board = board_of(3, (1, start(1)), (2, finish(1)))
    assert [(row.label, row.state) for row in board.visible(3)] == [
        ("node 0", "waiting"),
        ("node 1", "done"),
        ("node 2", "waiting"),
    ]


def test_of_many_nodes_those_that_run_and_ended_last_are_shown() -> None:
    """With 200 nodes and six lines: the last that ended, and below them what runs."""
    board = board_of(200, *((1, start(n)) for n in range(10)), *((2, finish(n)) for n in range(7)))
    assert labels(board, 6) == ["node 4", "node 5", "node 6", "node 7", "node 8", "node 9"]


def test_what_ended_keeps_a_third_of_the_lines() -> None:
    """Also where more nodes run than there are lines, one sees that something gets done."""
    board = board_of(200, *((1, start(n)) for n in range(100)), *((2, finish(n)) for n in range(5)))
    assert labels(board, 6) == ["node 3", "node 4", "node 5", "node 6", "node 7", "node 8"]


def test_the_time_of_a_running_node_counts_and_then_stands() -> None:
    """While it runs, by the clock; afterwards, what the run measured."""
    board = board_of(1, (10, start(0)))
    [row] = board.visible(1)
    assert (row.elapsed(10.0), row.elapsed(12.5)) == (0.0, 2.5)
    board.note(finish(0), 13)
    assert row.elapsed(99.0) == 2.0


def test_progress_is_shown_until_the_node_ends() -> None:
    """The last word of a node that ended is its time, or why it failed."""
    board = board_of(2, (1, start(0)), (2, events.NodeProgress("0", "node 0", 3, 20, "step")))
    row = board.rows["0"]
    assert (row.progress, row.remark) == ((3, 20), "step")
    board.note(events.NodeFailed("0", "node 0", "no luck", 1.0), 3)
    assert (row.state, row.progress, row.remark) == ("failed", None, "no luck")
    board.note(events.NodeSkipped("1", "node 1", "0"), 3)
    assert (board.rows["1"].state, board.rows["1"].remark) == ("skipped", "needs 0")


def test_a_stopped_node_keeps_the_time_it_had() -> None:
    """One sees how long the call ran that was given up."""
    board = board_of(1, (1, start(0)), (4, events.NodeStopped("0", "node 0")))
    assert board.rows["0"].elapsed(9) == 3


def test_nodes_that_come_up_in_the_run_are_counted() -> None:
    """An expanded node's members appear as they start."""
    board = board_of(1, (1, events.NodeStarted("0.a", "0.a (New)")))
    assert board.counts["running"] == 1
    assert board.counts["waiting"] == 1
    assert labels(board, 2) == ["node 0", "0.a (New)"]


def finished(spared: int) -> Event:
    return events.RunFinished(ok=True, ran=0, cached=1, spared=spared, failed=0, skipped=0, seconds=0.1)


def states(board: Board) -> list[str]:
    return [row.state for row in board.rows.values()]


def test_what_nobody_needed_is_spared_when_the_run_is_over() -> None:
    """No event tells of spared nodes: they wait until the end, and the end tells how many they are."""
    board = board_of(3, (1, events.NodeCached("2", "node 2")))
    assert states(board) == ["waiting", "waiting", "cached"]
    board.note(finished(spared=2), 2)
    assert states(board) == ["spared", "spared", "cached"]
    assert (board.counts["spared"], board.counts["waiting"]) == (2, 0)


def test_nodes_that_never_started_are_not_called_spared() -> None:
    """Where a run was stopped, who of those waiting was spared isn't known: none is called so."""
    board = board_of(3, (1, events.NodeCached("2", "node 2")), (2, finished(spared=1)))
    assert states(board) == ["waiting", "waiting", "cached"]


def test_a_cached_node_that_is_made_after_all_is_one_row() -> None:
    """Its value had gone: it runs, and is counted and shown once."""
    cached = events.NodeCached("0", "node 0")
    board = board_of(9, (1, cached), (2, start(0)))
    assert labels(board, 4) == ["node 0"]
    assert (board.counts["cached"], board.counts["running"]) == (0, 1)
    assert board.rows["0"].remark == ""
    board.note(finish(0), 3)
    assert labels(board, 4) == ["node 0"]


@given(
    count=st.integers(1, 40),
    lines=st.integers(1, 30),
    story=st.lists(st.tuples(st.sampled_from(["start", "finish"]), st.integers(0, 39)), max_size=80),
)
def test_never_more_rows_than_lines_and_no_node_is_lost_count_of(
    count: int, lines: int, story: list[tuple[str, int]]
) -> None:
    """Whatever happens in whatever order, the picture fits the screen and the counts sum up to the nodes."""
    started: set[int] = set()
    board = board_of(count)
    for what, number in story:
        if number < count and what == "start" and number not in started:
            started.add(number)
            board.note(start(number), 1)
        elif number in started and board.rows[str(number)].state == "running":
            board.note(finish(number), 2)
    shown = board.visible(lines)
    assert len(shown) <= lines
    assert len({row.label for row in shown}) == len(shown)
    assert sum(board.counts.values()) == count
