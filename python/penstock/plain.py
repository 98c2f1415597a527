"""What the package offers where torch or torchvision lacks a name that penstock is built on: torch's own loader."""

import warnings
from typing import Any

from torch.utils.data import DataLoader

from penstock.errors import NotSupportedError
from penstock.lowering.report import Report, Row
from penstock.wrappers import unwrap

__all__ = ["DataLoader", "compile", "explain", "warn"]

_reason = "torch or torchvision is not of a version that penstock knows"


def warn(error: Exception) -> None:
    """Say once, on import, that nothing runs natively and why."""
    global _reason
    _reason = f"{_reason}: {error}"
    warnings.warn(f"penstock.DataLoader is torch's own class, since {_reason}", RuntimeWarning, stacklevel=3)


def explain(loader: Any) -> Report:
    """Return a report that says why nothing runs natively; TypeError if there is no loader in it."""
    unwrap(loader, "explain")
    return Report((Row("loader", "torch", False, _reason),), "torch")


def compile(transform: Any) -> Any:  # noqa: A001 - called as penstock.compile
    """Raise NotSupportedError."""
    raise NotSupportedError(f"{transform!r} cannot be compiled, since {_reason}")
