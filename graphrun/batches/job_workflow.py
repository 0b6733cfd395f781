"""Reads the workflow that a job names, in the way the job says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from graphrun.batches.job import Job
from graphrun.formats import load
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import Workflow
from graphrun.loading import definitions_of


def load_workflow(job: Job, types: Mapping[str, NodeType]) -> Workflow:
    """Return the workflow as it is now, read with the job's definitions, then ``types``. Raises FileFormatError."""
    if isinstance(job.workflow, Workflow):
        return job.workflow
    source = job.path(job.workflow) if isinstance(job.workflow, str | os.PathLike) else job.workflow
    dump = job.path(job.definitions) if job.definitions else None
    return load(source, definitions=definitions_of(types, dump), carried=job.carried)
