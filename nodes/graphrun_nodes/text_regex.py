"""Nodes that look for regular expressions, each in a process of its own with limited time.

A short pattern can keep Python's matcher busy for years, and while it matches nothing else of the program runs: neither
a clock nor another thread can end it. A process can be killed. It takes a fiftieth of a second to start; the refused
alternative, a matching engine that can be interrupted, would differ from Python's in what it matches.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from graphrun import Named, NodePack, Widget
from graphrun_nodes import regex_worker
from graphrun_nodes.inputs import Multiline

pack = NodePack("builtin")

LONGEST = 10.0  # seconds for one match or replacement

IgnoreCase = Annotated[bool, Widget(default=True)]
Off = Annotated[bool, Widget(default=False)]
Mode = Literal["First Match", "All Matches", "First Group", "All Groups"]


class BadPattern(ValueError):
    """A pattern or replacement that can't be read."""


@pack.node("RegexMatch", display_name="Match Text", category="text")
def regex_match(
    string: Multiline, regex_pattern: Multiline, case_insensitive: IgnoreCase, multiline: Off, dotall: Off
) -> Annotated[bool, Named("matches")]:
    """Whether a regular expression matches anywhere in a text. One that can't be read matches nothing."""
    flags = _flags(case_insensitive, multiline, dotall)
    try:
        return bool(match({"work": "Matches", "pattern": regex_pattern, "string": string, "flags": flags}))
    except BadPattern:
        return False


@pack.node("RegexExtract", display_name="Extract Text", category="text")
def regex_extract(
    string: Multiline,
    regex_pattern: Multiline,
    mode: Mode,
    case_insensitive: IgnoreCase,
    multiline: Off,
    dotall: Off,
    group_index: Annotated[int, Field(ge=1, le=100), Widget(default=1)],
) -> str:
    """Take what a regular expression matches out of a text, once or wherever it does, a line each."""
    flags = _flags(case_insensitive, multiline, dotall)
    request = {"work": mode, "pattern": regex_pattern, "string": string, "flags": flags, "group_index": group_index}
    try:
        return str(match(request))
    except BadPattern:
        return ""


@pack.node("RegexReplace", display_name="Replace Text (Regex)", category="text")
def regex_replace(
    string: Multiline,
    regex_pattern: Multiline,
    replace: Multiline,
    case_insensitive: IgnoreCase = True,
    multiline: Off = False,
    dotall: Off = False,
    count: Annotated[int, Field(ge=0, le=100), Widget(default=0)] = 0,
) -> str:
    r"""Replace what a regular expression matches, the first count times or, with 0, always. \1 is its first group."""
    flags = _flags(case_insensitive, multiline, dotall)
    request = {"work": "Replace", "pattern": regex_pattern, "string": string, "flags": flags}
    return str(match({**request, "replace": replace, "count": count}))


def _flags(case_insensitive: bool, multiline: bool, dotall: bool) -> int:
    chosen = re.IGNORECASE * case_insensitive | re.MULTILINE * multiline | re.DOTALL * dotall
    return int(chosen)


def match(request: Mapping[str, object], seconds: float = LONGEST) -> object:
    """Have `regex_worker` answer a request. Raises BadPattern, and TimeoutError where that takes too long."""
    try:
        found = _answer(json.dumps(request), seconds)
    except subprocess.TimeoutExpired:
        pattern = str(request["pattern"])
        raise TimeoutError(
            f"the pattern {pattern!r:.80} took more than {seconds:g} seconds: write it without repetitions in "
            "repetitions, such as (a+)+"
        ) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"regular expressions are matched in a second Python, and that failed: {error}") from error
    if "error" in found:
        raise BadPattern(f"regex_pattern or replace can't be used: {found['error']}")
    return found["value"]


def _answer(request: str, seconds: float) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(regex_worker.__file__))],
        input=request,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=True,
        start_new_session=True,  # Ctrl-C lets what runs finish, so it must not reach the worker
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer
