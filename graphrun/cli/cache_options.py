"""How a run is to use the cache, as it was typed: ``--no-cache``, ``--cached-only``, ``--refresh [NODE]``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from typer.core import TyperCommand

from graphrun.errors import UsageError
from graphrun.options import RunOptions

_EVERYTHING = "*"  # not the empty word: `--refresh "$NODE"` with nothing in it must not buy everything again


class RefreshCommand(TyperCommand):
    """A command whose ``--refresh`` may stand without its value, which Typer can't declare."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a call."""
        return super().parse_args(ctx, _spelled_out(args))


def cache_options(*, no_cache: bool, cached_only: bool, refresh: Sequence[str]) -> RunOptions:
    """Return the options of the engine. Raises UsageError where they contradict each other."""
    for other, given in (("--cached-only", cached_only), ("--refresh", refresh)):
        if no_cache and given:
            raise UsageError(f"--no-cache and {other} contradict each other: leave one of them out")
    return RunOptions(
        cache="off" if no_cache else "only" if cached_only else "normal",
        refresh="all" if _EVERYTHING in refresh else refresh,
    )


def _spelled_out(words: Sequence[str]) -> list[str]:
    """Give each bare ``--refresh`` its value."""
    return [
        f"--refresh={_EVERYTHING}" if word == "--refresh" and _is_no_node(after) else word
        for word, after in zip_longest(words, words[1:], fillvalue="-")
    ]


def _is_no_node(word: str) -> bool:
    """Whether a word after ``--refresh`` is an option or the FILE: ``run --refresh fox.json`` means what it says."""
    return word.startswith("-") or os.path.isfile(word)  # noqa: PTH113 - Path's raises where a title is too long
