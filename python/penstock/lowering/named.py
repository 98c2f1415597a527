"""What transforms that are known by name look up each time they are called: is it what it was known as?

Their library may be imported by the program at any time, so its modules are looked at where they are needed.
"""

import random
import sys
from types import BuiltinFunctionType, ModuleType
from typing import Any

from penstock.lowering.known import is_pristine, unhooked
from penstock.ops.table import NAMED_FUNCTIONS

__all__ = ["functions", "why_changed"]

# The modules that stand in other ones under a short name.
_MODULES = {"F": "torchvision.transforms.functional", "math": "math", "random": "random"}


def functions() -> list[Any]:
    """Return what they look up, as it is now."""
    return [unhooked(getattr(sys.modules.get(module), name, None)) for module, name in NAMED_FUNCTIONS]


def why_changed() -> str | None:
    """Return what of it is not known any more, None if everything is."""
    for (module, name), found in zip(NAMED_FUNCTIONS, functions(), strict=True):
        if found is not None and not _is_known(module, name, found):
            return f"{module}.{name} was replaced"
    return None


def _is_known(module: str, name: str, found: Any) -> bool:
    if isinstance(found, ModuleType):
        return found is sys.modules.get(_MODULES.get(name, ""))
    if isinstance(found, BuiltinFunctionType):
        owner = found.__self__
        return found.__name__ == name and (owner is sys.modules.get(module) or type(owner) is random.Random)
    return is_pristine(found) and bool(found.__name__ == name)
