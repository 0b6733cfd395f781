"""The Python API: what a program that embeds graphrun gets."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Annotated

import pytest
from PIL import Image as PillowImage
from pydantic import Field

import graphrun
from graphrun import (
    Engine,
    ImageAnswer,
    ImageRequest,
    ImageService,
    NodePack,
    Settings,
    UsageError,
    ValueNotKept,
    Widget,
    WorkflowError,
)
from graphrun.kernel import events
from graphrun.providers.offline import Heard, offline_images


@pytest.fixture
def made_up() -> NodePack:
    """A pack of trivial nodes: Number → Double → Show; Fail always raises."""
    pack = NodePack("made up")

    @pack.node("Number")
    def number(value: Annotated[int, Field(ge=0, le=100)], seed: Annotated[int, Widget(seed=True)] = 0) -> int:
        """Give a number."""
        return value + seed

    @pack.node("Double")
    def double(value: int) -> int:
        """Double it."""
        return value * 2

    @pack.node("Show", output_node=True)
    def show(value: int) -> int:
        """Be an output."""
        return value

    @pack.node("Fail")
    def fail(value: int) -> int:
        """Raise."""
        raise ZeroDivisionError("no luck")

    return pack


CHAIN = {
    "a": {"class_type": "Number", "inputs": {"value": 4}, "_meta": {"title": "Start"}},
    "b": {"class_type": "Double", "inputs": {"value": ["a", 0]}},
    "c": {"class_type": "Show", "inputs": {"value": ["b", 0]}},
}


def png(size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    """Return a small picture file."""
    buffer = io.BytesIO()
    PillowImage.linear_gradient("L").resize(size).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_run_returns_the_values_of_its_targets(made_up: NodePack) -> None:
    """a → b → c: the output's value is in the result; what stood between was let go, unless the cache has it."""
    result = graphrun.run(CHAIN, packs=[made_up], cache="off")
    assert result.ok
    assert result["c"].value == 8
    assert result["c"].outputs == [[8]]
    assert result["c"].output_is_list == (False,)
    with pytest.raises(ValueNotKept, match='keep=\\["a"\\]'):
        _ = result["a"].value


def test_keep_holds_what_the_caller_names(made_up: NodePack) -> None:
    """``keep`` takes ids, titles and classes, or "all"."""
    assert graphrun.run(CHAIN, packs=[made_up], keep=["Start"])["a"].value == 4
    everything = graphrun.run(CHAIN, packs=[made_up], keep="all")
    assert [everything[node].value for node in "abc"] == [4, 8, 8]


def test_a_target_may_be_any_node(made_up: NodePack) -> None:
    """Only what the target needs runs."""
    result = graphrun.run(CHAIN, packs=[made_up], targets=["Double"])
    assert result["b"].value == 8
    assert not result.did_run("c")


def test_inputs_are_changed_without_touching_the_original(made_up: NodePack) -> None:
    """``with_inputs`` returns another workflow; nodes are named by id, title or class."""
    original = graphrun.load(CHAIN)
    changed = original.with_inputs({"Start.value": 5})
    assert graphrun.run(changed, packs=[made_up])["c"].value == 10
    assert graphrun.run(original, packs=[made_up])["c"].value == 8


def test_an_unknown_input_set_by_hand_is_an_error_with_the_nearest_name(made_up: NodePack) -> None:
    """A typo in a setting must not pass silently, as unknown inputs in a file do."""
    workflow = graphrun.load(CHAIN).with_inputs({"a.valeu": 5})
    with pytest.raises(WorkflowError, match="did you mean 'value'") as caught:
        graphrun.run(workflow, packs=[made_up])
    assert [problem.type for problem in caught.value.problems] == ["unknown_input"]


def test_all_problems_come_at_once_and_nothing_runs(made_up: NodePack) -> None:
    """Two faults in one workflow are two problems of one exception."""
    broken = {
        **CHAIN,
        "a": {"class_type": "Number", "inputs": {"value": 400}},
        "b": {"class_type": "Double", "inputs": {}},
    }
    heard: list[graphrun.Event] = []
    with pytest.raises(WorkflowError) as caught:
        graphrun.run(
            {**broken, "c": {"class_type": "Show", "inputs": {"value": ["a", 7]}}}, packs=[made_up], emit=heard.append
        )
    assert {problem.type for problem in caught.value.problems} == {"value_bigger_than_max", "bad_slot"}
    assert heard == []


