"""The cache as a user meets it: shipped workflows run again, files deleted, services changed, things gone wrong."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import pytest
import torch
from counted import Counted, Data, mixed, node, run_fresh, run_twice, settings_in, states, warnings_in

import graphrun
from graphrun import Engine, Event, LimitError, NodePack, RunContext, RunResult, Settings, Shown, Socket, StopSignal
from graphrun.cache import Codec
from graphrun.kernel import events
from graphrun.kernel.node_types import Expansion
from graphrun.kernel.workflow import Link, Node
from graphrun.providers.offline import Heard, OfflineApp, offline_images
from graphrun.providers.openai import OpenAIImages

INPAINT = Path(__file__).parents[1] / "workflows" / "inpaint.yaml"
Tensor = Annotated[torch.Tensor, Socket("TENSOR")]
ALL_RAN = {"lake": "ran", "edit": "ran", "save": "ran"}
ALL_CACHED = {"lake": "spared", "edit": "spared", "save": "cached"}


class Inpainting:
    """Runs of workflows/inpaint.yaml, each in an engine of its own, over one cache folder; counts image calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heard: list[Heard] = []

    def run(self, **options: Any) -> RunResult:
        workflow = graphrun.load(INPAINT).with_inputs(options.pop("set", {}))
        service = options.pop("provider", None) or offline_images(heard=self.heard.append)
        return run_fresh(
            self.folder, None, workflow, provider=service, **{"input_dir": INPAINT.parent / "input", **options}
        )

    def calls(self) -> int:
        """Return how many image calls there were since the last time."""
        count = len(self.heard)
        self.heard.clear()
        return count

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Return the files in the output folder: when they were written, and what is in them."""
        found = (path for path in (self.folder / "output").rglob("*") if path.is_file())
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@pytest.fixture
def inpainting(tmp_path: Path) -> Inpainting:
    """The first run is over: one image call, one file."""
    made = Inpainting(tmp_path)
    assert states(made.run()) == ALL_RAN
    assert made.calls() == 1
    return made


def test_a_second_run_takes_all_from_the_cache_and_writes_nothing(inpainting: Inpainting) -> None:
    """The saver's file is still there, so it counts, and spares all above it; the result names the file again."""
    before = inpainting.files()
    again = inpainting.run()
    assert states(again) == ALL_CACHED
    assert inpainting.calls() == 0
    assert inpainting.files() == before
    assert [artifact.path.name for artifact in again.artifacts] == ["inpaint_00001_.png"]


def test_a_new_seed_runs_the_image_node_and_what_depends_on_it(inpainting: Inpainting) -> None:
    """The picture that was loaded comes from the cache; the old seed's results stay."""
    assert states(inpainting.run(set={"edit.seed": 8})) == {"lake": "cached", "edit": "ran", "save": "ran"}
    assert inpainting.calls() == 1
    assert states(inpainting.run()) == ALL_CACHED


def test_a_deleted_file_is_written_again_without_a_new_call(inpainting: Inpainting) -> None:
    """The saver runs again from the cached picture: the same bytes under the same name."""
    before = inpainting.files()
    (inpainting.folder / "output" / "inpaint_00001_.png").unlink()
    assert states(inpainting.run()) == {"lake": "spared", "edit": "cached", "save": "ran"}
    assert inpainting.calls() == 0
    assert {name: content for name, (_, content) in inpainting.files().items()} == {
        name: content for name, (_, content) in before.items()
    }
    assert states(inpainting.run()) == ALL_CACHED


def test_an_altered_file_is_saved_anew_beside_it(inpainting: Inpainting) -> None:
    """What someone painted over stays theirs; the result is there again under the next number."""
    saved = inpainting.folder / "output" / "inpaint_00001_.png"
    original = saved.read_bytes()
    saved.write_bytes(b"mine")
    restored = inpainting.run()
    assert states(restored) == {"lake": "spared", "edit": "cached", "save": "ran"}
    assert inpainting.calls() == 0
    assert saved.read_bytes() == b"mine"
    assert restored.artifacts[0].path.read_bytes() == original


def test_another_output_folder_gets_its_own_files(inpainting: Inpainting) -> None:
    """Without a new call; and running there again writes nothing, nor in the first."""
    elsewhere = inpainting.folder / "elsewhere"
    assert states(inpainting.run(output_dir=elsewhere)) == {"lake": "spared", "edit": "cached", "save": "ran"}
    assert len(list(elsewhere.glob("*.png"))) == 1
    assert states(inpainting.run(output_dir=elsewhere)) == ALL_CACHED
    assert states(inpainting.run()) == ALL_CACHED
    assert inpainting.calls() == 0


def test_a_file_without_metadata_is_another_file(inpainting: Inpainting) -> None:
    """Who asks for pictures without the workflow in them must not be shown an old one that has it."""
    plain = inpainting.run(metadata=False)
    assert states(plain) == {"lake": "spared", "edit": "cached", "save": "ran"}
    assert b"sailing boat" not in plain.artifacts[0].path.read_bytes()
    assert states(inpainting.run(metadata=False)) == ALL_CACHED
    assert b"sailing boat" in inpainting.run().artifacts[0].path.read_bytes()


