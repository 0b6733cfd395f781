"""Wire contract: every request the OpenAI nodes can make is one that OpenAI's own description allows, made strict.

Requests go through the engine, the real client and a real socket to the faulty service, which keeps their bytes.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from openapi_contract import Contract
from PIL import Image

import graphrun
from graphrun import NodeType
from graphrun.testing import Arrival, FaultyImages, Good
from graphrun_nodes import openai
from graphrun_nodes.openai_models import V2_OPTIONS

pytestmark = pytest.mark.corpus

KEY = "sk-contract-0123456789"
FOREIGN_KEYS = {
    "COMFY_API_KEY": "comfyui-foreign-0123456789",
    "AZURE_OPENAI_API_KEY": "azure-foreign-0123456789",
    "OPENAI_ADMIN_KEY": "sk-admin-foreign-0123456789",
}
SEED = 1987654321
NODE_TYPES: Mapping[str, NodeType] = {node_type.name: node_type for node_type in openai.pack}

# What each model knows, by reference 2.1. Only what a node may want is here: no streaming, for one.
GPT = {"model", "prompt", "n", "size", "quality", "background", "moderation"}
KNOWN = {
    "dall-e-2": {"model", "prompt", "n", "size"},
    "dall-e-3": {"model", "prompt", "size", "quality", "style"},
}
OLD_SIZES = {"auto", "1024x1024", "1536x1024", "1024x1536"}
SIZES = {
    "dall-e-2": {"256x256", "512x512", "1024x1024"},
    "dall-e-3": {"1024x1024", "1792x1024", "1024x1792"},
    "gpt-image-1": OLD_SIZES,
    "gpt-image-1.5": OLD_SIZES,
}
GPT_QUALITIES = {"auto", "low", "medium", "high"}
QUALITIES = {
    "dall-e-3": {"standard", "hd"},
    "gpt-image-2.5-flare": {*GPT_QUALITIES, "xhigh", "max"},
    "gpt-image-2.5-sunburst": {*GPT_QUALITIES, "xhigh", "max"},
}

# Pictures every workflow here holds, and the ways a node's inputs are linked to them: frames, and with a mask or not.
PICTURES: Mapping[str, Any] = {
    "one": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0xFF8000}},
    "two": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 2, "color": 0x0080FF}},
    "mask": {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 64, "height": 64}},
}
ONE, TWO, MASK = ["one", 0], ["two", 0], ["mask", 0]


@dataclass(frozen=True)
class Case:
    """One node as a workflow has it, and how many pictures and masks its request has to carry."""

    class_type: str
    inputs: Mapping[str, Any]
    frames: int = 0
    masked: bool = False
    links: Mapping[str, Any] = field(default_factory=dict)

    def node(self, prompt: str) -> dict[str, Any]:
        """The node with its links, its seed and a prompt that tells which one it is."""
        return {
            "class_type": self.class_type,
            "inputs": {**self.inputs, **self.links, "prompt": prompt, "seed": SEED},
        }


# ── every request the nodes can make ───────────────────────────────────────────────────────────────────────────


def product(**choices: Sequence[object]) -> Iterator[dict[str, object]]:
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def offered(class_type: str, *names: str) -> dict[str, tuple[object, ...]]:
    """The options a node type offers."""
    inputs = {one.name: one for one in NODE_TYPES[class_type].inputs}
    return {name: tuple(inputs[name].options or ()) for name in names}


def dalle2_cases() -> Iterator[Case]:
    for inputs in product(**offered("OpenAIDalle2", "size"), n=tuple(range(1, 9))):
        yield Case("OpenAIDalle2", inputs)
        yield Case("OpenAIDalle2", inputs, 1, links={"image": ONE, "mask": MASK})


def dalle3_cases() -> Iterator[Case]:
    for inputs in product(**offered("OpenAIDalle3", "quality", "style", "size")):
        yield Case("OpenAIDalle3", inputs)


def image1_cases() -> Iterator[Case]:
    values = product(**offered("OpenAIGPTImage1", "model", "size", "quality", "background"))
    allowed = [inputs for inputs in values if not is_refused_by_the_node(inputs)]
    linked = [{}, {"image": ONE}, {"image": TWO}, {"image": ONE, "mask": MASK}]
    for number, (inputs, (frames, masked), links) in enumerate(arranged(allowed, (0, 1, 2, 1), linked)):
        count = {"n": 1 + number % 8}
        yield Case("OpenAIGPTImage1", {**inputs, **count, **custom(inputs["size"])}, frames, masked, links)


def v2_cases() -> Iterator[Case]:
    slots = "model.images.image_1", "model.images.image_2", "model.images.image_3"
    linked = [{}, {slots[0]: ONE}, {slots[0]: ONE, slots[1]: TWO}, {slots[2]: ONE, "model.mask": MASK}]
    for option in V2_OPTIONS:
        values = [*product(size=option.sizes, quality=option.qualities, background=option.backgrounds)]
        for number, (chosen, (frames, masked), links) in enumerate(arranged(values, (0, 1, 3, 1), linked)):
            nested = {f"model.{name}": value for name, value in {**chosen, **custom(chosen["size"])}.items()}
            inputs = {"model": option.model, "n": 1 + number % 8, **nested}
            yield Case("OpenAIGPTImageNodeV2", inputs, frames, masked, links)


Arranged = tuple[dict[str, object], tuple[int, bool], Mapping[str, object]]


def arranged(
    values: Sequence[dict[str, object]], frames: Sequence[int], linked: Sequence[Mapping[str, object]]
) -> Iterator[Arranged]:
    """All values without pictures, and every seventh with each way to link pictures; the last way has a mask.

    No input has seven options, so the steps meet them all; a test below sees to it.
    """
    for way, (count, links) in enumerate(zip(frames, linked, strict=True)):
        for chosen in values[way :: 7 if count else 1]:
            yield chosen, (count, way == len(linked) - 1), links


def is_refused_by_the_node(inputs: Mapping[str, object]) -> bool:
    """Rules 3 to 5 of reference 1.5: a size or background that only other models have."""
    if inputs["model"] == "gpt-image-2":
        return inputs["background"] == "transparent"
    return inputs["size"] not in OLD_SIZES


def custom(size: object) -> dict[str, object]:
    return {"custom_width": 1280, "custom_height": 1600} if size == "Custom" else {}


CASES = {
    "OpenAIDalle2": tuple(dalle2_cases()),
    "OpenAIDalle3": tuple(dalle3_cases()),
    "OpenAIGPTImage1": tuple(image1_cases()),
    "OpenAIGPTImageNodeV2": tuple(v2_cases()),
}


# ── running them ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def contract(corpus: Path) -> Contract:
    return Contract.read(corpus.parent / "openai-images-openapi.yaml")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultyImages]:
    """A service that answers well, chosen by the environment, beside keys that are none of its business."""
    with FaultyImages(answer=Good(size=(8, 8), as_url=False)) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("GRAPHRUN_DATA_DIR", str(tmp_path / "data"))
        for variable, key in FOREIGN_KEYS.items():
            monkeypatch.setenv(variable, key)
        yield running


def requests_of(service: FaultyImages, cases: Sequence[Case], folder: Path) -> list[tuple[Case, Arrival]]:
    """Run one workflow with a node for each case. Return what each node sent: exactly one request."""
    prompts = {f"Füchse №{number}": case for number, case in enumerate(cases)}
    nodes = {prompt: case.node(prompt) for prompt, case in prompts.items()}
    result = graphrun.run({**PICTURES, **nodes}, targets=list(nodes), output_dir=folder / "output", max_cost="none")
    result.raise_for_failures()
    sent = {arrival.heard.text("prompt", ""): arrival for arrival in service.requests if arrival.heard is not None}
    assert len(service.requests) == len(sent) == len(cases)
    return [(case, sent[prompt]) for prompt, case in prompts.items()]


@pytest.mark.parametrize("class_type", CASES)
def test_every_request_of_a_node_keeps_the_contract(
    class_type: str, service: FaultyImages, contract: Contract, tmp_path: Path
) -> None:
    """All models with all sizes, qualities and backgrounds; and with one picture, with several, with a mask."""
    for case, arrival in requests_of(service, CASES[class_type], tmp_path):
        faults = [
            *contract.request_faults(arrival.path, arrival.headers["content-type"], arrival.body),
            *parameter_faults(contract, case, arrival),
            *secret_faults(arrival),
            *file_faults(case, arrival),
        ]
        assert faults == [], case


@pytest.mark.parametrize("with_pictures", [False, True])
def test_every_option_is_among_the_cases(with_pictures: bool) -> None:
    """No node, model, size, quality or background that is offered goes untried."""
    assert CASES.keys() == NODE_TYPES.keys()
    tried = {
        name: [case.inputs for case in cases if bool(case.frames) == with_pictures] for name, cases in CASES.items()
    }
    for name, options in offered("OpenAIGPTImage1", "model", "size", "quality", "background").items():
        assert {inputs[name] for inputs in tried["OpenAIGPTImage1"]} == set(options)
    for option in V2_OPTIONS:
        own = [inputs for inputs in tried["OpenAIGPTImageNodeV2"] if inputs["model"] == option.model]
        assert {inputs["model.size"] for inputs in own} == set(option.sizes)
        assert {inputs["model.quality"] for inputs in own} == set(option.qualities)
        assert {inputs["model.background"] for inputs in own} == set(option.backgrounds)


def parameter_faults(contract: Contract, case: Case, arrival: Arrival) -> Iterator[str]:
    """The model knows every parameter and its value; nothing is null; the seed stays here."""
    sent = contract.instance(arrival.path, arrival.headers["content-type"], arrival.body)
    model = sent["model"]
    if unknown := sent.keys() - KNOWN.get(model, GPT) - {"image", "mask"}:
        yield f"{model} does not know {unknown}"
    if None in sent.values():
        yield "a parameter is null"
    if str(SEED).encode() in arrival.body or "seed" in sent:
        yield "the seed is sent"
    if model in SIZES and sent["size"] not in SIZES[model]:
        yield f"{model} does not know the size {sent['size']}"
    if model != "dall-e-2" and sent["quality"] not in QUALITIES.get(model, GPT_QUALITIES):
        yield f"{model} does not know the quality {sent['quality']}"
    if sent["size"] != expected_size(case):
        yield f"the size {sent['size']} is not the one that was chosen"
    if model.startswith("gpt-") and sent["moderation"] != "low":
        yield "moderation is not low, which the nodes have asked for since December 2025"


def expected_size(case: Case) -> object:
    size = case.inputs.get("model.size", case.inputs.get("size"))
    return "1280x1600" if size == "Custom" else size


def secret_faults(arrival: Arrival) -> Iterator[str]:
    """The key is the bearer and nowhere else; no other service's key is anywhere."""
    headers = dict(arrival.headers)
    if headers.pop("authorization", None) != f"Bearer {KEY}":
        yield "the bearer is missing or wrong"
    everything = "\n".join([arrival.path, *headers, *headers.values()]).encode() + arrival.body
    for key in (KEY, *FOREIGN_KEYS.values()):
        if key.encode() in everything:
            yield f"{key} is where it doesn't belong"
    yield from (f"the header {name} belongs to another service" for name in ("api-key", "x-api-key") if name in headers)


