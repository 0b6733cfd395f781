"""Nodes that decide: which branch runs, what is true, which of some choices it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from graphrun import Autogrow, Input, Lazy, Matte, Named, NodePack, Pictures, Socket, Widget

pack = NodePack("builtin")

Branch = Annotated[Any, Lazy()]
AnyOutput = Annotated[Any, Named("output")]
Truths = Annotated[Mapping[str, Any], Autogrow.numbered(Input(name="value"), "value", minimum=1)]


def chosen_branch(arguments: Mapping[str, object]) -> Sequence[str]:
    """Ask for the branch the switch is set to, if anything is linked to it. The other one never runs."""
    name = "on_true" if arguments["switch"] else "on_false"
    return [name] if name in arguments else []


def linked_branch(arguments: Mapping[str, object]) -> Sequence[str]:
    """Ask for the branch the switch is set to, or for the only one that is linked."""
    names = ("on_true", "on_false") if arguments["switch"] else ("on_false", "on_true")
    return [name for name in names if name in arguments][:1]


@pack.node(
    "ComfySwitchNode", display_name="If/Else Switch", category="utilities/logic", cheap=True, needs=chosen_branch
)
def comfy_switch_node(switch: bool, on_false: Branch = None, on_true: Branch = None) -> AnyOutput:
    """Pass on one of two values. What leads to the other one does not run, nor cost anything."""
    return on_true if switch else on_false


@pack.node("ComfySoftSwitchNode", category="utilities/logic", cheap=True, needs=linked_branch)
def comfy_soft_switch_node(switch: bool, on_false: Branch = None, on_true: Branch = None) -> AnyOutput:
    """Pass on one of two values, or the only one that is linked, however the switch is set."""
    chosen, other = (on_true, on_false) if switch else (on_false, on_true)
    if chosen is None and other is None:
        raise ValueError("neither on_true nor on_false brings a value: link at least one of them")
    return other if chosen is None else chosen


@pack.node("ComfyNotNode", display_name="Not", category="utilities/logic", cheap=True)
def comfy_not_node(value: Any) -> bool:
    """Turn the truth of any value around: nothing, 0 and what is empty are false."""
    return not truth(value)


@pack.node("ComfyAndNode", display_name="And", category="utilities/logic", cheap=True)
def comfy_and_node(values: Truths) -> bool:
    """Whether all values are true."""
    return all(map(truth, values.values()))


@pack.node("ComfyOrNode", display_name="Or", category="utilities/logic", cheap=True)
def comfy_or_node(values: Truths) -> bool:
    """Whether any value is true."""
    return any(map(truth, values.values()))


def truth(value: object) -> bool:
    """Return the truth of a value as Python has it. Raises for pictures and masks of more than one number."""
    return bool(value.tensor() if isinstance(value, Pictures | Matte) else value)


@pack.node("ComfyPassOrNoneNode", display_name="Pass or None", category="utilities/logic", cheap=True)
def comfy_pass_or_none_node(
    anything: Any = None, default: Any = None
) -> tuple[AnyOutput, Annotated[bool, Named("is_none")]]:
    """Pass a value on, or a default where there is none; and tell whether there was none."""
    return default if anything is None else anything, anything is None


@pack.node("InvertBooleanNode", category="utilities/logic", cheap=True)
def invert_boolean_node(boolean: bool) -> bool:
    """Turn true into false, and false into true."""
    return not boolean


@pack.node("CustomCombo", display_name="Custom Combo", category="utilities", cheap=True)
def custom_combo(
    choice: Annotated[str, Socket("COMBO")], index: Annotated[int, Widget(default=0)], **options: object
) -> tuple[str, Annotated[int, Named("INDEX")]]:
    """Hold one of some choices that the workflow itself lists, and which one it is."""
    return choice, index


@pack.node("ConvertStringToComboNode", category="utilities", cheap=True)
def convert_string_to_combo_node(string: str) -> Annotated[str, Socket("COMBO")]:
    """Let a text be linked where one of some choices is wanted."""
    return string
