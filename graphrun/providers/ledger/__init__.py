"""The record of paid calls: what was asked, how far it came, the raw answers. No cache: it outlives every one."""

from graphrun.providers.ledger.answers import Place
from graphrun.providers.ledger.book import Ledger, Pruned, Said
from graphrun.providers.ledger.calls import Call, Draft, IllegalTransition, State, TakenBy, Verdict
from graphrun.providers.ledger.reports import Account, Spending, Sum, spending

__all__ = [
    "Account",
    "Call",
    "Draft",
    "IllegalTransition",
    "Ledger",
    "Place",
    "Pruned",
    "Said",
    "Spending",
    "State",
    "Sum",
    "TakenBy",
    "Verdict",
    "spending",
]