def test_a_failure_is_told_and_what_reads_it_is_skipped(made_up: NodePack) -> None:
    """a ✗→ b → c, d → e: b and c are skipped because of a; d and e run."""
    workflow = {
        "a": {"class_type": "Fail", "inputs": {"value": 1}},
        "b": {"class_type": "Double", "inputs": {"value": ["a", 0]}},
        "c": {"class_type": "Show", "inputs": {"value": ["b", 0]}},
        "d": {"class_type": "Number", "inputs": {"value": 1}},
        "e": {"class_type": "Show", "inputs": {"value": ["d", 0]}},
    }
    result = graphrun.run(workflow, packs=[made_up])
    assert not result.ok
    assert [result[node].state for node in "abcde"] == ["failed", "skipped", "skipped", "ran", "ran"]
    assert result["c"].because == "a"
    assert isinstance(result.failures[0].__cause__, ZeroDivisionError)
    with pytest.raises(graphrun.RunError, match="a \\(Fail\\): ZeroDivisionError: no luck"):
        result.raise_for_failures()


def test_outputs_that_need_missing_classes_are_refused_and_the_rest_runs(made_up: NodePack) -> None:
    """One sentence says which classes the refused output needs; ``strict`` runs nothing."""
    workflow = {
        **CHAIN,
        "k": {"class_type": "KSampler", "inputs": {}},
        "s": {"class_type": "Show", "inputs": {"value": ["k", 0]}},
    }
    result = graphrun.run(workflow, packs=[made_up])
    assert result["c"].value == 8
    assert result.refused == {"s": "output s (Show) needs KSampler: local models, which graphrun does not run"}
    assert not result.ok
    with pytest.raises(WorkflowError):
        graphrun.run(workflow, packs=[made_up], strict=True)


def test_seeds_are_kept_set_or_drawn_and_told(made_up: NodePack) -> None:
    """The saved value stands unless asked; what was set is in the result."""
    workflow = {**CHAIN, "a": {"class_type": "Number", "inputs": {"value": 4, "seed": 3}}}
    assert graphrun.run(workflow, packs=[made_up])["c"].value == 14
    fixed = graphrun.run(workflow, packs=[made_up], seed=10)
    assert fixed["c"].value == 28
    assert fixed.seeds == {"a.seed": 10}
    drawn = graphrun.run(workflow, packs=[made_up], seed="random")
    assert drawn["c"].value == 2 * (4 + drawn.seeds["a.seed"])


def test_a_seed_is_set_where_it_is_written_and_other_numbers_stay() -> None:
    """PrimitiveInt can be a seed or a width; only its links tell."""
    workflow = {
        "width": {"class_type": "PrimitiveInt", "inputs": {"value": 64}},
        "seed": {"class_type": "PrimitiveInt", "inputs": {"value": 3}},
        "picture": {"class_type": "OpenAIDalle3", "inputs": {"prompt": "a fox", "seed": ["seed", 0]}},
        "show": {"class_type": "PreviewAny", "inputs": {"source": ["width", 0]}},
    }
    targets = ["picture", "show"]
    fixed = graphrun.run(workflow, seed=10, provider="offline", targets=targets, keep="all")
    assert fixed.seeds == {"seed.value": 10}
    assert fixed["width"].value == 64
    drawn = graphrun.run(workflow, seed="random", provider="offline", targets=targets)
    assert 0 <= drawn.seeds["seed.value"] <= 2147483647


def test_runs_inside_a_running_event_loop(made_up: NodePack) -> None:
    """A notebook has a loop running already; ``run`` uses a thread of its own."""

    async def notebook() -> int:
        return graphrun.run(CHAIN, packs=[made_up])["c"].value  # type: ignore[no-any-return]

    assert asyncio.run(notebook()) == 8


