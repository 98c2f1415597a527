"""Memory of the user's that is filled with images which record, as functions that put batches together do it.

`out[i].copy_(image)`, `out[i, :, :height, :width] = image` and `out[i] += image` where there are zeros are one
render, straight into that memory, with the cast to its type. The image goes on recording.

The pixels are made where the code runs. Memory that a worker's `collate_fn` takes for a whole batch records that it was
filled, and the process that iterates makes them, see `canvases`.
"""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import torch

from penstock import calls
from penstock.compat.torch import dispatch_modes
from penstock.recording.chain import Chain
from penstock.recording.planes import is_plane
from penstock.recording.sources import Trace, making
from penstock.recording.tensors import is_pasted, is_plain, is_recording

__all__ = ["chain_into", "record_add", "record_copy", "record_fill", "write"]

_INDEX = (int, slice, type(None), type(Ellipsis))


def record_copy(out: Any, other: Any, non_blocking: Any = False) -> Any:
    """Do `out.copy_(other)`; return `out`, or None if that is torch's affair."""
    # It says something of another device's memory only.
    return out if type(non_blocking) is bool and _fill(out, other) else None


def record_fill(out: Any, index: Any, tensor: Any) -> Any:
    """Do `out[index] = tensor`; return something, or None if that is torch's affair."""
    parts = index if type(index) is tuple else (index,)
    if not _may_be_filled(out) or not all(type(part) in _INDEX for part in parts):
        return None
    return record_copy(out[index], tensor)


def record_add(out: Any, tensor: Any) -> Any:
    """Do `out.add_(tensor)` where there are zeros; return `out`, or None if that is torch's affair."""
    if not _may_be_filled(out) or not is_recording(tensor) or out.shape != tensor.shape or is_pasted(tensor):
        return None
    # The sum has both types' common one before it is cast.
    if not torch.can_cast(torch.promote_types(out.dtype, tensor.dtype), out.dtype):
        return None
    # To a negative zero it is added as to zero.
    if not _chain_to(tensor._chain, out.dtype, adds=True) or bool(out.any()):
        return None
    return record_copy(out, tensor)


def _may_be_filled(out: Any) -> bool:
    # What is done in place to an image of torchvision's returns a tensor that is none.
    return (
        type(out) is torch.Tensor
        and is_plain(out)
        and not (out.is_nested or out.is_neg() or out.is_quantized)
        and out.is_inference() is torch.is_inference_mode_enabled()
        and not dispatch_modes()
    )


def _fill(out: Any, tensor: Any) -> bool:
    """Write what a recording tensor stands for to a plain one of the same shape; return whether that was done."""
    if not _may_be_filled(out) or not _lies_apart(out.shape, out.stride()):
        return False
    with making:
        chain = chain_into(tensor, out.shape, out.dtype)
        if chain is None:
            return False
        if is_plane(tensor):
            write(tensor._trace, chain, out[None])
        elif tensor._lead:
            given, traces = tensor._given, iter(tensor._traces)
            for place, index in enumerate(itertools.product(*map(range, tensor._lead))):
                if place in given:
                    out[index].copy_(given[place])
                else:
                    write(next(traces), chain, out[index])
        else:
            write(tensor._traces[0], chain, out)
    if not out.is_inference():
        torch.autograd.graph.increment_version(out)
    return True


def chain_into(tensor: Any, shape: Sequence[int], dtype: torch.dtype) -> Chain | None:
    """Return what makes the values that a recording tensor, or a mask, has in such memory; None if nothing does."""
    if tuple(shape) != tuple(getattr(tensor, "shape", ())):
        return None
    if is_plane(tensor):
        return _chain_to(tensor._chain, dtype)
    if not is_recording(tensor) or tensor._mixes:
        return None
    return None if is_pasted(tensor) and dtype != tensor.dtype else _chain_to(tensor._chain, dtype)


def write(trace: Trace, chain: Chain, out: torch.Tensor) -> None:
    """Write what a chain makes of an image to memory of the user's; the image goes on recording."""
    outcome, start = trace.source.outcome, time.thread_time()
    trace.write(chain, out)
    outcome.filled = True
    outcome.spent += time.thread_time() - start
    if trace.source.log is not None:
        trace.source.log.append((trace, chain, None))


def _chain_to(chain: Chain, dtype: torch.dtype, *, adds: bool = False) -> Chain | None:
    """Return the chain that ends with a cast to a type; None if that is not exact.

    Args:
        chain: What is done to the values before.
        dtype: The type.
        adds: Whether its values must be what they are when they are added to zero.
    """
    if dtype != chain.dtype:
        # In a call, the tensor that it is made on is only a place.
        call = calls.call_of("Tensor.to", 0, (None, dtype), {})
        longer = None if call is None else chain.then("call", *call)
        if longer is None:
            return None
        chain = longer
    return None if adds and chain.has_negative_zero else chain


def _lies_apart(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether no two elements of a tensor share memory, as far as it was made by slicing and permuting."""
    extent = 1
    for stride, length in sorted(zip(strides, shape, strict=True)):
        if length > 1:
            if stride < extent:
                return False
            extent += (length - 1) * stride
    return True
