"""What every store promises, what each adds, and which results are worth the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from graphrun.cache import CostRule, DiskStore, MemoryStore, TieredStore, changed_in_place, marks_of, size_of
from graphrun.imaging import Matte, Pictures
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import CacheStore, Entry, FileRecord
from graphrun.testing import check_store

KEY = CacheKey("a" * 64)
PAID, DEAR, FREE = Entry("Paid", paid=True), Entry("Dear", seconds=60.0), Entry("Free")


@pytest.fixture
def new_disk(tmp_path: Path) -> Iterator[Callable[[], DiskStore]]:
    """Make disk stores in folders of their own; any warning of theirs is a failure."""
    stores: list[DiskStore] = []
    warnings: list[str] = []

    def make() -> DiskStore:
        stores.append(DiskStore(tmp_path / str(len(stores)), warn=warnings.append))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    assert warnings == []


class StrangersStore:
    """A store as someone else might write it: plain values and pictures only, in a dict."""

    def __init__(self) -> None:
        self.kept: dict[CacheKey, tuple[Entry, list[list[object]]]] = {}

    def find(self, key: CacheKey) -> Entry | None:
        return self.kept[key][0] if key in self.kept else None

    def load(self, key: CacheKey) -> list[list[object]] | None:
        return [list(slot) for slot in self.kept[key][1]] if key in self.kept else None

    def put(self, key: CacheKey, entry: Entry, values: Values) -> bool:
        slots = [list(slot) for slot in values]  # type: ignore[call-overload]
        self.kept.pop(key, None)
        if any(isinstance(value, torch.Tensor) for slot in slots for value in slot):
            return False
        self.kept[key] = (entry, slots)
        return True

    def forget(self, key: CacheKey) -> None:
        self.kept.pop(key, None)


class ForgetfulStore(StrangersStore):
    """Breaks a promise: it forgets nothing."""

    def forget(self, key: CacheKey) -> None:
        return


def test_every_store_passes_the_exam(new_disk: Callable[[], DiskStore]) -> None:
    """Memory, disk, both tiers whatever the rule says, and a stranger's."""
    check_store(lambda: MemoryStore(10**6))
    check_store(new_disk)
    check_store(lambda: TieredStore(MemoryStore(10**6), new_disk(), lambda entry, nbytes: True))
    check_store(lambda: TieredStore(MemoryStore(10**6), new_disk(), lambda entry, nbytes: False))
    check_store(lambda: TieredStore(MemoryStore(0), new_disk(), lambda entry, nbytes: True))
    check_store(StrangersStore)


def test_the_exam_fails_a_store_that_breaks_a_promise() -> None:
    """The message says which promise."""
    with pytest.raises(AssertionError, match="a forgotten key is a miss"):
        check_store(ForgetfulStore)


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    """Finding an entry is using it; what is larger than the bound isn't kept at all."""
    store = MemoryStore(3 * 5000)
    for name in "abc":
        store.put(CacheKey(name), FREE, [[torch.zeros(1024)]])
    assert store.find(CacheKey("a"))
    store.put(CacheKey("d"), FREE, [[torch.zeros(1024)]])
    assert [name for name in "abcd" if store.find(CacheKey(name))] == ["a", "c", "d"]
    assert store.nbytes <= 3 * 5000
    assert not store.put(CacheKey("a"), FREE, [[torch.zeros(10_000)]])
    assert store.find(CacheKey("a")) is None, "nor is what it was to replace"


def test_pictures_that_were_decoded_take_more_memory() -> None:
    """They are measured again when they are read."""
    file = Pictures.from_pixels(np.zeros((1, 64, 64, 3), np.uint8)).encoded()[0]
    store = MemoryStore(10**6)
    store.put(KEY, FREE, [[pictures := Pictures.from_files([file])]])
    before = store.nbytes
    pictures.pixels()
    store.load(KEY)
    assert store.nbytes == before + 64 * 64 * 4


def test_sizes_count_shared_memory_once_and_ask_no_stranger() -> None:
    """A slice keeps its whole storage; an object's own __sizeof__ isn't called."""

    class Hostile:
        def __sizeof__(self) -> int:
            raise RuntimeError

    whole = torch.zeros(100_000)
    assert 400_000 <= size_of([whole, whole[:1], whole[1:]]) < 401_000
    assert size_of([[{"a": (b"x" * 5000, "y" * 5000)}]]) > 10_000
    assert size_of([Pictures.from_files([b"x" * 5000]), Matte(np.zeros((1, 50, 100), np.uint8))]) > 10_000
    assert size_of([np.zeros(5000, np.uint8), torch.eye(3).to_sparse()]) > 5000
    assert size_of([Hostile()]) > 0


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (torch.zeros(3), lambda value: value.add_(1)),
        (torch.zeros(3, 3), lambda value: value[0].fill_(1)),
        (np.zeros(3), lambda value: value.__setitem__(0, 1.0)),
        ([1, 2], lambda value: value.append(3)),
        ({"a": [1.0]}, lambda value: value["a"].clear()),
    ],
    ids=["tensor", "view of a tensor", "array", "list", "dict"],
)
def test_a_value_changed_in_place_is_told_and_never_served(value: object, change: Callable[[object], object]) -> None:
    """Its position shows, and in memory the entry becomes a miss."""
    store = MemoryStore(10**6)
    store.put(KEY, FREE, [[1, value]])
    marks = marks_of(["before", value, float("nan")])
    assert changed_in_place(["before", value, float("nan")], marks) == ()
    change(value)
    assert changed_in_place(["before", value, float("nan")], marks) == (1,)
    assert store.load(KEY) is None
    assert store.find(KEY) is None


