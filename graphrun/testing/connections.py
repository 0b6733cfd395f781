"""Answers that are fine, or would be, on connections that aren't: cut, reset, silent, slow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from graphrun.testing.answer import Answer, Asked
from graphrun.testing.good import Good
from graphrun.testing.replies import Reply, Stage, Stop


@dataclass(frozen=True, kw_only=True)
class CutConnection(Answer):
    """The connection ends where ``when`` says, although ``of`` was to be answered; the picture was made and is charged.

    "before": not a byte is answered. "headers", "during": in the middle of the headers, of the body. "after": the whole
    answer arrives, and the connection, which promised to stay, is closed. ``reset`` ends it with a TCP reset.
    """

    when: Stage = "before"
    reset: bool = False
    of: Answer = field(default_factory=Good)

    def make(self, asked: Asked) -> Reply:
        """Return the answer with its early end."""
        return replace(self.of.reply(asked), stop=Stop(self.when, "reset" if self.reset else "close"))


@dataclass(frozen=True, kw_only=True)
class CutUpload(Answer):
    """The connection is reset while the request's body is still being sent, so the service can't have done anything.

    Takes the next request that arrives, whatever it asks: nobody knows that yet. So it stands in ``answers=[...]``
    only. A body of several megabytes fails in the client's write, a small one when the client waits for the answer.
    """

    def make(self, asked: Asked) -> Reply:
        """Refuse: this request has been read to its end."""
        raise TypeError("CutUpload comes too late for a request that was read: give it in answers=[...]")


@dataclass(frozen=True, kw_only=True)
class Hang(Answer):
    """The service falls silent on an open connection where ``when`` says, until the client or the service stops."""

    when: Stage = "before"
    of: Answer = field(default_factory=Good)

    def make(self, asked: Asked) -> Reply:
        """Return the answer with its silence."""
        return replace(self.of.reply(asked), stop=Stop(self.when, "hang"))


@dataclass(frozen=True, kw_only=True)
class Drip(Answer):
    """``of`` arrives, headers too, in pieces of ``piece`` bytes with ``pause`` seconds between them."""

    piece: int = 1
    pause: float = 0.01
    of: Answer = field(default_factory=Good)

    def make(self, asked: Asked) -> Reply:
        """Return the answer in slow motion."""
        return replace(self.of.reply(asked), piece=self.piece, pause=self.pause)
