"""Which of the two texts of a file is run (workflow-formats.md, 4.6). Pure.

| the file has | what is run |
| --- | --- |
| one that can be read | that one |
| both, and they agree | the prompt: it needs no conversion; the document goes along into saved pictures |
| both, and they differ | the one that is preferred, by default the workflow: what its author wants to be run |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from graphrun.formats.carriers.agreement import difference
from graphrun.formats.carriers.embedded import Embedded

Carried = Literal["workflow", "prompt"]
"""The editor's document, as its author last saved it; or the API graph, which made this very picture."""


@dataclass(frozen=True, slots=True)
class Choice:
    """JSON text in a form that any workflow file may have, and what the user is to be told."""

    text: str
    warnings: tuple[str, ...] = ()


def choose(embedded: Embedded, preferred: Carried = "workflow") -> Choice | None:
    """Return what is run, or None where the file has nothing that can be."""
    prompt, workflow = embedded.prompt, embedded.workflow
    if prompt is None or workflow is None:
        text = workflow if prompt is None else prompt
        return Choice(text, _lost(embedded, preferred)) if text is not None else None
    differs = difference(json.loads(prompt), json.loads(workflow))
    if differs is None:
        return Choice(f'{{"prompt": {prompt}, "workflow": {workflow}}}')
    # A prompt goes alone then: pictures it makes must not carry a document that makes others.
    told = {
        "workflow": "the workflow is run, as its author last saved it",
        "prompt": "the prompt is run, which made it",
    }
    warning = f"this file's prompt and workflow aren't the same ({differs}); {told[preferred]}"
    return Choice(prompt if preferred == "prompt" else workflow, (warning,))


def _lost(embedded: Embedded, preferred: Carried) -> tuple[str, ...]:
    """Say where the user doesn't get what they might expect."""
    used = "workflow" if embedded.prompt is None else "prompt"
    if embedded.damaged:
        return (f"this file's {embedded.damaged[0]} is damaged and can't be read; its {used} is run",)
    if preferred == "prompt" and used == "workflow":
        return ("this file carries no prompt; its workflow is run",)
    return ()
