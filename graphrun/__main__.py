"""Starts the command line: ``graphrun``, and ``python -m graphrun``.

Ctrl-C counts while the commands are imported. The package itself Python imports before anything here can listen.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STOPPED = 130
"""128 and the number of SIGINT, as shells have it."""


def main() -> None:
    """Run the command line and exit with its code; stopped before a command listens to signals, with 130."""
    with _ended_by_ctrl_c():
        from graphrun.cli import main as run_command
    try:
        run_command()
    except KeyboardInterrupt:
        sys.exit(STOPPED)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """End at once and quietly while modules are imported: nothing has been begun by then.

    A KeyboardInterrupt would not do: raised inside of an import it may come out as another exception, or not at all.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as behind nohup
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(STOPPED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()
