"""timm's modules, where the program has imported them: this package never does."""

import functools
import os
import sys
from types import ModuleType

__all__ = ["folder", "module"]


def module(name: str) -> ModuleType | None:
    """Return a module of timm's; None if the program has not imported it."""
    found = sys.modules.get(name)
    return found if isinstance(found, ModuleType) else None


def folder() -> str | None:
    """Return where timm's files are; None if the program has not imported it."""
    package = module("timm")
    return None if package is None else _folder(str(package.__file__))


@functools.cache
def _folder(file: str) -> str:
    return os.path.dirname(file) + os.sep  # noqa: PTH120
