"""Says what a pydantic model has against a document: each fault at its place, the nearest name for unknown keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from graphrun.errors import Problem
from graphrun.formats.document import Document
from graphrun.formats.origin import Origin
from graphrun.kernel.workflow import did_you_mean


def model_faults(
    error: ValidationError, model: type[BaseModel], type: str, origin: Origin, document: Document | None
) -> list[Problem]:
    """Return a problem of this type per fault. Without a document they have no place."""
    return [_problem(fault, model, type, origin, document) for fault in error.errors()]


def _problem(fault: Any, model: type[BaseModel], type: str, origin: Origin, document: Document | None) -> Problem:
    keys = [str(key) for key in fault["loc"] if not (isinstance(key, str) and "[" in key)]
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = f"there is no such setting{did_you_mean(keys[-1], _known(model, keys[:-1]))}"
    elif fault["type"] == "missing":
        message = "is missing"
    elif fault["type"] in ("dict_type", "model_type"):
        message = "write settings here, each as key: value"
    mark = document.mark(*keys) if document and keys else None
    return Problem(type, f"{'.'.join(keys)}: {message}" if keys else message, place=origin.place(mark))


def _known(model: type[BaseModel], keys: list[str]) -> list[str]:
    """Return the names of a model's fields, or of those of the model that is a field of it."""
    for key in keys:
        field = model.model_fields.get(key)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)
