"""YAML as mappings, lists and texts, no key twice. For short files of facts, where a schema says what a text means.

Not for workflows: those come from strangers, and `graphrun.formats` reads them. Imports yaml: import this late.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml


class NotPlain(ValueError):
    """The text is no YAML, or says one thing twice. The message has the line."""


def read_plain_yaml(text: str) -> object:
    """Return the one document in the text, every scalar as it is written. Raises NotPlain.

    So 0.1 goes through no float on its way to a price, and no date or ``no`` is guessed at.
    """
    loader = yaml.BaseLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}
        _check_keys(root)
        return loader.construct_document(root)
    except (yaml.YAMLError, RecursionError) as error:
        raise NotPlain(f"no YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def _check_keys(root: yaml.Node) -> None:
    """Raise NotPlain for a repeated key: YAML would take the last one in silence."""
    for mapping in _mappings(root):
        seen = set[str]()
        for key in [key for key, _value in mapping.value if isinstance(key, yaml.ScalarNode)]:
            if key.value in seen:
                raise NotPlain(f"line {key.start_mark.line + 1} repeats the key {key.value!r}: keep one")
            seen.add(key.value)


def _mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Yield each mapping once, however many aliases lead there."""
    pending, known = [root], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in known:
            continue
        known.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            pending += [value for _key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pending += node.value
