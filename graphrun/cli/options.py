"""The options that several commands share, so that each reads and helps the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from graphrun import formats
from graphrun.cli.completion import complete_inputs, complete_nodes

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="The workflow: a JSON or YAML file, or - for standard input.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NODE.INPUT=VALUE",
        help="Set an input; may be repeated. NODE is an id, a title or a class that only one node has.",
        autocompletion=complete_inputs,
    ),
]
BindFile = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        metavar="NODE.INPUT=PATH",
        help="Give a file from anywhere to an input, such as LoadImage's image; may be repeated.",
    ),
]
MaskOf = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="NODE=PATH|x,y,w,h",
        help="Give a LoadImage node's picture a mask: a box in pixels, or a mask picture of the same size, in which "
        "white is what is to be changed (or what is transparent, if anything is). The picture's file stays as it is; "
        "the alpha it has doesn't count. May be repeated; masks of one node add up.",
        autocompletion=complete_nodes,
    ),
]
Seed = Annotated[
    str,
    typer.Option(metavar="keep|random|N", help="Keep the seeds of the file, draw new ones, or set all to a number."),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NODE",
        help="Only make this node's result and what it needs; may be repeated. Default: every output.",
        autocompletion=complete_nodes,
    ),
]
Provider = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The image service: openai (needs OPENAI_API_KEY), comfy (COMFY_API_KEY), offline, a stand-in that draws "
        "placeholders, or a profile of your own (graphrun providers lists them).",
    ),
]
MapModels = Annotated[
    bool,
    typer.Option(
        "--map-models", help="Ask living models in place of those that are shut down, as near as their settings go."
    ),
]
StrictModels = Annotated[
    bool,
    typer.Option(
        "--strict-models",
        help="Refuse models that OpenAI shuts down within 60 days, or that nobody knows. Default: warn.",
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        metavar="USD|none",
        help="What it may cost in all: calls beyond that are refused, and what is finished is kept. "
        "Default: GRAPHRUN_MAX_COST, or 5.",
    ),
]
MaxImages = Annotated[
    str | None, typer.Option(metavar="N|none", help="How many pictures may be bought in all. Default: no limit.")
]
InputDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the workflow's files are. Default: input/ beside the workflow, or its folder."
    ),
]
OutputDir = Annotated[Path | None, typer.Option(metavar="DIR", help="Where results are saved. Default: output/ here.")]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where results are kept from run to run. Default: GRAPHRUN_CACHE_DIR, or the user's own."
    ),
]
Definitions = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="What ComfyUI answers to /object_info: names the values of classes that aren't installed."
    ),
]
CARRIED = get_args(formats.Carried)
_CARRIED: Any = typer.Option(
    metavar="|".join(CARRIED),
    help="Which to take of a picture that carries both: the editor's document, or the graph that made it.",
    autocompletion=lambda: list(CARRIED),
)
Carried = Annotated[str, _CARRIED]
CarriedOrAsTheJob = Annotated[str | None, _CARRIED]
TrustProfiles = Annotated[
    bool,
    typer.Option(
        "--trust-profiles",
        help="Let the graphrun.toml beside the workflow name addresses, keys and headers, as your own file may.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show Python's tracebacks of errors.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither look for earlier results nor keep new ones.")]


def _refresh(more: str = "") -> Any:
    told = f"Make this node's result again, and what depends on it; may be repeated. Without NODE: everything.{more}"
    return typer.Option(metavar="[NODE]", help=told, autocompletion=complete_nodes)


Refresh = Annotated[list[str] | None, _refresh()]
RefreshOfRows = Annotated[
    list[str] | None,
    _refresh(" Rows that this run has done stay as they are, and a call that rows share is bought once."),
]
CachedOnly = Annotated[
    bool, typer.Option("--cached-only", help="Call no paid service: what is not in the cache is refused.")
]
RetryUnknown = Annotated[
    bool,
    typer.Option(
        "--retry-unknown", help="Send paid calls again of which nobody knows whether they were billed the last time."
    ),
]
Events = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Write every event to this file, one JSON object a line.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Save pictures without the workflow they were made with.")
]
