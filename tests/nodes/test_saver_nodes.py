"""Savers beside SaveImage: sixteen bits, animations, comparisons, text, SVG. Read back by Pillow and by hand."""

import io
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from PIL import ImageSequence

import graphrun
from graphrun import Folders, Matte, PictureError, Pictures, RunContext
from graphrun.imaging import read_text
from graphrun_nodes.animations import save_animated_png, save_animated_webp
from graphrun_nodes.deep_png import encode_deep_png
from graphrun_nodes.documents import save_svg_node, save_text, svg_documents, with_metadata
from graphrun_nodes.exr import encode_exr
from graphrun_nodes.savers import check_format, image_compare, mask_preview, save_image_advanced

METADATA = {"workflow": {"größe": "漢"}, "prompt": {"1": {"class_type": "SaveImage"}}}
PNG8 = {"format": "png", "bit_depth": "8-bit", "input_color_space": "sRGB"}
PNG16 = {**PNG8, "bit_depth": "16-bit"}


def image(batch: int = 1, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((batch, 4, 6, channels), dtype=np.float32) * 1.2 - 0.1)


def u8(values: torch.Tensor) -> np.ndarray:
    return np.clip(255.0 * values.numpy(), 0, 255).astype(np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def shown(name: str, subfolder: str = "", kind: str = "output") -> dict[str, str]:
    return {"filename": name, "subfolder": subfolder, "type": kind}


# ── SaveImageAdvanced ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_eight_bit_png_has_no_line_behind_the_counter(channels: int, context: RunContext) -> None:
    """Otherwise it is as SaveImage writes it; the pictures are passed on."""
    images = image(2, channels)
    result = save_image_advanced(images, "sub/fox", PNG8, context)
    assert result.value is images
    assert result.ui == {"images": [shown("fox_00001.png", "sub"), shown("fox_00002.png", "sub")]}
    for index, name in enumerate(names(context.folders.output / "sub")):
        with PillowImage.open(context.folders.output / "sub" / name) as picture:
            assert np.array_equal(np.asarray(picture).reshape(4, 6, channels), u8(images)[index])


def test_counting_sees_names_of_both_savers(context: RunContext) -> None:
    """A dot ends a number as a line does."""
    for _ in range(2):
        save_image_advanced(image(), "fox", PNG8, context)
    (context.folders.output / "fox_00007_.png").touch()
    assert save_image_advanced(image(), "fox", PNG8, context).ui == {"images": [shown("fox_00008.png")]}


def deep_pixels(png: bytes) -> np.ndarray:
    """Read a PNG of 16 bits by hand: one IDAT, every row as the difference to the one above."""
    width, height, depth, colours = *(int.from_bytes(png[i : i + 4], "big") for i in (16, 20)), png[24], png[25]
    assert (depth, png[26:29]) == (16, b"\0\0\0")
    start = png.index(b"IDAT")
    length = int.from_bytes(png[start - 4 : start], "big")
    body = png[start + 4 : start + 4 + length]
    assert zlib.crc32(b"IDAT" + body).to_bytes(4, "big") == png[start + 4 + length : start + 8 + length]
    rows = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, -1)
    assert (rows[:, 0] == 2).all()
    values = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8)
    return np.ascontiguousarray(values).view(">u2").reshape(height, width, {0: 1, 2: 3, 6: 4}[colours])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_png_keeps_what_eight_bits_lose(channels: int, context: RunContext) -> None:
    """Clipped, and cut at 65535; the metadata stands behind the header. Pillow can read it."""
    images = image(1, channels)
    save_image_advanced(images, "fox", PNG16, replace(context, metadata=METADATA))
    png = (context.folders.output / "fox_00001.png").read_bytes()
    expected = np.clip(images.numpy()[0] * np.float32(65535), 0, 65535).astype(np.uint16)
    assert np.array_equal(deep_pixels(png), expected)
    assert list(read_text(png)) == ["prompt", "workflow"]
    assert png.index(b"tEXtprompt") == 33 + 4
    with PillowImage.open(io.BytesIO(png)) as picture:
        assert picture.size == (6, 4)
        picture.load()


def test_pictures_as_files_become_sixteen_bits_too(context: RunContext) -> None:
    """k/255 becomes 257·k."""
    levels = np.arange(72, dtype=np.uint8).reshape(1, 4, 6, 3)
    save_image_advanced(Pictures.from_pixels(levels), "fox", PNG16, context)
    found = deep_pixels((context.folders.output / "fox_00001.png").read_bytes())
    assert (np.abs(found.astype(int) - levels[0].astype(int) * 257) <= 1).all()


