"""``graphrun nodes``: tells which node classes are installed and what each takes and gives."""

from __future__ import annotations

from typing import Annotated

import typer

from graphrun.cli import options
from graphrun.cli.completion import complete_classes
from graphrun.cli.faults import faults_told
from graphrun.cli.node_list import found_by, list_lines, markdown_lines
from graphrun.cli.node_sheet import sheet_lines
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put, put_json
from graphrun.errors import UsageError
from graphrun.formats import dump_definitions
from graphrun.kernel.node_types import NodeType
from graphrun.kernel.workflow import did_you_mean
from graphrun.packs import Registry, installed_packs

nodes = typer.Typer(name="nodes", help="Show the node classes that workflows can use.", no_args_is_help=True)


@nodes.command("list")
def list_nodes(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="Only classes with this word in name or help.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a table in Markdown.")] = False,
    debug: options.Debug = False,
) -> None:
    """List the installed node classes by category."""
    with faults_told(standard_error(), debug=debug):
        types = found_by(word, Registry(installed_packs()).values())
        if not types:
            raise UsageError(
                f"no installed node class has to do with {word!r}" if word else "no node pack is installed"
            )
        put("\n".join(markdown_lines(types) if markdown else list_lines(types)))


@nodes.command("show")
def show_node(
    name: Annotated[
        str, typer.Argument(metavar="CLASS", help="A node class, such as SaveImage.", autocompletion=complete_classes)
    ],
    debug: options.Debug = False,
) -> None:
    """Show what a node class takes and gives, with an example to copy."""
    with faults_told(standard_error(), debug=debug):
        types = Registry(installed_packs())
        put("\n".join(sheet_lines(_named(name, types))))


@nodes.command("object-info")
def object_info(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLASS]...", help="Default: every class.", autocompletion=complete_classes),
    ] = None,
    debug: options.Debug = False,
) -> None:
    """Print the definitions of node classes as JSON, in the shape of ComfyUI's /object_info."""
    with faults_told(standard_error(), debug=debug):
        types = Registry(installed_packs())
        put_json(dump_definitions([_named(name, types) for name in names] if names else types.values()))


def _named(name: str, types: Registry) -> NodeType:
    """Return the class of that name, in any case of letters, or with that display name. Raises UsageError."""
    if name in types:
        return types[name]
    found = [each for each in types.values() if name.casefold() in (each.name.casefold(), each.display_name.casefold())]
    if len(found) == 1:
        return found[0]
    known = [*types, *(each.display_name for each in types.values())]
    raise UsageError(
        f"no node class is called {name!r}{did_you_mean(name, known)} (`graphrun nodes list` shows what there is)"
    )
