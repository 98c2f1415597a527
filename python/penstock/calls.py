"""Calls of torch's functions that look at one value at a time, as something that can be looked up, sent and repeated.

A call's arguments are *frozen*: numbers with their types, since `x * 2` and `x * 2.0` may give other types, and small
tensors of a value for each channel with their bytes.
"""

import inspect
import os
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

__all__ = [
    "FUNCTIONS",
    "bytes_of",
    "call_of",
    "fits",
    "is_bound",
    "is_exact",
    "is_in_place",
    "is_own",
    "is_whole",
    "own_method",
    "repeat",
    "written_down",
]

# Of another type or in other memory the values are the same.
_CONVERSIONS = (
    *("bfloat16", "bool", "byte", "char", "clone", "contiguous", "cpu", "double", "float", "half", "int", "long"),
    *("short", "to", "type", "type_as"),
)
# With constants, what IEEE defines exactly. The names of those that work in place end with an underscore.
_ARITHMETIC = (
    *("abs", "absolute", "add", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "div", "divide", "floor", "mul"),
    *("multiply", "neg", "negative", "round", "sqrt", "sub", "subtract", "true_divide", "trunc"),
)
_NAMES = (*_CONVERSIONS, *_ARITHMETIC, *(f"{name}_" for name in _ARITHMETIC), "rsub", "__rsub__")
# Of torch's methods of tensors those that are written in Python; the class above has the other ones. Somebody may have
# put his own into the place of either before.
_FILES = os.path.dirname(torch.__file__) + os.sep  # noqa: PTH120
_PYTHONS = {
    name: method
    for name, method in vars(torch.Tensor).items()
    if type(method) is types.FunctionType and method.__code__.co_filename.startswith(_FILES)
}
_OWN = frozenset(_PYTHONS.values())


def is_own(function: Callable[..., Any]) -> bool:
    """Whether a function is one of torch's methods of tensors that are written in Python."""
    return function in _OWN


def own_method(name: str) -> Any:
    """Return torch's own method of tensors of that name; None if there is none."""
    return _PYTHONS.get(name) or getattr(torch.Tensor.__base__, name, None)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"Tensor.{name}": method for name in _NAMES if (method := own_method(name)) is not None},
    **{name: getattr(torch, name) for name in _NAMES if inspect.isbuiltin(getattr(torch, name, None))},
}
# What may be given by name. A factor, `alpha`, may be part of a fused operation, and is torch's affair.
_OPTIONS = frozenset(("copy", "device", "dtype", "max", "memory_format", "min", "non_blocking", "other", "tensor"))
# Where the tensor that a function is called on stands among its arguments.
_PLACE = ("tensor itself",)
# Values of a constant tensor: more than there are channels are none per channel.
_MOST_VALUES = 4


