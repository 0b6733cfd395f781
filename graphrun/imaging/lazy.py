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
    _loaded: ModuleType | None = None

    def __getattr__(self, name: str) -> object:
        if self._loaded is None:
            # Only whole: what another thread is just importing is waited for there.
            self._loaded = importlib.import_module(self.__name__)
        return getattr(self._loaded, name)


def lazy_import(name: str) -> ModuleType:
    """Return a stand-in for the module ``name`` that imports it when an attribute is first read."""
    return _LazyModule(name)
