"""Exact comparison of what two loaders gave: values, bits, types, layout."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


def assert_same(ours: Any, theirs: Any, where: str = "result") -> None:
    """Fail with the first difference between two structures, and where in them it is."""
    for difference in _differences(ours, theirs, where):
        raise AssertionError(difference)


def bits(tensor: torch.Tensor) -> bytes:
    """A tensor's elements as bytes, so that NaN equals itself and -0.0 does not equal 0.0."""
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _differences(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    if type(ours) is not type(theirs):
        yield f"{where}: {type(ours)} {ours!r:.300}, torch's is {type(theirs)} {theirs!r:.300}"
    elif isinstance(theirs, torch.Tensor):
        yield from _tensor_differences(ours, theirs, where)
    elif isinstance(theirs, np.ndarray):
        if ours.dtype != theirs.dtype or ours.shape != theirs.shape or ours.tobytes() != theirs.tobytes():
            yield f"{where}: {ours.dtype} {ours.shape} differs from {theirs.dtype} {theirs.shape}"
    elif isinstance(theirs, dict):
        if list(ours) != list(theirs):
            yield f"{where}: keys {list(ours)}, torch's are {list(theirs)}"
        for key in theirs:
            yield from _differences(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(theirs, (list, tuple)):
        if len(ours) != len(theirs):
            yield f"{where}: {len(ours)} items, torch's has {len(theirs)}: {ours!r:.300} {theirs!r:.300}"
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from _differences(mine, other, f"{where}[{index}]")
    elif ours != theirs and not (ours != ours and theirs != theirs):  # noqa: PLR0124 - NaN
        yield f"{where}: {ours!r:.600}, torch's is {theirs!r:.600}"


def _tensor_differences(ours: torch.Tensor, theirs: torch.Tensor, where: str) -> Iterator[str]:
    for name in ("dtype", "shape", "device", "layout", "requires_grad"):
        if (mine := getattr(ours, name)) != (other := getattr(theirs, name)):
            yield f"{where}.{name}: {mine}, torch's is {other}"
            return
    for name in ("stride", "storage_offset", "is_inference", "is_conj", "is_neg"):
        if (mine := getattr(ours, name)()) != (other := getattr(theirs, name)()):
            yield f"{where}.{name}(): {mine}, torch's is {other}"
    if bits(ours) != bits(theirs):
        different = (ours != theirs).nonzero()
        first = tuple(different[0].tolist()) if len(different) else "(only bits)"
        yield f"{where}: {len(different)} of {ours.numel()} elements differ, the first at {first}"