def file_faults(case: Case, arrival: Arrival) -> Iterator[str]:
    """Names of parts and files, types, signatures, sizes and the mask's alpha (reference 1.2, 1.4 and 1.5)."""
    assert arrival.heard is not None
    files = arrival.heard.files
    named = [(file.name, file.file_name, file.media_type) for file in files]
    if named != expected_files(case):
        yield f"the files are {named}"
    if arrival.path != f"/v1/images/{'edits' if case.frames else 'generations'}":
        yield f"the path is {arrival.path}"
    for file in files:
        if not file.data.startswith(b"\x89PNG\r\n\x1a\n"):
            yield f"{file.file_name} is no PNG"
        elif opened(file.data).size != (64, 64):
            yield f"{file.file_name} is of another size"
    if case.masked and opened(files[-1].data).getextrema() != ((0, 0),) * 4:
        yield "the mask is not black and clear where everything is to be changed"


def expected_files(case: Case) -> list[tuple[str, str, str]]:
    if case.class_type == "OpenAIDalle2":
        return [("image", "image.png", "image/png")] * case.frames
    name = "image" if case.frames == 1 else "image[]"
    images = [(name, f"image_{index}.png", "image/png") for index in range(case.frames)]
    return [*images, *([("mask", "mask.png", "image/png")] if case.masked else [])]


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


