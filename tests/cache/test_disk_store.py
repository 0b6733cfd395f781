"""The disk tier: what outlives a process, what is written when, what goes first."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from cache_values import PALETTE, Palette, exact

from graphrun.cache import DiskStore
from graphrun.imaging import Pictures
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import Entry

DAY = 86_400.0
HEAVY = ("torch", "numpy", "PIL", "safetensors", "httpx")


class FakeClock:
    """Time that passes when told to."""

    now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def warnings() -> list[str]:
    return []


Open = Callable[..., DiskStore]


@pytest.fixture
def open_store(tmp_path: Path, clock: FakeClock, warnings: list[str]) -> Iterator[Open]:
    """Open the same folder again, as another process would; a warning that no test expects is a failure."""
    stores: list[DiskStore] = []

    def open_(max_bytes: int = 10**9, namespace: str = "", **options: object) -> DiskStore:
        stores.append(
            DiskStore(tmp_path / "cache", max_bytes, namespace, warn=warnings.append, clock=clock, **options)  # type: ignore[arg-type]
        )
        return stores[-1]

    yield open_
    for store in stores:
        store.close()
    assert warnings == []


def key(name: str) -> CacheKey:
    return CacheKey(name * 64)


def picture(letter: str, size: int = 10_000) -> list[list[object]]:
    return [[Pictures.from_files([letter.encode() * size])]]


def files_of(values: list[Values] | None) -> object:
    assert values is not None
    return values[0][0].files  # type: ignore[attr-defined]


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file's size and time of change."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def blob_files(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache" / "v1" / "blobs").rglob("*") if path.is_file()]


def test_nothing_is_created_before_the_first_put(open_store: Open, tmp_path: Path) -> None:
    """Looking something up in a cache that isn't there is a miss and leaves no trace."""
    store = open_store()
    assert store.find(key("a")) is None
    assert store.load(key("a")) is None
    store.forget(key("a"))
    assert store.nearest("X", {}) is None
    assert (store.stats().entries, store.stats().oldest, store.prune(), store.clear()) == (0, None, 0, 0)
    assert not (tmp_path / "cache").exists()


def test_values_outlive_the_store(open_store: Open) -> None:
    """Another process finds them, with every field of their entry."""
    entry = Entry("X", ui={"text": ("é", float("inf"))}, seconds=0.1, parts={"a": "b"})  # type: ignore[dict-item]
    image = torch.rand(1, 4, 4, 3)
    open_store().put(key("a"), entry, [[image, 1], []])
    store = open_store()
    assert store.find(key("a")) == entry
    assert exact(store.load(key("a"))) == exact([[image, 1], []])


def test_a_run_that_finds_everything_writes_nothing(open_store: Open, tmp_path: Path, clock: FakeClock) -> None:
    """When entries were used is noted a day later, or along with something that is written anyway."""
    store = open_store()
    store.put(key("a"), Entry("X"), picture("a"))
    store.close()
    before = snapshot(tmp_path)
    clock.now += DAY - 60
    store = open_store()
    assert store.load(key("a"))
    assert store.find(key("a"))
    store.close()
    assert snapshot(tmp_path) == before


def test_what_was_used_longest_ago_goes_first(open_store: Open, clock: FakeClock) -> None:
    """A find counts as use, also one of an earlier process, to a day."""
    store = open_store(max_bytes=35_000)
    for name in "abc":
        clock.now += 1
        store.put(key(name), Entry("X"), picture(name))
    store.close()
    clock.now += 2 * DAY
    store = open_store(max_bytes=35_000)
    assert store.find(key("a"))
    store.close()
    store = open_store(max_bytes=35_000)
    clock.now += 1
    store.put(key("d"), Entry("X"), picture("d"))
    assert [name for name in "abcd" if store.find(key(name))] == ["a", "c", "d"]
    assert store.stats().bytes <= 35_000


def test_uses_in_this_process_count_at_once(open_store: Open, clock: FakeClock) -> None:
    """They are noted together with the put that must make room."""
    store = open_store(max_bytes=35_000)
    for name in "abc":
        clock.now += 1
        store.put(key(name), Entry("X"), picture(name))
    clock.now += 1
    store.find(key("a"))
    store.put(key("d"), Entry("X"), picture("d"))
    assert [name for name in "abcd" if store.find(key(name))] == ["a", "c", "d"]


