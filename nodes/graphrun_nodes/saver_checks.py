"""What can be said of a saver before anything runs: where its files would go, and whether they can be written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from graphrun import Complaint, Folders, PathError
from graphrun_nodes.saved_names import save_path


def check_prefix(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a prefix that leaves the output folder; its size and date are not known yet and don't matter."""
    prefix = arguments.get("filename_prefix")
    if isinstance(prefix, str):
        try:
            save_path(prefix, folders.output, 0, 0, datetime.now())
        except PathError as error:
            yield Complaint("filename_prefix", str(error))
    yield from check_output(arguments, folders)


def check_output(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of an output folder that can't be written."""
    return _unwritable(folders, "output")


def check_temp(arguments: Mapping[str, object], folders: Folders) -> Iterable[Complaint]:
    """Complain of a temp folder that can't be written."""
    return _unwritable(folders, "temp")


def _unwritable(folders: Folders, folder: str) -> Iterable[Complaint]:
    if reason := folders.why_not_writable(folder):
        yield Complaint("images", f"can't be saved: {reason}; choose another folder with --output-dir", "invalid_path")