def test_services_never_serve_for_each_other(inpainting: Inpainting) -> None:
    """A stand-in's picture is none of OpenAI's, nor the reverse; each finds its own again."""

    def openai() -> OpenAIImages:
        return OpenAIImages("https://api.openai.com/v1", "sk-test", app=OfflineApp(heard=inpainting.heard.append))

    bought = inpainting.run(provider=openai())
    assert states(bought)["edit"] == "ran"
    assert inpainting.calls() == 1
    assert states(inpainting.run(provider=openai())) == ALL_CACHED
    assert states(inpainting.run()) == ALL_CACHED
    assert inpainting.calls() == 0


def test_values_of_cached_and_spared_nodes_are_loaded_when_asked_for(inpainting: Inpainting) -> None:
    """The same picture as in the first run, though no node ran in this one."""
    again = inpainting.run()
    (saved,) = again.artifacts
    (came,) = again["edit"].pictures
    assert saved.path.read_bytes().endswith(came[33:])  # behind signature and IHDR, where the workflow goes in
    assert tuple(again["save"].image.shape) == tuple(again["edit"].image.shape)
    assert again["lake"].mask.max() == 1


def test_refreshing_an_image_node_buys_another_picture(inpainting: Inpainting) -> None:
    """It runs again with all that depends on it, and nothing else does."""
    assert states(inpainting.run(refresh=["edit"])) == {"lake": "cached", "edit": "ran", "save": "ran"}
    assert inpainting.calls() == 1
    assert states(inpainting.run(refresh="all")) == ALL_RAN
    assert inpainting.calls() == 1
    assert states(inpainting.run()) == ALL_CACHED


def test_cached_only_refuses_before_anything_runs(inpainting: Inpainting) -> None:
    """What is there is given; a paid node that isn't is named, and nothing has started by then."""
    assert states(inpainting.run(cache="only")) == ALL_CACHED
    told: list[Event] = []
    with pytest.raises(LimitError, match="Put a boat on the lake") as caught:
        inpainting.run(cache="only", set={"edit.seed": 8}, emit=told.append)
    assert caught.value.nodes == ("edit",)
    assert told == []
    (inpainting.folder / "output" / "inpaint_00001_.png").unlink()
    assert inpainting.run(cache="only").did_run("save")
    assert inpainting.calls() == 0


def test_switched_off_it_neither_reads_nor_writes(inpainting: Inpainting) -> None:
    """Everything runs, nothing is stored, and no value comes from a store either."""
    shutil.rmtree(inpainting.folder / "cache")
    off = inpainting.run(cache="off")
    assert states(off) == ALL_RAN
    assert not (inpainting.folder / "cache").exists()
    inpainting.run()
    with pytest.raises(graphrun.ValueNotKept):
        _ = inpainting.run(cache="off")["edit"].value


def test_previews_are_cached_while_their_files_are_there(tmp_path: Path) -> None:
    """In many files they are the only result."""
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "lake.png"}},
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    first, second = (run_fresh(tmp_path, None, workflow, input_dir=INPAINT.parent / "input") for _ in range(2))
    assert states(second) == {"1": "spared", "2": "cached"}
    assert [each.path for each in second.artifacts] == [each.path for each in first.artifacts]
    assert second.artifacts[0].kind == "temp"
    second.artifacts[0].path.unlink()
    assert run_fresh(tmp_path, None, workflow, input_dir=INPAINT.parent / "input").did_run("2")


def saver(counted: Counted) -> NodePack:
    """The counted pack with a saver, and a node that expands into one."""

    numbers = count(1)

    @counted.pack.node("Save", output_node=True)
    def save(context: RunContext, value: Data, name: str = "file") -> Shown[Data]:
        counted.called.append(context.node_id)
        context.folders.output.mkdir(parents=True, exist_ok=True)
        number = next(numbers)
        (context.folders.output / f"{name}{number}").write_bytes(value)
        return Shown(value, ui={"files": [{"filename": f"{name}{number}", "subfolder": "", "type": "output"}]})

    return counted.pack


def test_two_equal_savers_write_two_files_and_both_are_cached(tmp_path: Path) -> None:
    """Each is an effect of its own, told apart by its place among its equals; one lost file brings one back."""
    counted = Counted()
    pack = saver(counted)
    graph = {"leaf": node("Leaf"), "a": node("Save", value=["leaf", 0]), "b": node("Save", value=["leaf", 0])}
    run_fresh(tmp_path, pack, graph)
    files = sorted((tmp_path / "output").iterdir())
    assert len(files) == 2
    counted.taken()
    assert states(run_fresh(tmp_path, pack, graph)) == {"leaf": "spared", "a": "cached", "b": "cached"}
    files[0].unlink()
    run_fresh(tmp_path, pack, graph)
    assert len(counted.taken()) == 1
    assert len(list((tmp_path / "output").iterdir())) == 2


