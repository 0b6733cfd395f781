"""Nodes that hold a number or a truth value."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphrun import NodePack, Widget

pack = NodePack("builtin")

LARGEST = 2**63 - 1


@pack.node("PrimitiveInt", display_name="Int", category="utilities/primitive", cheap=True)
def primitive_int(value: Annotated[int, Field(ge=-LARGEST, le=LARGEST), Widget(seed=True)]) -> int:
    """Hold a whole number."""
    return value


@pack.node("PrimitiveFloat", display_name="Float", category="utilities/primitive", cheap=True)
def primitive_float(value: Annotated[float, Field(ge=-LARGEST, le=LARGEST), Widget(step=0.1)]) -> float:
    """Hold a number."""
    return value


@pack.node("PrimitiveBoolean", display_name="Boolean", category="utilities/primitive", cheap=True)
def primitive_boolean(value: bool) -> bool:
    """Hold true or false."""
    return value
