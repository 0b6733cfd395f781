"""Workflow files: whatever holds a ComfyUI workflow → `Workflow`, and back to the API format.

source reads bytes · media and lookalikes recognise what is no text or no workflow · json_text and yaml parse ·
detect finds the graph · api and values read it. Nothing here knows which node classes exist.
"""

from graphrun.formats.api import dump_api
from graphrun.formats.load import load

__all__ = ["dump_api", "load"]
