"""Values as bytes and back: nothing is lost, nothing is guessed, nothing is run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from cache_values import PALETTE, Palette, anything, exact, leaves, pixels, plain, there_and_back
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.cache.codec import Codec, CodecFailed, Encoded, decode, encode
from graphrun.cache.flat import MOST_PARTS, flatten, rebuild
from graphrun.errors import Uncacheable
from graphrun.imaging import unit_floats
from graphrun.kernel.node_types import Blocked


@given(st.lists(st.lists(anything, max_size=3), max_size=3))
def test_values_come_back_with_their_types_and_bits(values: list[list[object]]) -> None:
    """1, 1.0 and True, -0.0 and 0.0, lone surrogates, tensors of every dtype: all as they were."""
    assert exact(there_and_back(values)) == exact(values)


@given(pixels)
def test_a_tensor_that_8_bits_say_takes_one_byte_a_value(levels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """A decoded picture is stored as uint8 and comes back bit for bit."""
    tensor = torch.from_numpy(unit_floats(levels))
    encoded = encode([[tensor]])
    assert [bytes(blob) for blob in encoded.blobs] == [levels.tobytes()]
    assert exact(there_and_back([[tensor]])) == exact([[tensor]])


@settings(max_examples=30)
@given(st.integers(0, 5000), st.sampled_from([-0.0, float("nan"), float("inf"), -1 / 255, 256 / 255, 0.5, 1e-45, 3e38]))
def test_one_value_that_8_bits_dont_say_keeps_a_tensor_as_it_is(place: int, value: float) -> None:
    """Wherever it stands, and however near to k/255 or beyond it is."""
    tensor = torch.ones(5001)
    tensor[place] = value
    assert exact(there_and_back([[tensor]])) == exact([[tensor]])


def test_tensors_keep_nothing_of_what_they_were_cut_from() -> None:
    """A slice is stored alone, and a conjugated view as what it shows."""
    whole = torch.linspace(0, 1, 10_000)
    assert encode([[whole[:3]]]).nbytes < 1000
    conjugated = torch.tensor([1 + 2j]).conj()
    assert torch.equal(there_and_back([[conjugated]])[0][0], conjugated)


def test_what_came_back_belongs_to_its_reader() -> None:
    """Tensors and arrays that were writable are so again, and share nothing with another reading."""
    for value in (torch.zeros(3), torch.rand(3), np.zeros(3)):
        encoded = encode([[value]])
        blobs = [bytes(blob) for blob in encoded.blobs]
        first, second = (decode(encoded.document, blobs)[0][0] for _ in range(2))
        first += 1
        assert float(second[0]) == float(value[0])


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Blocked("no"),
        {1: "a"},
        {1, 2},
        np.array([object()]),
        np.array(["text"]),
        torch.zeros(2, requires_grad=True),
        torch.nn.Parameter(torch.zeros(2)),
        torch.eye(2).to_sparse(),
        torch.zeros(2, device="meta"),
        type("MyText", (str,), {})("a"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_not_come_back_as_it_was_is_refused(value: object) -> None:
    """An object, a blocker, odd keys, sets, gradients, subclasses: not stored rather than stored as something else."""
    with pytest.raises(Uncacheable):
        encode([[value]])


def test_depth_is_no_matter_and_endless_values_are_refused() -> None:
    """A list nested 100,000 deep comes back; one that holds itself has no stored form."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(flatten(there_and_back([deep])[0])) == 100_001
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(Uncacheable, match=str(MOST_PARTS)):
        encode([[endless]])
    while deep:  # Python would recurse to free it
        deep = deep.pop()  # type: ignore[assignment]


@given(plain)
def test_rebuild_undoes_flatten(value: object) -> None:
    """A flat list in prefix order says everything about a nested value."""
    assert exact(rebuild(flatten(value))) == exact(value)


def test_a_codec_stores_a_packs_own_type() -> None:
    """Inside lists too; without its codec the type can be neither stored nor read."""
    values: list[list[object]] = [[Palette(("red",)), [Palette(())]]]
    assert there_and_back(values, PALETTE) == values
    with pytest.raises(Uncacheable, match="Palette"):
        encode(values)
    encoded = encode(values, [PALETTE])
    with pytest.raises(KeyError):
        decode(encoded.document, [bytes(blob) for blob in encoded.blobs])


def test_a_codec_that_raises_is_named() -> None:
    """Its own exception is the cause."""
    broken = Codec(Palette, "broken-1", lambda value: bytes(value.missing), lambda data: data)
    with pytest.raises(CodecFailed, match="'broken-1' can't encode its Palette") as caught:
        encode([[Palette(())]], [broken])
    assert isinstance(caught.value.__cause__, AttributeError)


@given(st.binary(max_size=40) | st.recursive(leaves.filter(lambda leaf: not isinstance(leaf, bytes)), st.lists).map(
    lambda value: json.dumps(value).encode()
))  # fmt: skip
def test_what_is_no_document_is_an_exception_and_nothing_else(document: bytes) -> None:
    """Whatever stands in a store, reading it runs nothing: it gives plain values or raises."""
    try:
        values = decode(document, [b"blob"])
    except Exception:
        return
    assert isinstance(encode([[values]]), Encoded)
