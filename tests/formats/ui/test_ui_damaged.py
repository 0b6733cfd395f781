"""Damaged editor files load as far as they can, or are refused with reasons: no traceback, no hanging, no glut."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from time import process_time

import pytest
from mutations import damaged

import graphrun
from graphrun.errors import WorkflowError
from graphrun.formats import dump_api

pytestmark = pytest.mark.corpus

COUNT = int(os.environ.get("GRAPHRUN_TEST_MUTATIONS", "300"))
"""How many damaged files are tried."""

LONGEST = 2.0
"""Seconds of the processor's time: other programs don't count."""

LARGEST_MB = 500


def editor_files(corpus: Path) -> list[Path]:
    """Return the editor files of the corpus."""
    folders = ("openai-examples", "openai-templates", "core-only", "format-only")
    files = [path for folder in folders for path in sorted((corpus / folder).glob("*.json"))]
    return [path for path in files if not path.name.endswith("api.json") and path.name != "node-definitions.json"]


def test_damaged_files_never_end_in_a_traceback(corpus: Path) -> None:
    """Each is planned, or refused with problems, in two seconds and 500 MB at most."""
    documents = [json.loads(path.read_text()) for path in editor_files(corpus)]
    engine = graphrun.Engine()
    before = _megabytes()
    for seed in range(COUNT):
        document = damaged(documents[seed % len(documents)], seed)
        started = process_time()
        _load_and_plan(document, engine)
        assert process_time() - started < LONGEST, f"mutation {seed} takes too long"
    assert _megabytes() - before < LARGEST_MB


def _load_and_plan(document: object, engine: graphrun.Engine) -> None:
    text = json.dumps(document).encode(errors="replace")
    try:
        workflow = graphrun.load(text)
    except WorkflowError as error:
        refusal = error
    else:
        json.dumps(dump_api(workflow))
        engine.plan(workflow)
        return
    assert refusal.problems
    assert str(refusal)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
