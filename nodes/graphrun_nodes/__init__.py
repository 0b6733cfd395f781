"""The built-in node pack: pictures, masks, numbers, text and image services, by subject."""

from graphrun import NodePack
from graphrun_nodes import compose, files, image, mask, numbers, openai, text

pack = NodePack("builtin", versioned=True)
for subject in (files, image, mask, compose, numbers, text, openai):
    pack.include(subject.pack)