# ── masks and many pictures, by their pixels ───────────────────────────────────────────────────────────────────


def only_request(service: FaultyImages, class_type: str, inputs: Mapping[str, object], folder: Path) -> Arrival:
    graphrun.call(class_type, inputs, output_dir=folder)
    (arrival,) = service.requests
    return arrival


def half_masked() -> tuple[torch.Tensor, torch.Tensor]:
    """A red picture, 4 wide and 2 high, and a mask that is white on its left half."""
    image, mask = torch.zeros(1, 2, 4, 3), torch.zeros(1, 2, 4)
    image[..., 0], mask[..., :2] = 1, 1
    return image, mask


def test_a_mask_is_clear_where_it_is_white(service: FaultyImages, tmp_path: Path) -> None:
    """A file of its own: black, alpha 0 where the picture is to be changed, 255 where it is kept."""
    image, mask = half_masked()
    inputs = {"prompt": "a", "model": "gpt-image-2", "image": image, "mask": mask}
    heard = only_request(service, "OpenAIGPTImage1", inputs, tmp_path).heard
    assert heard is not None
    assert heard.mask is not None
    sent = opened(heard.mask.data)
    assert (sent.mode, sent.size) == ("RGBA", (4, 2))
    assert list(sent.tobytes()) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 255] * 2
    assert opened(heard.images[0].data).mode == "RGB"


