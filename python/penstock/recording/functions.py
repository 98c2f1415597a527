"""Functions of torch that are written down where they meet recording tensors.

Flipped images and rectangles are made of other recording tensors. A function that looks at one value at a time joins
the chain, by a call of the same function with the same arguments on a strip of all values; what it returns for a small
sheet tells whether there is new memory at all. Batches are in `batches`, and memory that is filled in `fills`.
"""

import functools
from collections.abc import Callable, Hashable
from typing import Any, cast

import torch

from penstock import calls
from penstock.recording import batches, masks, pastes, planes
from penstock.recording.assignments import record_assignment
from penstock.recording.chain import Chain, Link
from penstock.recording.fills import record_add, record_copy, record_fill
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.rendering import Given
from penstock.recording.sources import Trace
from penstock.recording.tensors import (
    RECORDERS,
    RecordedTensor,
    alias,
    image_of,
    is_allowed,
    is_pasted,
    is_recording,
    sharing,
)

__all__ = ["change", "extended", "flip"]


def _record_flip(tensor: Any, *dims: Any, **options: Any) -> RecordedTensor | None:
    if not dims and [*options] == ["dims"]:
        dims = (options["dims"],)
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    if dims in ((0,), (-3,)):
        return None if not is_recording(tensor) else _permuted(tensor, [*range(tensor._chain.channels)][::-1])
    if len(dims) != 1 or dims[0] not in (-1, -2, 1, 2):
        return None
    return flip(tensor, RecordedTensor, horizontal=dims[0] in (-1, 2))


def flip(tensor: Any, kind: type[RecordedTensor], *, horizontal: bool) -> RecordedTensor | None:
    """Return the recording tensor of a flipped image, None if there is none."""
    if (image := image_of(tensor)) is None:
        return None
    # A copy has no gaps, in whatever order torch puts its values.
    chain = tensor._chain.then("clone") if tensor._chain.is_view else tensor._chain
    if chain is None:
        return None
    trace = image.then("flip_horizontal" if horizontal else "flip_vertical")
    return kind((trace,), chain, ())


def _record_part(tensor: Any, index: Any) -> RecordedTensor | None:
    """Return a rectangle, `tensor[..., top:bottom, left:right]`, or images of a batch, which are views."""
    if not is_recording(tensor):
        return None
    is_rectangle = type(index) is tuple and len(index) == 3
    if tensor._lead and not is_rectangle:
        return batches.part(tensor, index)
    if index is None:
        return batches.record_unsqueeze(tensor, 0)
    if (order := _order(index)) is not None:
        return _permuted(tensor, order)
    if not is_rectangle or is_pasted(tensor) or tensor._given or tensor._mixes:
        return None
    first, *others = index
    if first is not Ellipsis and (tensor._lead or not calls.is_whole(first)):
        return None
    trace, chain = tensor._traces[0], tensor._chain
    if tensor._lead and chain.channels == 1:
        return None
    ranges = [_range(part, length) for part, length in zip(others, (trace.height, trace.width), strict=True)]
    if None in ranges:
        return None
    (top, bottom), (left, right) = ranges  # type: ignore[misc]
    whole = (right - left == trace.width, bottom - top == trace.height)
    if whole[0] and not all(whole) and chain.channels == 1 and not (chain.is_view or chain.interleaved):
        # It has no gaps, so what is made of it keeps the stride of its only channel, which no chain tells.
        return None
    if not (chain.is_view or all(whole) or (whole[0] and chain.interleaved)):
        chain = chain.then("view")
        if chain is None:
            return None
    traces = tensor._traces
    if not all(whole):
        crop = "crop", top, left, bottom - top, right - left
        traces = [trace.then(*crop, size=(right - left, bottom - top)) for trace in traces]
    view = RecordedTensor(traces, chain, tensor._lead, strides=tensor.stride())
    return cast("RecordedTensor", sharing(view, tensor, index))


def _order(index: Any) -> list[int] | None:
    """Return the channels that `[[2, 1, 0]]` names, alone or before whole dimensions; None if it is something else."""
    channels, *others = index if type(index) is tuple and index else (index,)
    is_rest = len(others) == 1 and others[0] is Ellipsis
    if type(channels) is not list or not (is_rest or (len(others) <= 2 and all(map(calls.is_whole, others)))):
        return None
    return channels if all(type(channel) is int for channel in channels) else None


def _permuted(tensor: Any, order: list[int]) -> RecordedTensor | None:
    """Return an image with its channels in another order, which is a copy; None if there is none.

    As long as all channels are converted alike, that can be done before they are.
    """
    image, chain = image_of(tensor), tensor._chain
    if image is None or chain.is_view or chain.interleaved or sorted(order) != [*range(chain.channels)]:
        return None
    if chain.channels == 1 or not chain.is_even:
        return None
    return RecordedTensor((image.then("permute", *order),), chain, ())


