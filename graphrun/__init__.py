"""Run saved ComfyUI-style workflow files without ComfyUI: from a shell, from cron, or inside another program.

Heavy modules (torch, numpy, Pillow, httpx) are loaded when a run first needs them, never by importing this.
"""

from graphrun.batches import Job, RowRecord, RowResult
from graphrun.blocking import call, run
from graphrun.cache import Codec
from graphrun.engine import Engine
from graphrun.errors import (
    FileFormatError,
    GraphrunError,
    LimitError,
    NodeError,
    PackError,
    PathError,
    PictureError,
    Problem,
    ProviderError,
    RunError,
    Stopped,
    Uncacheable,
    UsageError,
    ValueNotKept,
    WorkflowError,
)
from graphrun.imaging import Image, Mask, Matte, Pictures
from graphrun.imaging.lazy import lazy_import
from graphrun.kernel.context import RunContext, StopSignal
from graphrun.kernel.events import Event
from graphrun.kernel.folders import Folders
from graphrun.kernel.node_types import (
    Autogrow,
    Blocked,
    CallResult,
    Complaint,
    DynamicCombo,
    Expansion,
    Input,
    Lazy,
    Named,
    NodeType,
    Output,
    RawLink,
    Shown,
    Socket,
    Widget,
)
from graphrun.kernel.signatures import input_of
from graphrun.kernel.workflow import BoundFile, Given, Link, Node, Workflow
from graphrun.loading import load
from graphrun.packs import NodePack, Registry, installed_packs
from graphrun.providers.ask import Ask
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService, Upload
from graphrun.providers.model_table import custom_size_fault
from graphrun.results import Artifact, NodeResult, RunResult
from graphrun.settings import Settings

__all__ = [
    "Artifact",
    "Ask",
    "Autogrow",
    "Blocked",
    "BoundFile",
    "CallResult",
    "Codec",
    "Complaint",
    "DynamicCombo",
    "Engine",
    "Event",
    "Expansion",
    "FileFormatError",
    "Folders",
    "Given",
    "GraphrunError",
    "Image",
    "ImageAnswer",
    "ImageRequest",
    "ImageService",
    "Input",
    "Job",
    "Lazy",
    "LimitError",
    "Link",
    "Mask",
    "Matte",
    "Named",
    "Node",
    "NodeError",
    "NodePack",
    "NodeResult",
    "NodeType",
    "Output",
    "PackError",
    "PathError",
    "PictureError",
    "Pictures",
    "Problem",
    "ProviderError",
    "RawLink",
    "Registry",
    "RowRecord",
    "RowResult",
    "RunContext",
    "RunError",
    "RunResult",
    "Settings",
    "Shown",
    "Socket",
    "StopSignal",
    "Stopped",
    "Uncacheable",
    "Upload",
    "UsageError",
    "ValueNotKept",
    "Widget",
    "Workflow",
    "WorkflowError",
    "call",
    "custom_size_fault",
    "input_of",
    "installed_packs",
    "lazy_import",
    "load",
    "run",
]
