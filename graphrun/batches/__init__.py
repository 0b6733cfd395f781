"""Batches: one workflow, many rows of inputs, one engine.

job says what is wanted · axes and sources give the values · naming fills in templates · rows puts a row together ·
record and run_folder keep what became of each · runner runs them side by side. Knows no engine: what it needs of one
is the protocol `row_run.RowEngine`.
"""

from graphrun.batches.job import Job, Limits, read_job
from graphrun.batches.record import RowRecord, read_records
from graphrun.batches.row_run import RowResult

__all__ = ["Job", "Limits", "RowRecord", "RowResult", "read_job", "read_records"]