def test_stream_yields_the_story_of_a_run(made_up: NodePack) -> None:
    """Events are data, in order."""

    async def story() -> list[str]:
        async with Engine(packs=[made_up]) as engine:
            return [type(event).__name__ async for event in engine.stream(CHAIN)]

    each = ["NodeStarted", "NodeFinished"]
    assert asyncio.run(story()) == ["RunStarted", *each, *each, *each, "RunFinished"]


def test_leaving_a_stream_stops_its_run() -> None:
    """Breaking out of the loop cancels what runs instead of leaving it behind."""
    pack = NodePack("slow")
    started, cancelled = asyncio.Event(), asyncio.Event()

    @pack.node("Slow", output_node=True)
    async def slow() -> int:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return 1

    async def leave() -> None:
        async with Engine(packs=[pack]) as engine:
            events_ = engine.stream({"1": {"class_type": "Slow", "inputs": {}}})
            async for event in events_:
                if isinstance(event, events.NodeStarted):
                    await started.wait()
                    break
            await events_.aclose()

    asyncio.run(leave())
    assert cancelled.is_set()


def test_two_engines_live_in_one_process_with_their_own_nodes(made_up: NodePack) -> None:
    """There is no global registry to collide in."""
    other = NodePack("other")

    @other.node("Double")
    def triple(value: int) -> int:
        return value * 3

    for name in ("Number", "Show"):
        other.add(next(node_type for node_type in made_up if node_type.name == name))

    async def both() -> tuple[int, int]:
        async with Engine(packs=[made_up]) as one, Engine(packs=[other]) as two:
            results = await asyncio.gather(one.run(CHAIN), two.run(CHAIN))
        return results[0]["c"].value, results[1]["c"].value

    assert asyncio.run(both()) == (8, 12)


def test_files_come_in_as_bytes_and_only_a_name_reaches_metadata(tmp_path: Path) -> None:
    """``files`` binds a path or bytes to an input; the folder they lie in is nobody's business."""
    source = tmp_path / "secret place" / "mine.png"
    source.parent.mkdir()
    source.write_bytes(png())
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "not there.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}},
    }
    for bound in (png(), source):
        result = graphrun.run(workflow, files={"1.image": bound}, output_dir=tmp_path / "out", cache="off")
        assert result.ok
        saved = result.artifacts[0].path.read_bytes()
        assert b"secret place" not in saved
    assert b"mine.png" in saved


def test_a_bound_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """Nothing starts for a file that isn't there."""
    with pytest.raises(UsageError, match=r"1\.image=.*no\.png: there is no such file"):
        graphrun.run(
            {"1": {"class_type": "LoadImage", "inputs": {"image": "x"}}}, files={"1.image": tmp_path / "no.png"}
        )


def test_call_runs_one_node() -> None:
    """Literals as in the API format, tensors as they are."""
    import torch

    picture = torch.arange(48, dtype=torch.float32).reshape(1, 4, 4, 3) / 48
    result = graphrun.call("ImageInvert", {"image": picture})
    assert torch.equal(result.image, 1 - picture)
    assert result.state == "ran"


def test_call_gives_a_list_as_a_list_of_values() -> None:
    """A list under an input runs the node once per value, as a value list on a link does."""
    result = graphrun.call("StringConcatenate", {"string_a": ["a", "b"], "string_b": "c", "delimiter": "-"})
    assert result.outputs == [["a-c", "b-c"]]


def test_call_tells_a_list_that_is_a_value_by_the_declared_type() -> None:
    """Boxes and arrays are lists themselves; a list of lists is a list of values, as everywhere."""
    box = {"x": 0, "y": 0, "width": 2, "height": 1}

    def boxes_of(editor_state: object) -> list[object]:
        inputs = {"width": 64, "height": 64, "editor_state": editor_state}
        return graphrun.call("CreateBoundingBoxes", inputs).outputs[1]

    def texts_of(array: object) -> list[object]:
        return graphrun.call("ConvertArrayToString", {"array": array, "indent": 0}).outputs[0]

    assert boxes_of([box, box]) == boxes_of([[box, box]]) == [[[box, box]]]
    assert boxes_of([[box], []]) == [[[box]], []]
    assert texts_of([1, [2]]) == ["[1, [2]]"]
    assert texts_of([]) == texts_of([[]]) == ["[]"]
    assert texts_of([[1], [2]]) == ["[1]", "[2]"]


