"""The digest of a value list: equal for equal content, in every process."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from cache_values import PALETTE, Palette, anything, exact, there_and_back
from hypothesis import example, given

from graphrun.cache import content_digest
from graphrun.errors import Uncacheable
from graphrun.imaging import Matte, Pictures

ODD_NAN: float = struct.unpack(">d", bytes.fromhex("fff8000000000001"))[0]


@given(anything, anything)
@example(ODD_NAN, float("nan"))
@example([ODD_NAN], [float("inf")])
def test_digests_agree_exactly_where_content_does(one: object, other: object) -> None:
    """Types and bits count; so do they after a journey through the store."""
    assert (content_digest([one]) == content_digest([other])) == (exact(_sorted(one)) == exact(_sorted(other)))
    assert content_digest(there_and_back([[one]])[0]) == content_digest([one])


def test_neighbours_cant_run_together() -> None:
    """Where one value ends and the next begins is part of the content."""
    lists: list[list[object]] = [["12"], ["1", "2"], [["1", "2"]], [[], "1", "2"], ["1", ["2"]], [], [[]], [{}], [()]]
    assert len({content_digest(values) for values in lists}) == len(lists)


def test_the_order_of_keys_is_no_content() -> None:
    """Equal dicts have equal digests."""
    assert content_digest([{"a": 1, "b": 2}]) == content_digest([{"b": 2, "a": 1}])


def test_memory_layout_is_no_content() -> None:
    """A transposed tensor equals its contiguous copy."""
    turned = torch.arange(6.0).reshape(2, 3).T
    assert content_digest([turned]) == content_digest([turned.contiguous()])


def test_pictures_count_by_their_files_or_pixels() -> None:
    """Pixels of another shape, and a matte of the same numbers, are other content."""
    zeros = np.zeros((1, 2, 3, 1), np.uint8)
    values = [Pictures.from_pixels(zeros), Pictures.from_pixels(zeros.reshape(1, 3, 2, 1)), Matte(zeros[..., 0])]
    values += [Pictures.from_files([b"ab"]), Pictures.from_files([b"a", b"b"])]
    assert len({content_digest([value]) for value in values}) == 5


def test_a_packs_type_counts_by_its_codec() -> None:
    """Without one its content can't be told."""
    assert content_digest([Palette(("red",))], [PALETTE]) != content_digest([Palette(())], [PALETTE])
    with pytest.raises(Uncacheable, match="Palette"):
        content_digest([Palette(())])


def test_a_sparse_tensor_has_no_digest() -> None:
    """It says so instead of guessing."""
    for tensor in (torch.eye(2).to_sparse(), torch.zeros(2, device="meta")):
        with pytest.raises(Uncacheable, match="tensor"):
            content_digest([tensor])


def test_digests_agree_between_processes_without_torch() -> None:
    """Pictures as files and plain values are digested without a heavy module, and salted by nothing."""
    code = (
        "import sys; from graphrun.cache import content_digest; from graphrun import Pictures;"
        "print(content_digest([Pictures.from_files([b'x']), 'é', {'b': 1.5, 'a': None}]));"
        "print([name for name in ('torch', 'numpy', 'PIL', 'safetensors') if name in sys.modules])"
    )
    lines = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.splitlines()
    assert lines == [content_digest([Pictures.from_files([b"x"]), "é", {"a": None, "b": 1.5}]), "[]"]


def _sorted(value: object) -> object:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list() | tuple():
            return type(value)(map(_sorted, value))
    return value