def test_dall_e_2_takes_the_mask_as_the_picture_s_alpha(service: FaultyImages, tmp_path: Path) -> None:
    """One square picture and no mask part."""
    image, mask = half_masked()
    square, square_mask = image.repeat(1, 2, 1, 1), mask.repeat(1, 2, 1)
    inputs = {"prompt": "a", "image": square, "mask": square_mask}
    heard = only_request(service, "OpenAIDalle2", inputs, tmp_path).heard
    assert heard is not None
    (file,) = heard.files
    sent = opened(file.data)
    assert (sent.mode, sent.size) == ("RGBA", (4, 4))
    assert list(sent.tobytes()) == [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255] * 4


def test_sixteen_pictures_are_as_many_as_the_contract_allows(
    service: FaultyImages, contract: Contract, tmp_path: Path
) -> None:
    """A batch goes out frame by frame, in order."""
    options = {"model": "gpt-image-2", "model.size": "auto", "model.background": "auto", "model.quality": "low"}
    batch = (torch.arange(16) * 17 / 255).reshape(16, 1, 1, 1).expand(16, 2, 2, 3)
    inputs = {"prompt": "a", "n": 1, "seed": SEED, **options, "model.images.image_1": batch}
    arrival = only_request(service, "OpenAIGPTImageNodeV2", inputs, tmp_path)
    assert contract.request_faults(arrival.path, arrival.headers["content-type"], arrival.body) == []
    assert arrival.heard is not None
    greys = [opened(file.data).getpixel((0, 0)) for file in arrival.heard.images]
    assert greys == [(level * 17, level * 17, level * 17) for level in range(16)]


# ── the judge itself ───────────────────────────────────────────────────────────────────────────────────────────

SOUND = {"model": "gpt-image-2", "prompt": "a fox", "n": 1, "quality": "low"}


@pytest.mark.parametrize(
    "wrong",
    [{"seed": 1}, {"n": 99}, {"n": "1"}, {"prompt": None}, {"quality": "best"}, {"quality": "max"}, {"image": "x"}],
    ids=str,
)
def test_the_contract_refuses_what_openai_would(contract: Contract, wrong: dict[str, object]) -> None:
    """Unknown parameters, wrong values and types, null, and a quality that only newer models know."""
    judged = [json.dumps({**SOUND, **more}).encode() for more in ({}, wrong)]
    faults = [contract.request_faults("/v1/images/generations", "application/json", body) for body in judged]
    assert faults[0] == []
    assert faults[1] != []


def form(*parts: tuple[str, str, bool]) -> bytes:
    body = ""
    for name, text, is_file in parts:
        file = '; filename="a.png"' if is_file else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{text}\r\n'
    return f"{body}--b--\r\n".encode()


@pytest.mark.parametrize(
    ("parts", "sound"),
    [
        ([("n", "2", False), ("image", "", True)], True),
        ([("image[]", "", True)] * 16, True),
        ([("image[]", "", True)] * 17, False),
        ([("n", "two", False), ("image", "", True)], False),
        ([("n", "99", False), ("image", "", True)], False),
        ([("seed", "1", False), ("image", "", True)], False),
        ([("n", "1", False)], False),
    ],
)
def test_the_contract_judges_forms_by_their_parts(
    contract: Contract, parts: list[tuple[str, str, bool]], sound: bool
) -> None:
    """Numbers are read from their texts; files count up to 16; one is required."""
    body = form(("prompt", "a", False), *parts)
    faults = contract.request_faults("/v1/images/edits", "multipart/form-data; boundary=b", body)
    assert (faults == []) == sound


def test_good_answers_of_the_faulty_service_keep_the_contract(contract: Contract, tmp_path: Path) -> None:
    """What tests take for OpenAI's answer is described by OpenAI."""
    import httpx

    body = {**SOUND, "n": 2, "size": "1024x1536", "background": "auto"}
    with FaultyImages() as service, httpx.Client(trust_env=False) as client:
        url, key = f"{service.base_url}/images/generations", {"Authorization": f"Bearer {KEY}"}
        answer = client.post(url, json=body, headers=key)
    assert contract.answer_faults(answer.content) == []
