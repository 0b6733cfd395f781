"""What the faulty service answers next. Pure: knows requests and answers, no sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from graphrun.providers.offline_rules import Heard
from graphrun.testing.answer import Answer
from graphrun.testing.connections import CutUpload

Chooser = Callable[[Heard, int], Answer]


class Script:
    """Answers by prompt first, then in order of arrival, then ``answer``, or what it returns, for all others.

    Each prompt has its own answers, used up in order like ``answers``; a request that finds its own used up goes on.
    """

    def __init__(
        self,
        answers: Iterable[Answer],
        prompts: Mapping[str, Iterable[Answer]],
        answer: Answer | Chooser,
    ) -> None:
        self._queue = deque(answers)
        self._prompts = {prompt: deque(own) for prompt, own in prompts.items()}
        self._otherwise = answer

    def cut_upload(self) -> CutUpload | None:
        """Use up the next answer in order of arrival if it is a cut of the upload, and return it."""
        if self._queue and isinstance(self._queue[0], CutUpload):
            self._queue.popleft()
            return CutUpload()
        return None

    def choose(self, heard: Heard, number: int) -> Answer:
        """Return the answer to an accepted request. ``number`` counts those from 1."""
        for queue in (self._prompts.get(heard.text("prompt", "")), self._queue):
            if queue:
                return queue.popleft()
        return self._otherwise if isinstance(self._otherwise, Answer) else self._otherwise(heard, number)
