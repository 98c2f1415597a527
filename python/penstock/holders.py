"""Who has torch's loader, by whatever name: modules of torch itself, and of frameworks that make loaders."""

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch.utils.data

__all__ = ["TORCHDATA", "TORCHS", "holders"]

# torch's own modules that have the name, and torchdata's that has one for a class of the same purpose as ours.
TORCHDATA = "torchdata.stateful_dataloader"
_TORCH = ("torch.utils.data", "torch.utils.data.dataloader", TORCHDATA)
# Packages of which every module is looked at: their modules move from one version to the next.
_FRAMEWORKS = (
    "accelerate",
    "ignite",
    "lightning",
    "lightning_fabric",
    "pytorch_lightning",
    "ray.train",
    "timm",
    "transformers",
)
TORCHS: Any = torch.utils.data.DataLoader


def holders(held: Any = TORCHS, *, frameworks_only: bool = False) -> Iterator[tuple[ModuleType, str]]:
    """Yield the modules of torch and of frameworks that hold a class, each with the name that they have of it.

    Args:
        held: The class.
        frameworks_only: Whether torch's own modules are left out.
    """
    for path, module in list(sys.modules.items()):
        parts = path.split(".")
        framework = parts[0] in _FRAMEWORKS or ".".join(parts[:2]) in _FRAMEWORKS
        if (framework or (path in _TORCH and not frameworks_only)) and isinstance(module, ModuleType):
            # Not getattr, on which lazy modules import what they lack.
            yield from ((module, name) for name, value in list(vars(module).items()) if value is held)
