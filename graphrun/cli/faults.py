"""What a command raises, told to a person and as an exit code. No traceback unless it was asked for."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from graphrun.cli.exit_codes import NOTHING_RAN, REFUSED, SOME_FAILED, STOPPED
from graphrun.cli.stdout import OutputLost
from graphrun.errors import GraphrunError, LimitError, Problem, WorkflowError
from graphrun.sinks.voice import Voice
from graphrun.sinks.wording import problem_sentences


@contextmanager
def faults_told(voice: Voice, *, debug: bool) -> Iterator[None]:
    """Tell what a command raises and exit with its code."""
    try:
        yield
    except WorkflowError as error:
        for sentence in problem_sentences(error.problems):
            voice.error(sentence)
        raise typer.Exit(NOTHING_RAN) from None
    except GraphrunError as error:
        voice.error(str(error))
        raise typer.Exit(REFUSED if isinstance(error, LimitError) else NOTHING_RAN) from None
    except OutputLost as error:
        voice.error(str(error))
        raise typer.Exit(SOME_FAILED) from None
    except (KeyboardInterrupt, typer.Abort):  # the latter at a question
        raise typer.Exit(STOPPED) from None
    except typer.Exit:
        raise
    except Exception as error:
        if debug:
            voice.error("".join(traceback.format_exception(error)).rstrip())
        else:
            voice.error(_unexpected(error))
        raise typer.Exit(SOME_FAILED) from None


def _unexpected(error: Exception) -> str:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"unexpected {what}. This is a fault in graphrun or in a node pack; --debug shows where it happened"


def problems_of(error: GraphrunError) -> tuple[Problem, ...]:
    """Return the problems an error tells of; a wrong call is one too, and so is each node that a limit refuses."""
    if isinstance(error, WorkflowError):
        return error.problems
    if isinstance(error, LimitError):
        return tuple(Problem("limit", str(error), node_id) for node_id in error.nodes or [None])
    return (Problem("usage", str(error)),)
