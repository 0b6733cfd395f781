"""A program that matches one regular expression, so that whoever started it can end it.

Standard input holds the request as JSON, standard output gets ``{"value": …}`` or ``{"error": …}``. It is run by path,
apart from this package: only the standard library is there.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

MOST_MEMORY = 2**30  # bytes: a replacement may make much out of little
MOST_SECONDS = 60  # of work, should whoever started this be killed before ending it

Request = Mapping[str, object]


def answer(request: Request) -> dict[str, object]:
    """Return the value a request asks for, or what is wrong with its pattern or replacement."""
    flags = re.RegexFlag(int(str(request["flags"])))
    try:
        pattern = re.compile(str(request["pattern"]), flags)
        return {"value": _WORK[str(request["work"])](pattern, str(request["string"]), request)}
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"the result would take more than {MOST_MEMORY >> 20} MiB"}


def _matches(pattern: re.Pattern[str], string: str, request: Request) -> bool:
    return pattern.search(string) is not None


def _replaced(pattern: re.Pattern[str], string: str, request: Request) -> str:
    return pattern.sub(str(request["replace"]), string, count=int(str(request["count"])))


def _first_match(pattern: re.Pattern[str], string: str, request: Request) -> str:
    found = pattern.search(string)
    return found[0] if found else ""


def _all_matches(pattern: re.Pattern[str], string: str, request: Request) -> str:
    """Of a pattern with groups the first one counts, not the whole match."""
    group = 1 if pattern.groups else 0
    return "\n".join(match[group] or "" for match in pattern.finditer(string))


def _first_group(pattern: re.Pattern[str], string: str, request: Request) -> str:
    index = int(str(request["group_index"]))
    found = pattern.search(string) if index <= pattern.groups else None
    return (found[index] or "") if found else ""


def _all_groups(pattern: re.Pattern[str], string: str, request: Request) -> str:
    """A group that took no part in a match is left out."""
    index = int(str(request["group_index"]))
    if not pattern.groups or index > pattern.groups:
        return ""
    found = (match[index] for match in pattern.finditer(string))
    return "\n".join(text for text in found if text is not None)


_WORK: dict[str, Callable[[re.Pattern[str], str, Request], object]] = {
    "Matches": _matches,
    "Replace": _replaced,
    "First Match": _first_match,
    "All Matches": _all_matches,
    "First Group": _first_group,
    "All Groups": _all_groups,
}


def main() -> None:
    """Answer the request on standard input."""
    with suppress(ImportError, OSError, ValueError):  # not every system has such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
