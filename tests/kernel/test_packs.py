"""Packs and registries are values: filled, handed over, never global."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from graphrun.errors import PackError
from graphrun.packs import NodePack, Registry, installed_packs


def pack_of(name: str, *nodes: str) -> NodePack:
    """A pack with trivial nodes of these names."""
    pack = NodePack(name)
    for node in nodes:

        @pack.node(node, category=name)
        def function(value: int) -> int:
            return value

    return pack


def test_registering_leaves_the_function_as_it_was() -> None:
    """A node's function is called and tested with no engine in sight."""
    pack = NodePack("mine")

    @pack.node("Double", version=3, output_node=True)
    def double(value: int) -> int:
        return value * 2

    assert double(2) == 4
    (node_type,) = pack
    assert (node_type.name, node_type.pack, node_type.version, node_type.output_node) == ("Double", "mine", 3, True)
    assert node_type.function is double


def test_a_pack_refuses_a_name_twice() -> None:
    """The second one would hide the first."""
    with pytest.raises(PackError, match="'mine': two nodes are called A"):
        pack_of("mine", "A", "A")


def test_a_pack_may_be_made_of_others() -> None:
    """As a pack of several modules is; a name may still be there once only."""
    whole = pack_of("whole", "A")
    whole.include(pack_of("part", "B", "C"))
    assert [node_type.name for node_type in whole] == ["A", "B", "C"]
    with pytest.raises(PackError, match="two nodes are called C"):
        whole.include(pack_of("other", "C"))


def test_a_registry_finds_types_by_class_name() -> None:
    """In the order of the packs."""
    registry = Registry([pack_of("one", "A"), pack_of("two", "B")])
    assert list(registry) == ["A", "B"]
    assert registry["B"].pack == "two"
    assert len(registry) == 2
    assert "C" not in registry


def test_two_packs_may_not_claim_one_name() -> None:
    """Both are named."""
    with pytest.raises(PackError, match="'two': A is already in 'one'") as caught:
        Registry([pack_of("one", "A"), pack_of("two", "A")])
    assert caught.value.pack == "two"


def test_registries_share_nothing() -> None:
    """Two live in one process, each with its own A."""
    assert Registry([pack_of("one", "A")])["A"].pack == "one"
    assert Registry([pack_of("two", "A")])["A"].pack == "two"


def test_the_built_in_pack_is_found_as_any_other() -> None:
    """By its entry point, and importing it loads nothing heavy (rule 6)."""
    assert "SaveImage" in Registry(installed_packs())
    program = (
        "import sys, graphrun; graphrun.installed_packs();"
        "print(sorted({'torch', 'numpy', 'PIL', 'httpx'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_edit_of_a_pack_changes_its_keys_unless_its_versions_are_relied_on(tmp_path: Path) -> None:
    """An installed pack's source is in every key; the built-in pack's is not."""

    def sources(body: str) -> tuple[str, str]:
        file = tmp_path / "edited_pack.py"
        file.write_text(
            f"from graphrun import NodePack\npack = NodePack('p')\n@pack.node('N')\ndef n() -> int:\n    {body}\n"
        )
        specification = importlib.util.spec_from_file_location("edited_pack", file)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules["edited_pack"] = module
        try:
            specification.loader.exec_module(module)
            versioned = NodePack("p", versioned=True)
            versioned.include(module.pack)
            return Registry([module.pack])["N"].source, Registry([versioned])["N"].source
        finally:
            del sys.modules["edited_pack"]

    first, again, edited = sources("return 1"), sources("return 1"), sources("return 2")
    assert first == again
    assert first[0] != edited[0]
    assert first[1] == edited[1] == ""