def test_what_a_png_cannot_hold_is_told() -> None:
    """Two channels, or none of the pixels; an EXR can't either."""
    for shape in ((2, 2, 2), (0, 2, 3)):
        with pytest.raises(PictureError, match="1, 3 or 4 channels"):
            encode_deep_png(np.zeros(shape, np.float32))
        with pytest.raises(PictureError, match="1, 3 or 4 channels"):
            encode_exr(np.zeros(shape, np.float32), "linear", {})


def exr_pixels(exr: bytes) -> tuple[dict[str, bytes], np.ndarray]:
    """Read an EXR of uncompressed floats by hand: its attributes, and (H, W, C) with channels by name."""
    assert exr[:8] == b"\x76\x2f\x31\x01\x02\0\0\0"
    position, attributes = 8, {}
    while exr[position] != 0:
        name, kind, rest = exr[position:].split(b"\0", 2)
        size = int.from_bytes(rest[:4], "little")
        position += len(name) + len(kind) + 6 + size
        attributes[name.decode()] = exr[position - size : position]
    left, top, right, bottom = np.frombuffer(attributes["dataWindow"], "<i4")
    height, width = bottom - top + 1, right - left + 1
    channels = (len(attributes["channels"]) - 1) // 18
    offsets = np.frombuffer(exr[position + 1 :], "<u8", height)
    rows = []
    for number, offset in enumerate(offsets):
        assert tuple(np.frombuffer(exr[offset:], "<i4", 2)) == (number, width * channels * 4)
        rows.append(np.frombuffer(exr[offset + 8 :], "<f4", width * channels).reshape(channels, width).T)
    assert offsets[-1] + 8 + width * channels * 4 == len(exr)
    return attributes, np.stack(rows)


def from_srgb(x: float) -> float:
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def from_hlg(x: float) -> float:
    return x * x / 3 if x <= 0.5 else (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12


CURVES = {"sRGB": from_srgb, "HDR": from_hlg, "linear": lambda x: x}


@pytest.mark.parametrize("space", CURVES)
@pytest.mark.parametrize(
    ("channels", "names", "order"), [(1, "Y", [0]), (3, "BGR", [2, 1, 0]), (4, "ABGR", [3, 2, 1, 0])]
)
def test_exr_holds_light(space: str, channels: int, names: str, order: list[int], context: RunContext) -> None:
    """Floats, not clamped, channels by name; alpha stays as it is; the metadata are attributes."""
    images = image(2, channels)
    choices = {"format": "exr", "bit_depth": "32-bit float", "input_color_space": space}
    result = save_image_advanced(images, "fox", choices, replace(context, metadata={**METADATA, "k" * 32: 1}))
    assert result.ui == {"images": [shown("fox_00001.exr"), shown("fox_00002.exr")]}
    attributes, found = exr_pixels((context.folders.output / "fox_00002.exr").read_bytes())
    assert attributes["channels"][::18][:channels] == names.encode()
    assert attributes["prompt"] == json.dumps(METADATA["prompt"]).encode()
    assert "k" * 32 not in attributes
    assert np.frombuffer(attributes["chromaticities"], "<f4")[0] == np.float32(0.708 if space == "HDR" else 0.64)
    expected = np.vectorize(CURVES[space])(images.numpy()[1].astype(np.float64))
    expected[..., 3:] = images.numpy()[1, ..., 3:]
    assert np.allclose(found, expected[..., order], atol=1e-6)


def avif(**more: object) -> dict[str, object]:
    still = {"save_mode": "still images"}
    return {"format": "avif", "bit_depth": "auto", "input_color_space": "sRGB", "crf": 1, "save_mode": still, **more}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_avif_comes_near_the_pixels(channels: int, context: RunContext) -> None:
    """A smooth picture survives; the workflow is in the EXIF block."""
    ramp = torch.linspace(0.1, 0.9, 64).repeat(2, 64, channels, 1).movedim(2, 3)
    result = save_image_advanced(ramp, "fox", avif(), replace(context, metadata=METADATA))
    assert result.ui == {"images": [shown("fox_00001.avif"), shown("fox_00002.avif")]}
    with PillowImage.open(context.folders.output / "fox_00002.avif") as picture:
        assert picture.getexif()[0x0110] == f"prompt:{json.dumps(METADATA['prompt'])}"
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        found = np.asarray(picture.convert(mode)).reshape(64, 64, channels)
    assert np.abs(found.astype(int) - u8(ramp)[1]).max() <= 4


def test_a_larger_crf_makes_a_smaller_avif(context: RunContext) -> None:
    """It says how much may be lost."""
    noise = torch.rand(1, 64, 64, 3)
    for crf in (1, 63):
        save_image_advanced(noise, "fox", avif(crf=crf), context)
    large, small = (path.stat().st_size for path in sorted(context.folders.output.iterdir()))
    assert small * 4 < large


def test_an_animated_avif_is_one_file(context: RunContext) -> None:
    """All frames in it."""
    moving = {"save_mode": "animated", "fps": 6.0, "loop_count": 0}
    result = save_image_advanced(torch.rand(3, 64, 64, 3), "fox", avif(save_mode=moving), context)
    assert result.ui == {"images": [shown("fox_00001.avif")], "animated": [True]}
    with PillowImage.open(context.folders.output / "fox_00001.avif") as picture:
        assert picture.n_frames == 3


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({"format.bit_depth": "10-bit YUV420"}, "8 bits and sRGB only"),
        ({"format.input_color_space": "HDR PQ"}, "8 bits and sRGB only"),
        ({"format.save_mode.loop_count": 3}, "repeats for ever"),
    ],
)
def test_what_avif_cannot_hold_here_is_refused_before_the_run(
    choices: dict[str, object], told: str, folders: Folders, context: RunContext
) -> None:
    """A picture that was paid for and can't be saved is money lost."""
    (complaint,) = check_format({"filename_prefix": "a", "format": "avif", **choices}, folders)
    assert (complaint.input, complaint.type) == ("format", "unsupported_format")
    assert told in complaint.message
    assert list(check_format({"filename_prefix": "a", "format": "png", **choices}, folders)) == []
    flat = {name.rpartition(".")[2]: value for name, value in choices.items()}
    mode = {"save_mode": "animated", "fps": 6.0, "loop_count": flat.pop("loop_count", 0)}
    with pytest.raises(ValueError, match=told):
        save_image_advanced(image(), "fox", avif(**flat, save_mode=mode), context)


def test_a_linked_png_choice_needs_its_dependents() -> None:
    """They exist only beside the choice that brings them."""
    with pytest.raises(graphrun.WorkflowError) as caught:
        graphrun.call("SaveImageAdvanced", {"images": image(), "filename_prefix": "a", "format": "png"})
    assert [problem.input for problem in caught.value.problems] == ["format.bit_depth", "format.input_color_space"]


# ── previews ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(4, 6), (2, 4, 6)])
def test_a_mask_is_shown_as_a_grey_picture(shape: tuple[int, ...], context: RunContext) -> None:
    """In the temp folder, and passed on as it came."""
    mask = torch.rand(shape)
    result = mask_preview(mask, context)
    assert result.value is mask
    files = [entry["filename"] for entry in result.ui["images"]]
    assert all(re.fullmatch(r"ComfyUI_temp_[a-z]{5}_0000\d_\.png", name) for name in files)
    for name, expected in zip(files, u8(mask).reshape(-1, 4, 6), strict=True):
        with PillowImage.open(context.folders.temp / name) as picture:
            assert np.array_equal(np.asarray(picture), np.stack([expected] * 3, axis=-1))


def test_a_matte_is_shown_too(context: RunContext) -> None:
    """Opaque is black."""
    result = mask_preview(Matte(np.full((1, 2, 2), 255, np.uint8)), context)
    with PillowImage.open(context.folders.temp / result.ui["images"][0]["filename"]) as picture:
        assert not np.asarray(picture).any()


def test_two_pictures_are_compared_as_previews(context: RunContext) -> None:
    """Each under its own key; one that is missing has no entries."""
    result = image_compare(context, image_a=image(2), image_b=image())
    assert [len(result.ui[key]) for key in ("a_images", "b_images")] == [2, 1]
    assert result.ui["a_images"][1]["filename"].startswith("comfy.compare.a_temp_")
    assert result.ui["b_images"][0]["filename"].startswith("comfy.compare.b_temp_")
    assert {entry["type"] for entry in [*result.ui["a_images"], *result.ui["b_images"]]} == {"temp"}
    assert len(names(context.folders.temp)) == 3
    assert image_compare(context, compare_view="slide").ui == {"a_images": [], "b_images": []}


def test_pictures_for_a_listener_are_handed_to_the_caller(tmp_path: Path) -> None:
    """No file, nothing shown, and made anew each time."""
    images = image(2)
    for _ in range(2):
        result = graphrun.call("SaveImageWebsocket", {"images": images}, output_dir=tmp_path)
        assert (result.state, dict(result.ui)) == ("ran", {})
        assert torch.equal(result.image, images)
        assert len(result.pictures) == 2
    assert names(tmp_path) == []


