"""The one lazy import: a module that is loaded at its first use (DESIGN, rule 6).

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_import("torch")
"""

from __future__ import annotations

import importlib
from types import ModuleType


class _LazyModule(ModuleType):
    def __getattr__(self, name: str) -> object:
        # Not kept in __dict__: `import torch` elsewhere replaces nothing, and the lookup is a dict access.
        return getattr(importlib.import_module(self.__name__), name)


def lazy_import(name: str) -> ModuleType:
    """Return a stand-in for the module ``name`` that imports it when an attribute is first read."""
    return _LazyModule(name)
