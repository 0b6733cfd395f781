"""Every exception graphrun raises on purpose, and the problem a plan reports.

GraphrunError
├── WorkflowError        the workflow can't be run as written; nothing has run (.problems)
│   └── FileFormatError  the file isn't a workflow that can be read (.path)
├── LimitError           a limit the user set refuses the run, or one of its calls (.nodes)
├── UsageError           a call names a node, input, class or option that isn't there
├── PackError            a node pack can't be loaded (.pack)
├── PathError            a name leaves its folder, or nothing is there
├── PictureError         bytes that are no picture we can read
├── NodeError            a node raised; its own exception is the cause (.node_id, .class_type, .title)
├── RunError             a finished run had failures and the caller asked to be told by exception (.failures)
├── ProviderError        an image service refused or failed (.status, .code, .request_id, .answer_path)
├── LedgerError          the record of paid calls can't be read or written
├── Uncacheable          a value has no canonical form, so its step has no key
├── ValueNotKept         the run did not keep this value; ask for it with keep=
└── Stopped              the run was stopped before this could finish
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


def node_label(node_id: str, class_type: str | None, title: str | None) -> str:
    """Name a node as a person knows it: ``10 "OpenAI GPT Image 1" (OpenAIGPTImage1)``."""
    name = f' "{title}"' if title and title != class_type else ""
    return f"{node_id}{name} ({class_type})" if class_type else f"{node_id}{name}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a workflow, or one of its outputs, from running.

    ``type`` is ComfyUI's error code (reference comfyui-execution.md, 4.3), or one of ours where ComfyUI had a
    raw exception: ``missing_link_source``, ``bad_slot``, ``unknown_input``, ``file_not_found`` and the like.
    ``place`` is ``file:line:column`` where the workflow's form has lines.
    """

    type: str
    message: str
    node_id: str | None = None
    class_type: str | None = None
    title: str | None = None
    input: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        where = [self.place] if self.place else []
        if self.node_id is not None:
            where.append(node_label(self.node_id, self.class_type, self.title))
        if self.input:
            where.append(self.input)
        return ": ".join([*where, self.message])


class GraphrunError(Exception):
    """Base of every exception graphrun raises on purpose."""


class WorkflowError(GraphrunError):
    """The workflow can't be run as written. Nothing has run and nothing was paid."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FileFormatError(WorkflowError):
    """The file isn't a workflow that can be read. ``.path`` is the file, if there was one."""

    def __init__(self, problems: Iterable[Problem], path: Path | None = None) -> None:
        self.path = path
        super().__init__(problems)


class LimitError(GraphrunError):
    """A limit the user set refuses the run, and nothing has run; or it refuses a call, and that was not sent.

    ``.nodes`` are the ids of the nodes it is about, where it refuses the run.
    """

    def __init__(self, message: str, nodes: Sequence[str] = ()) -> None:
        self.nodes = tuple(nodes)
        super().__init__(message)


class UsageError(GraphrunError):
    """A call names a node, an input, a class or an option that isn't there."""


class PackError(GraphrunError):
    """A node pack can't be loaded, or two packs claim one name."""

    def __init__(self, pack: str, message: str) -> None:
        self.pack = pack
        super().__init__(f"node pack {pack!r}: {message}")


class PathError(GraphrunError):
    """A file name leaves the folder it belongs to, or names nothing in it."""


class PictureError(GraphrunError):
    """The bytes are no picture that can be read whole."""


class NodeError(GraphrunError):
    """A node raised. Its own exception is ``__cause__``."""

    def __init__(self, node_id: str, class_type: str, title: str | None, message: str) -> None:
        self.node_id = node_id
        self.class_type = class_type
        self.title = title
        self.message = message
        super().__init__(f"{node_label(node_id, class_type, title)}: {message}")


class RunError(GraphrunError):
    """A finished run had failures or refused outputs, and ``raise_for_failures()`` was called."""

    def __init__(self, failures: Sequence[NodeError], problems: Sequence[Problem] = ()) -> None:
        self.failures = tuple(failures)
        self.problems = tuple(problems)
        super().__init__("\n".join(str(fault) for fault in [*self.failures, *self.problems]))


class ProviderError(GraphrunError):
    """An image service refused, failed, or answered with something unreadable.

    ``maybe_billed`` is True unless the call was certainly free: an answer that was lost on the way may have
    been paid for (openai-images.md, section 5). ``answer_path`` is where the raw answer was stored, if one came;
    ``call_id`` is the call's number in the ledger.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        maybe_billed: bool = False,
        answer_path: Path | None = None,
        call_id: int | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.maybe_billed = maybe_billed
        self.answer_path = answer_path
        self.call_id = call_id
        super().__init__(message)

    def recorded(self, call_id: int, remark: str, answer_path: Path | None = None) -> ProviderError:
        """Return the same error as that of a recorded call, with a remark on what to do about it."""
        return ProviderError(
            f"{self}{'' if str(self).endswith(('.', '!', '?')) else '.'} {remark}" if remark else str(self),
            status=self.status,
            code=self.code,
            request_id=self.request_id,
            retry_after=self.retry_after,
            maybe_billed=self.maybe_billed,
            answer_path=answer_path,
            call_id=call_id,
        )


class LedgerError(GraphrunError):
    """The record of paid calls, or an answer in it, can't be read or written. Nothing is bought without it."""


class Uncacheable(GraphrunError):
    """A value has no canonical form, so the step that reads it has no cache key and always runs."""


class ValueNotKept(GraphrunError):
    """The run did not keep this node's values. Ask for them with ``keep=[...]``."""


class Stopped(GraphrunError):
    """The run was stopped before this could finish."""
