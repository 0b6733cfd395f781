"""YAML text → document, by our own builder on the parser's events (workflow-formats.md, 5).

PyYAML's loaders would read YAML 1.1, let duplicate keys pass, and compose nodes by recursion before anyone can count
them. Events come one by one, so sizes are counted while aliases expand, nothing recurses, and every key keeps its
place. A finished value behind an alias is shared, not copied: values of a workflow are never changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from graphrun.errors import FileFormatError, Problem
from graphrun.formats.core_schema import plain_scalar
from graphrun.formats.document import Dialect, Document
from graphrun.formats.origin import Mark, Origin
from graphrun.formats.values import MAX_DEPTH, read_yaml_value
from graphrun.formats.yaml_hints import syntax_refusal

YAML = Dialect(read_yaml_value, notes_start_underscored=True, quoted_text=True)

MAX_VALUES = 100_000
"""How many values a document may have, every use of an alias counted in full."""

_MARKED_DEPTH = 4
"""The deepest keys whose places matter: prompt → node → inputs → name."""

_SWALLOWED = re.compile(r"[ \t]+#[^\s#][^\n]{0,40}")

_Loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str, origin: Origin) -> Document:
    """Return the one document in the text. Raises FileFormatError, with every duplicate, tag and bad key named."""
    document, problems = parse_faulty_yaml(text, origin)
    if problems:
        raise FileFormatError(problems, origin.path)
    return document


def parse_faulty_yaml(text: str, origin: Origin) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document and its duplicates, tags and bad keys, for callers who have more faults to find in it.

    Of keys written twice the last one counts. Raises FileFormatError where reading on made no sense.
    """
    builder = _Builder(text, origin)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.feed(event)
    except yaml.YAMLError as error:
        raise syntax_refusal(error, text, origin) from None
    return builder.document(), tuple(builder.problems)


@dataclass(slots=True)
class _Built:
    """A finished value: how many values it holds with its aliases expanded, and how many levels."""

    value: object = None
    size: int = 1
    height: int = 0
    is_merge_key: bool = False


@dataclass(slots=True)
class _Sequence:
    anchor: str | None
    mark: Mark
    items: list[object] = field(default_factory=list)
    built: _Built = field(default_factory=_Built)

    def finished(self) -> object:
        return self.items


