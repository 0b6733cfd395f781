"""JSON text → document. Lenient where real files need it, exact about what a workflow can't have."""

from __future__ import annotations

import json
import re

from graphrun.errors import FileFormatError
from graphrun.formats.document import Dialect, Document, Repeated
from graphrun.formats.origin import Origin
from graphrun.formats.values import read_json_value

JSON = Dialect(read_json_value)

MAX_ENCODINGS = 2
"""How often JSON may be wrapped in a JSON string (workflow-formats.md, 0)."""

# One escape sequence of JSON text at a time, so that the `\\` in `\\ud83d` is not taken for the start of one.
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u[dD][89a-fA-F]..|.)", re.DOTALL)


def parse_json(text: str, origin: Origin) -> Document:
    """Return the parsed text; a string that holds JSON is parsed again, at most twice. Raises FileFormatError."""
    value = _parsed(text, origin)
    for _ in range(MAX_ENCODINGS):
        if not isinstance(value, str):
            break
        value = _parsed(value, origin)
    return Document(value, JSON)


def is_json_string(text: str) -> bool:
    """Return whether the text is one JSON string and nothing else. ``"1": {…}`` is not: that is YAML."""
    try:
        return isinstance(json.loads(text), str)
    except (ValueError, RecursionError):
        return False


def _parsed(text: str, origin: Origin) -> object:
    try:
        # NaN and Infinity pass here: ComfyUI writes them, and the input that holds one is named later (4.4).
        parsed: object = json.loads(_with_whole_characters(text), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise _not_json(error, origin) from None
    except RecursionError:
        raise origin.refusal("too_deep", "lists and objects are nested too deep to be a workflow") from None
    except ValueError:  # Python's guard against quadratic time
        raise origin.refusal("number_too_long", "a whole number has more than 4300 digits") from None
    return parsed


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else Repeated(pairs)


def _with_whole_characters(text: str) -> str:
    r"""Replace half a surrogate pair (``"\ud83d"``: an emoji cut in two) as browsers do: it has no UTF-8."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: "\\ufffd" if len(found[0]) == 6 else found[0], text)


def _not_json(error: json.JSONDecodeError, origin: Origin) -> FileFormatError:
    rest = error.doc[error.pos :].lstrip()
    if not rest:
        hint = "the text ends too early; was the file cut off?"
    elif rest[0] in "}]":
        hint = "a comma before a closing bracket must go"
    elif rest.startswith(("//", "/*", "#")):
        hint = "JSON has no comments"
    elif rest[0] == "'":
        hint = 'JSON writes text in double quotes "…"'
    elif error.msg == "Extra data":
        hint = "there is more after the end of the document"
    else:
        hint = "a text that starts with { or [ is read as JSON; for YAML, put --- on a line before it"
    return origin.refusal("not_json", f"not JSON: {error.msg}; {hint}", (error.lineno, error.colno))
