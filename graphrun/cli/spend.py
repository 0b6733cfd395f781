"""``graphrun spend``: tells what was asked of paid services, and settles the calls of which nobody knows the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.faults import faults_told
from graphrun.cli.moments import parse_moment
from graphrun.cli.sizes import size_said
from graphrun.cli.spend_json import call_json, report_json
from graphrun.cli.spend_lines import call_lines, report_lines
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.errors import UsageError
from graphrun.providers.call_costs import cost_of
from graphrun.providers.ledger import Call, CostOf, Ledger, State
from graphrun.providers.model_data import ModelData
from graphrun.settings import settings_from_environment
from graphrun.sinks.wording import counted

spend = typer.Typer(name="spend", help="Look into the record of paid calls.", invoke_without_command=True)

Id = Annotated[int, typer.Argument(metavar="ID", help="The number of a call, as graphrun spend and errors tell it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@spend.callback()
def report(
    context: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only calls made since then: a date or an age, as 2026-11-01, 7d or 24h."),
    ] = None,
    json: Json = False,
    debug: options.Debug = False,
) -> None:
    """Tell what was asked of paid services and what it cost, by day, model and run, and what waits for a decision."""
    if context.invoked_subcommand is not None:
        return
    with _ledger(debug=debug) as ledger:
        start = None if since is None else parse_moment(since, "--since", time.time())
        calls = ledger.calls(since=start)
        # Older ones wait all the same.
        waiting = [call for call in ledger.calls() if call.waits]
        if json:
            put_json(report_json(calls, waiting, ledger.folder, start, _costs()))
        else:
            put("\n".join(report_lines(calls, waiting, ledger.folder, start, _costs())))


@spend.command()
def show(id: Id, json: Json = False, debug: options.Debug = False) -> None:
    """Tell all that is known of one call, and what an equal one would do now."""
    with _ledger(debug=debug) as ledger:
        call = ledger.call(id)
        standing = ledger.standing(call.draft.identity, call.draft.address)
        path = ledger.answer_path(call)
        if json:
            put_json(call_json(call, _costs()) | {"answer_path": path, "equal_call": equal_call(standing)})
        else:
            put("\n".join(call_lines(call, path, equal_call(standing), _costs())))


@spend.command()
def resolve(
    id: Id,
    charged: Annotated[
        bool,
        typer.Option("--charged/--not-charged", help="What the service's own usage page says. In doubt: charged."),
    ] = True,
    debug: options.Debug = False,
) -> None:
    """Note what became of a call of which nobody knew. After that, a run may send an equal request again."""
    with _ledger(debug=debug) as ledger:
        _check_resolvable(ledger.call(id))
        verdict = "charged" if charged else "not charged"
        ledger.resolve(id, "charged" if charged else "not charged")
        call = ledger.call(id)
        standing = ledger.standing(call.draft.identity, call.draft.address)
        put(f"call {id} is booked as {verdict}; an equal request {equal_call(standing)}")


@spend.command()
def prune(
    older_than: Annotated[
        str, typer.Option(metavar="WHEN", help="A date or an age, as 2026-11-01, 30d or 24h.")
    ] = "30d",
    debug: options.Debug = False,
) -> None:
    """Remove raw answers whose pictures were made long ago. The record of the calls stays."""
    with _ledger(debug=debug) as ledger:
        pruned = ledger.prune(parse_moment(older_than, "--older-than", time.time()))
        put(f"{size_said(pruned.bytes)} freed: the raw answers of {counted(pruned.calls, 'call')}; the record stays")


def equal_call(standing: Call | None) -> str:
    """Return what a run does with a request, by the call that decides about equal ones: ``is sent``."""
    match standing:
        case Call(state=State.INTENDED | State.SENT, id=id):
            return f"waits for call {id}, which another process is making"
        case Call(is_doubtful=True, id=id):
            return f"is not sent before call {id} is settled: graphrun spend resolve {id}"
        case Call(state=State.ANSWERED | State.DECODED, id=id, answer_kept=True):
            return f"is served from the answer of call {id} and costs nothing"
        case Call(state=State.DECODED, id=id):
            return f"is sent and paid again, unless the cache has its result: the answer of call {id} is not kept"
    return "is sent by the next run that asks for it"


def _costs() -> CostOf:
    """Return what tells the cost of a call. Raises UsageError for a price file that can't be used."""
    data = ModelData.load(settings_from_environment().prices)
    return lambda call: cost_of(call, data)


@contextmanager
def _ledger(*, debug: bool) -> Iterator[Ledger]:
    """Open the user's ledger, in which what killed processes left is settled first."""
    with faults_told(standard_error(), debug=debug):
        ledger = Ledger(settings_from_environment().ledger_folder())
        try:
            ledger.settle_dead()
            yield ledger
        finally:
            ledger.close()


def _check_resolvable(call: Call) -> None:
    """Raise UsageError where there is nothing to decide. A decision may be corrected."""
    if call.state in (State.INTENDED, State.SENT):
        raise UsageError(f"call {call.id} is being made by another process: wait until that one ends")
    if call.state is State.FAILED:
        raise UsageError(f"call {call.id} brought nothing, and an equal one may be sent: nothing to settle")
    if call.state is State.DECODED:
        raise UsageError(f"call {call.id} was charged and its pictures are there: nothing to settle")
