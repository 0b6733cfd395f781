"""The pack as a whole: what it declares, what importing it loads, and that no node changes what it is given."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from graphrun import Folders, NodeType, Pictures, RunContext
from graphrun.imaging import encode_png
from graphrun_nodes import pack

TYPES: dict[str, NodeType] = {node_type.name: node_type for node_type in pack}

# name: display name, category, flags, inputs (* required) in order, outputs
DECLARED = {
    "LoadImage": ("Load Image", "image", "", "image*", "IMAGE MASK"),
    "LoadImageMask": ("Load Image (as Mask)", "image", "", "image* channel*", "MASK"),
    "SaveImage": ("Save Image", "image", "output_node", "images* filename_prefix*", "images"),
    "PreviewImage": ("Preview Image", "image", "output_node", "images*", "images"),
    "ImageBatch": ("Batch Images (DEPRECATED)", "image/batch", "", "image1* image2*", "IMAGE"),
    "EmptyImage": ("", "image", "", "width* height* batch_size* color*", "IMAGE"),
    "ImageInvert": ("Invert Image", "image", "", "image*", "IMAGE"),
    "ImageScale": ("Upscale Image", "image/upscaling", "", "image* upscale_method* width* height* crop*", "IMAGE"),
    "SolidMask": ("Create Solid Mask", "image/mask", "", "value* width* height*", "MASK"),
    "InvertMask": ("", "image/mask", "", "mask*", "MASK"),
    "MaskComposite": ("Combine Masks", "image/mask", "", "destination* source* x* y* operation*", "MASK"),
    "ImageToMask": ("Convert Image to Mask", "image/mask", "", "image* channel*", "MASK"),
    "MaskToImage": ("Convert Mask to Image", "image/mask", "", "mask*", "IMAGE"),
    "ImageCompositeMasked": (
        "Image Composite Masked",
        "image/compositing",
        "",
        "destination* source* x* y* resize_source* mask",
        "IMAGE",
    ),
    "PrimitiveInt": ("Int", "utilities/primitive", "cheap", "value*", "INT"),
    "PrimitiveFloat": ("Float", "utilities/primitive", "cheap", "value*", "FLOAT"),
    "PrimitiveBoolean": ("Boolean", "utilities/primitive", "cheap", "value*", "BOOLEAN"),
    "PrimitiveString": ("String", "utilities/primitive", "cheap", "value*", "STRING"),
    "PrimitiveStringMultiline": ("String (Multiline)", "utilities/primitive", "cheap", "value*", "STRING"),
    "StringConcatenate": ("Concatenate Text", "text", "cheap", "string_a* string_b* delimiter*", "STRING"),
    "PreviewAny": ("Preview as Text", "utils", "output_node cheap", "source*", "STRING"),
}


@pytest.mark.parametrize("name", DECLARED)
def test_nodes_are_declared_as_the_reference_says(name: str) -> None:
    """Names, order of inputs, which are required, outputs, flags."""
    found = TYPES[name]
    inputs = " ".join(declared.name + "*" * declared.required for declared in found.inputs)
    flags = " ".join(flag for flag in ("output_node", "cheap") if getattr(found, flag))
    outputs = " ".join(output.name for output in found.outputs)
    assert (found.display_name, found.category, flags, inputs, outputs) == DECLARED[name]
    assert found.help


@pytest.mark.parametrize(
    ("address", "default", "minimum", "maximum"),
    [
        ("EmptyImage.width", 512, 1, 16384),
        ("EmptyImage.batch_size", 1, 1, 4096),
        ("EmptyImage.color", 0, 0, 16777215),
        ("ImageScale.width", 512, 0, 16384),
        ("SolidMask.value", 1.0, 0, 1),
        ("SolidMask.height", 512, 1, 16384),
        ("MaskComposite.y", 0, 0, 16384),
        ("ImageCompositeMasked.x", 0, 0, 16384),
        ("ImageCompositeMasked.resize_source", False, None, None),
        ("SaveImage.filename_prefix", "ComfyUI", None, None),
        ("StringConcatenate.delimiter", "", None, None),
    ],
)
def test_limits_and_the_editors_defaults(
    address: str, default: object, minimum: float | None, maximum: float | None
) -> None:
    """Defaults of required inputs belong to the editor: no function has them."""
    name, _, where = address.partition(".")
    found = TYPES[name].input(where)
    assert found is not None
    assert (found.widget.default, found.minimum, found.maximum) == (default, minimum, maximum)


def test_primitive_numbers_have_the_bounds_of_64_bits() -> None:
    """Exactly, though a float can't hold them; seeds change in the editor only."""
    found = TYPES["PrimitiveInt"].inputs[0]
    assert (found.minimum, found.maximum, found.widget.seed) == (-(2**63 - 1), 2**63 - 1, True)


