"""Boxes drawn on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphrun import lazy_import
from graphrun_nodes.boxes import Box

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image as PillowImage
    from PIL import ImageDraw
else:
    np = lazy_import("numpy")
    PillowImage = lazy_import("PIL.Image")
    ImageDraw = lazy_import("PIL.ImageDraw")

_LINE = 3
_COLORS = ("#ff3838", "#48f90a", "#00c2ff", "#ffb21d", "#cb38ff", "#00d4bb", "#ff95c8", "#cfd231")

# The classes of COCO, a data set that detectors are trained on: labels of others are not written.
_COCO = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag,
tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard,
cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier,
toothbrush
"""
_KNOWN_LABELS = frozenset(" ".join(_COCO.split()).split(", "))


def draw_boxes(pixels: npt.NDArray[np.uint8], boxes: Sequence[Box]) -> npt.NDArray[np.uint8]:
    """Return (H, W, 3) pixels with a frame around each box, those of the highest score on top."""
    if pixels.shape[2] != 3:
        raise ValueError(f"boxes are drawn on pictures of 3 channels, and this one has {pixels.shape[2]}")
    picture = PillowImage.fromarray(pixels)
    pen = ImageDraw.Draw(picture)
    order = sorted(enumerate(boxes), key=lambda item: item[1].get("score") or 0)
    for number, box in order:
        color, left, top = _COLORS[number % len(_COLORS)], box["x"], box["y"]
        right, bottom = left + max(box["width"], 0), top + max(box["height"], 0)
        pen.rectangle((left, top, right, bottom), outline=color, width=_LINE)
        if box.get("label") in _KNOWN_LABELS:
            pen.text((left + _LINE + 1, top + _LINE + 1), str(box["label"]), fill=color)
    return np.asarray(picture)