def test_what_is_larger_than_the_bound_is_not_kept(open_store: Open) -> None:
    """Nor does it push anything out."""
    store = open_store(max_bytes=15_000)
    store.put(key("a"), Entry("X"), picture("a"))
    assert not store.put(key("b"), Entry("X"), picture("b", 20_000))
    assert store.find(key("a"))


def test_equal_blobs_are_stored_once_and_live_as_long_as_an_entry_refers_to_them(
    open_store: Open, tmp_path: Path
) -> None:
    """In one entry, in several, and across namespaces."""
    store, other = open_store(), open_store(namespace="tenant")
    store.put(key("a"), Entry("X"), [*picture("p"), *picture("p")])
    store.put(key("b"), Entry("X"), picture("p"))
    other.put(key("a"), Entry("X"), picture("p"))
    assert len(blob_files(tmp_path)) == 1
    store.forget(key("a"))
    store.put(key("b"), Entry("X"), [["something else"]])
    assert files_of(other.load(key("a"))) == (b"p" * 10_000,)
    other.forget(key("a"))
    assert blob_files(tmp_path) == []


def test_namespaces_see_nothing_of_each_other(open_store: Open) -> None:
    """Clearing one leaves the other; clearing all leaves none."""
    one, two = open_store(namespace="one"), open_store(namespace="two")
    one.put(key("a"), Entry("X"), picture("a"))
    assert two.find(key("a")) is None
    two.put(key("a"), Entry("X"), picture("b"))
    assert one.clear("two") > 10_000
    assert two.find(key("a")) is None
    assert one.find(key("a"))
    one.clear()
    assert one.stats().entries == 0


def test_stats_tell_entries_bytes_classes_and_age(open_store: Open, clock: FakeClock) -> None:
    """Over all namespaces, the largest class first."""
    store = open_store()
    store.put(key("a"), Entry("Small"), [["a"]])
    clock.now += 5
    open_store(namespace="other").put(key("a"), Entry("Large"), picture("a"))
    stats = store.stats()
    assert stats.entries == 2
    assert [(each.class_type, each.entries) for each in stats.classes] == [("Large", 1), ("Small", 1)]
    assert 10_000 < stats.bytes == sum(each.bytes for each in stats.classes)
    assert (stats.oldest, stats.newest) == (clock.now - 5, clock.now)


def test_pruning_keeps_a_bound_and_removes_orphans(open_store: Open, tmp_path: Path, clock: FakeClock) -> None:
    """Blobs without an entry, and what a writer that died long ago left half-written."""
    store = open_store()
    for name in "abc":
        clock.now += 1
        store.put(key(name), Entry("X"), picture(name))
    orphan = blob_files(tmp_path)[0].with_name("0" * 64)
    orphan.write_bytes(b"orphan")
    fresh, old = (tmp_path / "cache" / "v1" / "parts" / f"{name}.part" for name in ("fresh", "old"))
    fresh.write_bytes(b"someone is just writing this")
    old.write_bytes(b"nobody is")
    os.utime(old, (0, 0))
    assert 10_000 < store.prune(25_000) < 12_000
    assert [name for name in "abc" if store.find(key(name))] == ["b", "c"]
    assert not orphan.exists()
    assert (fresh.exists(), old.exists()) == (True, False)
    assert len(blob_files(tmp_path)) == 2


def test_the_first_put_of_a_process_removes_orphans(open_store: Open, tmp_path: Path, clock: FakeClock) -> None:
    """Unless another has just done so."""
    open_store().put(key("a"), Entry("X"), picture("a"))
    orphan = blob_files(tmp_path)[0].with_name("0" * 64)
    orphan.write_bytes(b"orphan")
    open_store().put(key("b"), Entry("X"), picture("b"))
    assert orphan.exists()
    clock.now += 3600
    open_store().put(key("c"), Entry("X"), picture("c"))
    assert not orphan.exists()


def test_nearest_is_the_entry_of_the_class_that_shares_most_parts(open_store: Open, clock: FakeClock) -> None:
    """The newest of several; other classes and namespaces don't count."""
    store = open_store()
    wanted = {"seed": "1", "image": "x", "version": "1"}
    candidates = {
        "a": Entry("X", parts={"seed": "2", "image": "x", "version": "1"}, seconds=1),
        "b": Entry("X", parts={"seed": "3", "image": "x", "version": "1"}, seconds=2),
        "c": Entry("X", parts={"seed": "1", "image": "y", "version": "2"}, seconds=3),
        "d": Entry("Y", parts=wanted, seconds=4),
    }
    for name, entry in candidates.items():
        clock.now += 1
        store.put(key(name), entry, [])
    open_store(namespace="other").put(key("a"), Entry("X", parts=wanted), [])
    assert store.nearest("X", wanted) == candidates["b"]
    assert store.nearest("Z", wanted) is None


