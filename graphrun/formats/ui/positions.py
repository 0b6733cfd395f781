"""Which place of ``widgets_values`` belongs to which widget (workflow-formats.md, 3.2).

A class's widgets are walked in order while values are taken, since the option a dynamic combo holds decides which
widgets come next. A `Style` says which habits of older editors are assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from graphrun.formats.ui.definitions import (
    DYNAMIC_COMBO,
    DYNAMIC_GROUP,
    ClassDefinition,
    InputSpec,
    branches,
    row_fields,
)
from graphrun.kernel.node_types import MISSING

CONTROL_WORDS = ("fixed", "increment", "decrement", "randomize", "increment-wrap")

_WIDGETS = {
    "COMBO", "INT", "FLOAT", "BOOLEAN", "STRING", "MARKDOWN", "TEXTAREA", "COLOR", "COLORS", "RANGE", "CHART",
    "GALLERIA", "PAINTER", "COMPOSITOR", "VIDEO_EDIT", "BOUNDING_BOXES", "LIGHT_INFO_PREVIEW", "CURVE", "BOUNDING_BOX",
    DYNAMIC_COMBO, DYNAMIC_GROUP,
}  # fmt: skip
_PREVIEWS = {"IMAGECOMPARE", "RESOLUTION_PREVIEW"}
_UPLOADS = ("image_upload", "video_upload", "animated_image_upload")
_AUDIO_PLAYERS = ("LoadAudio", "SaveAudio", "PreviewAudio")
_MOST_ROWS = 1000


class Kind(Enum):
    """What a place holds."""

    VALUE = "a value that goes to the prompt"
    CONTROL = "what the editor does to the value before it, after a run"
    ASIDE = "a button, a filter or an echo: never in the prompt"
    EMPTY = "null or empty text, where an older editor listed a preview or a socket"


@dataclass(frozen=True, slots=True)
class Place:
    """One place: whose it is, what it holds. ``spec`` is the input it belongs to."""

    name: str
    kind: Kind
    spec: InputSpec


@dataclass(frozen=True, slots=True)
class Style:
    """What is assumed of the editor that wrote the list.

    ``dummies``: sockets that are forced took a place. ``previews``: previews took one. ``early_upload``: the upload
    button came before the optional widgets. ``lazy_controls``: a control word may be missing where one is expected.
    ``extra_controls``: one may stand after any number.
    """

    dummies: bool = False
    previews: bool = False
    early_upload: bool = False
    lazy_controls: bool = False
    extra_controls: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A place and the value found there; MISSING where the list had ended, or a name was not there."""

    place: Place
    value: object

    @property
    def given(self) -> bool:
        """Whether there was a value."""
        return self.value is not MISSING


