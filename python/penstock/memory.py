"""Memory for batches.

A batch lives in pooled memory, which returns to the pool when the last tensor on it is gone (torch keeps the
buffer alive through the tensor's storage), or in pinned memory of torch's own allocator, which alone knows when
an asynchronous copy to the device has finished. No memory is ever handed out twice at a time.
"""

import ctypes
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from penstock import _native

__all__ = ["contiguous_strides", "empty", "give_back_idle", "writable"]


def empty(
    shape: Sequence[int], dtype: torch.dtype, *, pin: bool = False, strides: Sequence[int] | None = None
) -> tuple[torch.Tensor, Any]:
    """Return an uninitialised tensor, and the buffer through which its bytes are written.

    Args:
        shape: Of the tensor.
        dtype: Of the tensor.
        pin: Whether to take page-locked memory, from which copies to an accelerator are asynchronous.
        strides: Of the tensor, whose elements lie without gaps; those of a contiguous one if None.

    Returns:
        The tensor and a writable buffer over its memory. A pooled tensor cannot be resized in place.
    """
    count = math.prod(shape)
    if pin or count == 0:
        whole = torch.empty(count, dtype=dtype, device="cpu", pin_memory=pin)
        buffer: Any = whole.view(torch.uint8).numpy()
    else:
        buffer = _native.Buffer(count * dtype.itemsize)
        whole = torch.frombuffer(buffer, dtype=dtype)
    # Not by view(): torch's batches are views of nothing, and may be detached in place.
    return whole.as_strided_(tuple(shape), contiguous_strides(shape) if strides is None else tuple(strides)), buffer


def writable(tensor: torch.Tensor) -> Any:
    """Return a buffer through which the bytes of a tensor without gaps are written.

    torch is not asked for it, as it would not resize memory any more that it has given to NumPy.
    """
    content: Any = (ctypes.c_ubyte * tensor.nbytes).from_address(tensor.data_ptr())
    content.owner = tensor
    return np.frombuffer(content, np.uint8)


def give_back_idle() -> None:
    """Have the pool free what has lain idle for long; by itself it does so only when it is asked for memory."""
    _native.Buffer(1)


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides, in elements, of a tensor without gaps."""
    strides = [1]
    for length in reversed(shape[1:]):
        strides.append(strides[-1] * length)
    return tuple(reversed(strides))
