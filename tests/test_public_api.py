"""The public face: what users may rely on, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from inspect import ismodule
from pathlib import Path

import pytest

import graphrun
import graphrun.imaging

HEAVY = ("torch", "numpy", "PIL", "httpx")


def test_exports_are_sorted_and_complete() -> None:
    """``__all__`` lists every public name, in order."""
    public = [name for name, value in vars(graphrun).items() if not name.startswith("_") and not ismodule(value)]
    assert graphrun.__all__ == sorted(public)


def test_imaging_exports_are_sorted_and_complete() -> None:
    """The same holds for the room that node authors use."""
    room = graphrun.imaging
    public = [name for name, value in vars(room).items() if not name.startswith("_") and not ismodule(value)]
    assert sorted(room.__all__) == sorted(public)


def test_every_public_name_is_documented() -> None:
    """Classes and functions have docstrings of their own."""
    named = {name: getattr(graphrun, name) for name in graphrun.__all__}
    bare = [name for name, value in named.items() if callable(value) and not value.__doc__]
    assert bare == []


def test_the_package_tells_type_checkers_it_is_typed() -> None:
    """``py.typed`` lies beside the code."""
    assert Path(graphrun.__file__).with_name("py.typed").exists()


@pytest.mark.parametrize(
    "program",
    [
        "import graphrun",
        "import graphrun_nodes",
        "import graphrun; graphrun.Engine().plan({'1': {'class_type': 'PreviewAny', 'inputs': {'source': 1}}})",
        "import graphrun; graphrun.load({'nodes': [{'id': 1, 'type': 'SaveImage', 'widgets_values': ['fox']}]})",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program: str) -> None:
    """Importing graphrun or the built-in nodes, and planning, load neither torch nor numpy, Pillow or httpx."""
    report = f"{program}\nimport sys\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_text_to_image_run_imports_neither_torch_nor_numpy(tmp_path: Path) -> None:
    """A provider's files go to the disk as they came: no tensor is ever made."""
    workflow = Path(__file__).parents[1] / "workflows" / "text-to-image.json"
    program = (
        "import sys, graphrun\n"
        f"result = graphrun.run({str(workflow)!r}, provider='offline', output_dir={str(tmp_path)!r})\n"
        "print(result.ok, [name for name in ('torch', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
