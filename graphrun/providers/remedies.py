"""What to tell a user about a model that is gone or will be soon: when, and what to do about it. Pure."""

from __future__ import annotations

from datetime import date

from graphrun.providers.ask import Ask
from graphrun.providers.lifetimes import Dead, Dying, lifetime
from graphrun.providers.model_data import ModelData
from graphrun.providers.model_map import ModelMap


def remedy(ask: Ask, today: date, data: ModelData, model_map: ModelMap) -> str | None:
    """Return the sentence for a dead or dying model, or None where there is nothing to say.

    ``model_map`` is the one that ``--map-models`` would put in force; it is recommended only where it leads to a model
    that is not dead as well.
    """
    flag = _flag(ask, today, data, model_map)
    match lifetime(ask.model, today, data):
        case Dead(on):
            ways = f"{flag}, or choose a service that still has it" if flag else _OTHERWISE
            return f"OpenAI shut down {ask.model} on {on}: {ways}"
        case Dying(on, days):
            ways = f"{flag}, or choose another model before then" if flag else "choose another model before then"
            return f"OpenAI shuts down {ask.model} on {on}, {_in_days(days)}: {ways}"
    return None


_OTHERWISE = "choose another model, or a service that still has it"


def _flag(ask: Ask, today: date, data: ModelData, model_map: ModelMap) -> str:
    successor = model_map.translated_ask(ask).ask.model
    is_help = successor != ask.model and not isinstance(lifetime(successor, today, data), Dead)
    return f"add --map-models to use {successor} instead" if is_help else ""


def _in_days(days: int) -> str:
    return "tomorrow" if days == 1 else f"in {days} days"