def written_down(recorder: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return what writes a call down makes of it; None if it does not know the call, whose arguments may have names."""
    try:
        return recorder(*arguments, **options)
    except TypeError:
        try:
            inspect.signature(recorder).bind(*arguments, **options)
        except TypeError:
            return None
        raise


def is_in_place(name: str) -> bool:
    """Whether a function changes its first argument."""
    return name.endswith("_") and not name.endswith("__")


def is_bound(value: Any) -> bool:
    """Whether a value is where a slice begins or ends: a whole number of Python's or NumPy's, or none."""
    return value is None or type(value) is int or isinstance(value, np.integer)


def is_whole(part: Any) -> bool:
    """Whether a value is a slice of all there is. Bounds are not compared: they may be arrays."""
    return type(part) is slice and part.start is part.stop is part.step is None


def call_of(name: str, place: int, arguments: Sequence[Any], options: Mapping[str, Any]) -> tuple[Hashable, ...] | None:
    """Return a call with what its arguments are; None if it is not known to look at one value at a time.

    Args:
        name: Of the function, in `FUNCTIONS`.
        place: Of the tensor that it is called on, among the arguments.
        arguments: Of the call, that tensor included.
        options: What is given by name.
    """
    only_types = name.removeprefix("Tensor.") in _CONVERSIONS
    if not _OPTIONS.issuperset(options) or (place and (only_types or is_in_place(name))):
        return None
    frozen = [_PLACE if k == place else _frozen(value, only_type=only_types) for k, value in enumerate(arguments)]
    named = [(key, _frozen(value, only_type=only_types)) for key, value in sorted(options.items())]
    if None in frozen or any(value is None for _, value in named):
        return None
    return name, tuple(frozen), tuple(named)


def repeat(tensor: torch.Tensor, name: str, arguments: Sequence[Any], named: Sequence[tuple[str, Any]]) -> Any:
    """Make a call again, on another tensor."""
    given = [tensor if value == _PLACE else _thawed(value) for value in arguments]
    return FUNCTIONS[name](*given, **{key: _thawed(value) for key, value in named})


def _frozen(value: Any, *, only_type: bool) -> tuple[Hashable, ...] | None:
    if value is None or type(value) in (bool, int, torch.dtype, torch.memory_format):
        return type(value).__name__, value
    if isinstance(value, float):
        return "float", float(value).hex()
    if value == "cpu" if type(value) is str else (type(value) is torch.device and value == torch.device("cpu")):
        return "device", "cpu"
    if type(value) is str and value.startswith("torch.") and value.count(".") == 1:
        return "type", value
    if type(value) is torch.Tensor and value.device == torch.device("cpu") and value.layout is torch.strided:
        return _frozen_type(value) if only_type else _frozen_constant(value)
    return None


def _frozen_type(tensor: torch.Tensor) -> tuple[Hashable, ...] | None:
    return None if tensor.is_quantized or tensor.is_nested else ("like", tensor.dtype)


def _frozen_constant(tensor: torch.Tensor) -> tuple[Hashable, ...] | None:
    """Return a tensor of one value, or one for each channel; of no other one each value's partner is known."""
    if tensor.requires_grad or tensor.is_neg() or tensor.is_conj() or tensor.is_quantized or tensor.is_nested:
        return None
    shape = tuple(tensor.shape)
    # A third dimension from behind is that of channels, and a fourth one that of images.
    if not 0 < tensor.numel() <= _MOST_VALUES or any(length != 1 for length in (*shape[-2:], *shape[:-3])):
        return None
    return "tensor", tensor.dtype, shape, bytes_of(tensor)


def _thawed(frozen: Sequence[Any]) -> Any:
    kind, *values = frozen
    if kind == "float":
        return float.fromhex(values[0])
    if kind == "like":
        return torch.empty(0, dtype=values[0])
    if kind == "tensor":
        dtype, shape, content = values
        return torch.frombuffer(bytearray(content), dtype=dtype).reshape(shape)
    return values[0]


def is_exact(call: Sequence[Any], before: torch.Tensor, after: torch.Tensor) -> bool:
    """Whether the values that a call gives depend on nothing else: not on where in memory a value lies.

    Args:
        call: As `call_of` gave it.
        before: All values that there can be, in order.
        after: What the call made of them.
    """
    if not fits(before, after.dtype):
        return False
    if after.is_floating_point() and bool(after.isnan().any()):
        return False
    # Values with gaps between them go through torch's scalar loop, as those at the end of its vectors do.
    scattered = torch.empty((*before.shape, 2), dtype=before.dtype)[..., 0].copy_(before)
    again = repeat(scattered, *call)
    return again.dtype == after.dtype and again.shape == after.shape and bytes_of(again) == bytes_of(after)


def fits(values: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether a cast of some values to a type is defined; any other one gives what the processor's instruction does."""
    if not values.is_floating_point() or dtype.is_floating_point or dtype is torch.bool:
        return True
    limits, whole = torch.iinfo(dtype), values.trunc().double()
    return bool(((whole >= limits.min) & (whole < float(limits.max) + 1)).all())


def bytes_of(tensor: torch.Tensor) -> bytes:
    """Return the bytes of a tensor's values, in order."""
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
