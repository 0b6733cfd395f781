"""LoadImage and LoadImageMask: every row of the reference's table (image-mask-nodes.md, 2)."""

import hashlib
import io
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from graphrun import BoundFile, Folders, Matte, PictureError, Pictures, RunContext
from graphrun.imaging import insert_text
from graphrun_nodes import pack
from graphrun_nodes.files import check_picture_file, file_digest, load_image, load_image_mask

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (4, 6, 3), dtype=np.uint8)
RGBA = RNG.integers(0, 256, (4, 6, 4), dtype=np.uint8)
GREY = RNG.integers(0, 256, (4, 6), dtype=np.uint8)
GREY[0, 0] = 77
ZEROS = np.zeros((1, 64, 64), dtype=np.float32)


def encoded(picture: PillowImage.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def f32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) / np.float32(255)


def three(grey: np.ndarray) -> np.ndarray:
    return np.stack([grey] * 3, axis=-1)


def load(data: bytes, context: RunContext) -> tuple[np.ndarray, np.ndarray]:
    """Return the IMAGE and MASK of a bound file as arrays."""
    image, mask = load_image(BoundFile("picture", data), context)
    return as_array(image), as_array(mask)


def as_array(value: Pictures | Matte | torch.Tensor) -> np.ndarray:
    tensor = value if isinstance(value, torch.Tensor) else value.tensor()
    assert tensor.dtype == torch.float32
    return tensor.numpy()


def palette_picture() -> PillowImage.Image:
    picture = PillowImage.fromarray(GREY % 4).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120])
    return picture


PALETTE_RGB = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90], [100, 110, 120]], dtype=np.uint8)[GREY % 4]