def _range(part: Any, length: int) -> tuple[int, int] | None:
    """Return where a slice begins and ends; None if it is none, has a step, or leaves fewer than two."""
    if type(part) is not slice or part.step not in (None, 1):
        return None
    if not all(map(calls.is_bound, (part.start, part.stop))):
        return None
    start, stop, _ = part.indices(length)
    return (start, stop) if stop - start > 1 else None


def _record_no_gradient(tensor: Any, requires_grad: Any = True) -> RecordedTensor | None:
    return tensor if requires_grad is False and is_recording(tensor) else None


def _record_detached(kind: type[RecordedTensor] | None, tensor: Any) -> RecordedTensor | None:
    if not is_recording(tensor):
        return None
    strides = tensor.stride() if tensor._chain.is_view else None
    what = tensor._traces, tensor._chain, tensor._lead, tensor._given
    other = (kind or type(tensor))(*what, strides=strides, mixes=tensor._mixes)
    return cast("RecordedTensor", sharing(other, tensor, "detached"))


def extended(tensor: Any, name: str, *arguments: Hashable, kind: type[RecordedTensor] | None = None) -> Any:
    """Return the recording tensor of another one and a function more, None if there is none.

    Args:
        tensor: A recording one.
        name: Of the function, as chains know it.
        arguments: Of the function.
        kind: Of the result; the tensor's own if None.
    """
    chain = tensor._chain.then(name, *arguments) if is_torch_plain() and not tensor._mixes else None
    link = (name, *arguments)
    given = None if chain is None else _given_after(tensor._given, chain, link)
    traces = None if chain is None or given is None else _traces_after(tensor, chain, link)
    return None if traces is None else (kind or type(tensor))(traces, chain, tensor._lead, given)


def _given_after(given: Given, chain: Chain, link: Link) -> Given | None:
    """Return what a function makes of the plain tensors of a batch, None if they need not be what torch makes."""
    if not given:
        return given
    made = pastes.after(torch.stack([*given.values()]), chain, link)
    return None if made is None else dict(zip(given, made, strict=True))


def _traces_after(tensor: Any, chain: Chain, link: Link) -> tuple[Trace, ...] | None:
    """Return the traces of images of which a function makes others; None if what was pasted is torch's affair."""
    if not is_pasted(tensor):
        return cast("tuple[Trace, ...]", tensor._traces)
    traces = []
    for trace in tensor._traces:
        changed = [pastes.pasted_after(paste, chain, link, stacked=bool(tensor._lead)) for paste in trace.pastes]
        if None in changed:
            return None
        traces.append(trace.with_pastes(tuple(changed)))
    return tuple(traces)


def change(tensor: Any, changed: Any) -> bool:
    """Do in place to a recording tensor what was done to another one; return whether that could be done.

    Args:
        tensor: The one to be changed.
        changed: What the function makes of it where it works on a copy.
    """
    kept = changed.dtype == tensor.dtype and changed.shape == tensor.shape and changed.stride() == tensor.stride()
    if tensor._is_shared or not kept or not is_allowed(tensor):
        return False
    tensor._traces, tensor._chain, tensor._given = changed._traces, changed._chain, changed._given
    return True


def _records(name: str) -> Callable[..., Any]:
    """Return what writes down the calls of a function that looks at one value at a time."""

    def recorder(*arguments: Any, **options: Any) -> Any:
        if name == "Tensor.add_" and len(arguments) == 2 and not options and not is_recording(arguments[0]):
            return record_add(*arguments)
        places = [place for place, value in enumerate(arguments) if is_recording(value)]
        if len(places) != 1:
            return None
        tensor = arguments[places[0]]
        kind = type(tensor) if name in _KEEPING else RecordedTensor
        call, result = None, None
        if name in masks.PRODUCTS and len(arguments) == 2 and not options:
            result = masks.product(name, places[0], arguments)
        if result is None and (call := calls.call_of(name, places[0], arguments, options)) is not None:
            result = extended(tensor, "call", *call, kind=kind)
        if result is None:
            return None
        if calls.is_in_place(name):
            if not change(tensor, result):
                return None
        elif call is None or not tensor._chain.returns("call", *call):
            return result
        return tensor if type(tensor) is kind else alias(tensor, kind)

    return recorder


# Functions that make images of images, and not only tensors.
_KEEPING = ("Tensor.clone", "Tensor.to")
RECORDERS.update({function: _records(name) for name, function in calls.FUNCTIONS.items()})
RECORDERS.update(batches.RECORDED)
RECORDERS.update(masks.RECORDED)
planes.RECORDERS.update(batches.MASKS_RECORDED)
planes.RECORDERS.update({torch.Tensor.__setitem__: record_fill, torch.Tensor.copy_: record_copy})
RECORDERS.update(
    {
        torch.Tensor.flip: _record_flip,
        torch.flip: _record_flip,
        torch.Tensor.__getitem__: _record_part,
        torch.Tensor.__setitem__: record_assignment,
        torch.Tensor.copy_: record_copy,
        torch.Tensor.requires_grad_: _record_no_gradient,
        torch.Tensor.detach: functools.partial(_record_detached, None),
        torch.detach: functools.partial(_record_detached, RecordedTensor),
    }
)