# ── animations ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("fps", "milliseconds"), [(6.0, 166), (24.0, 41), (0.01, 100_000), (1000.0, 1)])
def test_an_animated_webp_has_every_frame(fps: float, milliseconds: int, context: RunContext) -> None:
    """Exact where lossless; int(1000 / fps) milliseconds each."""
    images = image(3)
    result = save_animated_webp(images, "w", fps, True, 80, "fastest", context)
    assert result.ui == {"images": [shown("w_00001_.webp")], "animated": [True]}
    with PillowImage.open(context.folders.output / "w_00001_.webp") as picture:
        assert picture.n_frames == 3
        for expected, frame in zip(u8(images), ImageSequence.Iterator(picture), strict=True):
            assert np.array_equal(np.asarray(frame.convert("RGB")), expected)
            assert frame.info["duration"] == milliseconds


def test_a_single_webp_is_a_plain_picture(context: RunContext) -> None:
    """It is not shown as an animation."""
    result = save_animated_webp(image(1, 4), "w", 6.0, False, 50, "slowest", context)
    assert result.ui == {"images": [shown("w_00001_.webp")]}
    data = (context.folders.output / "w_00001_.webp").read_bytes()
    assert b"ANIM" not in data
    assert b"EXIF" not in data


def test_a_webp_carries_the_workflow_in_its_exif(context: RunContext) -> None:
    """The prompt as 0x0110, all else in the tags below it."""
    metadata = {**METADATA, "other": [1]}
    save_animated_webp(image(2), "w", 6.0, True, 80, "default", replace(context, metadata=metadata))
    with PillowImage.open(context.folders.output / "w_00001_.webp") as picture:
        exif = picture.getexif()
    assert exif[0x0110] == f"prompt:{json.dumps(METADATA['prompt'])}"
    assert exif[0x010F] == f"workflow:{json.dumps(METADATA['workflow'])}"
    assert exif[0x010E] == "other:[1]"


def test_more_keys_than_an_exif_can_hold_cost_no_picture(context: RunContext) -> None:
    """The last ones are left out."""
    metadata = {**METADATA, **{f"key{index}": index for index in range(20)}}
    save_animated_webp(image(2), "w", 6.0, True, 80, "default", replace(context, metadata=metadata))
    with PillowImage.open(context.folders.output / "w_00001_.webp") as picture:
        assert picture.getexif()[0x010B] == "key3:3"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_animated_png_has_every_frame(channels: int, context: RunContext) -> None:
    """Exactly, and for int(1000 / fps) milliseconds each."""
    images = image(3, channels)
    result = save_animated_png(images, "p", 6.0, 9, context)
    assert result.ui == {"images": [shown("p_00001_.png")], "animated": [True]}
    with PillowImage.open(context.folders.output / "p_00001_.png") as picture:
        assert picture.n_frames == 3
        for expected, frame in zip(u8(images), ImageSequence.Iterator(picture), strict=True):
            assert np.array_equal(np.asarray(frame).reshape(4, 6, channels), expected)
            assert frame.info["duration"] == 166


def test_an_animated_png_carries_the_workflow_behind_its_pixels(context: RunContext) -> None:
    """In private chunks, which readers here know."""
    result = save_animated_png(image(2), "p", 6.0, 4, replace(context, metadata=METADATA))
    assert result.value.shape == (2, 4, 6, 3)
    png = (context.folders.output / "p_00001_.png").read_bytes()
    assert read_text(png) == {key: json.dumps(value) for key, value in METADATA.items()}
    assert png.rindex(b"fdAT") < png.index(b"comfprompt\0") < png.index(b"comfworkflow\0") < png.index(b"IEND")


def test_a_single_animated_png_is_a_plain_picture(context: RunContext) -> None:
    """It is not shown as an animation."""
    assert save_animated_png(image(1), "p", 6.0, 4, context).ui == {"images": [shown("p_00001_.png")]}


