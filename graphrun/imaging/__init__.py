"""Pictures: PNG chunks, decoding and encoding, exact 8-bit conversions. Public for authors of nodes."""

from graphrun.imaging.encoding import encode_png
from graphrun.imaging.kinds import picture_kind
from graphrun.imaging.opening import open_picture, picture_size, read_frames
from graphrun.imaging.pictures import Matte, Pictures
from graphrun.imaging.png import MAX_PIXELS, check_png, insert_text, is_keyword, png_chunk, png_size, read_text
from graphrun.imaging.sockets import Image, Mask
from graphrun.imaging.unit import unit_floats
from graphrun.imaging.values import eight_bit, mask_values

__all__ = [
    "MAX_PIXELS",
    "Image",
    "Mask",
    "Matte",
    "Pictures",
    "check_png",
    "eight_bit",
    "encode_png",
    "insert_text",
    "is_keyword",
    "mask_values",
    "open_picture",
    "picture_kind",
    "picture_size",
    "png_chunk",
    "png_size",
    "read_frames",
    "read_text",
    "unit_floats",
]