OPAQUE = {
    "RGB": (lambda: encoded(PillowImage.fromarray(RGB)), RGB),
    "L": (lambda: encoded(PillowImage.fromarray(GREY)), three(GREY)),
    "1": (lambda: encoded(PillowImage.fromarray(GREY > 127)), three(np.where(GREY > 127, 255, 0))),
    "P": (lambda: encoded(palette_picture()), PALETTE_RGB),
    "BMP": (lambda: encoded(PillowImage.fromarray(RGB), "BMP"), RGB),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_pictures_without_transparency_have_a_small_empty_mask(name: str, context: RunContext) -> None:
    """Their colours as 8 bits say, and a mask of 64 × 64 zeros."""
    make, colours = OPAQUE[name]
    image, mask = load(make(), context)
    assert np.array_equal(image, f32(colours)[None])
    assert np.array_equal(mask, ZEROS)


def test_eight_bit_pictures_stay_in_eight_bits(context: RunContext) -> None:
    """No tensor is made before someone wants one."""
    image, mask = load_image(BoundFile("a", encoded(PillowImage.fromarray(RGBA))), context)
    assert isinstance(image, Pictures)
    assert isinstance(mask, Matte)
    assert np.array_equal(image.pixels(), RGBA[None, ..., :3])
    assert np.array_equal(mask.alpha, RGBA[None, ..., 3])


def test_alpha_becomes_the_mask_and_colours_stay_as_stored(context: RunContext) -> None:
    """mask = 1 - alpha; colour under full transparency is kept."""
    image, mask = load(encoded(PillowImage.fromarray(RGBA)), context)
    assert np.array_equal(image, f32(RGBA[None, ..., :3]))
    assert np.array_equal(mask, np.float32(1) - f32(RGBA[None, ..., 3]))


def test_grey_with_alpha(context: RunContext) -> None:
    """Three equal channels and the alpha."""
    image, mask = load(encoded(PillowImage.merge("LA", [PillowImage.fromarray(GREY)] * 2)), context)
    assert np.array_equal(image, f32(three(GREY))[None])
    assert np.array_equal(mask, np.float32(1) - f32(GREY)[None])


@pytest.mark.parametrize(
    ("transparency", "alphas"), [(2, [255, 255, 0, 255]), (bytes([0, 100, 200]), [0, 100, 200, 255])]
)
def test_transparent_palette_colours(transparency: object, alphas: list[int], context: RunContext) -> None:
    """One index, or a table of alphas; the palette's colours stay."""
    image, mask = load(encoded(palette_picture(), transparency=transparency), context)
    assert np.array_equal(image, f32(PALETTE_RGB)[None])
    assert np.array_equal(mask, np.float32(1) - f32(np.array(alphas, dtype=np.uint8)[GREY % 4])[None])


@pytest.mark.parametrize(
    ("picture", "key", "transparent"),
    [
        (PillowImage.fromarray(GREY), 77, GREY == 77),
        (PillowImage.fromarray(RGB), tuple(map(int, RGB[1, 2])), (RGB[1, 2] == RGB).all(axis=-1)),
    ],
)
def test_one_transparent_colour_of_grey_or_rgb(
    picture: PillowImage.Image, key: object, transparent: np.ndarray, context: RunContext
) -> None:
    """tRNS of such PNGs is a mask too."""
    image, mask = load(encoded(picture, transparency=key), context)
    assert np.array_equal(image, f32(np.asarray(picture.convert("RGB")))[None])
    assert np.array_equal(mask, transparent[None].astype(np.float32))


SIXTEEN = np.array([[0, 1, 255, 256], [32767, 32768, 65534, 65535]], dtype=np.uint16)


@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_sixteen_bit_grey_keeps_its_precision(byte_order: str, context: RunContext) -> None:
    """v / 65535 in three equal channels, where Pillow's own conversion gives nearly white."""
    picture = PillowImage.fromarray(SIXTEEN.astype(f"{byte_order}u2"))
    image, mask = load(encoded(picture, "TIFF"), context)
    assert np.array_equal(image, three(SIXTEEN.astype(np.float32) / np.float32(65535))[None])
    assert np.array_equal(mask, ZEROS)


def test_sixteen_bit_grey_png_with_a_transparent_value(context: RunContext) -> None:
    """The value that tRNS names is masked."""
    data = encoded(PillowImage.fromarray(SIXTEEN))
    image, mask = load(insert_chunk(data, b"tRNS", (256).to_bytes(2, "big")), context)
    assert np.array_equal(image, three(SIXTEEN.astype(np.float32) / np.float32(65535))[None])
    assert np.array_equal(mask, (SIXTEEN == 256).astype(np.float32)[None])


def insert_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


def test_mode_i_is_scaled_down_by_255_and_clipped(context: RunContext) -> None:
    """int(v / 255), so that 65535 → 257 → 255 (reference, LoadImage step 2)."""
    values = np.array([[-300, 0, 254, 255], [509, 510, 65025, 65535]], dtype=np.int32)
    image, mask = load(encoded(PillowImage.fromarray(values), "TIFF"), context)
    assert np.array_equal(image, f32(three(np.array([[0, 0, 0, 1], [1, 2, 255, 255]])))[None])
    assert np.array_equal(mask, ZEROS)


def test_float_tiffs_are_clipped_to_eight_bits(context: RunContext) -> None:
    """Their values count as 0..255."""
    values = np.array([[-1.0, 0.0, 1.0], [128.0, 255.0, 1000.0]], dtype=np.float32)
    image, _ = load(encoded(PillowImage.fromarray(values), "TIFF"), context)
    assert np.array_equal(image, f32(three(np.array([[0, 0, 1], [128, 255, 255]])))[None])


def test_cmyk_follows_pillow(context: RunContext) -> None:
    """Its conversion is the rule."""
    picture = PillowImage.frombytes("CMYK", (6, 4), RGBA.tobytes())
    image, _ = load(encoded(picture, "TIFF"), context)
    assert np.array_equal(image, f32(np.asarray(picture.convert("RGB")))[None])


def test_jpeg_is_what_pillow_decodes(context: RunContext) -> None:
    """Shape and values of the decoder."""
    data = encoded(PillowImage.fromarray(RGB), "JPEG")
    image, mask = load(data, context)
    assert np.array_equal(image, f32(np.asarray(PillowImage.open(io.BytesIO(data))))[None])
    assert np.array_equal(mask, ZEROS)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "WEBP"])
def test_all_frames_are_loaded(kind: str, context: RunContext) -> None:
    """An animation is a batch, with one small mask a frame."""
    frames = [PillowImage.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    image, mask = load(data, context)
    assert image[:, 0, 0].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert image.shape == (3, 4, 6, 3)
    assert np.array_equal(mask, np.zeros((3, 64, 64)))


def test_frames_of_another_size_are_skipped(context: RunContext) -> None:
    """The first frame fixes the size."""
    pages = [PillowImage.new("RGB", size, "white") for size in ((6, 4), (5, 5), (6, 4))]
    image, _ = load(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), context)
    assert image.shape == (2, 4, 6, 3)


def test_frames_with_and_without_alpha_share_a_full_mask(context: RunContext) -> None:
    """A frame without alpha is opaque there."""
    pages = [PillowImage.fromarray(RGB), PillowImage.fromarray(RGBA)]
    _, mask = load(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), context)
    assert np.array_equal(mask, np.stack([np.zeros((4, 6), np.float32), np.float32(1) - f32(RGBA[..., 3])]))


