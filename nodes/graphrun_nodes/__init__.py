"""The built-in node pack."""

from graphrun import NodePack

pack = NodePack("builtin")
