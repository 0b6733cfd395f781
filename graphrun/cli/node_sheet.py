"""The sheet of one node class: its inputs with types, limits and defaults, its outputs, an example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from graphrun.cli.node_example import example_lines, literal, options_of
from graphrun.kernel.node_types import MISSING, Autogrow, DynamicCombo, Input, NodeType

_OPTIONS_SHOWN = 24


def sheet_lines(node_type: NodeType) -> Iterator[str]:
    """Yield the lines of the sheet."""
    title = f' "{node_type.display_name}"' if node_type.display_name not in ("", node_type.name) else ""
    yield f"{node_type.name}{title}"
    yield ", ".join(_traits(node_type))
    yield from ["", *node_type.help.splitlines()] if node_type.help else []
    yield from ["", "Inputs:"]
    yield from _table(_input_entries(node_type.inputs)) if node_type.inputs else ["  none"]
    if node_type.takes_undeclared:
        yield "  and any others, under names of their own"
    yield from ["", "Outputs:"]
    yield from _table(_output_entries(node_type)) if node_type.outputs else ["  none"]
    yield from ["", "Example:", *(f"  {line}" for line in example_lines(node_type))]


def _traits(node_type: NodeType) -> Iterator[str]:
    yield f"in {node_type.category}" if node_type.category else "in no category"
    yield f"pack {node_type.pack}"
    if node_type.output_node:
        yield "an output: it runs without being asked for"
    if node_type.list_input:
        yield "gets whole lists in one call"
    if node_type.api_node:
        yield "calls an image service"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a table: what it is about, its type, what there is to say, at a depth; and the help below.

    One without a type is a heading and takes the whole width.
    """

    name: str
    type: str = ""
    remark: str = ""
    help: str = ""
    depth: int = 0


def _table(entries: Iterable[_Entry]) -> Iterator[str]:
    rows = list(entries)
    names = max(len(row.name) + 2 * row.depth for row in rows if row.type)
    types = max(len(row.type) for row in rows)
    for row in rows:
        indent = "  " * row.depth
        yield f"  {indent}{row.name:{names - len(indent)}}  {row.type:{types}}  {row.remark}".rstrip()
        yield from (f"  {' ' * names}  {line}" for line in row.help.splitlines())


def _output_entries(node_type: NodeType) -> Iterator[_Entry]:
    for number, output in enumerate(node_type.outputs):
        yield _Entry(f"{number} {output.name}", output.type, "a list, spread over the reader's calls" * output.is_list)


def _input_entries(inputs: Iterable[Input]) -> Iterator[_Entry]:
    """Yield an entry per input, members of dynamic ones below their root under their full names."""
    pending: list[tuple[Input | str, int]] = [(declared, 0) for declared in reversed(tuple(inputs))]
    while pending:
        current, depth = pending.pop()
        if isinstance(current, str):
            yield _Entry(current, depth=depth)
            continue
        yield _Entry(_name_of(current), _type_of(current), "; ".join(_facts(current)), current.help, depth)
        pending.extend((each, depth + 1 + isinstance(each, Input)) for each in reversed(_members(current)))


def _members(root: Input) -> list[Input | str]:
    """Return what an input brings along: under each choice its further inputs."""
    match root.dynamic:
        case DynamicCombo(options=options):
            return [line for members, choices in _alike(options) for line in _choice(root.name, choices, members)]
    return []


def _alike(options: Mapping[str, tuple[Input, ...]]) -> list[tuple[tuple[Input, ...], list[str]]]:
    """Put choices together that bring the same inputs; leave out those that bring none."""
    groups: list[tuple[tuple[Input, ...], list[str]]] = []
    for choice, members in options.items():
        same = next((choices for known, choices in groups if known == members), None)
        if same is not None:
            same.append(choice)
        elif members:
            groups.append((members, [choice]))
    return groups


def _choice(root: str, choices: Iterable[str], members: Iterable[Input]) -> Iterator[Input | str]:
    yield f"with {' or '.join(map(literal, choices))}:"
    yield from (replace(member, name=f"{root}.{member.name}") for member in members)


def _type_of(declared: Input) -> str:
    if isinstance(declared.dynamic, DynamicCombo):
        return "COMBO"
    return declared.dynamic.template.type if isinstance(declared.dynamic, Autogrow) else declared.type


def _name_of(declared: Input) -> str:
    if not isinstance(declared.dynamic, Autogrow):
        return declared.name
    names = declared.dynamic.names
    return f"{declared.name}.{names[0]} … {names[-1]}"


def _facts(declared: Input) -> Iterator[str]:
    if isinstance(declared.dynamic, Autogrow):
        least = declared.dynamic.minimum if declared.dynamic.template.required else 0
        yield f"the first {least} required" if least else "optional"
        yield f"up to {len(declared.dynamic.names)}"
        return
    yield "required" if declared.required else f"optional{_default(declared)}"
    if options := options_of(declared):
        more = f" and {len(options) - _OPTIONS_SHOWN} more" if len(options) > _OPTIONS_SHOWN else ""
        yield f"one of {', '.join(map(literal, options[:_OPTIONS_SHOWN]))}{more}"
    yield from _limits(declared)
    if declared.widget.default is not MISSING and declared.widget.default != declared.default:
        yield f"the editor starts with {literal(declared.widget.default)}"
    if declared.widget.file:
        yield "a file name in the input folder"
    if declared.widget.linked:
        yield "a link"
    if declared.lazy:
        yield "read only if needed"


def _default(declared: Input) -> str:
    return f", default {literal(declared.default)}" if declared.default not in (MISSING, None) else ""


def _limits(declared: Input) -> Iterator[str]:
    match declared.minimum, declared.maximum:
        case None, None:
            pass
        case low, None:
            yield f"at least {low}"
        case None, high:
            yield f"at most {high}"
        case low, high:
            yield f"{low} to {high}"
    if declared.widget.step is not None:
        yield f"in steps of {declared.widget.step}"
