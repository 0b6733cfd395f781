"""Decides which reading of ``widgets_values`` is the right one (workflow-formats.md, 3.3.4), or that none is.

Lists are longer or shorter than the class of today wants, hold dummies and placeholders of older editors, or lack
control words. Each habit is a `Style`; a reading is believed only if the values suit the widgets they fall on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from graphrun.formats.ui.definitions import DYNAMIC_COMBO, ClassDefinition, branches
from graphrun.formats.ui.positions import Alignment, Kind, Style, Taken, align, is_control

_PLAIN = Style()
_LAZY = Style(lazy_controls=True)
# Tried in this order, where the plain reading does not come out even. The first that fits, whole and clean, is taken.
_HABITS = (
    Style(previews=True),
    Style(dummies=True),
    Style(dummies=True, previews=True),
    Style(early_upload=True),
    Style(early_upload=True, dummies=True, previews=True),
)
_STRAY = Style(extra_controls=True)


@dataclass(frozen=True, slots=True)
class Placed:
    """The reading that was chosen. From ``doubtful`` on, values can't be placed with certainty: a count of places."""

    alignment: Alignment
    doubtful: int | None = None

    @property
    def certain(self) -> bool:
        """Whether every value has its place."""
        return self.doubtful is None


def place(definition: ClassDefinition, values: Sequence[object], recorded: ClassDefinition | None = None) -> Placed:
    """Choose a reading of a list. ``recorded`` is the class as the file itself lists it, for when ours doesn't fit."""
    plain = align(definition, values, _PLAIN)
    if plain.exact and _clean(plain) and not _junk_controls(plain):
        return Placed(plain)
    better = _first_clean(definition, values, recorded)
    if better is None and not (plain.exact and _fits(plain)):
        better = _first_even(definition, values)
    if better is not None:
        return Placed(better)
    unknown = _behind_unknown_option(plain)
    if unknown is not None and not plain.exact:
        return Placed(plain, unknown)
    return _judge_controls(definition, values, plain) if _junk_controls(plain) else _repaired(definition, values, plain)


def suits(taken: Taken) -> bool:
    """Return whether a value is of its widget's type. An option that isn't in the list is another matter."""
    value = taken.value
    if not taken.given or value is None:
        return True
    match taken.place.spec.kind:
        case "INT" | "FLOAT":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "BOOLEAN":
            return isinstance(value, bool)
        case "STRING" | "MARKDOWN" | "TEXTAREA" | "COLOR":
            return isinstance(value, str)
        case "COMBO":
            return not isinstance(value, dict)
    return True


def _is_option(taken: Taken) -> bool:
    spec = taken.place.spec
    choices = tuple(branches(spec)) if spec.kind == DYNAMIC_COMBO else spec.choices
    return not choices or not taken.given or taken.value is None or taken.value in choices


def _fits(alignment: Alignment) -> bool:
    return all(suits(taken) for taken in alignment.prompted)


def _clean(alignment: Alignment) -> bool:
    """Whether all values suit their widgets, options and placeholders included."""
    return all(suits(taken) and _is_option(taken) for taken in alignment.prompted) and _in_place(alignment)


def _in_place(alignment: Alignment) -> bool:
    """Whether the places of previews and buttons hold what editors write there."""
    return all(
        taken.value in (None, "") or taken.place.spec.options.get("forceInput") is True
        for taken in alignment.taken
        if taken.place.kind is Kind.EMPTY and taken.given
    )


def _junk_controls(alignment: Alignment) -> bool:
    return any(
        taken.place.kind is Kind.CONTROL and taken.given and not is_control(taken.value) for taken in alignment.taken
    )


def _first_clean(
    definition: ClassDefinition, values: Sequence[object], recorded: ClassDefinition | None
) -> Alignment | None:
    """Return the first reading of an older editor that leaves nothing to doubt."""
    even = (reading for reading in _older_readings(definition, values, recorded) if reading.exact)
    return next((reading for reading in even if _clean(reading) and not _junk_controls(reading)), None)


def _first_even(definition: ClassDefinition, values: Sequence[object]) -> Alignment | None:
    """Return the one older reading whose types and places suit, though a value is no listed option.

    A model or a file that this machine lacks says nothing about where the other values belong.
    """
    readings = [align(definition, values, style) for style in _HABITS]
    suiting = [each for each in readings if each.exact and _fits(each) and _in_place(each) and not _junk_controls(each)]
    meant = [[(taken.place.name, taken.value) for taken in each.prompted] for each in suiting]
    return suiting[0] if suiting and all(each == meant[0] for each in meant) else None


def _older_readings(
    definition: ClassDefinition, values: Sequence[object], recorded: ClassDefinition | None
) -> Iterator[Alignment]:
    for style in _HABITS:
        yield align(definition, values, style)
    if recorded is not None:
        yield align(recorded, values, _STRAY)


def _behind_unknown_option(plain: Alignment) -> int | None:
    """Return the first place behind an option of a dynamic combo that nobody knows: nor which widgets it brings."""
    for index, taken in enumerate(plain.taken):
        if taken.place.spec.kind == DYNAMIC_COMBO and not _is_option(taken):
            return index + 1
    return None


def _judge_controls(definition: ClassDefinition, values: Sequence[object], plain: Alignment) -> Placed:
    """A place for a control word holds something else: junk, or a list without controls. The other values tell."""
    without = align(definition, values, _LAZY)
    if _clean(plain) != _clean(without):
        return Placed(plain if _clean(plain) else without)
    if _fits(plain) and _fits(without):
        return Placed(plain if plain.exact else without)
    if _fits(plain) or _fits(without):
        return Placed(plain if _fits(plain) else without)
    return Placed(plain, _first_place(plain, lambda taken: taken.place.kind is Kind.CONTROL and not _sound(taken)))


def _repaired(definition: ClassDefinition, values: Sequence[object], plain: Alignment) -> Placed:
    """A short list lacks inputs that came later, a long one has leftovers at its end; if the rest suits."""
    if _fits(plain):
        return Placed(plain)
    stray = align(definition, values, _STRAY)
    if _clean(stray):
        return Placed(stray)
    if plain.exact:  # evenly many: what doesn't suit is the plan's to report, at its widget
        return Placed(plain)
    return Placed(plain, _first_place(plain, lambda taken: not _sound(taken)))


def _sound(taken: Taken) -> bool:
    if taken.place.kind is Kind.CONTROL:
        return not taken.given or is_control(taken.value)
    return taken.place.kind is not Kind.VALUE or suits(taken)


def _first_place(alignment: Alignment, faulty: Callable[[Taken], bool]) -> int:
    return next((index for index, taken in enumerate(alignment.taken) if faulty(taken)), 0)
