"""A full disk, a folder that can't be written, damage: one warning, misses, and the run goes on."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrun.cache import DiskStore
from graphrun.imaging import Pictures
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.store import Entry

NAMES = "abcdef"


def key(name: str) -> CacheKey:
    return CacheKey(name * 64)


def values_of(name: str) -> list[list[object]]:
    return [[name * 100, 1.5], [Pictures.from_files([name.encode() * 3000])]]


def is_sound(store: DiskStore, name: str) -> bool:
    """Assert that a lookup is a correct value or a miss; return whether it is a hit."""
    entry, values = store.find(key(name)), store.load(key(name))
    assert entry in (None, Entry("X", seconds=2.5))
    if values is None:
        return False
    assert values[0] == [name * 100, 1.5]
    assert values[1][0].files == (name.encode() * 3000,)  # type: ignore[attr-defined]
    return True


def fill(folder: Path) -> None:
    store = DiskStore(folder)
    for name in NAMES:
        assert store.put(key(name), Entry("X", seconds=2.5), values_of(name))
    store.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an entry for each name, for copying."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder)
    return folder


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_is_a_miss_and_never_another_value(
    filled: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes flipped, a file cut short or emptied: lookups stay right, nothing raises, and puts work again."""
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    index = folder / "v1" / "index.sqlite3"
    damage(data.draw(st.just(index) | st.sampled_from(files)), data.draw(st.integers(0, 2**32)))
    store = DiskStore(folder)
    for name in NAMES:
        is_sound(store, name)
    store.stats()
    store.prune()
    store.nearest("X", {})
    for _ in range(2):  # the first may be what notices
        kept = store.put(key("a"), Entry("X", seconds=2.5), values_of("a"))
    assert kept
    assert is_sound(store, "a")
    store.close()
    shutil.rmtree(folder)


def damage(path: Path, seed: int) -> None:
    """Flip some bytes of a file, or cut it."""
    dice = random.Random(seed)
    content = bytearray(path.read_bytes())
    if dice.random() < 0.2:
        del content[dice.randrange(len(content)) :]
    for _ in range(dice.choice([1, 1, 10, 1000]) if content else 0):
        content[dice.randrange(len(content))] ^= dice.randrange(1, 256)
    path.write_bytes(content)


@pytest.mark.parametrize("content", [b"no database at all" * 300, b"SQLite format 3\0" + b"\0" * 5000])
def test_a_damaged_index_is_put_aside_and_a_new_one_started(tmp_path: Path, content: bytes) -> None:
    """One warning names it; the old blobs are removed as the orphans they are."""
    fill(tmp_path)
    (tmp_path / "v1" / "index.sqlite3").write_bytes(content)
    warnings: list[str] = []
    store = DiskStore(tmp_path, warn=warnings.append)
    assert not any(is_sound(store, name) for name in NAMES)
    assert store.put(key("a"), Entry("X", seconds=2.5), values_of("a"))
    assert is_sound(store, "a")
    store.close()
    assert len(warnings) == 1
    assert "was damaged" in warnings[0]
    assert (tmp_path / "v1" / "damaged.sqlite3").read_bytes() == content
    assert len([path for path in (tmp_path / "v1" / "blobs").rglob("*") if path.is_file()]) == 1


def test_an_index_of_another_format_is_never_read(tmp_path: Path) -> None:
    """Were it in our folder by mistake, it would be put aside like a damaged one."""
    fill(tmp_path)
    other = sqlite3.connect(tmp_path / "v1" / "index.sqlite3")
    other.execute("PRAGMA user_version = 2")
    other.close()
    warnings: list[str] = []
    store = DiskStore(tmp_path, warn=warnings.append)
    assert not any(is_sound(store, name) for name in NAMES)
    assert store.put(key("a"), Entry("X", seconds=2.5), values_of("a"))
    store.close()
    assert len(warnings) == 1


def test_a_folder_of_another_format_is_ignored(tmp_path: Path) -> None:
    """It is neither read nor touched."""
    (tmp_path / "v0").mkdir()
    (tmp_path / "v0" / "index.sqlite3").write_text("older")
    fill(tmp_path)
    assert (tmp_path / "v0" / "index.sqlite3").read_text() == "older"


