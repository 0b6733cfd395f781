"""The widget values of one node, by name (workflow-formats.md, 3.3): by their saved names, else by position.

What can't be placed with certainty becomes a `Misread` that names the candidates: a value is never guessed.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graphrun.formats.ui.definitions import ClassDefinition, InputSpec
from graphrun.formats.ui.document import UiNode
from graphrun.formats.ui.lenient import as_list
from graphrun.formats.ui.placing import Placed, place
from graphrun.formats.ui.positions import (
    CONTROL_NAME,
    Alignment,
    Kind,
    Taken,
    align_named,
    control_of,
)
from graphrun.formats.ui.recorded import LORA_ROWS, named_rows, recorded_definition, recovered, without_asides
from graphrun.formats.values import MAX_DEPTH, TooDeepError, first_non_finite
from graphrun.kernel.node_types import MISSING
from graphrun.kernel.workflow import Misread


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Stands for values that were lost on the way to their node: which they could have been is in ``candidates``."""

    candidates: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Widgets:
    """What a node's widgets hold.

    ``values`` go to the prompt; ``controls`` are the modes of numbers the editor changes after a run; ``specs`` are
    the widgets that exist. ``unnamed`` are values nothing names, where the class has no definition.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)
    specs: Mapping[str, InputSpec] = field(default_factory=dict)
    unnamed: tuple[object, ...] = ()
    doubts: tuple[str, ...] = ()


def read_widgets(node: UiNode, definition: ClassDefinition | None) -> Widgets:
    """Return the values of a node's widgets. ``definition`` is its class, if anyone knows it."""
    if node.type == LORA_ROWS:
        values = {name: checked_value(value) for name, value in named_rows(as_list(node.values)).items()}
        return Widgets(values, specs={name: InputSpec(name) for name in values})
    if definition is None:
        return _undefined(node)
    if isinstance(node.values, Unplaced):
        return _lost(definition, node.values)
    named = _names_of(node)
    if named is None:
        return _by_position(node, definition)
    alignment = align_named(definition, named)
    if not any(taken.given for taken in alignment.prompted) and as_list(node.values):
        return _by_position(node, definition)
    return _by_name(node, definition, alignment, named)


def first_value(node: UiNode) -> object:
    """Return the value of a node's first widget, whatever its name; MISSING where it has none."""
    values = list(without_asides(node.named or {}).values()) if node.named else []
    listed = as_list(node.values)
    if listed:
        return listed[0]
    if isinstance(node.values, Mapping):
        values = list(without_asides(node.values).values()) or values
    return values[0] if values else MISSING


def checked_value(value: object) -> object:
    """Return a value as it is, or a Misread where no node can take it: NaN, infinity, nesting without end."""
    try:
        number = first_non_finite(value)
    except TooDeepError:
        return Misread(None, "too_deep", f"is nested more than {MAX_DEPTH} levels deep")
    if number is not None:
        return Misread(value, "invalid_input_type", f"{number} is not a number a node can take; write a finite one")
    return value


def _names_of(node: UiNode) -> Mapping[str, object] | None:
    """Return values that are saved by name, or None."""
    if node.named:
        return node.named
    by_name = isinstance(node.values, Mapping) and not as_list(node.values)
    return node.values if by_name and isinstance(node.values, Mapping) else None


def _by_name(node: UiNode, definition: ClassDefinition, alignment: Alignment, named: Mapping[str, object]) -> Widgets:
    """Names win. A name that is missing, since two widgets share it or the class is newer, is looked up by place."""
    placed = place(definition, as_list(node.values), recorded_definition(node)) if as_list(node.values) else None
    by_place = _values_by_place(placed) if placed and placed.certain else {}
    filled = [
        replace(taken, value=by_place.get(taken.place.name, MISSING)) if not taken.given else taken
        for taken in alignment.prompted
    ]
    modes = {**_controls(alignment.taken), **_single_control(alignment, named)}
    controls = {**modes, **(_controls(placed.alignment.taken) if placed and placed.certain else {})}
    doubts = [
        f"{taken.place.name} is {reprlib.repr(taken.value)} by name, but {reprlib.repr(other)} by position; "
        "the name was believed"
        for taken in alignment.prompted
        if taken.given and (other := by_place.get(taken.place.name, taken.value)) != taken.value
    ]
    return replace(_widgets(definition, filled), controls=controls, doubts=tuple(doubts))


def _by_position(node: UiNode, definition: ClassDefinition) -> Widgets:
    values = as_list(node.values)
    definition = _as_it_was(definition, values)
    placed = place(definition, values, recorded_definition(node))
    taken = placed.alignment.taken
    widgets = _widgets(definition, [each for each in taken if each.place.kind is Kind.VALUE])
    lost = dict(_doubtful(placed)) if placed.doubtful is not None else {}
    return replace(widgets, values={**widgets.values, **lost}, controls=_controls(taken))