def test_a_tensor_made_in_inference_mode_is_told_by_its_content() -> None:
    """It has no version counter."""
    with torch.inference_mode():
        value = torch.zeros(3)
        marks = marks_of([value])
        assert changed_in_place([value], marks) == ()
        value.add_(1)
        assert changed_in_place([value], marks) == (0,)
        assert not MemoryStore(10**6).put(KEY, FREE, [[torch.eye(2).to_sparse()]]), "a sparse one can't be watched"


def test_a_value_without_end_is_kept_nowhere(new_disk: Callable[[], DiskStore]) -> None:
    """A list that holds itself; and one that does so later is a miss."""
    endless: list[object] = []
    endless.append(endless)
    later: list[object] = []
    store = TieredStore(MemoryStore(10**9), new_disk(), CostRule(10**9))
    assert not store.put(KEY, PAID, [[endless]])
    memory = MemoryStore(10**9)
    assert memory.put(KEY, PAID, [[later]])
    later.append(later)
    assert memory.load(KEY) is None


def test_memory_answers_first_and_disk_outlives_it(new_disk: Callable[[], DiskStore]) -> None:
    """What was loaded from disk is in memory afterwards."""
    disk = new_disk()
    TieredStore(MemoryStore(10**6), disk, CostRule(10**9)).put(KEY, DEAR, [["value"]])
    memory = MemoryStore(10**6)
    store = TieredStore(memory, disk, CostRule(10**9))
    assert store.find(KEY) == DEAR
    assert store.load(KEY) == [["value"]]
    assert memory.find(KEY) == DEAR


def test_memory_lets_go_of_what_the_disk_has(new_disk: Callable[[], DiskStore]) -> None:
    """And keeps what is nowhere else. A long batch stays small so, and whoever wants it again brings it back."""
    memory = MemoryStore(10**6)
    store = TieredStore(memory, new_disk(), CostRule(10**9))
    cheap, dear = CacheKey("cheap"), CacheKey("dear")
    store.put(cheap, Entry("A", seconds=0.0), [["value"]])
    store.put(dear, DEAR, [["value"]])
    for key in (cheap, dear):
        store.let_go(key)
    assert (memory.load(cheap), memory.load(dear)) == ([["value"]], None)
    assert store.load(dear) == [["value"]]
    store.let_go(dear)
    assert memory.load(dear) is None


def test_a_value_changed_in_place_comes_back_from_disk_as_it_was(new_disk: Callable[[], DiskStore]) -> None:
    """It was encoded before any reader started."""
    store = TieredStore(MemoryStore(10**6), new_disk(), CostRule(10**9))
    tensor = torch.zeros(3)
    store.put(KEY, DEAR, [[tensor]])
    tensor.add_(1)
    values = store.load(KEY)
    assert values is not None
    assert torch.equal(values[0][0], torch.zeros(3))  # type: ignore[arg-type]


def test_what_was_cheaper_the_second_time_leaves_nothing_older_on_disk(new_disk: Callable[[], DiskStore]) -> None:
    """Else the older result would come back when memory has let the newer one go."""
    disk = new_disk()
    store = TieredStore(MemoryStore(10**6), disk, CostRule(10**9))
    store.put(KEY, DEAR, [["old"]])
    store.put(KEY, FREE, [["new"]])
    assert disk.find(KEY) is None


SAVER = Entry("Save", files=(FileRecord(Path("a.png"), ""),))
A_TENTH = Entry("Step", seconds=0.1)
MB = 10**6


@pytest.mark.parametrize(
    ("entry", "nbytes", "worth"),
    [
        (PAID, 0, True),
        (PAID, 1000 * MB, True),
        (SAVER, 0, True),
        (SAVER, 251 * MB, False),
        (FREE, 0, False),
        (Entry("Quick", seconds=0.0009), 0, False),
        (Entry("Slow", seconds=0.0011), 0, True),
        (A_TENTH, 98 * MB, True),
        (A_TENTH, 100 * MB, False),
        (DEAR, 250 * MB, True),
        (DEAR, 251 * MB, False),
    ],
)
def test_what_costs_more_to_make_than_to_store_is_worth_the_disk(entry: Entry, nbytes: int, worth: bool) -> None:
    """Paid results always; savers if small; others above a millisecond and a second for each GB."""
    assert CostRule(1000 * MB)(entry, nbytes) is worth


def test_stores_are_cache_stores() -> None:
    """The type checker holds them to the kernel's protocol."""
    stores: list[CacheStore] = [MemoryStore(1), DiskStore(Path("nowhere")), StrangersStore()]  # type: ignore[list-item]
    assert [store.find(KEY) for store in stores] == [None, None, None]