def test_equal_savers_of_two_expansions_write_two_files(tmp_path: Path) -> None:
    """Also when one comes up after the other is done."""
    counted = Counted()
    pack = saver(counted)

    @pack.node("Keep")
    def keep(value: Data, salt: int) -> Annotated[Data, Socket("DATA")] | Expansion:
        return Expansion({"save": Node("Save", {"value": Link("leaf"), "name": "kept"})}, (Link("save"),))

    graph = {
        "leaf": node("Leaf"),
        "k1": node("Keep", value=["leaf", 0], salt=1),
        "k2": node("Keep", value=["k1", 0], salt=2),
    }
    assert run_fresh(tmp_path, pack, graph, targets=["k2"]).ok
    assert len(list((tmp_path / "output").iterdir())) == 2


@pytest.mark.parametrize("cache", ["normal", "off"])
def test_equal_nodes_of_one_run_are_made_once(tmp_path: Path, cache: Any) -> None:
    """
    leaf1 → join1 → show1     With the cache and without it.
    leaf2 → join2 → show2
    """
    counted = Counted()
    graph = {}
    for i in "12":
        graph |= {f"leaf{i}": node("Leaf"), f"join{i}": node("Join", a=[f"leaf{i}", 0])}
        graph |= {f"show{i}": node("Show", value=[f"join{i}", 0])}
    result = run_fresh(tmp_path, counted.pack, graph, cache=cache)
    assert counted.taken() == ["join1", "leaf1", "show1", "show2"]
    assert result.was_cached("join2")
    assert result["show1"].value == result["show2"].value == mixed(mixed(b"0", b"0"))


def test_refreshing_one_of_two_equal_nodes_refreshes_both(tmp_path: Path) -> None:
    """They are the same work: one old and one new result side by side would be neither."""
    dice = Dice()
    graph = {
        "a": node("Throw"),
        "b": node("Throw"),
        "x": node("Show", value=["a", 0]),
        "y": node("Show", value=["b", 0]),
    }
    first = run_fresh(tmp_path, dice.pack, graph)
    again = run_fresh(tmp_path, dice.pack, graph, refresh="b")
    assert dice.thrown == 2
    assert again["x"].value == again["y"].value != first["x"].value


class Dice:
    """The counted pack with a node that gives something new at each call, though its key says it doesn't."""

    def __init__(self) -> None:
        self.counted = Counted()
        self.pack = self.counted.pack
        self.thrown = 0

        @self.pack.node("Throw", api_node=True)
        def throw(seed: int = 0) -> Data:
            self.thrown += 1
            return b"%d" % self.thrown


