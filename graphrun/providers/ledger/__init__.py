"""The record of paid calls: what was asked, how far it came, the raw answers. No cache: it outlives every one."""

from graphrun.providers.ledger.answers import Place
from graphrun.providers.ledger.book import Ledger, Pruned, Said
from graphrun.providers.ledger.calls import SERVING, Call, Draft, IllegalTransition, State, TakenBy, Verdict
from graphrun.providers.ledger.reports import Account, CostOf, Spending, Sum, spending

__all__ = [
    "SERVING",
    "Account",
    "Call",
    "CostOf",
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