def test_only_the_first_view_of_an_mpo_is_loaded(context: RunContext) -> None:
    """The others are the same scene for other screens."""
    views = [PillowImage.fromarray(RGB), PillowImage.fromarray(255 - RGB)]
    image, _ = load(encoded(views[0], "MPO", save_all=True, append_images=views[1:]), context)
    assert image.shape == (1, 4, 6, 3)


UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_honoured(kind: str, orientation: int, context: RunContext) -> None:
    """All eight, colours and alpha alike."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    image, mask = load(encoded(PillowImage.fromarray(RGBA), kind, exif=exif, **options), context)
    assert np.array_equal(image[0], f32(UPRIGHT[orientation](RGBA[..., :3])))
    assert np.array_equal(mask[0], np.float32(1) - f32(UPRIGHT[orientation](RGBA[..., 3])))


@pytest.mark.parametrize("orientation", [6, 7])
def test_sixteen_bit_pictures_are_turned_too(orientation: int, context: RunContext) -> None:
    """Exactly as the others."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    image, _ = load(encoded(PillowImage.fromarray(SIXTEEN), exif=exif), context)
    assert np.array_equal(image[0], three(UPRIGHT[orientation](SIXTEEN).astype(np.float32) / np.float32(65535)))


def raw_profile(exif: PillowImage.Exif) -> tuple[str, str]:
    block = exif.tobytes()
    return "Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n"


def xmp(exif: PillowImage.Exif) -> tuple[str, str]:
    return "XML:com.adobe.xmp", f'<rdf:Description dc:title="grün" tiff:Orientation="{exif[0x0112]}"/>'


@pytest.mark.parametrize("text", [raw_profile, xmp])
@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_in_a_text_of_a_png_is_honoured(
    text: Callable[[PillowImage.Exif], tuple[str, str]], orientation: int, context: RunContext
) -> None:
    """ImageMagick and older Photoshop write it there."""
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    image, _ = load(insert_text(encoded(PillowImage.fromarray(RGB)), dict([text(exif)])), context)
    assert np.array_equal(image[0], f32(UPRIGHT[orientation](RGB)))


def test_a_damaged_exif_block_is_no_matter(context: RunContext) -> None:
    """The pixels are loaded as they are stored."""
    data = insert_chunk(encoded(PillowImage.fromarray(RGB)), b"eXIf", b"junk that is no TIFF")
    assert np.array_equal(load(data, context)[0], f32(RGB)[None])


def test_a_palette_picture_without_a_palette_is_refused_in_words(context: RunContext) -> None:
    """Pillow raises an empty AssertionError."""
    data = encoded(palette_picture())
    start = data.index(b"PLTE") - 4
    stop = start + 12 + int.from_bytes(data[start : start + 4], "big")
    with pytest.raises(PictureError, match="can't be read as colours"):
        load(data[:start] + data[stop:], context)


def test_a_file_cut_short_is_loaded_with_a_warning(folders: Folders) -> None:
    """The missing part of a JPEG is grey, and the user hears of it."""
    heard: list[str] = []
    data = encoded(PillowImage.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)), "JPEG")
    image, _ = load(data[: len(data) // 2], RunContext(node_id="1", folders=folders, warn=heard.append))
    assert np.array_equal(image[0, -1], np.full((64, 3), np.float32(128) / np.float32(255)))
    assert len(heard) == 1


def test_a_png_cut_short_is_refused(context: RunContext) -> None:
    """Also while running, where the file changed after the plan."""
    with pytest.raises(PictureError, match="cut short"):
        load(encoded(PillowImage.fromarray(RGB))[:-20], context)


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2)])
def test_a_colour_as_mask(channel: str, index: int, context: RunContext) -> None:
    """The colour's values, unchanged."""
    mask = load_image_mask(BoundFile("a", encoded(PillowImage.fromarray(RGBA))), channel, context)
    assert np.array_equal(as_array(mask), f32(RGBA[None, ..., index]))


def test_a_colour_of_sixteen_bits_as_mask(context: RunContext) -> None:
    """At full precision."""
    mask = load_image_mask(BoundFile("a", encoded(PillowImage.fromarray(SIXTEEN))), "green", context)
    assert np.array_equal(as_array(mask), SIXTEEN.astype(np.float32)[None] / np.float32(65535))


