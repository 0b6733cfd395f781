"""An exam for cache stores, ours or not. The assertion messages are the documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from graphrun.imaging.pictures import Pictures
from graphrun.kernel.cache_key import CacheKey
from graphrun.kernel.calls import Values
from graphrun.kernel.store import CacheStore, Entry, FileRecord

_KEY, _OTHER = CacheKey("a" * 64), CacheKey("b" * 64)
_ENTRY = Entry(
    class_type="Example",
    ui={"images": [{"filename": "a.png", "subfolder": "", "type": "output"}], "text": ["é"]},
    files=(FileRecord(Path("out/a.png"), "0" * 64),),
    input_digests={"image": "1" * 64},
    slot_digests=("2" * 64, "3" * 64),
    seconds=1.5,
    paid=True,
    parts={"literal seed": "7"},
)
_VALUES: list[list[object]] = [[1, 1.0, True, "1", None], [], [[2, "é"], {"a": [0.5], "b": b"\0"}]]


def check_store(make_store: Callable[[], CacheStore]) -> None:
    """Assert what every cache store promises. Each call of ``make_store`` gives a new, empty store.

    The store should have room for a few kilobytes. It may refuse to keep values (`put` returns False), but plain ones
    (numbers, text, lists, pictures) it must keep, or it is no use. Needs torch.
    """
    for check in (
        _misses_what_was_never_put,
        _gives_back_what_was_put,
        _keeps_types_apart,
        _keeps_pictures,
        _replaces,
        _forgets,
        _keeps_keys_apart,
        _serves_nothing_in_place_of_what_it_refused,
        _never_serves_what_was_changed_in_place,
        _serves_several_threads,
    ):
        check(make_store())


def _misses_what_was_never_put(store: CacheStore) -> None:
    assert store.find(_KEY) is None, "find of a key never put is a miss"
    assert store.load(_KEY) is None, "load of a key never put is a miss"
    store.forget(_KEY)  # forgetting what isn't there is no error


def _gives_back_what_was_put(store: CacheStore) -> None:
    assert store.put(_KEY, _ENTRY, _VALUES) is True, "put returns True when it kept the values"
    assert store.find(_KEY) == _ENTRY, "find gives an equal entry, with every field"
    assert _lists(store.load(_KEY)) == _VALUES, "load gives a value list per slot, an empty one included"
    assert _lists(store.load(_KEY)) == _VALUES, "load can be repeated"
    assert store.put(_OTHER, Entry("NoOutputs"), []), "an entry without slots is kept"
    assert _lists(store.load(_OTHER)) == [], "an entry without slots has no value lists, which isn't a miss"


def _keeps_types_apart(store: CacheStore) -> None:
    store.put(_KEY, _ENTRY, _VALUES)
    found = _lists(store.load(_KEY))
    assert [type(value) for value in found[0]] == [int, float, bool, str, type(None)], "1, 1.0, True and '1' are four"


def _keeps_pictures(store: CacheStore) -> None:
    file = b"\x89PNG as it came"
    assert store.put(_KEY, _ENTRY, [[Pictures.from_files([file])]]), "pictures are kept"
    (((pictures,),),) = (_lists(store.load(_KEY)),)
    assert isinstance(pictures, Pictures), "pictures come back as Pictures"
    assert pictures.files == (file,), "encoded pictures come back byte for byte"


def _replaces(store: CacheStore) -> None:
    store.put(_KEY, _ENTRY, [["old"]])
    store.put(_KEY, Entry("Newer"), [["new"]])
    assert store.find(_KEY) == Entry("Newer"), "a second put under a key replaces the entry"
    assert _lists(store.load(_KEY)) == [["new"]], "a second put under a key replaces the values"


def _forgets(store: CacheStore) -> None:
    store.put(_KEY, _ENTRY, _VALUES)
    store.put(_OTHER, _ENTRY, _VALUES)
    store.forget(_KEY)
    assert store.find(_KEY) is None, "a forgotten key is a miss"
    assert store.load(_KEY) is None, "a forgotten key has no values"
    assert _lists(store.load(_OTHER)) == _VALUES, "forgetting one key leaves another, even with equal values"


def _keeps_keys_apart(store: CacheStore) -> None:
    store.put(_KEY, _ENTRY, [["one"]])
    store.put(_OTHER, _ENTRY, [["two"]])
    assert _lists(store.load(_KEY)) == [["one"]], "a key's values are its own"
    assert _lists(store.load(_OTHER)) == [["two"]], "a key's values are its own"


def _serves_nothing_in_place_of_what_it_refused(store: CacheStore) -> None:
    store.put(_KEY, _ENTRY, [["old"]])
    strange = object()
    if store.put(_KEY, _ENTRY, [[strange]]):
        assert _lists(store.load(_KEY)) == [[strange]], "what put said it kept comes back"
    else:
        assert store.find(_KEY) is None, "what a refused put was to replace is not served"
        assert store.load(_KEY) is None, "what a refused put was to replace is not served"


def _never_serves_what_was_changed_in_place(store: CacheStore) -> None:
    import torch

    tensor = torch.linspace(0, 1, 12).reshape(1, 2, 2, 3)
    original = tensor.clone()
    store.put(_KEY, _ENTRY, [[tensor]])
    tensor.add_(1)
    found = store.load(_KEY)
    assert found is None or torch.equal(_only(found), original), "a change after put is not in what load gives"
    if found is not None:
        _only(found).mul_(0)
        again = store.load(_KEY)
        assert again is None or torch.equal(_only(again), original), "nor is what a reader did to its values"


def _serves_several_threads(store: CacheStore) -> None:
    def work(number: int) -> None:
        key = CacheKey(f"{number % 4:064x}")
        store.put(key, Entry("Threads"), [[number % 4]])
        found = store.load(key)
        assert found is None or _lists(found) == [[number % 4]], "several threads may use a store at once"

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(32)))


def _only(values: Sequence[Values]) -> Any:
    ((value,),) = values
    return value


def _lists(values: Sequence[Values] | None) -> list[list[object]]:
    assert values is not None, "what was put can be loaded"
    return [list(slot) for slot in values]