def test_a_reader_meets_eviction_as_a_miss(open_store: Open, warnings: list[str]) -> None:
    """While a writer pushes everything out again and again, each load is the value or None."""
    writer, reader = open_store(max_bytes=25_000), open_store(max_bytes=25_000)
    done = threading.Event()

    def write() -> None:
        for turn in range(150):
            name = "abcdef"[turn % 6]
            writer.put(key(name), Entry("X"), picture(name))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    hits = 0
    while not done.is_set():
        for name in "abcdef":
            values = reader.load(key(name))
            assert values is None or files_of(values) == (name.encode() * 10_000,)  # type: ignore[arg-type]
            hits += values is not None
    thread.join()
    assert hits


def test_a_blob_that_is_gone_is_a_miss_and_is_made_again(open_store: Open, tmp_path: Path) -> None:
    """The entry goes with it, and so do others that refer to it."""
    store = open_store()
    store.put(key("a"), Entry("X"), picture("p"))
    store.put(key("b"), Entry("X"), picture("p"))
    blob_files(tmp_path)[0].unlink()
    assert store.find(key("a"))
    assert store.load(key("a")) is None
    assert store.find(key("a")) is None
    assert store.find(key("b")) is None
    store.put(key("a"), Entry("X"), picture("p"))
    assert store.load(key("a"))


def test_a_packs_own_type_is_kept_where_there_is_a_codec(open_store: Open, warnings: list[str]) -> None:
    """A store without that codec meets a miss; a codec that fails is told by name."""
    values: list[list[object]] = [[Palette(("red",))]]
    assert not open_store().put(key("a"), Entry("X"), values)
    store = open_store(codecs=[PALETTE])
    assert store.put(key("a"), Entry("X"), values)
    assert store.load(key("a")) == values
    assert open_store().load(key("a")) is None
    broken = type(PALETTE)(Palette, "broken-1", lambda value: bytes(value.missing), lambda data: data)
    assert not open_store(codecs=[broken]).put(key("a"), Entry("X"), values)
    assert "codec 'broken-1' can't encode its Palette" in warnings.pop()


def test_an_entry_whose_ui_payload_cant_be_stored_is_not_kept(open_store: Open) -> None:
    """Half an entry would be worse than none."""
    for payload in (object(), b"bytes"):
        assert not open_store().put(key("a"), Entry("X", ui={"odd": [payload]}), [])
    assert open_store().find(key("a")) is None


def test_several_processes_write_at_once(tmp_path: Path, warnings: list[str]) -> None:
    """Started together on a folder that isn't there yet, each keeps all it puts."""
    code = (
        "import sys; from pathlib import Path; from graphrun.cache import DiskStore; from graphrun import Pictures;"
        "from graphrun.kernel.store import Entry\n"
        "def warn(message): raise SystemExit(message)\n"
        "store = DiskStore(Path(sys.argv[1]), warn=warn); name = sys.argv[2]\n"
        "for number in range(40):\n"
        "    values = [[Pictures.from_files([b'%d' % number * 1000])]]\n"
        "    assert store.put(f'{name}{number}', Entry('X'), values)\n"
    )
    folder = str(tmp_path / "cache")
    processes = [subprocess.Popen([sys.executable, "-c", code, folder, name]) for name in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    store = DiskStore(tmp_path / "cache", warn=warnings.append)
    assert all(store.load(CacheKey(f"{name}{number}")) for name in "abc" for number in range(40))
    assert len(blob_files(tmp_path)) == 40
    store.close()
    assert warnings == []


def test_finding_and_loading_pictures_and_scalars_imports_nothing_heavy(open_store: Open, tmp_path: Path) -> None:
    """Neither does importing the package, nor digesting what was loaded."""
    values: list[list[object]] = [[1, "a", {"b": [2.5]}, b"c"], *picture("p")]
    open_store().put(key("a"), Entry("X", ui={"text": ["x"]}), values)
    code = (
        "import sys; from pathlib import Path; from graphrun.cache import *\n"
        "store = TieredStore(MemoryStore(10**6), DiskStore(Path(sys.argv[1])), CostRule(10**9))\n"
        f"assert store.find('a' * 64) and store.load('a' * 64) and store.load('a' * 64)\n"
        "content_digest(store.load('a' * 64)[1])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
