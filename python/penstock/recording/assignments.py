"""What is assigned to parts of tensors, where a tensor that records is on one of the sides."""

import contextlib
import functools
import math
from typing import Any

import torch

from penstock import calls
from penstock.recording.chain import as_at_first
from penstock.recording.fills import record_fill
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.pastes import Paste, Rectangle, in_channel
from penstock.recording.tensors import image_of, is_allowed, is_plain, is_recording

__all__ = ["record_assignment"]

# Of one rectangle's values, which travel with its image; and rectangles of one image.
_MOST_BYTES = 250_000
_MOST = 16


def record_assignment(out: Any, index: Any, value: Any) -> Any:
    """Do `out[index] = value`; return something, or None if that is torch's affair."""
    if not is_recording(out):
        return record_fill(out, index, value)
    return out if _paste(out, index, value) else None


def _paste(out: Any, index: Any, value: Any) -> bool:
    """Write down that a rectangle of a recording image is written over; return whether that could be done."""
    trace = image_of(out, pasted=True)
    if trace is None or out._chain.is_view or out._is_shared or not (is_allowed(out) and is_torch_plain()):
        return False
    if not _is_constant(value, out._chain.dtype) or len(trace.pastes) == _MOST:
        return False
    place = _place(index, out._chain.channels, trace.height, trace.width)
    if place is None:
        return False
    channel, rectangle = place
    _, _, height, width = rectangle
    count = out._chain.channels * height * width
    is_even = _is_one_per_channel(value)
    # Of one channel no more than a constant is kept, beside what the other ones have there.
    if not is_even and (type(channel) is int or count * out._chain.dtype.itemsize > _MOST_BYTES):
        return False
    with contextlib.suppress(Exception):  # torch raises its own
        shape = out._chain.channels, *((1, 1) if is_even else (height, width))
        arguments = shape, out._chain.dtype, channel if type(channel) is int else None
        if not isinstance(value, torch.Tensor):
            values = _values_of_number(value, *arguments, math.copysign(1, value))
        elif is_even:
            values = _values_of_bytes(calls.bytes_of(value), value.dtype, tuple(value.shape), *arguments)
        else:
            values = _values(value, *arguments)
        if count:
            paste = Paste(*rectangle, *values)
            is_part = type(channel) is int and out._chain.channels > 1
            pastes = in_channel(trace.pastes, paste, channel) if is_part else (*trace.pastes, paste)
            out.follow(trace.with_pastes(pastes))
        return True
    return False


def _values(value: Any, shape: tuple[int, ...], dtype: torch.dtype, channel: int | None) -> tuple[torch.Tensor, bytes]:
    """Return a value as a tensor of a shape and a type, or in one channel of it, and its bytes.

    Raises:
        Exception: What torch raises if it is none.
    """
    with as_at_first():
        values = torch.zeros(shape, dtype=dtype)
        values[... if channel is None else channel] = value
        return values, calls.bytes_of(values)


@functools.lru_cache(256, typed=True)
def _values_of_number(*arguments: Any) -> tuple[torch.Tensor, bytes]:
    """Return the same, of a number, with its sign as one argument more: to a table, zeros of both signs are alike."""
    *others, _ = arguments
    return _values(*others)


@functools.lru_cache(256)
def _values_of_bytes(
    content: bytes, kind: torch.dtype, of_shape: tuple[int, ...], *arguments: Any
) -> tuple[torch.Tensor, bytes]:
    """Return the same, of a tensor of one value for each channel, of which there are its bytes, type and shape."""
    with as_at_first():
        value = torch.frombuffer(bytearray(content), dtype=kind).reshape(of_shape)
    return _values(value, *arguments)


def _place(index: Any, channels: int, height: int, width: int) -> tuple[Any, Rectangle] | None:
    """Return what `[channel, top:bottom, left:right]` is of: an index of channels, and top, left, height and width.

    None if that is no rectangle.
    """
    if type(index) is not tuple or len(index) != 3:
        return None
    first, *sides = index
    if type(first) is int:
        if not -channels <= first < channels:
            return None
        first %= channels
    elif first is not Ellipsis and not calls.is_whole(first):
        return None
    rows, columns = map(_range, sides, (height, width))
    return None if rows is None or columns is None else (first, (rows[0], columns[0], rows[1], columns[1]))


def _range(side: Any, length: int) -> tuple[int, int] | None:
    """Return where a slice begins, and how many it holds; None if it is none, or has a step."""
    if type(side) is not slice or side.step not in (None, 1):
        return None
    if not (calls.is_bound(side.start) and calls.is_bound(side.stop)):
        return None
    start, stop, _ = side.indices(length)
    return start, max(stop - start, 0)


def _is_constant(value: Any, dtype: torch.dtype) -> bool:
    """Whether a value can be kept as one of a type: a number, or a plain tensor, of which the cast is defined."""
    if type(value) in (bool, int) or isinstance(value, float):
        return True
    is_odd = not is_plain(value) or value.is_nested or value.is_neg() or value.is_quantized or value.is_complex()
    return not is_odd and calls.fits(value, dtype)


def _is_one_per_channel(value: Any) -> bool:
    return not isinstance(value, torch.Tensor) or value.numel() == 1 or tuple(value.shape[-2:]) == (1, 1)
