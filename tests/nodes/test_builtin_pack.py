"""The pack as a whole: what it declares, and what importing it loads."""

import subprocess
import sys

import numpy as np
import torch

from graphrun import Folders, NodeType, Pictures
from graphrun.imaging import encode_png
from graphrun_nodes import pack

TYPES: dict[str, NodeType] = {node_type.name: node_type for node_type in pack}


def test_primitive_numbers_have_the_bounds_of_64_bits() -> None:
    """Exactly, though a float can't hold them; seeds change in the editor only."""
    found = TYPES["PrimitiveInt"].inputs[0]
    assert (found.minimum, found.maximum, found.widget.seed) == (-(2**63 - 1), 2**63 - 1, True)


def test_what_only_holds_a_value_runs_on_the_loop() -> None:
    """A thread would cost more than the node."""
    assert all(node_type.cheap for name, node_type in TYPES.items() if name.startswith("Primitive"))


def test_importing_the_pack_loads_nothing_heavy() -> None:
    """A plan needs the node types, and no torch, numpy, Pillow or httpx (DESIGN, rule 6)."""
    program = "import sys, graphrun_nodes; print(sorted({'torch', 'numpy', 'PIL', 'httpx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_text_to_image_to_disk_never_loads_torch(folders: Folders) -> None:
    """A service's files are saved, and a picture file is loaded, in bytes and 8 bits."""
    program = f"""
import sys, zlib
from pathlib import Path
from graphrun import BoundFile, Folders, Pictures, RunContext
from graphrun_nodes.files import load_image
from graphrun_nodes.savers import save_image
from graphrun.imaging import encode_png
import numpy
file = encode_png(numpy.zeros((2, 2, 3), dtype=numpy.uint8))
root = Path({str(folders.input)!r})
context = RunContext(node_id="1", folders=Folders(input=root, output=root, temp=root))
image, mask = load_image(BoundFile("a", file), context)
save_image(image, "loaded", context)
save_image(Pictures.from_files([file]), "made", context)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(list(folders.input.iterdir())) == 2


def test_nodes_that_take_tensors_get_them_from_pictures() -> None:
    """What travels as files becomes a tensor at the input that wants one, and stays a file at one that doesn't."""
    pictures = Pictures.from_files([encode_png(np.full((2, 2, 3), 51, dtype=np.uint8))])
    receive = TYPES["ImageInvert"].inputs[0].receive
    assert receive is not None
    assert torch.equal(receive(pictures)[..., :3], torch.full((1, 2, 2, 3), 0.2))
    assert TYPES["SaveImage"].inputs[0].receive is None
