"""What differs between a step and an earlier result of its class, in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from graphrun.kernel.plan import Plan, Step
from graphrun.sinks.wording import one_line

_EARLIER = "the nearest earlier result"
_NAMES = {"service": "the image service", "source": "the code of its pack", "content": "the content of what it reads"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a key that differs, as `graphrun.outlook.Why` has it: its name, its text now and before."""

    name: str
    now: str | None
    before: str | None

    def sentence(self, step: Step, plan: Plan) -> str:
        """Say it: ``input seed is 8; the nearest earlier result had 7``."""
        kind, _, rest = self.name.partition(" ")
        if kind == "link":
            return self._link_sentence(rest, step, plan)
        what = _NAMES.get(kind) or one_line(self.name)
        if _is_digest(self.now) and _is_digest(self.before):
            return f"{what} is not what {_EARLIER} had"
        return f"{what} is {_shown(self.now, 'not set')}; {_EARLIER} had {_shown(self.before, 'none')}"

    def upstream(self, step: Step) -> str | None:
        """Return the node to ask about next: the one that gives another result than before, if it is one's doing."""
        kind, _, input = self.name.partition(" ")
        if kind != "link" or self.now is None or self.before is None or self._same_source:
            return None
        return step.links[input].node_id

    @property
    def _same_source(self) -> bool:
        """Whether a link reads another output of the same result: its text is ``output 1 of <key>``."""
        return (self.now or "").rpartition(" ")[2] == (self.before or "").rpartition(" ")[2]

    def _link_sentence(self, input: str, step: Step, plan: Plan) -> str:
        name = one_line(input)
        if self.now is None:
            return f"input {name} is not linked; in {_EARLIER} it was"
        label = one_line(plan.steps[step.links[input].node_id].label)
        if self.before is None:
            return f"input {name} is linked to {label}; in {_EARLIER} it was not"
        if self._same_source:
            return f"input {name} reads another output of {label}"
        return f"input {name} reads another result of {label}"


def _is_digest(text: str | None) -> bool:
    return text is not None and text.startswith("#")  # a text that was written out is in quotes


def _shown(text: str | None, nothing: str) -> str:
    if text is None:
        return nothing
    return "a longer value" if _is_digest(text) else one_line(text)
