"""Tensors of pictures that were only recorded.

A recording tensor knows its shape and type, and has no memory. Where torch's functions are called on it, a few are
written down; any other one makes it, in place, the plain tensor that it stands for, and then goes on.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torchvision import tv_tensors

from penstock.recording.chain import Chain
from penstock.recording.sources import Trace

__all__ = ["RecordedImage", "RecordedTensor", "make_plain", "record", "stack", "touch"]

# What is answered without pixels.
_METADATA = frozenset(
    {
        *(
            getattr(torch.Tensor, name).__get__
            for name in (
                *("shape", "dtype", "device", "layout", "ndim", "requires_grad", "is_nested", "is_sparse", "is_cuda"),
                *("is_quantized", "is_meta", "is_leaf", "grad", "grad_fn", "itemsize", "nbytes", "is_cpu"),
            )
        ),
        torch.Tensor.size,
        torch.Tensor.dim,
        torch.Tensor.ndimension,
        torch.Tensor.numel,
        torch.Tensor.nelement,
        torch.Tensor.stride,
        torch.Tensor.is_floating_point,
        torch.Tensor.is_complex,
        torch.Tensor.is_contiguous,
        torch.Tensor.element_size,
        torch.Tensor.get_device,
        torch.Tensor.__len__,
        torch.is_floating_point,
        torch.is_complex,
        torch.numel,
        torch.is_tensor,
    }
)


class RecordedTensor(torch.Tensor):
    """A picture, or a batch of pictures, whose values were not made yet.

    Args:
        traces: Of the pictures.
        chain: What was done to their values.
        batched: Whether there is a dimension for the pictures.
    """

    _traces: tuple[Trace, ...]
    _chain: Chain
    _batched: bool

    @staticmethod
    def __new__(cls, traces: Sequence[Trace], chain: Chain, batched: bool) -> Self:
        """Return a tensor of their shape and type, without memory."""
        height, width, channels = traces[0].height, traces[0].width, chain.channels
        shape = (len(traces), channels, height, width) if batched else (channels, height, width)
        strides = (1, width * channels, channels) if chain.interleaved and not batched else None
        self: Self = torch.Tensor._make_wrapper_subclass(cls, shape, strides=strides, dtype=chain.dtype)
        return self

    def __init__(self, traces: Sequence[Trace], chain: Chain, batched: bool) -> None:
        self._traces, self._chain, self._batched = tuple(traces), chain, batched

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _METADATA:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if (recorder := _RECORDERS.get(func)) is not None:
            recorded = recorder(*args, **kwargs)
            if recorded is not None:
                return recorded
        args, kwargs = _real(args), _real(kwargs)
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        args, kwargs = _real(args), _real(kwargs or {})
        return func(*args, **kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return touch(self).__reduce_ex__(protocol)

    def make(self) -> torch.Tensor:
        """Return the plain tensor that this one stands for."""
        from penstock.recording.tickets import render

        if self._batched:
            return render(self._traces, self._chain, threads=1)
        return _one(self._traces[0], self._chain)


class RecordedImage(RecordedTensor, tv_tensors.Image):  # type: ignore[misc]
    """The same as what torchvision's transforms of version 2 call an image."""

    __torch_function__ = RecordedTensor.__torch_function__

    @classmethod
    def _wrap(cls, tensor: torch.Tensor) -> Any:
        if isinstance(tensor, RecordedTensor):
            return RecordedImage(tensor._traces, tensor._chain, tensor._batched)
        return tv_tensors.Image(tensor)

    def make(self) -> torch.Tensor:
        """Return the plain image that this one stands for."""
        image: torch.Tensor = tv_tensors.Image(super().make())
        return image


def _one(trace: Trace, chain: Chain) -> torch.Tensor:
    tensor = trace.tensor()
    if chain.key == (("pil_to_tensor",),):
        return tensor
    made: torch.Tensor = chain.apply(trace.image())
    return made


def record(trace: Trace, chain: Chain | None, *, image: bool = False) -> torch.Tensor | None:
    """Return the tensor of one picture, or None if there is no chain."""
    if chain is None:
        return None
    return (RecordedImage if image else RecordedTensor)((trace,), chain, False)


def stack(tensors: Sequence[Any], dim: int = 0) -> RecordedTensor | None:
    """Return recording tensors of single pictures as a batch; None if they make none."""
    first = tensors[0]
    if dim != 0 or not isinstance(first, RecordedTensor):
        return None
    chain, trace = first._chain, first._traces[0]
    height, width = trace.height, trace.width
    traces = []
    for tensor in tensors:
        if not isinstance(tensor, RecordedTensor) or tensor._batched or tensor._chain is not chain:
            return None
        trace = tensor._traces[0]
        if trace.height != height or trace.width != width:
            return None
        traces.append(trace)
    return RecordedTensor(traces, chain, True)


def touch(tensor: torch.Tensor) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for; return it."""
    if not isinstance(tensor, RecordedTensor):
        return tensor
    for trace in tensor._traces:
        if trace.source.touched is None:
            trace.source.touched = "a function of torch"
    source, start = tensor._traces[0].source, time.perf_counter()
    try:
        return make_plain(tensor)
    finally:
        source.spent += time.perf_counter() - start


def make_plain(tensor: RecordedTensor) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for, though nobody has touched it."""
    real = tensor.make()
    try:
        torch.utils.swap_tensors(tensor, real)
    except RuntimeError:  # somebody has a weak reference to it
        return real
    return tensor


def _real(value: Any) -> Any:
    """Return a structure of arguments in which recording tensors are real."""
    if isinstance(value, RecordedTensor):
        return touch(value)
    if type(value) in (tuple, list):
        return type(value)(map(_real, value))
    if type(value) is dict:
        return {key: _real(item) for key, item in value.items()}
    return value


def _record_stack(tensors: Any, dim: int = 0, *, out: Any = None) -> RecordedTensor | None:
    if out is not None or type(tensors) not in (tuple, list) or not tensors:
        return None
    return stack(tensors, dim)


def _record_flip(tensor: Any, *dims: Any) -> RecordedTensor | None:
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    if tensor._batched or len(dims) != 1 or dims[0] not in (-1, -2, 1, 2):
        return None
    trace = tensor._traces[0].flip(horizontal=dims[0] in (-1, 2))
    return RecordedTensor((trace,), tensor._chain, False)


def _record_contiguous(tensor: Any) -> RecordedTensor | None:
    return None if tensor._chain.interleaved and not tensor._batched else tensor


def _record_pure(tensor: Any, kind: Any) -> RecordedTensor | None:
    return RecordedTensor(tensor._traces, tensor._chain, tensor._batched) if kind is torch.Tensor else None


_RECORDERS: dict[Any, Callable[..., RecordedTensor | None]] = {
    torch.stack: _record_stack,
    torch.Tensor.flip: _record_flip,
    torch.flip: _record_flip,
    torch.Tensor.contiguous: _record_contiguous,
    torch.Tensor.as_subclass: _record_pure,
}
