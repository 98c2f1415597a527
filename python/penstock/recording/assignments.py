"""What is assigned to parts of tensors, where a tensor that records is on one of the sides."""

import contextlib
from typing import Any

import torch

from penstock.recording import calls
from penstock.recording.chain import as_at_first
from penstock.recording.fills import record_fill
from penstock.recording.pastes import Paste
from penstock.recording.tensors import is_allowed, is_plain, is_recording, is_torch_plain, picture_of

__all__ = ["record_assignment"]

# Of one rectangle's values, which travel with its picture; and rectangles of one picture.
_MOST_BYTES = 250_000
_MOST = 16


def record_assignment(out: Any, index: Any, value: Any) -> Any:
    """Do `out[index] = value`; return something, or None if that is torch's affair."""
    if not is_recording(out):
        return record_fill(out, index, value)
    return out if _paste(out, index, value) else None


def _paste(out: Any, index: Any, value: Any) -> bool:
    """Write down that a rectangle of a recording picture is written over; return whether that could be done."""
    trace = picture_of(out, pasted=True)
    if trace is None or out._chain.is_view or out._is_shared or not (is_allowed(out) and is_torch_plain()):
        return False
    if not _is_constant(value, out.dtype) or len(trace.pastes) == _MOST:
        return False
    rectangle = _rectangle(index, trace.height, trace.width)
    if rectangle is None:
        return False
    _, _, height, width = rectangle
    count = out._chain.channels * height * width
    if count * out.dtype.itemsize > _MOST_BYTES and not _is_one_per_channel(value):
        return False
    with as_at_first(), contextlib.suppress(Exception):  # torch raises its own
        values = torch.empty((out._chain.channels, height, width), dtype=out.dtype)
        values[...] = value
        if count:
            values = values[:, :1, :1].clone() if _is_one_per_channel(value) else values
            out.follow(trace.with_pastes((*trace.pastes, Paste(*rectangle, values))))
        return True
    return False


def _rectangle(index: Any, height: int, width: int) -> tuple[int, int, int, int] | None:
    """Return top, left, height and width of `[..., top:bottom, left:right]`; None if that is no rectangle."""
    if type(index) is not tuple or len(index) != 3:
        return None
    first, *sides = index
    if first is not Ellipsis and not (type(first) is slice and first == slice(None)):
        return None
    if not all(type(side) is slice and side.step in (None, 1) for side in sides):
        return None
    if not all(bound is None or type(bound) is int for side in sides for bound in (side.start, side.stop)):
        return None
    (top, bottom, _), (left, right, _) = (
        side.indices(length) for side, length in zip(sides, (height, width), strict=True)
    )
    return top, left, max(bottom - top, 0), max(right - left, 0)


def _is_constant(value: Any, dtype: torch.dtype) -> bool:
    """Whether a value can be kept as one of a type: a number, or a plain tensor, of which the cast is defined."""
    if type(value) in (bool, int, float):
        return True
    is_odd = not is_plain(value) or value.is_nested or value.is_neg() or value.is_quantized or value.is_complex()
    return not is_odd and calls.fits(value, dtype)


def _is_one_per_channel(value: Any) -> bool:
    return not isinstance(value, torch.Tensor) or value.numel() == 1 or tuple(value.shape[-2:]) == (1, 1)