def test_two_stores_that_meet_the_same_damage_start_anew_once(tmp_path: Path) -> None:
    """The second finds the new index in its place and uses it."""
    fill(tmp_path)
    warnings: list[str] = []
    one, two = (DiskStore(tmp_path, warn=warnings.append) for _ in range(2))
    assert is_sound(one, "a")
    assert is_sound(two, "a")
    (tmp_path / "v1" / "index.sqlite3").write_bytes(b"nonsense" * 1000)
    for _ in range(2):
        one.put(key("b"), Entry("X", seconds=2.5), values_of("b"))
        two.put(key("c"), Entry("X", seconds=2.5), values_of("c"))
    three = DiskStore(tmp_path, warn=warnings.append)
    assert is_sound(three, "b")
    assert is_sound(three, "c")
    for store in (one, two, three):
        store.close()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from graphrun.cache import DiskStore
from graphrun import Pictures
from graphrun.kernel.store import Entry

warnings = []
folder = Path(sys.argv[1])
store = DiskStore(folder, warn=warnings.append)
small = lambda number: [[number, "x" * 2000]]
large = [[Pictures.from_files([b"large" * 100_000])]]
assert store.put("before", Entry("X"), small(0))
if sys.argv[2] == "limit":  # no file may grow beyond this, as when a quota is reached
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
else:
    filler = (folder / "filler").open("wb", buffering=0)
    try:
        while filler.write(b"x" * 4096):
            pass
    except OSError:
        pass
assert not store.put("large", Entry("X"), large)
kept = {number for number in range(400) if store.put(f"small {number}", Entry("X"), small(number))}
assert len(kept) < 400, "the disk never was full"
found = {number for number in range(400) if store.find(f"small {number}")}
assert found == kept, (found, kept)
assert all(store.load(f"small {number}") == small(number) for number in found)
assert store.find("large") is None
assert store.load("before") == small(0)
assert not list(folder.rglob("*.part")), "half-written files are removed"
assert len(warnings) == 1, warnings
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    filler.close()
    (folder / "filler").unlink()
    large = [[Pictures.from_files([b"large" * 10_000])]]
assert store.put("large", Entry("X"), large), "there is room again"
assert store.load("large")[0][0].files == large[0][0].files
store.close()
print(warnings[0])
"""


def run_on_a_full_disk(folder: Path, how: str) -> str:
    command = [sys.executable, "-c", FULL_DISK, str(folder), how]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_file_that_may_not_grow_is_one_warning_and_no_damage(tmp_path: Path) -> None:
    """As under a quota: what can't be kept isn't, what was kept stays right, and later there is room again."""
    assert "can't be used fully" in run_on_a_full_disk(tmp_path / "cache", "limit")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte, where mounting one is permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_warning_and_no_damage(small_disk: Path) -> None:
    """The same with a file system that has no room left."""
    assert "can't be used fully" in run_on_a_full_disk(small_disk, "fill")


def test_a_store_on_a_read_only_disk_is_still_read(small_disk: Path) -> None:
    """As a cache that is mounted into many containers; what can't be put is one warning."""
    fill(small_disk / "cache")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    warnings: list[str] = []
    store = DiskStore(small_disk / "cache", warn=warnings.append)
    assert all(is_sound(store, name) for name in NAMES)
    assert not warnings
    assert not store.put(key("x"), Entry("X"), values_of("x"))
    assert not store.put(key("y"), Entry("X"), values_of("y"))
    assert all(is_sound(store, name) for name in NAMES)
    store.close()
    assert len(warnings) == 1
    later: list[str] = []
    store = DiskStore(small_disk / "cache", warn=later.append, clock=lambda: 1e11)
    assert all(is_sound(store, name) for name in NAMES)
    store.close()
    assert not later, "that uses can't be noted is no trouble"


def test_a_folder_that_cant_be_made_is_one_warning(tmp_path: Path) -> None:
    """A file is where the folder should be."""
    (tmp_path / "cache").write_text("in the way")
    warnings: list[str] = []
    store = DiskStore(tmp_path / "cache", warn=warnings.append)
    for name in NAMES:
        assert not store.put(key(name), Entry("X"), values_of(name))
        assert store.find(key(name)) is None
    assert len(warnings) == 1
    assert os.fspath(tmp_path) in warnings[0]