@pytest.mark.parametrize("node", ["SaveAnimatedWEBP", "SaveAnimatedPNG"])
def test_what_cannot_be_animated_is_told(node: str, tmp_path: Path) -> None:
    """Two channels, or no pictures."""
    inputs = {
        "filename_prefix": "a",
        "fps": 6,
        "lossless": True,
        "quality": 80,
        "method": "default",
        "compress_level": 4,
    }
    accepted = {each.name for each in graphrun.Registry(graphrun.installed_packs())[node].inputs}
    inputs = {name: value for name, value in inputs.items() if name in accepted}
    for images in (torch.zeros(1, 2, 2, 2), torch.zeros(0, 2, 2, 3)):
        with pytest.raises(graphrun.NodeError, match=r"1, 3 or 4 channels|nothing to save"):
            graphrun.call(node, {**inputs, "images": images}, output_dir=tmp_path)
    assert names(tmp_path) == []


# ── text and SVG ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("format", "text", "content"),
    [
        ("txt", "größe\r\n", "größe\r\n"),
        ("csv", "a,b\n", "a,b\n"),
        ("md", "# a", "# a"),
        ("json", '{"ä":[1,2.50]}', '{\n  "ä": [\n    1,\n    2.5\n  ]\n}'),
        ("json", "{broken", "{broken"),
        ("json", "[" * 50_000, "[" * 50_000),
    ],
)
def test_text_is_saved(format: str, text: str, content: str, context: RunContext) -> None:
    """As UTF-8, JSON indented where it can be read; shown, and passed on as it came."""
    result = save_text(text, "a/n%width%x%height%", format, context)
    name = f"n1x1_00001.{format}"
    assert result.value == text
    assert result.ui == {"text": [text], "files": [shown(name, "a")]}
    assert (context.folders.output / "a" / name).read_bytes() == content.encode()


def test_texts_are_counted_whatever_their_kind(context: RunContext) -> None:
    """The counter looks at the base only."""
    save_text("a", "t", "txt", context)
    save_text("b", "t", "md", context)
    assert names(context.folders.output) == ["t_00001.txt", "t_00002.md"]


def test_a_saved_text_is_one_of_the_files_a_run_wrote(tmp_path: Path) -> None:
    """It is reported as the pictures are."""
    workflow = {
        "text": {"class_type": "PrimitiveString", "inputs": {"value": "x"}},
        "save": {"class_type": "SaveText", "inputs": {"text": ["text", 0], "filename_prefix": "t", "format": "txt"}},
    }
    result = graphrun.run(workflow, output_dir=tmp_path)
    assert [artifact.path.name for artifact in result.artifacts] == ["t_00001.txt"]


class Stranger:
    """What another pack's SVG looks like."""

    data = (io.BytesIO(b"<svg>1</svg>"), io.BytesIO("<svg>ä</svg>".encode()))


@pytest.mark.parametrize(
    ("svg", "documents"),
    [
        ("<svg/>", ["<svg/>"]),
        (b"<svg/>", ["<svg/>"]),
        (io.BytesIO(b"<svg/>"), ["<svg/>"]),
        (["<svg>1</svg>", b"<svg>2</svg>"], ["<svg>1</svg>", "<svg>2</svg>"]),
        (Stranger(), ["<svg>1</svg>", "<svg>ä</svg>"]),
    ],
)
def test_svg_comes_in_several_forms(svg: object, documents: list[str], context: RunContext) -> None:
    """A file for each drawing."""
    assert list(svg_documents(svg)) == documents
    result = save_svg_node(svg, "svg/d", context)
    assert result.value is svg
    assert result.ui == {"images": [shown(f"d_{i + 1:05}_.svg", "svg") for i in range(len(documents))]}
    saved = [
        (context.folders.output / "svg" / name).read_text("utf-8") for name in names(context.folders.output / "svg")
    ]
    assert saved == documents


def test_what_is_no_svg_is_told() -> None:
    """By its type."""
    with pytest.raises(TypeError, match="int is no SVG"):
        svg_documents(5)


def test_an_svg_carries_the_workflow_behind_its_first_tag() -> None:
    """As JSON that nothing in it can end too early."""
    document = '<?xml version="1.0"?>\n<svg width="9"\n height="9"><svg><g/></svg></svg>'
    found = with_metadata(document, {"prompt": {"a": "]]>"}, "workflow": 1})
    assert found.startswith('<?xml version="1.0"?>\n<svg width="9"\n height="9">\n<metadata>\n<![CDATA[\n{')
    assert found.endswith("</metadata><svg><g/></svg></svg>")
    import xml.etree.ElementTree as ET

    text = ET.fromstring(found).findtext("metadata")
    assert text is not None
    assert json.loads(text) == {"prompt": {"a": "]]>"}, "workflow": 1}
    assert with_metadata(document, {}) == document
    assert with_metadata("no drawing", {"prompt": 1}) == "no drawing"
