"""Files that are wrong, or mean harm: each gets one clear error and the right exit code, and nothing runs.

How long each takes is in ``make bench``.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from graphrun.cli import app

WRONG = 2


@dataclass(frozen=True)
class Desk:
    """A folder to lay a bad file in, with pictures beside it."""

    folder: Path

    def write(self, content: str | bytes, name: str = "w.json") -> Path:
        """Lay a file down."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def workflow(self, nodes: dict[str, Any]) -> Path:
        """Lay an API workflow down."""
        return self.write(json.dumps(nodes))


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    """Return one node in the API form."""
    return {"class_type": class_type, "inputs": inputs}


def shown(source: Any) -> dict[str, Any]:
    """Return a node that shows something, so that there is an output."""
    return node("PreviewAny", source=source)


def load_and_save(image: str, prefix: str = "out") -> dict[str, Any]:
    """Return LoadImage → SaveImage."""
    return {"1": node("LoadImage", image=image), "2": node("SaveImage", images=["1", 0], filename_prefix=prefix)}


def png(width: int, height: int) -> bytes:
    """Return a PNG that says it has this size; its pixels are few."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * min((width + 1) * height, 10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def symlink_out(desk: Desk) -> Path:
    """A link inside the input folder that leads out of it."""
    outside = desk.folder.parent / "outside.png"
    outside.write_bytes(png(4, 4))
    (desk.folder / "link.png").symlink_to(outside)
    return desk.workflow(load_and_save("link.png"))


def bomb(desk: Desk) -> Path:
    """A hundred megapixels in a few bytes."""
    desk.write(png(10_000, 10_000), "bomb.png")
    return desk.workflow(load_and_save("bomb.png"))


def truncated(desk: Desk) -> Path:
    """A PNG that was not downloaded to its end."""
    desk.write(png(64, 64)[:-20], "cut.png")
    return desk.workflow(load_and_save("cut.png"))


def nested_strings(levels: int) -> str:
    """Return JSON in a JSON string in a JSON string …"""
    text = json.dumps({"1": shown(1)})
    for _ in range(levels):
        text = json.dumps(text)
    return text


def deep_and_large() -> str:
    """Return ten levels of nesting in 50 MB."""
    leaf: Any = ["x" * 1000] * 50_000
    for _ in range(10):
        leaf = {"deeper": leaf}
    return json.dumps({"1": shown({"__value__": leaf})})


def alias_bomb() -> str:
    """Return a few lines of YAML that expand to 9^9 values."""
    lines = ["_a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"_a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    return "\n".join([*lines, "n:", "  class_type: PreviewAny", "  inputs: { source: { __value__: *a8 } }"])


ROOT = {"1": node("PrimitiveInt", value=1), "2": shown(["1", 0])}

CASES: dict[str, tuple[Callable[[Desk], Path], str]] = {
    "a missing file": (lambda d: d.folder / "no.json", "no.json"),
    "a folder": (lambda d: d.folder, ""),
    "an empty file": (lambda d: d.write(""), "empty"),
    "not JSON": (lambda d: d.write('{"1": {'), "w.json:1:"),
    "an HTML page": (lambda d: d.write("<!DOCTYPE html><html>404</html>"), "web page"),
    "no workflow": (lambda d: d.write('{"hello": "world"}'), "w.json"),
    "an empty canvas": (lambda d: d.write('{"nodes": [], "links": [], "version": 0.4}'), "no nodes"),
    "a picture": (lambda d: d.write(png(4, 4), "w.png"), "w.png"),
    "a NaN literal": (lambda d: d.write('{"1": {"class_type": "PreviewAny", "inputs": {"source": NaN}}}'), "source"),
    "duplicate YAML keys": (lambda d: d.write("a: {class_type: X}\na: {class_type: Y}\n", "w.yaml"), "w.yaml:2:1"),
    "a YAML alias bomb": (lambda d: d.write(alias_bomb(), "w.yaml"), "w.yaml"),
    "a YAML tag": (lambda d: d.write("a: !!python/object/apply:os.system ['x']\n", "w.yaml"), "w.yaml:1"),
    "strings in strings": (lambda d: d.write(nested_strings(10)), "w.json"),
    "ten levels in 50 MB": (lambda d: d.write(deep_and_large()), "MB"),
    "a hundred thousand levels": (lambda d: d.write("[" * 100_000 + "]" * 100_000), "w.json"),
    "no outputs": (lambda d: d.workflow({"1": node("PrimitiveInt", value=1)}), "no outputs"),
    "a cycle": (
        lambda d: d.workflow(
            {
                "1": node("StringConcatenate", string_a=["2", 0], string_b="", delimiter=""),
                "2": node("StringConcatenate", string_a=["1", 0], string_b="", delimiter=""),
                "3": shown(["1", 0]),
            }
        ),
        "1 (StringConcatenate) -> 2 (StringConcatenate) -> 1 (StringConcatenate)",
    ),
    "an unknown class": (lambda d: d.workflow({"1": node("FluxCapacitor"), "2": shown(["1", 0])}), "FluxCapacitor"),
    "a missing input": (lambda d: d.workflow({"1": node("PreviewAny")}), "Required input is missing"),
    "a wrong type": (
        lambda d: d.workflow({"1": node("PrimitiveInt", value="five"), "2": shown(["1", 0])}),
        "'five' is no INT",
    ),
    "a wrong link type": (
        lambda d: d.workflow({"1": node("PrimitiveInt", value=5), "2": node("PreviewImage", images=["1", 0])}),
        "wants IMAGE",
    ),
    "out of range": (
        lambda d: d.workflow(
            {
                "1": node("SolidMask", value=7, width=8, height=8),
                "2": node("MaskToImage", mask=["1", 0]),
                "3": shown(["2", 0]),
            }
        ),
        "bigger than",
    ),
    "no such option": (
        lambda d: d.workflow({"1": node("OpenAIDalle3", prompt="x", quality="best"), "2": shown(["1", 0])}),
        "'best' is not one of",
    ),
    "a dangling link": (lambda d: d.workflow({"2": shown(["41", 0])}), "'41', which is not in the workflow"),
    "a bad slot": (lambda d: d.workflow({**ROOT, "2": shown(["1", 3])}), "output 3 of 1 (PrimitiveInt)"),
    "a link of three": (lambda d: d.workflow({**ROOT, "2": shown(["1", 0, 0])}), "source"),
    "`..` in LoadImage": (lambda d: d.workflow(load_and_save("../secret.png")), "../secret.png"),
    "an absolute path in LoadImage": (lambda d: d.workflow(load_and_save("/etc/passwd")), "/etc/passwd"),
    "a symbolic link out": (symlink_out, "symbolic link"),
    "a text file as a picture": (
        lambda d: [d.write("hello", "a.png"), d.workflow(load_and_save("a.png"))][1],
        "a.png",
    ),
    "a bomb": (bomb, "pixels"),
    "a truncated PNG": (truncated, "cut"),
    "`..` in filename_prefix": (
        lambda d: [d.write(png(4, 4), "a.png"), d.workflow(load_and_save("a.png", "../../out"))][1],
        "outside the output folder",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_file_gets_one_clear_error(name: str, tmp_path: Path) -> None:
    """Exit code 2, one error that names the place, no traceback, nothing on stdout, nothing written."""
    folder = tmp_path / "desk"
    folder.mkdir()
    lay_out, says = CASES[name]
    path = lay_out(Desk(folder))
    before = sorted(folder.iterdir())
    done = CliRunner().invoke(app, ["run", str(path), "--provider", "offline", "--output-dir", str(folder / "out")])
    assert done.exit_code == WRONG, done.output
    assert done.stdout == ""
    assert says in done.stderr
    assert "Traceback" not in done.output
    assert len(done.stderr.strip().splitlines()) <= 3, done.stderr
    assert sorted(folder.iterdir()) == before
