"""Stores that keep results: in memory, on disk, both. Nothing heavy is imported before a value needs it."""

from graphrun.cache.codec import Codec
from graphrun.cache.digests import content_digest
from graphrun.cache.disk import DiskStore, Stats
from graphrun.cache.in_place import changed_in_place, marks_of
from graphrun.cache.index import ClassTally
from graphrun.cache.memory import MemoryStore
from graphrun.cache.sizes import size_of
from graphrun.cache.tiered import CostRule, TieredStore

__all__ = [
    "ClassTally",
    "Codec",
    "CostRule",
    "DiskStore",
    "MemoryStore",
    "Stats",
    "TieredStore",
    "changed_in_place",
    "content_digest",
    "marks_of",
    "size_of",
]
