"""``graphrun mask``: draws a mask into a picture's alpha, where LoadImage finds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from graphrun.cli import options
from graphrun.cli.faults import faults_told
from graphrun.cli.shapes import colour, ellipse, polygon, rectangle
from graphrun.cli.stderr import standard_error
from graphrun.cli.stdout import put
from graphrun.errors import PictureError, UsageError
from graphrun.imaging.masking import masked_png, select, single_picture
from graphrun.imaging.shapes import Shape, Size
from graphrun.sinks.voice import Voice

_LARGEST_FEATHER = 1000


def mask(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture; its file stays as it is.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Where to write it: a .png file.")],
    rect: Annotated[
        list[str] | None, typer.Option(metavar="x,y,w,h", help="Select a box, in pixels from the top left.")
    ] = None,
    ellipses: Annotated[
        list[str] | None, typer.Option("--ellipse", metavar="x,y,w,h", help="Select the ellipse in a box.")
    ] = None,
    polygons: Annotated[
        list[str] | None, typer.Option("--polygon", metavar="x,y,x,y,…", help="Select the area between corners.")
    ] = None,
    from_color: Annotated[
        list[str] | None,
        typer.Option(
            metavar="#RRGGBB[~TOLERANCE]",
            help="Select the pixels of a colour; each of red, green and blue may differ by TOLERANCE (0 to 255).",
        ),
    ] = None,
    invert: Annotated[bool, typer.Option("--invert", help="Select what the shapes leave out.")] = False,
    feather: Annotated[
        float,
        typer.Option(
            metavar="PX",
            help="Soften the edge with a Gaussian blur of this radius. OpenAI changes only what is fully selected, so "
            "there a soft edge makes the changed area smaller.",
        ),
    ] = 0,
    debug: options.Debug = False,
) -> None:
    """Draw a mask into a picture: what the shapes select is to be changed.

    White is change: what is selected is white in LoadImage's MASK, and transparent (alpha 0) in OUT. Shapes may be
    repeated and add up. Colours are kept as they are; any alpha the picture has is replaced.
    """
    voice = standard_error()
    with faults_told(voice, debug=debug):
        _check_names(image, output)
        if not 0 <= feather <= _LARGEST_FEATHER:
            raise UsageError(f"--feather {feather}: give a radius of 0 to {_LARGEST_FEATHER} pixels")
        drawn = list(_shapes(rect or (), ellipses or (), polygons or (), from_color or ()))
        data = _read(image)
        try:
            png = _masked(data, drawn, invert, feather, voice)
        except PictureError as error:
            raise UsageError(f"{image}: {error}") from None
        _write(output, png)
        put(str(output))


def _shapes(
    rect: Sequence[str], ellipses: Sequence[str], polygons: Sequence[str], colours: Sequence[str]
) -> Iterator[tuple[str, Shape]]:
    """Yield each shape with the words that asked for it. Raises UsageError."""
    yield from ((f"--rect {text}", rectangle(text)) for text in rect)
    yield from ((f"--ellipse {text}", ellipse(text)) for text in ellipses)
    yield from ((f"--polygon {text}", polygon(text)) for text in polygons)
    yield from ((f"--from-color {text}", colour(text)) for text in colours)
    if not (rect or ellipses or polygons or colours):
        raise UsageError("nothing is selected: give --rect, --ellipse, --polygon or --from-color")


def _masked(data: bytes, drawn: Sequence[tuple[str, Shape]], invert: bool, feather: float, voice: Voice) -> bytes:
    """Return the picture with its mask. Raises UsageError and PictureError."""
    picture = single_picture(data)
    for words, shape in drawn:
        _check_shape(words, shape, picture.size)
    selection = select(picture, [shape for _, shape in drawn], invert=invert, feather=feather)
    if selection.getextrema()[1] == 0:
        remedy = "make the shapes larger, --feather smaller, or give the colour a ~TOLERANCE"
        raise UsageError(f"no pixel of the picture is selected: {remedy}")
    fully, all_pixels = selection.histogram()[255], picture.width * picture.height
    voice.note(f"{fully:,} of {all_pixels:,} pixels ({fully / all_pixels:.1%}) are white: to be changed")
    if not fully:
        voice.warning("no pixel is fully white, and OpenAI changes only those: make --feather smaller")
    return masked_png(picture, selection, compress_level=6)


def _check_shape(words: str, shape: Shape, size: Size) -> None:
    fault = shape.fault(size)
    if fault:
        raise UsageError(f"{words}: {fault}")


def _check_names(image: Path, output: Path) -> None:
    if output.suffix.lower() != ".png":
        raise UsageError(f"--output {output}: the mask is in the alpha of a PNG, so the name must end in .png")
    if output.exists() and (not output.is_file() or (image.exists() and output.samefile(image))):
        what = "is IMAGE itself, which stays as it is" if output.is_file() else "is no file"
        raise UsageError(f"--output {output}: {what}; choose another name")


def _read(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise UsageError(f"{image}: can't be read: {error.strerror}") from None


def _write(output: Path, png: bytes) -> None:
    part = output.with_name(f".{uuid4().hex}.part")  # beside it: nobody finds half a picture under its name
    try:
        part.write_bytes(png)
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"--output {output}: can't be written: {error.strerror}") from None
