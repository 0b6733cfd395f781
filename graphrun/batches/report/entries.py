"""The rows of a run as its report shows them: the last record of each, in the order of the rows.

A record is written when its row ends, so the file is in no order and may have a row twice: what an earlier session
bought for it was paid for. Where each line begins is kept, eight bytes a row, and the earlier costs of such rows; the
lines are read again each time.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal

from graphrun.batches.record import FILE_NAME, RowRecord
from graphrun.batches.rows import PREFIX
from graphrun.batches.run_folder import Manifest
from graphrun.errors import PathError, UsageError

State = Literal["ran", "cached", "failed", "open"]

COLUMN = "row."
"""What the names of columns begin with, as in templates."""

MASK = "masks."
"""What the names of nodes with masks begin with, as the job has them."""

_KNOWN = frozenset(field.name for field in fields(RowRecord))
_NOWHERE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a row. ``cost`` is what it cost in all sessions, in USD, as far as the record tells; else None.

    ``unpriced``: the record doesn't tell all of it.
    """

    record: RowRecord
    cost: Decimal | None = None
    unpriced: bool = False

    @property
    def state(self) -> State:
        """``ran`` and ``cached`` are done: something had to be made for it, or nothing."""
        match self.record.state:
            case "done":
                return "cached" if self.record.from_cache else "ran"
            case state:
                return state

    @property
    def in_trouble(self) -> bool:
        """Whether someone should look at it."""
        return self.record.state != "done"

    @property
    def place(self) -> str | None:
        """Where the row was read, without the folders of this machine."""
        return self.record.place and PurePath(self.record.place).name

    @property
    def values(self) -> Mapping[str, object]:
        """What the row was run with: inputs, seeds, the base names of files, masks, and columns as ``row.COLUMN``.

        Columns that set an input, or name a file or mask, are told as that; names of saved files are told by the files.
        """
        record = self.record
        files = {name: PurePath(path).name for name, path in record.files.items()}
        masks = {f"{MASK}{node_id}": " ".join(masks) for node_id, masks in record.masks.items()}
        named = {*record.files.values(), *masks.values()}
        told = {name: value for name, value in record.columns.items() if "." not in name and str(value) not in named}
        columns = {f"{COLUMN}{name}": value for name, value in told.items()}
        inputs = {name: value for name, value in record.inputs.items() if not name.endswith(f".{PREFIX}")}
        return {**inputs, **files, **masks, **columns, **record.seeds}


class Entries:
    """All rows of a run that have ended, as often as one likes. Raises UsageError where the folder is none of a run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._begins = array("Q")
        self._earlier: dict[int, tuple[Decimal | None, bool]] = {}
        self._index(folder)
        if manifest := Manifest.read(folder):  # rows that the job had in an earlier session, and has no more
            del self._begins[manifest.rows + 1 :]

    def __iter__(self) -> Iterator[Entry]:
        with self._path.open("rb") as file:
            for begin in self._begins:
                if begin != _NOWHERE:
                    yield self._whole(self._read(file, begin))

    def _index(self, folder: Path) -> None:
        try:
            with self._path.open("rb") as file:
                begin = 0
                for line in iter(file.readline, b""):
                    if entry := _entry(line):
                        self._note(entry.record.row, begin, file)
                    begin += len(line)
        except FileNotFoundError:
            raise UsageError(_no_run(folder)) from None
        except OSError as error:
            raise PathError(f"can't read the record {self._path}: {error.strerror}") from error

    def _note(self, row: int, begin: int, file: BinaryIO) -> None:
        if row >= len(self._begins):
            self._begins.extend([_NOWHERE] * (row + 1 - len(self._begins)))
        if self._begins[row] != _NOWHERE:
            here = file.tell()
            earlier = self._whole(self._read(file, self._begins[row]))
            self._earlier[row] = (earlier.cost, earlier.unpriced)
            file.seek(here)
        self._begins[row] = begin

    def _read(self, file: BinaryIO, begin: int) -> Entry:
        file.seek(begin)
        entry = _entry(file.readline())
        assert entry is not None, "the file only grows"
        return entry

    def _whole(self, entry: Entry) -> Entry:
        """Return an entry with what earlier lines say its row has cost."""
        cost, unpriced = self._earlier.get(entry.record.row, (None, False))
        costs = [each for each in (cost, entry.cost) if each is not None]
        return replace(entry, cost=sum(costs, Decimal(0)) if costs else None, unpriced=entry.unpriced or unpriced)


def shown(value: object) -> str:
    """Return a value as a person reads it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _entry(line: bytes) -> Entry | None:
    """Read a line; None for one that was cut short. A later graphrun may note more of a row than this one knows."""
    try:
        told: dict[str, Any] = json.loads(line)
        record = RowRecord.from_line(json.dumps({name: told[name] for name in told.keys() & _KNOWN}))
    except (ValueError, AttributeError, TypeError):
        return None
    cost = _dollars(told.get("cost"))
    return None if record is None else Entry(record, cost, unpriced=cost is None)


def _dollars(cost: object) -> Decimal | None:
    """Read an amount, which JSON may have as a number or, exactly, as text."""
    if not isinstance(cost, str | int | float) or isinstance(cost, bool):
        return None
    try:
        amount = Decimal(str(cost))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _no_run(folder: Path) -> str:
    runs = sorted(path.parent for path in folder.glob(f"*/{FILE_NAME}"))
    hint = f"; its newest run is {runs[-1]}" if runs else "; name the folder of a run, <output>/<job>/<start time>"
    return f"there is no {FILE_NAME} in {str(folder)!r}{hint}"
