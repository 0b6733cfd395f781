"""Annotations that the inputs of several nodes share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from graphrun import Socket, Widget

MAX_RESOLUTION = 16384

Side = Annotated[int, Field(ge=1, le=MAX_RESOLUTION), Widget(default=512)]
Offset = Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=0)]
FreeSide = Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=512)]
Seed = Annotated[int, Field(ge=0, le=2**64 - 1), Widget(default=0, seed=True)]
Count = Annotated[int, Field(ge=1, le=4096), Widget(default=1)]
Color = Annotated[str, Socket("COLOR")]
Box = Annotated[Any, Socket("BOUNDING_BOX")]
Boxes = Annotated[Any, Socket("BOUNDING_BOX", list_value=True)]
LinkedBoxes = Annotated[Boxes, Widget(linked=True)]
LinkedText = Annotated[str, Widget(linked=True)]
Multiline = Annotated[str, Widget(multiline=True)]
Prefix = Annotated[str, Widget(default="ComfyUI")]