def test_call_takes_a_wrapped_list_as_one_value() -> None:
    """``__value__`` says so in the API format, for any type."""
    result = graphrun.call("PreviewAny", {"source": {"__value__": [1, 2]}})
    assert result.outputs == [["[\n    1,\n    2\n]"]]
    assert graphrun.call("ConvertArrayToString", {"array": {"__value__": [[1]]}, "indent": 0}).value == "[[1]]"
    assert graphrun.call("StringLength", {"string": {"__value__": "four"}}).value == 4
    with pytest.raises(WorkflowError, match="is no INT"):
        graphrun.call("PrimitiveInt", {"value": {"__value__": [1, 2]}})


def test_call_gives_one_box_at_a_time_where_a_node_takes_one(tmp_path: Path) -> None:
    """Two regions cut out two pictures."""
    import torch

    regions = [{"x": 0, "y": 0, "width": side, "height": 1} for side in (1, 2)]
    inputs = {"image": torch.zeros(1, 4, 4, 3), "crop_region": regions}
    result = graphrun.call("ImageCropV2", inputs, output_dir=tmp_path)
    assert [picture.shape for picture in result.outputs[0]] == [(1, 1, 1, 3), (1, 1, 2, 3)]


def test_call_looks_into_a_named_file_each_time(tmp_path: Path) -> None:
    """A file of the same name and other content is another input, whatever type the input is of."""
    inputs = {"image": "a.png", "width": 0, "height": 0, "capture_on_queue": True}
    for width in (8, 9):
        (tmp_path / "a.png").write_bytes(png((width, 8)))
        assert graphrun.call("WebcamCapture", inputs, input_dir=tmp_path).image.shape == (1, 8, width, 3)
    with pytest.raises(WorkflowError, match="Invalid image file"):
        graphrun.call("WebcamCapture", {**inputs, "image": "no.png"}, input_dir=tmp_path)


def test_call_raises_what_went_wrong() -> None:
    """A wrong literal is a WorkflowError, a failing node its NodeError."""
    with pytest.raises(WorkflowError, match="is not one of"):
        graphrun.call(
            "ImageScale", {"image": object(), "upscale_method": "magic", "width": 1, "height": 1, "crop": "center"}
        )
    with pytest.raises(graphrun.NodeError):
        graphrun.call("ImageInvert", {"image": object()})
    with pytest.raises(UsageError, match="ImageInvertt"):
        graphrun.call("ImageInvertt", {})


def test_call_writes_where_it_is_told(tmp_path: Path) -> None:
    """A saver called alone saves, and says where in ComfyUI's words."""
    import torch

    result = graphrun.call(
        "SaveImage", {"images": torch.zeros(2, 4, 4, 3), "filename_prefix": "sub/x"}, output_dir=tmp_path
    )
    assert [item["filename"] for item in result.ui["images"]] == ["x_00001_.png", "x_00002_.png"]
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["x_00001_.png", "x_00002_.png"]


