"""Recognises texts that are often mistaken for a workflow, to say what they are (workflow-formats.md, 4.1 and 6)."""

from __future__ import annotations

import re

from graphrun.formats.origin import Origin

_LOOKALIKES = (
    (
        re.compile(r"\s*\Z"),
        "empty_file",
        "the file is empty",
    ),
    (
        re.compile(r"\s*(<!doctype html|<html)\b", re.IGNORECASE),
        "html_page",
        "this is a web page, not a workflow: the download gave an error or login page; download the file itself again",
    ),
    (
        re.compile(r"\s*<[?!a-zA-Z]"),
        "xml_document",
        "this is an XML document, not a workflow: the download may have given an error message; download it again",
    ),
    (
        re.compile(r"version https://git-lfs\.github\.com/spec/"),
        "lfs_pointer",
        "this is a Git LFS pointer, not the file it stands for; fetch that with `git lfs pull`",
    ),
    (
        re.compile(r"(?s)(?!\s*[{\[\"]).*^Steps: \d+, ", re.MULTILINE),
        "a1111_parameters",
        "these are generation settings of AUTOMATIC1111's web UI, not a workflow; graphrun has no graph to run",
    ),
)


def refuse_lookalikes(text: str, origin: Origin) -> None:
    """Raise FileFormatError where the text is something else that is well known."""
    for pattern, type, message in _LOOKALIKES:
        if pattern.match(text):
            raise origin.refusal(type, message)