def drop(folder: Path, *contents: bytes) -> None:
    """Delete the blobs that hold these."""
    for path in (folder / "cache" / "v1" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes() in contents:
            path.unlink()


def forget(folder: Path, class_type: str) -> None:
    """Evict all entries of a class from disk."""
    import sqlite3

    db = sqlite3.connect(folder / "cache" / "v1" / "index.sqlite3")
    ids = [id for (id,) in db.execute("SELECT id FROM entry WHERE class = ?", (class_type,))]
    for id in ids:
        db.execute("DELETE FROM link WHERE entry = ?", (id,))
        db.execute("DELETE FROM entry WHERE id = ?", (id,))
    db.commit()
    db.close()
    assert ids


def test_what_was_made_of_another_result_does_not_count(tmp_path: Path) -> None:
    """
    dice → join → show     The dice's result is gone; thrown again for a new reader, it is another: show's entry, and
    dice → new → shown     that of the join, which nobody asked for till then, are of the old one.
    """
    dice = Dice()
    graph = {"dice": node("Throw"), "join": node("Join", a=["dice", 0]), "show": node("Show", value=["join", 0])}
    assert run_fresh(tmp_path, dice.pack, graph)["show"].value == mixed(b"1")
    forget(tmp_path, "Throw")
    dice.counted.taken()
    wider = {**graph, "new": node("Join", b=["dice", 0]), "shown": node("Show", value=["new", 0])}
    result = run_fresh(tmp_path, dice.pack, wider)
    assert result["show"].value == result["shown"].value == mixed(b"2")
    assert dice.counted.taken() == ["join", "new", "show", "shown"]
    assert run_fresh(tmp_path, dice.pack, graph)["show"].value == mixed(b"2")
    assert dice.counted.taken() == []
    assert dice.thrown == 2


def test_a_result_that_another_run_replaces_meanwhile_is_taken_as_it_is(tmp_path: Path) -> None:
    """Between finding the dice's result and loading it, another run throws again: join is made of the new one, once."""
    dice = Dice()
    graph = {"dice": node("Throw"), "join": node("Join", a=["dice", 0])}
    run_fresh(tmp_path, dice.pack, graph, targets=["dice"])

    def throw_again(event: Event) -> None:
        if isinstance(event, events.NodeCached) and dice.thrown == 1:
            other = Thread(
                target=run_fresh, args=(tmp_path, dice.pack, graph), kwargs={"targets": ["dice"], "refresh": "all"}
            )
            other.start()
            other.join()

    result = run_fresh(tmp_path, dice.pack, graph, targets=["join"], emit=throw_again)
    assert result["join"].value == mixed(b"2")
    assert run_fresh(tmp_path, dice.pack, graph, targets=["join"])["join"].value == mixed(b"2")
    assert dice.counted.taken() == ["join"]
    assert dice.thrown == 2


def test_what_was_made_of_another_result_does_not_count_in_memory_either(tmp_path: Path) -> None:
    """The dice is thrown again for itself; what was made of the first throw is made again with the next run."""
    dice = Dice()
    graph = {"dice": node("Throw"), "join": node("Join", a=["dice", 0])}

    async def story() -> list[Any]:
        async with Engine(settings_in(tmp_path), packs=[dice.pack]) as engine:
            values = [(await engine.run(graph, targets=["join"]))["join"].value]
            await engine.run(graph, targets=["dice"], refresh="dice")
            values.append((await engine.run(graph, targets=["join"]))["join"].value)
            return values

    assert asyncio.run(story()) == [mixed(b"1"), mixed(b"2")]


def test_a_hit_beside_something_made_again_counts_if_that_came_out_the_same(tmp_path: Path) -> None:
    """
    leaf → join (kept)     The leaf is gone; a new reader needs it. It comes out as before, so join needn't run,
    leaf → new             nor be loaded.
    """
    counted = Counted()
    graph = {"leaf": node("Leaf"), "join": node("Join", a=["leaf", 0]), "show": node("Show", value=["join", 0])}
    run_fresh(tmp_path, counted.pack, graph)
    forget(tmp_path, "Leaf")
    counted.taken()
    wider = {**graph, "new": node("Join", b=["leaf", 0]), "shown": node("Show", value=["new", 0])}
    result = run_fresh(tmp_path, counted.pack, wider)
    assert counted.taken() == ["leaf", "new", "shown"]
    assert states(result)["show"] == "cached"


def test_a_damaged_value_is_made_again_with_a_warning(tmp_path: Path) -> None:
    """
    leaf → join → end     join's value is damaged, and found so when a new reader wants it; leaf comes from the cache,
           join → new     and end still counts, since join comes out as before.
    """
    counted = Counted()
    graph = {"leaf": node("Leaf"), "join": node("Join", a=["leaf", 0]), "end": node("Join", a=["join", 0])}
    first = run_fresh(tmp_path, counted.pack, graph, targets=["end"], keep=["join"])
    drop(tmp_path, first["join"].value)
    counted.taken()
    told: list[Event] = []
    wider = {**graph, "new": node("Join", b=["join", 0])}
    result = run_fresh(tmp_path, counted.pack, wider, targets=["end", "new"], emit=told.append)
    assert result["new"].value == result["end"].value == mixed(mixed(mixed(b"0", b"0")))
    assert counted.taken() == ["join", "new"]
    assert warnings_in(told) == ["join (Join): its result is gone from the cache; it is made again"]
    run_fresh(tmp_path, counted.pack, wider, targets=["end", "new"])
    assert counted.taken() == []


def test_a_hit_that_waited_may_turn_out_to_be_gone_too(tmp_path: Path) -> None:
    """
    leaf → join → new     leaf's entry is gone, so join has to wait for it; then join's value is gone as well.
    """
    counted = Counted()
    graph = {"leaf": node("Leaf"), "join": node("Join", a=["leaf", 0])}
    first = run_fresh(tmp_path, counted.pack, graph, targets=["join"])
    forget(tmp_path, "Leaf")
    drop(tmp_path, first["join"].value)
    counted.taken()
    wider = {**graph, "new": node("Join", a=["join", 0], b=["leaf", 0])}
    result = run_fresh(tmp_path, counted.pack, wider, targets=["new"])
    assert result["new"].value == mixed(mixed(mixed(b"0", b"0")), mixed(b"0", b"0"))
    assert counted.taken() == ["join", "leaf", "new"]


def test_a_value_that_is_gone_brings_its_ancestors_back(tmp_path: Path) -> None:
    """All values are gone, and the index does not know: a new reader at the end has everything made again."""
    counted = Counted()
    graph = {"leaf": node("Leaf"), "j1": node("Join", a=["leaf", 0]), "j2": node("Join", a=["j1", 0])}
    run_fresh(tmp_path, counted.pack, graph, targets=["j2"])
    shutil.rmtree(tmp_path / "cache" / "v1" / "blobs")
    counted.taken()
    wider = {**graph, "show": node("Show", value=["j2", 0])}
    told: list[Event] = []
    result = run_fresh(tmp_path, counted.pack, wider, emit=told.append)
    assert result["show"].value == mixed(mixed(mixed(b"0", b"0")))
    assert counted.taken() == ["j1", "j2", "leaf", "show"]
    assert len(warnings_in(told)) == 3


def test_what_is_to_be_kept_is_there_even_if_the_cache_has_lost_it(tmp_path: Path) -> None:
    """Asked for by name, a value is loaded while it can still be made again; else it may turn out to be gone."""
    counted = Counted()
    graph = {"leaf": node("Leaf"), "show": node("Show", value=["leaf", 0])}
    value = run_fresh(tmp_path, counted.pack, graph)["leaf"].value
    drop(tmp_path, value)
    with pytest.raises(graphrun.ValueNotKept):
        _ = run_fresh(tmp_path, counted.pack, graph)["show"].value
    result = run_fresh(tmp_path, counted.pack, graph, keep=["leaf", "show"])
    assert (result["leaf"].value, result["show"].value) == (value, value)


def test_what_is_to_be_kept_is_made_where_the_cache_never_had_it(tmp_path: Path) -> None:
    """A quick node is not worth the disk; asked for, it runs although its reader is there."""
    pack = NodePack("quick", versioned=True)

    @pack.node("Quick")
    def quick() -> int:
        return 3

    @pack.node("Show", output_node=True, api_node=True)
    def show(value: int) -> int:
        return value

    graph = {"quick": node("Quick"), "show": node("Show", value=["quick", 0])}
    run_fresh(tmp_path, pack, graph)
    assert states(run_fresh(tmp_path, pack, graph)) == {"quick": "spared", "show": "cached"}
    kept = run_fresh(tmp_path, pack, graph, keep=["quick"])
    assert states(kept) == {"quick": "ran", "show": "cached"}
    assert kept["quick"].value == 3


def test_a_lazy_input_that_is_there_spares_what_is_above_it(tmp_path: Path) -> None:
    """
    leaf → deep → pick → show     pick runs again for another reason, and needs deep: leaf isn't even looked for.
    """
    counted = Counted()
    graph = {
        "leaf": node("Leaf"),
        "deep": node("Join", a=["leaf", 0]),
        "other": node("Leaf", value=1),
        "pick": node("Pick", first=True, a=["deep", 0], b=["other", 0]),
        "show": node("Show", value=["pick", 0]),
    }
    run_fresh(tmp_path, counted.pack, graph)
    forget(tmp_path, "Leaf")
    assert counted.taken() == ["deep", "leaf", "pick", "show"]
    changed = {**graph, "other": node("Leaf", value=2)}
    result = run_fresh(tmp_path, counted.pack, changed)
    assert counted.taken() == ["pick", "show"]
    assert states(result) == {"leaf": "spared", "deep": "cached", "other": "spared", "pick": "ran", "show": "ran"}


def test_what_a_node_expanded_into_is_cached_on_its_own(tmp_path: Path) -> None:
    """A loop that goes one round further makes only that round; and the second time, nothing."""
    counted = Counted()

    @counted.pack.node("Repeat")
    def repeat(context: RunContext, value: Data, times: int) -> Data | Expansion:
        counted.called.append(context.node_id)
        rounds = {f"r{i}": Node("Join", {"a": Link(f"r{i - 1}" if i else "leaf")}) for i in range(times)}
        return Expansion(rounds, (Link(f"r{times - 1}"),))

    def graph(times: int) -> dict[str, Any]:
        repeated = node("Repeat", value=["leaf", 0], times=times)
        return {"leaf": node("Leaf"), "rep": repeated, "show": node("Show", value=["rep", 0])}

    run_fresh(tmp_path, counted.pack, graph(2))
    assert counted.taken() == ["leaf", "rep", "rep.0.r0", "rep.0.r1", "show"]
    run_fresh(tmp_path, counted.pack, graph(2))
    assert counted.taken() == []
    run_fresh(tmp_path, counted.pack, graph(3))
    assert counted.taken() == ["rep", "rep.0.r2", "show"]
    run_fresh(tmp_path, counted.pack, graph(3), refresh="all")
    assert counted.taken() == ["leaf", "rep", "rep.0.r0", "rep.0.r1", "rep.0.r2", "show"]


def test_a_released_value_that_new_nodes_ask_for_comes_from_the_cache(tmp_path: Path) -> None:
    """
    leaf → join → refer     leaf's value is let go when join is done; then refer expands into a node that reads leaf.
    """
    counted = Counted()

    @counted.pack.node("Refer")
    def refer(value: Data) -> Data | Expansion:
        return Expansion({"again": Node("Join", {"b": Link("leaf")})}, (Link("again"),))

    graph = {"leaf": node("Leaf"), "join": node("Join", a=["leaf", 0]), "refer": node("Refer", value=["join", 0])}
    result = run_fresh(tmp_path, counted.pack, graph, targets=["refer"], refresh="all")
    assert result["refer"].value == mixed(mixed(b"0", b"0"))
    assert counted.taken() == ["join", "leaf", "refer.0.again"]
    assert result.did_run("leaf")


def test_a_saver_inside_an_expansion_is_an_effect_too(tmp_path: Path) -> None:
    """Its file is written again when it is gone, and once more for another folder; else it is cached."""
    counted = Counted()
    pack = saver(counted)

    @pack.node("Outer", output_node=True)
    def outer(value: Data) -> Data | Expansion:
        return Expansion({"inner": Node("Inner", {"value": Link("leaf")})}, (Link("inner"),))

    @pack.node("Inner")
    def inner(value: Data) -> Data | Expansion:
        return Expansion({"save": Node("Save", {"value": Link("leaf")})}, (Link("save"),))

    graph = {"leaf": node("Leaf"), "outer": node("Outer", value=["leaf", 0])}
    run_fresh(tmp_path, pack, graph)
    assert counted.taken() == ["leaf", "outer.0.inner.0.save"]
    run_fresh(tmp_path, pack, graph)
    assert counted.taken() == []
    next((tmp_path / "output").iterdir()).unlink()
    run_fresh(tmp_path, pack, graph)
    run_fresh(tmp_path, pack, graph, output_dir=tmp_path / "elsewhere")
    assert counted.taken() == ["outer.0.inner.0.save"] * 2


def test_namespaces_keep_tenants_apart(tmp_path: Path) -> None:
    """In one folder, none is served what another made."""
    counted = Counted()
    graph = {"leaf": node("Leaf"), "show": node("Show", value=["leaf", 0])}
    for namespace, runs in [("a", True), ("b", True), ("a", False), ("b", False)]:
        run_fresh(tmp_path, counted.pack, graph, engine={"namespace": namespace})
        assert bool(counted.taken()) is runs


class Mood:
    """A type of a pack's own."""

    def __init__(self, name: str) -> None:
        self.name = name


Feeling = Annotated[Mood, Socket("MOOD")]
MOODS = Codec(Mood, "mood-1", lambda mood: mood.name.encode(), lambda data: Mood(data.decode()))


def moods() -> Counted:
    """Return the counted pack with nodes that pass on values of a type no one else knows."""
    counted = Counted()

    @counted.pack.node("Feel", api_node=True)
    def feel(context: RunContext, name: str) -> Feeling:
        counted.called.append(context.node_id)
        return Mood(name)

    @counted.pack.node("Tell", api_node=True)
    def tell(context: RunContext, mood: Feeling, louder: bool = False) -> Data:
        counted.called.append(context.node_id)
        return mood.name.upper().encode() if louder else mood.name.encode()

    return counted


def mood_graph(**differing: Any) -> dict[str, Any]:
    return {
        "feel": node("Feel", name="glad"),
        "tell": node("Tell", mood=["feel", 0], **differing),
        "show": node("Show", value=["tell", 0]),
    }


def test_a_packs_own_type_is_kept_on_disk_by_its_codec(tmp_path: Path) -> None:
    """With the codec a later process loads it; without one it is made again, and what was made of it still counts."""
    with_codec, without = moods(), moods()
    for counted, folder, codecs in ((with_codec, tmp_path / "with", [MOODS]), (without, tmp_path / "without", [])):
        run_fresh(folder, counted.pack, mood_graph(), engine={"codecs": codecs})
        run_fresh(folder, counted.pack, mood_graph(), engine={"codecs": codecs})
        assert counted.taken() == ["feel", "show", "tell"]
        result = run_fresh(folder, counted.pack, mood_graph(louder=True), engine={"codecs": codecs})
        assert result["show"].value == b"GLAD"
    assert with_codec.taken() == ["show", "tell"]
    assert without.taken() == ["feel", "show", "tell"]


def test_a_codec_that_fails_spoils_no_run(tmp_path: Path) -> None:
    """One warning, and the value isn't kept."""

    def fail(mood: Mood) -> bytes:
        raise ZeroDivisionError("no luck")

    told: list[Event] = []
    counted = moods()
    broken = Codec(Mood, "mood-1", fail, MOODS.decode)
    result = run_fresh(tmp_path, counted.pack, mood_graph(), engine={"codecs": [broken]}, emit=told.append)
    assert result["show"].value == b"glad"
    assert [message for message in warnings_in(told) if "no luck" in message] == warnings_in(told) != []
    assert len(warnings_in(told)) == 1


def changers() -> Counted:
    """Return the counted pack with nodes over tensors, one of which changes what it is given."""
    counted = Counted()

    @counted.pack.node("Ones", api_node=True)
    def ones(context: RunContext) -> Tensor:
        counted.called.append(context.node_id)
        return torch.ones(2, 2)

    @counted.pack.node("Spoil", api_node=True)
    def spoil(context: RunContext, tensor: Tensor) -> Tensor:
        counted.called.append(context.node_id)
        return tensor.mul_(5)

    @counted.pack.node("Total", output_node=True, api_node=True)
    def total(context: RunContext, tensor: Tensor, after: Any = None) -> float:
        counted.called.append(context.node_id)
        return float(tensor.sum())

    return counted


SPOILED = {
    "ones": node("Ones"),
    "spoil": node("Spoil", tensor=["ones", 0]),
    "t1": node("Total", tensor=["spoil", 0]),
}


def test_a_change_in_place_does_not_alter_later_hits(tmp_path: Path) -> None:
    """Neither what was changed nor what was changed by is served wrong, from memory or from disk."""
    counted = changers()
    wider = {**SPOILED, "t2": node("Total", tensor=["ones", 0])}
    _, again, wide = run_twice(tmp_path, counted.pack, SPOILED, SPOILED, wider)
    assert again["t1"].value == 20
    assert wide["t2"].value == 4
    assert wide["ones"].value.sum() == 4
    assert counted.taken() == ["ones", "spoil", "t1", "t2"]


def test_what_read_a_value_after_it_was_changed_in_place_is_not_kept(tmp_path: Path) -> None:
    """
    ones → spoil ┄→ late     late reads ones when spoil has changed it: its result is not what its key says. The next
    ones ─────────→ late     run, which finds spoil's result, makes it right.
    """
    counted = changers()
    graph = {**SPOILED, "late": node("Total", tensor=["ones", 0], after=["spoil", 0])}
    run_fresh(tmp_path, counted.pack, graph)
    counted.taken()
    right = run_fresh(tmp_path, counted.pack, graph)
    assert right["late"].value == 4
    assert counted.taken() == ["late"]
    assert run_fresh(tmp_path, counted.pack, graph)["late"].value == 4
    assert counted.taken() == []


def test_debug_names_the_node_and_the_input_that_was_changed_in_place(tmp_path: Path) -> None:
    """Once, and only who did it; without ``debug`` nobody looks."""
    counted = changers()
    for debug in (True, False):
        told: list[Event] = []
        run_fresh(tmp_path / str(debug), counted.pack, SPOILED, debug=debug, emit=told.append)
        named = "spoil (Spoil): input 'tensor' was changed in place while it ran; a node must change a copy"
        assert warnings_in(told) == ([named] if debug else [])


def test_debug_sees_what_goes_past_torchs_counter(tmp_path: Path) -> None:
    """Writing through ``numpy()``, or into a list."""
    pack = NodePack("sly", versioned=True)

    @pack.node("Ones")
    def ones() -> Tensor:
        return torch.ones(2, 2)

    @pack.node("Sly", output_node=True)
    def sly(tensor: Tensor) -> int:
        tensor.numpy()[0, 0] = 7
        return 1

    told: list[Event] = []
    graph = {"ones": node("Ones"), "sly": node("Sly", tensor=["ones", 0])}
    run_fresh(tmp_path, pack, graph, debug=True, cache="off", emit=told.append)
    assert [message.partition(" (")[0] for message in warnings_in(told)] == ["sly"]


def test_a_file_that_changes_while_the_run_goes_on_is_not_stored(tmp_path: Path) -> None:
    """Nor is what was made of it: its key says it was made of the old content."""
    counted = Counted()
    file = tmp_path / "a.txt"

    @counted.pack.node("Meddle", always_run=True)
    def meddle() -> Data:
        file.write_bytes(b"new")
        return b""

    graph = {
        "meddle": node("Meddle"),
        "read": node("ReadFile", file="a.txt"),
        "join": node("Join", a=["read", 0]),
        "show": node("Show", value=["join", 0]),
    }
    quiet = {name: graph[name] for name in ("read", "join", "show")}
    file.write_bytes(b"old")
    meddled = run_fresh(tmp_path, counted.pack, graph, targets=["meddle", "show"])
    assert meddled["show"].value == mixed(b"new")
    counted.taken()
    for content in (b"old", b"new"):
        file.write_bytes(content)
        assert run_fresh(tmp_path, counted.pack, quiet)["show"].value == mixed(content)
        assert counted.taken() == ["join", "read", "show"]


def test_a_file_a_node_only_claims_to_have_written_fails_nothing(tmp_path: Path) -> None:
    """The node's result stands; it is not kept."""
    pack = NodePack("boasters", versioned=True)

    @pack.node("Boast", output_node=True)
    def boast() -> Shown[int]:
        return Shown(1, ui={"images": [{"filename": "nothing.png", "subfolder": "", "type": "output"}]})

    for _ in range(2):
        assert states(run_fresh(tmp_path, pack, {"1": node("Boast")})) == {"1": "ran"}


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB, where this machine lets us mount one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_gives_one_warning_and_a_right_run(tiny_disk: Path, tmp_path: Path) -> None:
    """Afterwards what is there is right, and the next run goes well too."""
    pack = NodePack("big", versioned=True)

    @pack.node("Big", api_node=True)
    def big(seed: int) -> Data:
        return bytes([seed]) * 60_000

    @pack.node("Size", output_node=True, api_node=True)
    def size(value: Data) -> int:
        return len(value)

    graph = {f"b{i}": node("Big", seed=i) for i in range(8)}
    graph |= {f"s{i}": node("Size", value=[f"b{i}", 0]) for i in range(8)}
    given = settings_in(tmp_path, cache_dir=tiny_disk)
    for _ in range(2):
        told: list[Event] = []
        result = run_fresh(tmp_path, pack, graph, settings=given, emit=told.append, keep="all")
        assert [result[f"s{i}"].value for i in range(8)] == [60_000] * 8
        assert [result[f"b{i}"].value for i in range(8)] == [bytes([i]) * 60_000 for i in range(8)]
        assert len(warnings_in(told)) == 1


def test_a_cache_that_can_only_be_read_serves_and_warns_once(tiny_disk: Path, tmp_path: Path) -> None:
    """What is there counts; what is new runs, and isn't kept."""
    counted = Counted()
    given = settings_in(tmp_path, cache_dir=tiny_disk / "cache")
    graph = {"leaf": node("Leaf"), "show": node("Show", value=["leaf", 0])}
    run_fresh(tmp_path, counted.pack, graph, settings=given)
    counted.taken()
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert states(run_fresh(tmp_path, counted.pack, graph, settings=given)) == {"leaf": "spared", "show": "cached"}
    for _ in range(2):
        told: list[Event] = []
        wider = {**graph, "new": node("Join", a=["leaf", 0]), "shown": node("Show", value=["new", 0])}
        result = run_fresh(tmp_path, counted.pack, wider, settings=given, emit=told.append)
        assert result["shown"].value == mixed(mixed(b"0", b"0"))
        assert counted.taken() == ["new", "shown"]
        assert len(warnings_in(told)) == 1


@pytest.mark.parametrize("trouble", ["a file", "damaged"])
def test_trouble_with_the_disk_gives_one_warning_and_a_right_run(tmp_path: Path, trouble: str) -> None:
    """The cache folder is a file, or its index is rubbish: results are right, and in memory things are kept."""
    counted = Counted()
    graph = {"leaf": node("Leaf"), "j": node("Join", a=["leaf", 0]), "show": node("Show", value=["j", 0])}
    if trouble == "a file":
        (tmp_path / "cache").write_bytes(b"")
    else:
        run_fresh(tmp_path, counted.pack, graph)
        (tmp_path / "cache" / "v1" / "index.sqlite3").write_bytes(b"rubbish" * 1000)
    counted.taken()
    told: list[Event] = []
    first, second = run_twice(tmp_path, counted.pack, graph, graph, emit=told.append)
    assert first["show"].value == second["show"].value == mixed(mixed(b"0", b"0"))
    assert counted.taken() == ["j", "leaf", "show"]
    assert len(warnings_in(told)) == 1
    assert isinstance(told[0], events.RunStarted)


def test_a_paid_answer_is_kept_though_a_second_stop_comes_meanwhile(tmp_path: Path) -> None:
    """The answer is in and being written when the user presses Ctrl-C twice: it is on disk afterwards."""
    stop = StopSignal()
    counted = moods()

    def slowly(mood: Mood) -> bytes:
        if not stop.requested:
            stop.stop()
            stop.stop()
        return MOODS.encode(mood)

    slow = Codec(Mood, "mood-1", slowly, MOODS.decode)
    stopped = run_fresh(tmp_path, counted.pack, mood_graph(), engine={"codecs": [slow]}, stop=stop)
    assert stopped.stopped
    assert stopped.did_run("feel")
    counted.taken()
    run_fresh(tmp_path, counted.pack, mood_graph(), engine={"codecs": [MOODS]})
    assert counted.taken() == ["show", "tell"]


def test_runs_of_one_engine_make_the_same_work_once(tmp_path: Path) -> None:
    """Started together; the others wait for the first and take what it made."""
    counted = Counted()

    @counted.pack.node("Slow")
    async def slow(context: RunContext) -> Data:
        counted.called.append(context.node_id)
        await asyncio.sleep(0.05)
        return b"done"

    graph = {"slow": node("Slow"), "show": node("Show", value=["slow", 0])}

    async def together() -> list[RunResult]:
        async with Engine(settings_in(tmp_path), packs=[counted.pack]) as engine:
            return await asyncio.gather(*(engine.run(graph) for _ in range(4)))

    results = asyncio.run(together())
    assert [result["show"].value for result in results] == [b"done"] * 4
    assert counted.taken().count("slow") == 1


def test_an_engine_with_little_memory_and_no_disk_runs_on(tmp_path: Path) -> None:
    """Nothing can be kept: every run makes everything, right."""
    counted = Counted()
    graph = {"leaf": node("Leaf"), "show": node("Show", value=["leaf", 0])}
    given: Settings = settings_in(tmp_path, memory_bytes=0, cache_bytes=0)
    for result in run_twice(tmp_path, counted.pack, graph, graph, settings=given):
        assert result["show"].value == mixed(b"0", b"0")
    assert counted.taken() == ["leaf", "leaf", "show", "show"]
