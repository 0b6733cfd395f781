"""Where steps run: in threads, or inline on the loop."""

from graphrun.executors.inline import InlineExecutor
from graphrun.executors.threads import ThreadExecutor

__all__ = ["InlineExecutor", "ThreadExecutor"]