@dataclass(slots=True)
class _Mapping:
    anchor: str | None
    mark: Mark
    path: tuple[str, ...] | None
    """The keys that lead here from the root; None inside a list, where no places are kept."""
    items: dict[str, object] = field(default_factory=dict)
    merged: dict[str, object] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    key: _Key | None = None
    built: _Built = field(default_factory=_Built)

    def finished(self) -> object:
        return {**self.merged, **self.items}


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that waits for its value. ``name`` is None for one that was refused; its value is dropped."""

    name: str | None
    mark: Mark
    is_merge: bool = False


class _Builder:
    """Builds plain values from events: a stack of open collections, and the values that carry anchors."""

    def __init__(self, text: str, origin: Origin) -> None:
        self._text = text
        self._origin = origin
        self._stack: list[_Sequence | _Mapping] = []
        self._anchors: dict[str, _Built | None] = {}  # None: still open, so an alias to it would contain itself
        self._documents: list[object] = []
        self._marks: dict[tuple[str, ...], Mark] = {}
        self._count = 0
        self.problems: list[Problem] = []
        self._warnings: list[str] = []

    def document(self) -> Document:
        """Return what was built. Raises FileFormatError where that is nothing."""
        if not self._documents:
            if self.problems:
                raise FileFormatError(self.problems, self._origin.path)
            raise self._origin.refusal("empty_file", "the file holds no document, only comments or blank lines")
        return Document(self._documents[0], YAML, self._marks, tuple(self._warnings))

    def feed(self, event: yaml.Event) -> None:
        """Take the next event. Raises FileFormatError where reading on makes no sense."""
        mark = _mark_of(event)
        match event:
            case yaml.DocumentStartEvent() if self._documents:
                raise self._origin.refusal("several_documents", "a second document starts here; keep one a file", mark)
            case yaml.ScalarEvent():
                self._scalar(event, mark)
            case yaml.AliasEvent(anchor=str(name)):
                self._alias(name, mark)
            case yaml.MappingStartEvent():
                self._open(_Mapping(event.anchor, mark, self._path_of_next()), event.tag)
            case yaml.SequenceStartEvent():
                self._open(_Sequence(event.anchor, mark), event.tag)
            case yaml.CollectionEndEvent():
                self._close()

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark) -> None:
        self._refuse_tag(event.tag, mark)
        is_plain = event.implicit[0]
        try:
            value = plain_scalar(event.value) if is_plain else event.value
        except ValueError:
            self._complain("number_too_long", "a whole number has more than 4300 digits", mark)
            value = None
        if is_plain and event.end_mark:
            self._warn_of_comment(event.end_mark.index, mark)
        built = _Built(value, is_merge_key=is_plain and value == "<<")
        if event.anchor:
            self._anchors[event.anchor] = built
        self._add(built, mark)

    def _alias(self, name: str, mark: Mark) -> None:
        if name not in self._anchors:
            text = f"*{name} stands for nothing: no &{name} comes before it; quote a text that starts with *"
            raise self._origin.refusal("undefined_alias", text, mark)
        built = self._anchors[name]
        if built is None:
            raise self._origin.refusal("self_containing", f"*{name} stands inside what it stands for", mark)
        self._check_depth(built.height, mark)
        self._add(_Built(built.value, built.size, built.height), mark)

    def _open(self, frame: _Sequence | _Mapping, tag: str | None) -> None:
        self._refuse_tag(tag, frame.mark)
        self._check_depth(1, frame.mark)
        if frame.anchor:
            self._anchors[frame.anchor] = None
        self._stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        frame.built.value = frame.finished()
        if frame.anchor:
            self._anchors[frame.anchor] = frame.built
        self._count -= frame.built.size - 1  # its children are counted already
        self._add(frame.built, frame.mark)

    def _add(self, built: _Built, mark: Mark) -> None:
        """Put a finished value where it belongs: the open collection, or the document itself."""
        self._count += built.size
        if self._count > MAX_VALUES:
            text = f"more than {MAX_VALUES} values, aliases expanded; write a workflow of that size as JSON"
            raise self._origin.refusal("too_large", text, mark)
        if not self._stack:
            self._documents.append(built.value)
            return
        frame = self._stack[-1]
        frame.built.size += built.size
        frame.built.height = max(frame.built.height, built.height + 1)
        if isinstance(frame, _Sequence):
            frame.items.append(built.value)
        elif frame.key is None:
            frame.key = self._key(frame, built, mark)
        else:
            self._put(frame, frame.key, built.value)
            frame.key = None

    def _key(self, frame: _Mapping, built: _Built, mark: Mark) -> _Key:
        name = _key_name(built.value)
        if name is None:
            self._complain("bad_key", "a key must be text or a whole number; quote it to make it text", mark)
        elif name in frame.marks:
            self._complain("duplicate_key", f"{name!r} is defined twice, first in line {frame.marks[name][0]}", mark)
        else:
            frame.marks[name] = mark
            if not built.is_merge_key:
                self._note_place(frame, name, mark)
        return _Key(name, mark, built.is_merge_key)

    def _put(self, frame: _Mapping, key: _Key, value: object) -> None:
        if key.is_merge:
            self._merge(frame, key, value)
        elif key.name is not None:
            frame.items[key.name] = value

    def _merge(self, frame: _Mapping, key: _Key, value: object) -> None:
        """``<<`` lends keys, one level deep: own keys win, and of several lenders the first (YAML's merge type)."""
        lenders = value if isinstance(value, list) else [value]
        for lender in lenders:
            if not isinstance(lender, dict):
                self._complain("bad_merge", "<<: takes a mapping, or a list of mappings", key.mark)
                continue
            for name, lent in lender.items():
                frame.merged.setdefault(name, lent)
                self._note_place(frame, name, key.mark, only_new=True)

    def _note_place(self, frame: _Mapping, name: str, mark: Mark, *, only_new: bool = False) -> None:
        if frame.path is None or len(frame.path) >= _MARKED_DEPTH:
            return
        path = (*frame.path, name)
        if not (only_new and path in self._marks):
            self._marks[path] = mark

    def _path_of_next(self) -> tuple[str, ...] | None:
        """Return the path of a mapping that opens now."""
        if not self._stack:
            return ()
        frame = self._stack[-1]
        if isinstance(frame, _Sequence) or frame.path is None or frame.key is None or frame.key.name is None:
            return None
        return (*frame.path, frame.key.name) if len(frame.path) < _MARKED_DEPTH else None

    def _check_depth(self, height: int, mark: Mark) -> None:
        if len(self._stack) + height > MAX_DEPTH:
            raise self._origin.refusal("too_deep", f"nested more than {MAX_DEPTH} levels deep", mark)

    def _refuse_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None:
            text = f"tags such as {tag!r} are not allowed; quote a text that starts with !"
            self._complain("tag_not_allowed", text, mark)

    def _warn_of_comment(self, end: int, mark: Mark) -> None:
        """``cat #1 of 3`` ends before the ``#`` without a word; a comment that is meant has a blank after it."""
        rest = _SWALLOWED.match(self._text, end)
        if rest:
            self._warnings.append(
                f"{self._origin.place(mark)}: {rest[0].strip()!r} is a comment; quote the text if that belongs to it"
            )

    def _complain(self, type: str, message: str, mark: Mark) -> None:
        self.problems.append(self._origin.problem(type, message, mark))


def _mark_of(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _key_name(value: object) -> str | None:
    """Return the text of a key, or None for what can't be one. ``1`` and ``"1"`` are one key, as in JSON."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
