"""Files made to hurt, and files that were hurt: one clear error or a workflow, in bounded memory and time."""

from __future__ import annotations

import contextlib
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_carriers import BOTH, MAKERS, NODES, PROMPT, avif, be, box, chunk, mp4, packed, png, svg, text, tiff, webp

from graphrun.errors import FileFormatError
from graphrun.formats import load


def refusal(source: bytes | Path) -> tuple[str, str]:
    with pytest.raises(FileFormatError) as caught:
        load(source)
    (problem,) = caught.value.problems
    return problem.type, str(caught.value)


def test_an_entity_bomb_in_an_svg_is_only_text() -> None:
    """Nothing is unfolded."""
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x"}">' for i in range(20))
    bomb = f"<!DOCTYPE svg [{entities}]>".encode()
    assert refusal(b"<svg>&e19;</svg>" + bomb)[0] == "no_embedded_workflow"
    assert load(svg(BOTH) + bomb).nodes == NODES


def peak_of(action: Callable[[], object]) -> int:
    """Return the most bytes that were held at once."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_packed_bombs_are_refused_in_bounded_memory() -> None:
    """Half a gigabyte in a text of half a megabyte, a hundred times."""
    packer = zlib.compressobj()
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(512)) + packer.flush()
    bomb = png(*(chunk(b"zTXt", b"prompt\0\0" + body) for _ in range(100)))
    assert peak_of(lambda: refusal(bomb)) < 200 * 2**20
    type, said = refusal(bomb)
    assert type == "damaged_embedded_workflow"
    assert "longer than 32 MB" in said


def test_large_files_are_walked_and_not_loaded(tmp_path: Path) -> None:
    """The picture's data are skipped: a gigabyte of it costs nothing."""
    path = tmp_path / "large.png"
    start, end = png()[:33], chunk(b"tEXt", b"prompt\0" + PROMPT.encode()) + chunk(b"IEND", b"")
    with path.open("wb") as file:
        file.write(start + be(2**30) + b"IDAT")
        file.seek(2**30 + 4, os.SEEK_CUR)  # a hole: it takes no room on the disk
        file.write(end)
    assert peak_of(lambda: load(path)) < 5 * 2**20
    assert load(path).nodes == NODES


def test_a_pipe_may_hold_a_picture() -> None:
    """What can't be sliced is read."""
    reading, writing = os.pipe()
    with open(writing, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(png(text("prompt", PROMPT)))
    try:
        assert load(f"/dev/fd/{reading}").nodes == NODES
    finally:
        os.close(reading)


def test_too_many_chunks_are_refused() -> None:
    """No picture has so many."""
    assert refusal(png(*[chunk(b"tIME", b"")] * 10_001))[0] == "unreadable_media"


CLAIMING = tiff(dict.fromkeys(range(1000), b"")).replace(be(2, 2) + be(0), be(2, 2) + be(2**24)) + bytes(2**24)
NESTED = b"MM\0*\0\0\0\x08\0\0" + b'prompt:{"' * 500_000
MANY_ITEMS = box(b"iloc", be(0), b"\x44\0", be(0xFFFF, 2), *[be(2, 2) + be(0, 2) + be(0xFFFF, 2)] * 2)

HOSTILE = {
    "a thousand tags claim the whole block": webp(CLAIMING),
    "half a million beginnings": webp(NESTED),
    "half a million beginnings in an item": avif(NESTED),
    "deep": mp4({"prompt": "[" * 10_000_000}),
    "deep many times": png(*[text("prompt", "[" * 100_000)] * 500),
    "deep objects many times": png(*[text("prompt", '{"a":' * 10_000)] * 500),
    "deep and packed": png(packed("prompt", b"[" * 30_000_000)),
    "an element without end": svg({}).replace(b"<metadata>", b"<metadata " * 200_000),
    "elements without length": b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\xff" * 500_000,
    "a packet without end": (b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255 + bytes(255 * 255)) * 100,
    "boxes within boxes": box(b"ftyp", b"isom") + (be(0) + b"moov") * 100_000,
    "empty boxes": box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", be(0)) * 100_000,
    "items without end": box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", be(0), box(b"iinf", be(0), be(0)), MANY_ITEMS),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_files_made_to_take_for_ever_are_answered(data: bytes) -> None:
    """Depth, overlap and repetition are bounded."""
    assert refusal(data)[0] in ("no_embedded_workflow", "damaged_embedded_workflow", "not_text")


def survives(data: bytes) -> None:
    """Load the bytes: a workflow or FileFormatError, and nothing else."""
    with contextlib.suppress(FileFormatError):
        load(data)


edits = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 8)), min_size=1, max_size=8)


def edited(data: bytes, changes: list[tuple[float, bytes, int]], keep: float) -> bytes:
    """Replace some bytes at some places by others, and cut the end off."""
    for place, new, removed in changes:
        at = int(place * len(data))
        data = data[:at] + new + data[at + removed :]
    return data[: int(keep * len(data)) + 1]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@settings(deadline=None, max_examples=60)
@given(changes=edits, keep=st.sampled_from([1.0, 1.0, 0.9, 0.5]))
def test_no_damage_crashes_a_reader(
    make: Callable[[dict[str, str]], bytes], changes: list[tuple[float, bytes, int]], keep: float
) -> None:
    """Whatever is overwritten, inserted, removed or cut off."""
    survives(edited(make(BOTH), changes, keep))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_no_cut_crashes_a_reader(make: Callable[[dict[str, str]], bytes]) -> None:
    """At every length."""
    data = make(BOTH)
    for length in range(len(data)):
        survives(data[:length])


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["exif-stale-offset.webp", "id3-txxx.mp3", "mdta.mp4", "bad-crc-nonascii.png"])
@settings(deadline=None, max_examples=40)
@given(changes=edits, keep=st.sampled_from([1.0, 1.0, 0.99, 0.5]))
def test_no_damage_to_real_files_crashes_a_reader(
    name: str, corpus: Path, changes: list[tuple[float, bytes, int]], keep: float
) -> None:
    """The same with files as they are found."""
    survives(edited((corpus / "embedded-media" / name).read_bytes(), changes, keep))
