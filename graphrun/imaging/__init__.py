"""Pictures: PNG chunks, decoding and encoding, exact 8-bit conversions. Public for authors of nodes."""

from graphrun.imaging.pictures import Matte, Pictures
from graphrun.imaging.sockets import Image, Mask

__all__ = ["Image", "Mask", "Matte", "Pictures"]