def test_without_provider_and_key_the_error_names_both_ways(tmp_path: Path) -> None:
    """Nothing runs, and the user reads what to set."""
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    with pytest.raises(WorkflowError, match=r"OPENAI_API_KEY.*offline"):
        graphrun.run(workflow, output_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_provider_of_ones_own_is_passed_in(tmp_path: Path) -> None:
    """The service is a value, not a global."""
    heard: list[Heard] = []
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    result = graphrun.run(workflow, provider=offline_images(heard=heard.append), output_dir=tmp_path)
    assert result.ok
    assert len(heard) == 1


def test_a_picture_from_a_provider_reaches_the_disk_as_it_came(tmp_path: Path) -> None:
    """Pixels identical, chunks untouched, and the prompt inside: it was never decoded."""
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    result = graphrun.run(workflow, provider="offline", output_dir=tmp_path, keep=["2"])
    (came,) = result["2"].pictures
    saved = result.artifacts[0].path.read_bytes()
    head = 8 + 25  # signature and IHDR; the text goes in behind them
    assert saved.startswith(came[:head])
    assert saved.endswith(came[head:])
    with PillowImage.open(io.BytesIO(saved)) as picture:
        assert "lighthouse" in picture.info["prompt"]


def test_no_metadata_leaves_the_prompt_out(tmp_path: Path) -> None:
    """``metadata=False`` writes pixels only."""
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    result = graphrun.run(workflow, provider="offline", output_dir=tmp_path, metadata=False)
    assert b"lighthouse" not in result.artifacts[0].path.read_bytes()


def test_image_calls_of_a_fan_out_overlap(tmp_path: Path) -> None:
    """Six independent calls are all under way before the first is answered."""
    heard: list[Heard] = []
    workflow = Path(__file__).parents[1] / "workflows" / "fan-out.json"
    service = offline_images(latency=0.2, heard=heard.append)
    story: list[graphrun.Event] = []
    result = graphrun.run(workflow, provider=service, output_dir=tmp_path, emit=story.append)
    assert result.ok
    assert len(heard) == 6
    first_end = next(i for i, e in enumerate(story) if isinstance(e, events.NodeFinished) and e.node_id.startswith("2"))
    started = [e for e in story[:first_end] if isinstance(e, events.NodeStarted) and e.node_id.startswith("2")]
    assert len(started) == 6


def test_settings_come_from_the_environment_or_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``GRAPHRUN_OUTPUT_DIR`` is a default; an option of the run wins."""
    monkeypatch.setenv("GRAPHRUN_OUTPUT_DIR", str(tmp_path / "from environment"))
    assert Settings().folders(None).output == tmp_path / "from environment"
    assert Settings().folders(None, output_dir=tmp_path / "given").output == tmp_path / "given"


def test_inputs_default_to_the_folder_beside_the_workflow(tmp_path: Path) -> None:
    """``input/`` beside the file if it exists, else the file's own folder."""
    file = tmp_path / "w.json"
    assert Settings().folders(file).input == tmp_path
    (tmp_path / "input").mkdir()
    assert Settings().folders(file).input == tmp_path / "input"


def test_one_name_alone_will_do(made_up: NodePack) -> None:
    """Where several nodes may be named, a string is one name and not its letters; None is none."""
    result = graphrun.run(CHAIN, packs=[made_up], targets="Start", keep="a")
    assert result.did_run("a")
    assert "c" not in result.nodes
    with pytest.raises(UsageError, match="'ab'"):
        graphrun.run(CHAIN, packs=[made_up], keep="ab")
    assert graphrun.run(CHAIN, packs=[made_up], targets=None, keep=None, emit=None).ok  # type: ignore[arg-type]


def test_an_option_that_is_not_there_is_refused(made_up: NodePack) -> None:
    """A misspelt output_dir must not save elsewhere."""
    with pytest.raises(UsageError, match="no option is called 'ouput_dir'; did you mean 'output_dir'"):
        graphrun.run(CHAIN, packs=[made_up], ouput_dir="x")  # type: ignore[call-arg]


class NarrowService(ImageService):
    """Takes one call at a time and counts how many came at once."""

    identity = "narrow"
    capacity = 1

    def __init__(self) -> None:
        self.now = self.most = 0

    async def create(self, request: ImageRequest) -> ImageAnswer:
        """Answer with one picture."""
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return ImageAnswer((png(),))


def test_runs_of_an_engine_share_the_width_of_a_service_of_ones_own(tmp_path: Path) -> None:
    """Whichever run makes the call."""
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    service = NarrowService()

    async def several() -> None:
        async with Engine() as engine:
            runs = (engine.run(workflow, provider=service, output_dir=tmp_path) for _ in range(4))
            assert all(result.ok for result in await asyncio.gather(*runs))

    asyncio.run(several())
    assert service.most == 1


def test_variables_that_make_no_sense_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is as good as none."""
    monkeypatch.setenv("GRAPHRUN_PROVIDER", "")
    monkeypatch.setenv("GRAPHRUN_OUTPUT_DIR", "")
    assert Engine(packs=[]).settings.provider is None
    assert Settings().folders(None).output == Path("output")
    monkeypatch.setenv("GRAPHRUN_THREADS", "many")
    with pytest.raises(UsageError, match="GRAPHRUN_THREADS=many"):
        Engine(packs=[])


def test_a_listener_that_fails_cancels_nothing(tmp_path: Path) -> None:
    """Calls under way may cost money: the run goes on, its files are there, and then the fault is raised."""
    workflow = Path(__file__).parents[1] / "workflows" / "fan-out.json"
    heard: list[graphrun.Event] = []

    def fail(event: graphrun.Event) -> None:
        heard.append(event)
        if isinstance(event, events.NodeFinished):
            raise ZeroDivisionError("no luck")

    with pytest.raises(ZeroDivisionError):
        graphrun.run(workflow, provider="offline", output_dir=tmp_path, emit=fail)
    assert isinstance(heard[-1], events.NodeFinished)
    assert len(list(tmp_path.rglob("*.png"))) >= 6


def test_an_output_folder_that_cannot_be_written_is_told_before_anything_is_paid(tmp_path: Path) -> None:
    """Nothing is sent for a picture that could not be saved."""
    heard: list[Heard] = []
    (tmp_path / "taken").touch()
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    with pytest.raises(WorkflowError, match="is a file, not a folder"):
        graphrun.run(workflow, provider=offline_images(heard=heard.append), output_dir=tmp_path / "taken")
    assert heard == []


def test_a_call_cancelled_under_way_is_told_as_possibly_charged(tmp_path: Path) -> None:
    """A second stop cancels the call; nobody knows then whether it was paid, and the result says so."""
    stop = graphrun.StopSignal()

    def stop_twice(heard: Heard) -> None:
        stop.stop()
        stop.stop()

    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    service = offline_images(latency=30, heard=stop_twice)
    result = graphrun.run(workflow, provider=service, output_dir=tmp_path, stop=stop)
    assert result.stopped
    assert [warning for warning in result.warnings if "may have charged" in warning]


def test_a_wrong_seed_policy_is_an_error_even_without_seeds(made_up: NodePack) -> None:
    """It must not pass silently where it happens to have no effect."""
    with pytest.raises(UsageError, match="use keep, random or a whole number"):
        graphrun.run(CHAIN, packs=[made_up], seed="foo")  # type: ignore[typeddict-item]


def test_an_input_called_seed_is_one_without_being_marked() -> None:
    """The plainest node of one's own follows the seed of the run."""
    pack = NodePack("plain")

    @pack.node("Draw", output_node=True)
    def draw(seed: int = 0) -> int:
        return seed

    result = graphrun.run({"1": {"class_type": "Draw", "inputs": {}}}, packs=[pack], seed=12)
    assert result["1"].value == 12
    assert result.seeds == {"1.seed": 12}


def test_a_streams_listener_hears_the_same_story(made_up: NodePack) -> None:
    """``emit`` and the stream don't exclude each other."""
    heard: list[graphrun.Event] = []

    async def story() -> list[graphrun.Event]:
        async with Engine(packs=[made_up]) as engine:
            return [event async for event in engine.stream(CHAIN, emit=heard.append)]

    assert asyncio.run(story()) == heard


def test_a_remedy_names_the_node_and_leaves_file_names_alone() -> None:
    """The picture may be called like the placeholder that stands for the node's id."""
    plan = Engine().plan(
        {
            "7": {"class_type": "LoadImage", "inputs": {"image": "NODE_1.png"}},
            "8": {"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}},
        }
    )
    (problem,) = plan.problems
    assert "Invalid image file: NODE_1.png" in problem.message
    assert "--file 7.image=PATH" in problem.message


def test_call_takes_the_inputs_of_a_saved_node_as_they_are(tmp_path: Path) -> None:
    """Old editors wrote keys into them that mean nothing, ``upload`` for one."""
    (tmp_path / "a.png").write_bytes(png())
    result = graphrun.call("LoadImage", {"image": "a.png", "upload": "image"}, input_dir=tmp_path)
    assert result.image.shape == (1, 8, 8, 3)
