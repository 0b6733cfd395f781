"""What a node would ask of an image service, as far as that is known before the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from graphrun.providers.base import ImageRequest
from graphrun.providers.model_table import abilities_of


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, without its pictures and words. None stands for what only the run will tell.

    A parameter that is absent is not sent; one that is None is sent with a value still unknown. ``references`` counts
    the pictures to edit: 0 makes it a generation, None an edit of an unknown number. ``prompt_length`` counts
    characters. ``request`` is the very request, where all of it is known.
    """

    model: str
    parameters: Mapping[str, str | int | None] = field(default_factory=dict)
    count: int | None = 1
    references: int | None = 0
    masked: bool = False
    prompt_length: int | None = None
    request: ImageRequest | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, request: ImageRequest) -> Self:
        """Return what a request asks; nothing of it is unknown."""
        return cls(
            request.model,
            dict(request.parameters),
            request.count,
            len(request.images),
            request.mask is not None,
            len(request.prompt),
        )

    @property
    def editing(self) -> bool:
        """Whether it goes to the edits endpoint, else to that for generations."""
        return self.references != 0

    @property
    def counts(self) -> tuple[int, int]:
        """From how many pictures to how many may come back."""
        return (1, abilities_of(self.model).most) if self.count is None else (self.count, self.count)

    @property
    def reference_counts(self) -> tuple[int, int]:
        """From how many reference pictures to how many may be sent."""
        if self.references is not None:
            return self.references, self.references
        rules = abilities_of(self.model).references
        return 1, rules.most if rules else 1