def test_alpha_as_mask(context: RunContext) -> None:
    """1 - alpha, of all frames; without an alpha, zeros of the picture's own size."""
    mask = load_image_mask(BoundFile("a", encoded(PillowImage.fromarray(RGBA))), "alpha", context)
    assert np.array_equal(as_array(mask), np.float32(1) - f32(RGBA[None, ..., 3]))
    opaque = load_image_mask(BoundFile("a", encoded(PillowImage.fromarray(RGB))), "alpha", context)
    assert np.array_equal(as_array(opaque), np.zeros((1, 4, 6)))


def test_a_name_is_read_from_its_folder(context: RunContext, folders: Folders) -> None:
    """The input folder, its sub-folders, or the one an annotation names."""
    (folders.input / "sub").mkdir()
    folders.output.mkdir()
    (folders.input / "sub" / "a.png").write_bytes(encoded(PillowImage.fromarray(RGB)))
    (folders.output / "b.png").write_bytes(encoded(PillowImage.fromarray(255 - RGB)))
    assert np.array_equal(as_array(load_image("sub/a.png", context)[0]), f32(RGB)[None])
    assert np.array_equal(as_array(load_image("b.png [output]", context)[0]), f32(255 - RGB)[None])


def complaints(image: object, folders: Folders) -> list[tuple[str, str, str]]:
    return [(c.input, c.type, c.told_of("7")) for c in check_picture_file({"image": image}, folders)]


def test_a_plan_accepts_what_is_there(folders: Folders) -> None:
    """Existing pictures, bound files, and inputs that are linked."""
    (folders.input / "a.png").write_bytes(encoded(PillowImage.fromarray(RGB)))
    assert complaints("a.png", folders) == []
    assert complaints(BoundFile("a", encoded(PillowImage.fromarray(RGB), "JPEG")), folders) == []
    assert list(check_picture_file({}, folders)) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("castle.pgn", "did you mean 'castle.png'"),
        ("../castle.png", "would leave"),
        ("cut.png", "cut short"),
        ("text.png", "no picture"),
    ],
)
def test_a_plan_refuses_what_cannot_be_loaded(name: str, reason: str, folders: Folders) -> None:
    """With ComfyUI's words, the reason and what to do about it."""
    whole = encoded(PillowImage.fromarray(RGB))
    (folders.input / "castle.png").write_bytes(whole)
    (folders.input / "cut.png").write_bytes(whole[:-5])
    (folders.input / "text.png").write_text("hello")
    ((where, kind, message),) = complaints(name, folders)
    assert (where, kind) == ("image", "invalid_image_file")
    assert message.startswith(f"Invalid image file: {name}: ")
    assert reason in message
    assert "--file 7.image=" in message
    assert "--input-dir" in message


@pytest.mark.parametrize("image", [1, 1.5, True, {"a": 1}, ["castle.png"]])
def test_a_plan_refuses_what_is_no_name(image: object, folders: Folders) -> None:
    """A COMBO without options takes any literal, so the node itself has to look."""
    ((where, kind, message),) = complaints(image, folders)
    assert (where, kind) == ("image", "invalid_image_file")
    assert message.startswith(f"Invalid image file: {image!r}: ")


def test_a_bound_file_is_checked_too(folders: Folders) -> None:
    """Under its base name."""
    ((_, _, message),) = complaints(BoundFile("mine.png", b"\x89PNG\r\n\x1a\n"), folders)
    assert message.startswith("Invalid image file: mine.png: ")


def test_the_fingerprint_is_the_digest_of_the_bytes(folders: Folders) -> None:
    """Of a named file; bound files enter keys by their content, and links are not known yet."""
    (folders.input / "a.png").write_bytes(b"bytes")
    assert file_digest({"image": "a.png"}, folders) == hashlib.sha256(b"bytes").hexdigest()
    assert file_digest({"image": BoundFile("a", b"bytes")}, folders) is None
    assert file_digest({}, folders) is None


def test_loaders_are_described_as_the_reference_says() -> None:
    """Inputs in order, file widgets, hooks, outputs."""
    types = {node_type.name: node_type for node_type in pack}
    load_type, mask_type = types["LoadImage"], types["LoadImageMask"]
    assert [declared.name for declared in mask_type.inputs] == ["image", "channel"]
    assert mask_type.inputs[1].options == ("alpha", "red", "green", "blue")
    assert [output.type for output in load_type.outputs] == ["IMAGE", "MASK"]
    for node_type in (load_type, mask_type):
        assert node_type.inputs[0].widget.file
        assert node_type.inputs[0].required
        assert (node_type.check, node_type.fingerprint) == (check_picture_file, file_digest)