def _as_it_was(definition: ClassDefinition, values: Sequence[object]) -> ClassDefinition:
    """OpenAIGPTImage1 once had ``moderation`` where ``model`` is now; the value tells (openai-images.md, 1.5)."""
    if definition.name != "OpenAIGPTImage1" or len(values) != 8 or values[7] not in ("low", "auto"):
        return definition
    early = ("prompt", "seed", "quality", "background", "size", "n", "image", "mask")
    kept = tuple(spec for spec in definition.inputs if spec.name in early)
    moderation = InputSpec("moderation", "COMBO", choices=("low", "auto"), required=False)
    return replace(definition, inputs=(*kept, moderation))


def _undefined(node: UiNode) -> Widgets:
    named = _names_of(node)
    if named is not None:
        values = {name: checked_value(value) for name, value in without_asides(named).items()}
        return Widgets(values, specs={name: InputSpec(name) for name in values})
    listed = as_list(node.values)
    candidates = node.values.candidates if isinstance(node.values, Unplaced) else tuple(listed)
    reading = recovered(node, listed) if listed else None
    if reading is None:
        return Widgets(unnamed=tuple(value for value in candidates if value is not None))
    values = {taken.place.name: checked_value(taken.value) for taken in reading.prompted}
    return Widgets(values, _controls(reading.taken), {taken.place.name: taken.place.spec for taken in reading.prompted})


def _widgets(definition: ClassDefinition, prompted: Sequence[Taken]) -> Widgets:
    left_out = _left_to_the_function(definition, prompted)
    values = {
        taken.place.name: checked_value(value)
        for taken in prompted
        if taken.place.name not in left_out and (value := _value(definition, taken)) is not MISSING
    }
    return Widgets(values, specs={taken.place.name: taken.place.spec for taken in prompted})


def _value(definition: ClassDefinition, taken: Taken) -> object:
    """Return a value as the editor would read it back: null is "not given", and some names were once longer."""
    spec = taken.place.spec
    if taken.given and taken.value is None and spec.kind == "COMBO" and spec.choices:
        return spec.choices[0]  # the editor reads null as the first option, whatever a new node starts with (3.3.5)
    if not taken.given or taken.value is None:
        return spec.default
    if taken.place.name == "sampler_name" and definition.name.startswith("KSampler") and isinstance(taken.value, str):
        return taken.value.removeprefix("sample_")
    return taken.value


def _left_to_the_function(definition: ClassDefinition, prompted: Iterable[Taken]) -> set[str]:
    """Return the missing inputs that stay missing.

    They came to the class after the file was written, and take the editor's defaults (3.3.4). But where a function
    of ours takes something else for an absent input, that is what the class did when the file was written: a picture
    made with gpt-image-1 must not come from another model unasked. What came together stays out together.
    """
    missing = {taken.place.name: taken.place.spec.default for taken in prompted if not taken.given}
    optional = [name for name in missing if name in definition.absent]
    changed = any(definition.absent[name] != missing[name] for name in optional if missing[name] is not MISSING)
    return set(optional) if changed else set()


def _values_by_place(placed: Placed) -> dict[str, object]:
    return {taken.place.name: taken.value for taken in placed.alignment.prompted if taken.given}


def _controls(taken: Iterable[Taken]) -> dict[str, str]:
    return {
        each.place.spec.name: mode
        for each in taken
        if each.place.kind is Kind.CONTROL and (mode := control_of(each.value)) is not None
    }


def _single_control(alignment: Alignment, named: Mapping[str, object]) -> dict[str, str]:
    """Return the mode of the one widget that has a control, under whichever name it was saved."""
    owners = [taken.place.spec.name for taken in alignment.taken if taken.place.kind is Kind.CONTROL]
    modes = [mode for name, value in named.items() if name in (value, CONTROL_NAME) if (mode := control_of(value))]
    return {owners[0]: modes[0]} if len(owners) == 1 and modes else {}


def _doubtful(placed: Placed) -> Iterator[tuple[str, Misread]]:
    rest = placed.alignment.taken[placed.doubtful or 0 :]
    candidates = (*(taken.value for taken in rest if taken.given), *placed.alignment.surplus)
    for taken in rest:
        if taken.place.kind is Kind.VALUE:
            yield taken.place.name, unplaced(candidates)


def _lost(definition: ClassDefinition, lost: Unplaced) -> Widgets:
    alignment = align_named(definition, {})
    specs = {taken.place.name: taken.place.spec for taken in alignment.prompted}
    return Widgets({name: unplaced(lost.candidates) for name in specs}, specs=specs)


def unplaced(candidates: Sequence[object]) -> Misread:
    """Return what stands for a value that may be any of several."""
    message = "the saved values don't fit this class's widgets, so which of them is meant can't be told"
    return Misread(list(candidates), "unplaced_value", f"{message}: {shown(candidates)}; set it")


def shown(values: Sequence[object]) -> str:
    """Return values as a message lists them: short."""
    return ", ".join(reprlib.repr(value) for value in values[:8]) + (", …" if len(values) > 8 else "")