def test_options_stand_in_the_order_of_the_reference() -> None:
    """The first is the editor's default."""
    options = {
        "ImageScale.upscale_method": ("nearest-exact", "bilinear", "area", "bicubic", "lanczos"),
        "ImageScale.crop": ("disabled", "center"),
        "ImageToMask.channel": ("red", "green", "blue", "alpha"),
        "MaskComposite.operation": ("multiply", "add", "subtract", "and", "or", "xor"),
    }
    for address, expected in options.items():
        name, _, where = address.partition(".")
        found = TYPES[name].input(where)
        assert found is not None
        assert found.options == expected


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
from graphrun_nodes.files import load_image, save_image
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


RGB, RGBA = torch.rand(2, 5, 6, 3), torch.rand(1, 4, 4, 4)
MASK, FLAT = torch.rand(2, 5, 6), torch.rand(5, 6)
CALLS = [
    ("ImageScale", {"image": RGB, "upscale_method": "lanczos", "width": 3, "height": 3, "crop": "center"}),
    ("ImageScale", {"image": RGB, "upscale_method": "bicubic", "width": 6, "height": 5, "crop": "disabled"}),
    ("ImageBatch", {"image1": RGB, "image2": RGBA}),
    ("ImageInvert", {"image": RGBA}),
    ("InvertMask", {"mask": MASK}),
    ("MaskToImage", {"mask": FLAT}),
    ("ImageToMask", {"image": RGB, "channel": "red"}),
    ("MaskComposite", {"destination": MASK, "source": FLAT, "x": 1, "y": 1, "operation": "add"}),
    ("MaskComposite", {"destination": FLAT, "source": FLAT, "x": 9, "y": 9, "operation": "xor"}),
    (
        "ImageCompositeMasked",
        {"destination": RGB, "source": RGBA, "x": 1, "y": 1, "resize_source": True, "mask": FLAT},
    ),
    ("SaveImage", {"images": RGB, "filename_prefix": "a"}),
    ("PreviewImage", {"images": RGBA}),
    ("PreviewAny", {"source": RGB}),
]


@pytest.mark.parametrize(("name", "arguments"), CALLS)
def test_no_node_changes_its_inputs(name: str, arguments: dict[str, object], context: RunContext) -> None:
    """Results are cached and shared: every tensor is the same before and after."""
    before = {key: value.clone() for key, value in arguments.items() if isinstance(value, torch.Tensor)}
    result = TYPES[name].call(arguments, replace(context, metadata={"prompt": {}}))
    assert len(result.slots) == len(TYPES[name].outputs)
    for key, value in before.items():
        assert torch.equal(arguments[key], value)


def test_nodes_that_take_tensors_get_them_from_pictures() -> None:
    """What travels as files becomes a tensor at the input that wants one, and stays a file at one that doesn't."""
    pictures = Pictures.from_files([encode_png(np.full((2, 2, 3), 51, dtype=np.uint8))])
    receive = TYPES["ImageInvert"].inputs[0].receive
    assert receive is not None
    assert torch.equal(receive(pictures)[..., :3], torch.full((1, 2, 2, 3), 0.2))
    assert TYPES["SaveImage"].inputs[0].receive is None
