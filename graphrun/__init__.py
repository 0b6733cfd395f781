"""Run saved ComfyUI-style workflow files without ComfyUI: from a shell, from cron, or inside another program.

Heavy modules (torch, numpy, Pillow, httpx) are loaded when a run first needs them, never by importing this.
"""

from graphrun.errors import (
    FileFormatError,
    GraphrunError,
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
    Shown,
    Socket,
    Widget,
)
from graphrun.kernel.workflow import BoundFile, Link, Node, Workflow
from graphrun.packs import NodePack, Registry, installed_packs
from graphrun.providers.base import ImageAnswer, ImageRequest, ImageService, Upload

__all__ = [
    "Autogrow",
    "Blocked",
    "BoundFile",
    "CallResult",
    "Complaint",
    "DynamicCombo",
    "Expansion",
    "FileFormatError",
    "Folders",
    "GraphrunError",
    "Image",
    "ImageAnswer",
    "ImageRequest",
    "ImageService",
    "Input",
    "Lazy",
    "Link",
    "Mask",
    "Matte",
    "Named",
    "Node",
    "NodeError",
    "NodePack",
    "NodeType",
    "Output",
    "PackError",
    "PathError",
    "PictureError",
    "Pictures",
    "Problem",
    "ProviderError",
    "Registry",
    "RunContext",
    "RunError",
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
    "installed_packs",
    "lazy_import",
]
