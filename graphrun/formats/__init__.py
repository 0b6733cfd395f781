"""Workflow files: whatever holds a ComfyUI workflow → `Workflow`, and back to the API format or YAML.

source reads bytes · media and lookalikes recognise what is no text or no workflow · json_text and yaml parse ·
detect finds the graph · api, values and ui read it · api and dump_yaml write it, dump_slots and dump_certain say what
of it a form can hold. Which node classes exist is not known here: those who load
editor files pass `Definitions`.
"""

from graphrun.formats.api import dump_api
from graphrun.formats.carriers import Carried
from graphrun.formats.dump_yaml import dump_yaml
from graphrun.formats.load import load
from graphrun.formats.ui import Definitions, dump_definitions, object_info, read_dump, with_values

__all__ = [
    "Carried",
    "Definitions",
    "dump_api",
    "dump_definitions",
    "dump_yaml",
    "load",
    "object_info",
    "read_dump",
    "with_values",
]
