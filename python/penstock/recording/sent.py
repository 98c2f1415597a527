"""Memory for what a `collate_fn` puts together: taken where it can be sent from.

What a worker sends lies in shared memory. torch's own collation takes that at once; a function of the user's that pads
images takes ordinary memory, by `torch.zeros` and the like, and all of it is copied when it is sent, which takes
longer than filling it. So while a worker's `collate_fn` runs, these functions give large tensors shared memory, or
none at all, where images that record are likely to be put on them (`canvases`).
"""

import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from penstock.compat.torch import (
    collate_tensor_fn,
    default_collate_fn_map,
    dispatch_modes,
    function_modes,
    script_function,
)
from penstock.lowering.known import HOOKED
from penstock.recording.canvases import canvas_of
from penstock.recording.planes import records_masks
from penstock.recording.storages import LEAST_BYTES, lent, shared

__all__ = ["begin", "collate_tensors", "collating", "hooked", "hooked_new"]

# Functions that make tensors of a size.
_FUNCTIONS = ("empty", "full", "ones", "zeros")
# What may be said of the tensor by name; all else is torch's affair.
_OPTIONS = frozenset(("device", "dtype", "fill_value", "size"))


class _State(threading.local):
    is_collating = records = False


_state = _State()


@contextlib.contextmanager
def collating(*, records: bool = False) -> Iterator[None]:
    """Have what this thread takes memory for meanwhile be ready to be sent.

    Args:
        records: Whether there are images that record, and memory for a batch of them is to record as well.
    """
    _state.is_collating, _state.records = True, records
    try:
        yield
    finally:
        _state.is_collating = False


def begin() -> None:
    """Put hooks before torch's functions, in a worker; they stay there.

    Its methods are left alone: what code of the user's knows of them, it knows by what they are.
    """
    hooks = dict.fromkeys(_FUNCTIONS, hooked) | dict.fromkeys(("as_tensor", "tensor"), records_masks)
    for name, make in hooks.items():
        function = getattr(torch, name)
        setattr(torch, name, hook := functools.wraps(function)(make(function)))
        script_function(hook, function)
        HOOKED[hook] = function
    if default_collate_fn_map.get(torch.Tensor) is collate_tensor_fn:
        default_collate_fn_map[torch.Tensor] = collate_tensors
        HOOKED[collate_tensors] = collate_tensor_fn


def collate_tensors(batch: Any, *, collate_fn_map: Any = None) -> Any:
    """Do what torch's function for tensors does, which takes new shared memory in a worker."""
    if _state.is_collating and (out := _out_of(batch)) is not None:
        return torch.stack(batch, 0, out=out)
    return collate_tensor_fn(batch, collate_fn_map=collate_fn_map)


def _out_of(batch: Any) -> torch.Tensor | None:
    """Return memory for a batch of plain tensors that can be stacked; None if it is no such batch."""
    first = batch[0]
    if type(first) is not torch.Tensor or first.layout is not torch.strided or first.device.type != "cpu":
        return None
    if first.is_quantized or first.is_nested or function_modes() or dispatch_modes():
        return None
    shape = first.shape
    if any(type(tensor) is not torch.Tensor or tensor.shape != shape for tensor in batch):
        return None
    return lent((len(batch), *shape), first.dtype)


def hooked(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return what stands before a function that makes a tensor of a size."""

    def hook(*arguments: Any, **options: Any) -> torch.Tensor:
        # In the order of what is seen soonest: elsewhere nothing is to be slower.
        if _state.is_collating and _OPTIONS.issuperset(options) and _is_plain(options.get("device")):
            made = _made(function, arguments, options)
            if made is not None:
                return made
        return function(*arguments, **options)

    return hook


def hooked_new(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Return what stands before `Tensor.new`, which takes a size, or values."""

    @functools.wraps(function)
    def hook(self: torch.Tensor, *size: Any, **options: Any) -> torch.Tensor:
        is_plain = not options and not function_modes() and not dispatch_modes()
        if _state.is_collating and is_plain and self.layout is torch.strided and self.device.type == "cpu":
            sizes = size[0] if len(size) == 1 and type(size[0]) is torch.Size else size
            if type(self) is torch.Tensor and all(type(length) is int and length >= 0 for length in sizes):
                made = _taken(tuple(sizes), self.dtype, 0)
                if made is not None:
                    return made
        return function(self, *size, **options)

    return hook


def _is_plain(device: Any) -> bool:
    return device is None or device == "cpu" or device == torch.device("cpu")


def _made(function: Callable[..., torch.Tensor], arguments: Any, options: dict[str, Any]) -> torch.Tensor | None:
    """Return what a function makes, in shared memory; None if that is torch's affair."""
    is_method = bool(arguments) and isinstance(arguments[0], torch.Tensor)
    if function_modes() or dispatch_modes() or (is_method and arguments[0].device.type != "cpu"):
        return None
    try:
        shape = function(*arguments, **{**options, "device": "meta"})
    except Exception:  # the call itself raises the same
        return None
    if type(shape) is not torch.Tensor or shape.layout is not torch.strided or shape.is_quantized:
        return None
    name, value = function.__name__, 0
    if name.endswith("ones"):
        value = 1
    elif name.endswith("full"):
        value = options["fill_value"] if "fill_value" in options else arguments[1 + is_method]
    return _taken(tuple(shape.shape), shape.dtype, value)


def _taken(shape: tuple[int, ...], dtype: torch.dtype, value: Any) -> torch.Tensor | None:
    """Return what holds one value and can be sent; None if it is small, or if there is no shared memory."""
    if math.prod(shape) * dtype.itemsize < LEAST_BYTES:
        return None
    if _state.records and (canvas := canvas_of(shape, dtype, value)) is not None:
        return canvas
    made = shared(shape, dtype)
    # New shared memory is zeros.
    return made if made is None or (type(value) is int and not value) else made.fill_(value)
