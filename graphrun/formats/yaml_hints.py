"""Says what to do about a YAML syntax error, where the parser only says what it stumbled over."""

from __future__ import annotations

from itertools import islice

import yaml

from graphrun.errors import FileFormatError
from graphrun.formats.origin import Mark, Origin

_HINTS = (
    ("invalid Unicode character escape", "write the character itself"),
    ("characters are not allowed", "remove the character, or write it as \\x.. in double quotes"),
    ("mapping values are not allowed", "quote a text that has ': ' in it, as in prompt: \"a: b\""),
    ("while scanning a quoted scalar", "close the quotes, and write \\ as \\\\ in double quotes"),
    ("while scanning a directive", "quote a text that starts with %"),
    ("while scanning an anchor", "quote a text that starts with &"),
    ("while scanning an alias", "quote a text that starts with *"),
    ("while parsing a tag", "quote a text that starts with !"),
    ("while scanning a tag", "quote a text that starts with !"),
    ("while parsing a flow", "close the bracket, and quote a text that starts with [ or {"),
    ("expected <document start>", "quote a text that starts with a special character"),
    ("while scanning a simple key", "a line lacks its ':', or its indentation is off"),
    ("while parsing a block", "look at the indentation of this line and the ones before it"),
)


def syntax_refusal(error: yaml.YAMLError, text: str, origin: Origin) -> FileFormatError:
    """Return the refusal for a syntax error, with its place and a remedy."""
    mark = _mark(error, text)
    said = ", ".join(part for part in (getattr(error, "context", None), _reason(error)) if part)
    return origin.refusal("bad_yaml", f"not YAML: {said}; {_hint(said, _character_at(text, mark))}", mark)


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


def _hint(said: str, character: str) -> str:
    if character == "\t":
        return "indent with spaces, not tabs"
    if "cannot start any token" in said:
        return f"quote a text that starts with {character}"
    return next((hint for clue, hint in _HINTS if clue in said), "quote the text, or look at the indentation")


def _mark(error: yaml.YAMLError, text: str) -> Mark:
    if isinstance(error, yaml.reader.ReaderError):
        return text.count("\n", 0, error.position) + 1, error.position - text.rfind("\n", 0, error.position)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _character_at(text: str, mark: Mark) -> str:
    line = next(islice(text.splitlines(), mark[0] - 1, None), "")
    return line[mark[1] - 1 : mark[1]]
