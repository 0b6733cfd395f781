"""Whole runs against a server that differs from OpenAI, told to graphrun by a profile alone."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compatible_server import CompatibleServer, compatible_server, picture
from PIL import Image

from graphrun import Engine, RunResult, Settings

PROFILE = """
[profiles.local]
base_url = "{url}/v1"
send_seed = true
drop = ["quality", "background", "moderation", "output_format", "style"]
prices = "free"

[profiles.local.add]
num_inference_steps = 4
guidance_scale = 2.5

[profiles.local.files]
images = "image"
mask = "mask_image"
mask_edits = "white"

[profiles.local.models]
gpt-image-2 = "Qwen/Qwen-Image-Edit"
dall-e-3 = "Qwen/Qwen-Image-Edit"

[profiles.local.timeouts]
read = 30
"""


@pytest.fixture
def server() -> Iterator[CompatibleServer]:
    with compatible_server() as running:
        yield running


def run(server: CompatibleServer, folder: Path, nodes: dict[str, Any], profile: str = PROFILE) -> RunResult:
    """Run against the server, with its profile in the user's own file."""
    path = folder / "profiles.toml"
    path.write_text(profile.format(url=server.url))
    folders = {f"{name}_dir": folder / name for name in ("data", "cache", "output", "input")}

    async def scene() -> RunResult:
        async with Engine(Settings(config=path, **folders), environ={}) as engine:
            return await engine.run(nodes, provider="local")

    return asyncio.run(scene())


def generation(seed: int, **inputs: object) -> dict[str, Any]:
    asked = {"prompt": "a fox", "model": "gpt-image-2", "quality": "low", "background": "opaque", "seed": seed}
    return {
        "1": {"class_type": "OpenAIGPTImage1", "inputs": {**asked, **inputs}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "fox"}},
    }


def test_a_generation_speaks_the_servers_language(server: CompatibleServer, tmp_path: Path) -> None:
    """The seed goes along, parameters come and go, the model has the server's name, and there is no key."""
    result = run(server, tmp_path, generation(41))
    result.raise_for_failures()
    (heard,) = server.heard
    assert heard.fields == {
        "model": "Qwen/Qwen-Image-Edit",
        "prompt": "a fox",
        "n": 1,
        "size": "1024x1024",
        "seed": 41,
        "num_inference_steps": 4,
        "guidance_scale": 2.5,
    }
    assert "authorization" not in heard.headers
    assert Image.open(result.artifacts[0].path).getpixel((0, 0)) == (41, 20, 90)


def edited(folder: Path) -> dict[str, Any]:
    """Two pictures as one batch, or one with a mask whose left half is to change."""
    (folder / "input").mkdir(exist_ok=True)
    photo = Image.new("RGBA", (64, 64), (9, 99, 9, 255))
    photo.paste((0, 0, 0, 0), (0, 0, 32, 64))
    photo.save(folder / "input" / "photo.png")
    nodes = generation(7, image=["0", 0], mask=["0", 1])
    return {"0": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}, **nodes}


def test_a_mask_is_white_where_to_change(server: CompatibleServer, tmp_path: Path) -> None:
    """The node's clear part becomes the white of a grey picture, under the server's name for it."""
    run(server, tmp_path, edited(tmp_path)).raise_for_failures()
    (heard,) = server.heard
    assert heard.path == "/v1/images/edits"
    assert [(part.name, part.media_type) for part in heard.files] == [
        ("image", "image/png"),
        ("mask_image", "image/png"),
    ]
    mask = Image.open(io.BytesIO(heard.files[1].data))
    assert (mask.mode, mask.size) == ("L", (64, 64))
    assert (mask.getpixel((5, 5)), mask.getpixel((60, 5))) == (255, 0)
    assert heard.fields["seed"] == "7"


def test_several_pictures_repeat_one_name(server: CompatibleServer, tmp_path: Path) -> None:
    """Not ``image[]``, which this server doesn't know."""
    nodes = {
        "0": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 2, "color": 255}},
        **generation(7, image=["0", 0]),
    }
    run(server, tmp_path, nodes).raise_for_failures()
    assert [part.name for part in server.heard[0].files] == ["image", "image"]


def test_pictures_it_only_names_are_fetched(tmp_path: Path) -> None:
    """From loopback too, since the service itself is there."""
    with compatible_server(as_url=True) as server:
        result = run(server, tmp_path, generation(3))
    result.raise_for_failures()
    assert Image.open(result.artifacts[0].path).tobytes() == Image.open(io.BytesIO(picture(3))).tobytes()


def test_its_refusal_is_told_with_its_own_words(server: CompatibleServer, tmp_path: Path) -> None:
    """``{"detail": ...}`` is read, and nothing speaks of OpenAI's variables."""
    result = run(server, tmp_path, generation(3), PROFILE.replace('"moderation", ', ""))
    (failure,) = result.failures
    assert "local:http://127.0.0.1" in str(failure)
    assert "answered 422: Extra inputs are not permitted: moderation" in str(failure)
    assert "OPENAI" not in str(failure)


def test_another_wording_is_another_service(server: CompatibleServer, tmp_path: Path) -> None:
    """A changed added parameter makes new pictures: neither cache nor ledger serves the old ones."""
    run(server, tmp_path, generation(3)).raise_for_failures()
    assert not run(server, tmp_path, generation(3)).did_run("1")
    again = run(server, tmp_path, generation(3), PROFILE.replace("steps = 4", "steps = 9"))
    assert again.did_run("1")
    assert [heard.fields["num_inference_steps"] for heard in server.heard] == [4, 9]


def test_longer_timeouts_make_nothing_anew(server: CompatibleServer, tmp_path: Path) -> None:
    """They change no picture."""
    run(server, tmp_path, generation(3)).raise_for_failures()
    assert not run(server, tmp_path, generation(3), PROFILE.replace("read = 30", "read = 60")).did_run("1")