@dataclass(frozen=True, slots=True)
class Alignment:
    """A reading of one node's values: what was taken for each place, and what was left over at the end."""

    taken: tuple[Taken, ...]
    surplus: tuple[object, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether values and places are equally many."""
        return not self.surplus and all(each.given for each in self.taken)

    @property
    def prompted(self) -> Iterator[Taken]:
        """The places that go to the prompt."""
        return (each for each in self.taken if each.place.kind is Kind.VALUE)


Take = Callable[[Place], object]


def align(definition: ClassDefinition, values: Sequence[object], style: Style) -> Alignment:
    """Read a list by position."""
    rest = list(reversed(values))

    def take(place: Place) -> object:
        if not rest or (place.kind is Kind.CONTROL and style.lazy_controls and not is_control(rest[-1])):
            return MISSING
        return rest.pop()

    taken: list[Taken] = []
    for each in _walk(definition, style, take):
        taken.append(each)
        if style.extra_controls and rest and _is_stray_control(taken, rest[-1]):
            taken.append(Taken(Place(CONTROL_NAME, Kind.CONTROL, each.place.spec), rest.pop()))
    kept = [each for each in taken if each.given or not (style.lazy_controls and each.place.kind is Kind.CONTROL)]
    return Alignment(tuple(kept), tuple(reversed(rest)))


def align_named(definition: ClassDefinition, values: Mapping[str, object]) -> Alignment:
    """Read values by name. Names that belong to no widget are left out."""
    return Alignment(tuple(_walk(definition, Style(), lambda place: values.get(place.name, MISSING))))


CONTROL_NAME = "control_after_generate"


def is_control(value: object) -> bool:
    """Return whether this may stand in the place of a control. Very old files had true and false there."""
    return value is None or control_of(value) is not None


def control_of(value: object) -> str | None:
    """Return the control mode a value stands for, or None."""
    if isinstance(value, bool):
        return "randomize" if value else "fixed"
    return value if isinstance(value, str) and value in CONTROL_WORDS else None


def is_widget(spec: InputSpec) -> bool:
    """Return whether an input has a widget whose value goes to the prompt."""
    return spec.kind in _WIDGETS and spec.options.get("forceInput") is not True


def has_control(spec: InputSpec) -> bool:
    """Return whether a control follows the value: where it is flagged, or by the names every editor knows."""
    flag = spec.options.get(CONTROL_NAME)
    if spec.kind == "INT" and spec.name.rpartition(".")[2] in ("seed", "noise_seed"):
        return flag is not False
    return bool(flag) and spec.kind in ("INT", "FLOAT", "COMBO")


def _walk(definition: ClassDefinition, style: Style, take: Take) -> Iterator[Taken]:
    if definition.name == "CustomCombo":
        yield from _custom_combo(take)
        return
    yield from _walk_inputs([spec for spec in definition.inputs if spec.required], style, take)
    if style.early_upload:
        yield from _uploads(definition, style, take)
    yield from _walk_inputs([spec for spec in definition.inputs if not spec.required], style, take)
    if not style.early_upload:
        yield from _uploads(definition, style, take)


def _walk_inputs(inputs: Iterable[InputSpec], style: Style, take: Take) -> Iterator[Taken]:
    pending = list(inputs)[::-1]
    while pending:
        spec = pending.pop()
        value: object = MISSING
        for place in _places(spec, style):
            found = take(place)
            value = found if place.kind is Kind.VALUE else value
            yield Taken(place, found)
        if spec.kind == DYNAMIC_COMBO:
            chosen = spec.default if value is MISSING or value is None else value
            pending.extend(reversed(branches(spec).get(chosen, ()) if isinstance(chosen, str) else ()))
        elif spec.kind == DYNAMIC_GROUP:
            count = take(Place(spec.name, Kind.ASIDE, spec))
            yield Taken(Place(spec.name, Kind.ASIDE, spec), count)
            rows = range(min(count, _MOST_ROWS)) if isinstance(count, int) else ()
            pending.extend(field for row in reversed(rows) for field in reversed(row_fields(spec, row)))


def _places(spec: InputSpec, style: Style) -> Iterator[Place]:
    """Yield the places one input takes, members of dynamic inputs not included."""
    if spec.options.get("forceInput") is True:
        if style.dummies and spec.kind in _WIDGETS:
            yield Place(spec.name, Kind.EMPTY, spec)
            if has_control(spec):
                yield Place(CONTROL_NAME, Kind.ASIDE, spec)
        return
    if spec.kind in _PREVIEWS and style.previews:
        yield Place(spec.name, Kind.EMPTY, spec)
    if spec.kind not in _WIDGETS or spec.kind == DYNAMIC_GROUP:
        return
    yield Place(spec.name, Kind.VALUE, spec)
    if has_control(spec):
        yield Place(CONTROL_NAME, Kind.CONTROL, spec)
    yield from (Place(name, Kind.ASIDE, spec) for name in _asides(spec))


def _asides(spec: InputSpec) -> Iterator[str]:
    if spec.kind == "BOUNDING_BOX":
        yield from ("x", "y", "width", "height")
    if spec.kind != "COMBO":
        return
    if has_control(spec):
        yield "control_filter_list"
    remote = spec.options.get("remote")
    if remote:
        yield "auto-refresh"
        if isinstance(remote, Mapping) and remote.get("refresh_button"):
            yield "refresh"


def _uploads(definition: ClassDefinition, style: Style, take: Take) -> Iterator[Taken]:
    """Yield the places of what the editor adds to the declared inputs."""
    for spec in definition.inputs:
        is_audio = spec.name == "audio" and bool(spec.options.get("audio_upload"))
        if is_audio or (spec.required and any(spec.options.get(flag) for flag in _UPLOADS)):
            if is_audio and style.previews and definition.name.startswith(_AUDIO_PLAYERS):
                player = Place("audioUI", Kind.EMPTY, spec)
                yield Taken(player, take(player))
            button = Place("upload", Kind.ASIDE, spec)
            yield Taken(button, take(button))
            return


def _custom_combo(take: Take) -> Iterator[Taken]:
    """CustomCombo's options are made in the editor: ``option1`` to ``optionN``, as many as there are values."""
    for name, kind in (("choice", "COMBO"), ("index", "INT")):
        place = Place(name, Kind.VALUE, InputSpec(name, kind))
        yield Taken(place, take(place))
    for number in range(1, _MOST_ROWS):
        place = Place(f"option{number}", Kind.VALUE, InputSpec(f"option{number}", "STRING"))
        value = take(place)
        if value is MISSING:
            return
        yield Taken(place, value)


def _is_stray_control(taken: Sequence[Taken], following: object) -> bool:
    last = taken[-1]
    is_number = last.place.kind is Kind.VALUE and last.place.spec.kind in ("INT", "FLOAT")
    return is_number and isinstance(following, str) and following in CONTROL_WORDS
