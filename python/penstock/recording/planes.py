"""Masks: whole numbers of 64 bits, made of an array of bytes, of which only the bytes are kept.

`torch.as_tensor(np.array(mask), dtype=torch.int64)` takes eight times the memory of the image, which is filled in a
worker, copied when the batch is put together, and copied again when it is sent. In a worker the tensor keeps a copy of
the bytes; as part of a batch these are what is sent, and the threads that make images make numbers of them. Whatever
else is done to it makes it what it stands for.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch

from penstock import calls
from penstock.compat.torch import DisableTorchFunctionSubclass, make_wrapper_subclass
from penstock.recording.chain import Chain, as_at_first, chain_of
from penstock.recording.current import current
from penstock.recording.memoryless import METADATA, Memoryless, is_torch_plain, own_of, swapped
from penstock.recording.sources import Trace, making, of_pixels

__all__ = ["DTYPES", "RECORDERS", "Plane", "is_plane", "real", "records_masks"]

# Of masks that are kept as bytes.
DTYPES = (torch.int64, torch.int32)
# Below this, what is saved is less than what it takes.
_LEAST = 1 << 14
# The attributes that only a plane has.
_OWN = frozenset(("_chain", "_modes", "_real", "_trace"))
# Functions of torch that leave a plane as it is, and what they make of it; None if that is torch's affair.
RECORDERS: dict[Any, Callable[..., Any]] = {}


class Plane(Memoryless):
    """A mask whose numbers were not made yet.

    Args:
        trace: Of a gray image that has its bytes.
        chain: What makes numbers of them.
    """

    _trace: Trace
    _chain: Chain
    # Whether torch was in the inference mode when it was recorded, and whether it followed gradients.
    _modes: tuple[bool, bool]

    @staticmethod
    def __new__(cls, trace: Trace, chain: Chain) -> Self:
        """Return a tensor of (H, W), without memory."""
        self: Self = make_wrapper_subclass(cls, (trace.height, trace.width), dtype=chain.dtype)
        self._trace, self._chain = trace, chain
        self._modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        return self

    def materialize(self) -> torch.Tensor:
        """Make the numbers; return the plain tensor."""
        plain: torch.Tensor = real(self)
        return plain

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        func, kwargs = own_of(func), kwargs or {}
        if func in METADATA and args and is_plane(args[0]):
            with DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if (recorder := RECORDERS.get(func)) is not None:
            made = calls.written_down(recorder, args, kwargs)
            if made is not None:
                return made
        return cls.on_plain(func, args, kwargs)


# Messages name the class that it stands for.
Plane.__name__, Plane.__qualname__, Plane.__module__ = "Tensor", "Tensor", "torch"


def is_plane(value: Any) -> bool:
    """Whether a value is a mask whose numbers were not made yet."""
    return isinstance(value, Plane) and value._real is None


def real(value: Any) -> Any:
    """Make a plane, in place, the plain tensor that it stands for; return that.

    Args:
        value: Anything; what is no plane is returned.
    """
    with making:
        if not isinstance(value, Plane):
            return value
        if value._real is not None:
            return value._real
        inference, gradients = value._modes
        with as_at_first(inference=inference, gradients=gradients):
            made = torch.empty(value.shape, dtype=value.dtype)
            value._trace.write(value._chain, made[None])
        return swapped(value, made, _OWN)


def records_masks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before a function of torch's that makes a tensor of other numbers of an array."""

    def hook(*arguments: Any, **options: Any) -> Any:
        # In the order of what is seen soonest: elsewhere nothing is to be slower.
        if len(arguments) == 1 and type(arguments[0]) is np.ndarray and [*options] == ["dtype"]:
            plane = _plane(arguments[0], options["dtype"])
            if plane is not None:
                return plane
        return function(*arguments, **options)

    return hook


def _plane(array: np.ndarray[Any, Any], dtype: Any) -> Plane | None:
    """Return the plane of an array of bytes, which are copied; None if its tensor is torch's to make."""
    if array.dtype != np.uint8 or array.ndim != 2 or array.size < _LEAST or dtype not in DTYPES:
        return None
    # Of one that cannot be written to torch warns.
    if not (array.flags.c_contiguous and array.flags.writeable) or not is_torch_plain() or current() is None:
        return None
    chain = chain_of("L", (("pil_to_tensor",), ("call", *_cast(dtype))))
    if chain is None:
        return None
    height, width = array.shape
    return Plane(of_pixels("L", (width, height), array.tobytes()), chain)


def _cast(dtype: torch.dtype) -> tuple[Any, ...]:
    call = calls.call_of("Tensor.to", 0, (None, dtype), {})
    assert call is not None  # noqa: S101 - a cast is known
    return call
