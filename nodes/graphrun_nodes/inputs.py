"""Annotations that the inputs of several nodes share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphrun import Widget

MAX_RESOLUTION = 16384

Side = Annotated[int, Field(ge=1, le=MAX_RESOLUTION), Widget(default=512)]
Offset = Annotated[int, Field(ge=0, le=MAX_RESOLUTION), Widget(default=0)]
