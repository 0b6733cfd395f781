"""LoadImage → ImageInvert → SaveImage at 512² in a fresh process, beside a bare torch script that does the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROUNDS = 5

WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "in.png"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "out"}},
}

BARE = """
import numpy as np, torch
from PIL import Image
pixels = np.asarray(Image.open("in.png").convert("RGB")).astype(np.float32) / 255
inverted = 1 - torch.from_numpy(pixels)
Image.fromarray(np.clip(255 * inverted.numpy(), 0, 255).astype(np.uint8)).save("bare.png", compress_level=4)
"""


def seconds(command: list[str], folder: Path) -> float:
    """Return how long a command takes, the best of several."""

    def once() -> float:
        start = perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return perf_counter() - start

    return min(once() for _ in range(ROUNDS))


def report() -> None:
    """Print seconds from the start of the process to its end."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.linear_gradient("L").resize((512, 512)).convert("RGB").save(folder / "in.png")
        (folder / "workflow.json").write_text(json.dumps(WORKFLOW))
        graphrun = [sys.executable, "-m", "graphrun"]
        bare = seconds([sys.executable, "-c", BARE], folder)
        rows = {
            "bare torch script": bare,
            "graphrun run --no-cache": seconds([*graphrun, "run", "workflow.json", "--quiet", "--no-cache"], folder),
            "graphrun run, cached": seconds([*graphrun, "run", "workflow.json", "--quiet"], folder),
            "graphrun check": seconds([*graphrun, "check", "workflow.json"], folder),
            "python -c 'import torch'": seconds([sys.executable, "-c", "import torch"], folder),
            "python -c pass": seconds([sys.executable, "-c", "pass"], folder),
        }
    print(f"\nFresh process, 512² load, invert, save: seconds (best of {ROUNDS}), ratio to the bare script")  # noqa: T201
    for label, taken in rows.items():
        print(f"{label:>26} {taken:>7.2f} {taken / bare:>7.2f}")  # noqa: T201
