"""Batches of images that record: put together, taken apart, and plain tensors that torch makes in their likeness."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch

from penstock.recording.canvases import stack_masks
from penstock.recording.planes import is_plane
from penstock.recording.sent import hooked, hooked_new
from penstock.recording.tensors import RecordedTensor, is_plain, is_recording, sharing

if TYPE_CHECKING:
    from penstock.recording.sources import Trace

__all__ = ["MASKS_RECORDED", "RECORDED", "part", "record_unsqueeze", "stack"]

# Dimensions of a single image.
_SINGLE = 3


def stack(tensors: Sequence[Any], dim: int = 0) -> RecordedTensor | None:
    """Return tensors of single images, or batches, some of which record, as a batch; None if they make none."""
    first = next(filter(is_recording, tensors), None)
    if dim != 0 or first is None:
        return None
    if first._lead:
        return _joined(tensors, (len(tensors), *first._lead))
    chain, shape = first._chain, first.shape
    traces, given = [], {}
    for place, tensor in enumerate(tensors):
        if not is_recording(tensor):
            # One that the code has touched, or Pillow made: it does not make the others real.
            if not is_plain(tensor) or tensor.dtype != chain.dtype or tensor.shape != shape:
                return None
            given[place] = tensor.as_subclass(torch.Tensor)
        elif tensor._lead or tensor._chain.values != chain.values or tensor.shape != shape:
            return None
        else:
            traces.append(tensor._traces[0])
    batch = chain.then("stack")
    return None if batch is None else RecordedTensor(traces, batch, (len(tensors),), _copies(given))


def _cat(tensors: Sequence[Any], dim: int = 0) -> RecordedTensor | None:
    """Return batches, some of which record, as one; None if they make none."""
    first = next(filter(is_recording, tensors), None)
    if dim != 0 or first is None or not first._lead or not all(_has_images(tensor) for tensor in tensors):
        return None
    if any(tensor.shape[1:] != first.shape[1:] for tensor in tensors):
        return None
    return _joined(tensors, (sum(map(len, tensors)), *first._lead[1:]))


def _has_images(tensor: Any) -> bool:
    return isinstance(tensor, torch.Tensor) and tensor.ndim > _SINGLE


def _joined(tensors: Sequence[Any], lead: tuple[int, ...]) -> RecordedTensor | None:
    """Return all images of batches, some of which record, as one; None if they make none.

    Args:
        tensors: The batches.
        lead: The lengths of the dimensions for the images.
    """
    first = next(filter(is_recording, tensors))
    chain, shape = first._chain, first.shape[-_SINGLE:]
    traces: list[Trace] = []
    given: dict[int, torch.Tensor] = {}
    count = 0
    for tensor in tensors:
        if not _has_images(tensor) or tensor.dtype != chain.dtype or tensor.shape[-_SINGLE:] != shape:
            return None
        if is_recording(tensor):
            if not tensor._lead or tensor._mixes or tensor._chain.is_view or tensor._chain.values != chain.values:
                return None
            traces += tensor._traces
            given.update({count + place: plain for place, plain in tensor._given.items()})
        elif not is_plain(tensor):
            return None
        else:
            given.update(enumerate(tensor.as_subclass(torch.Tensor).reshape(-1, *shape), count))
        count += math.prod(tensor.shape[:-_SINGLE])
    return RecordedTensor(traces, chain, lead, _copies(given)) if count == math.prod(lead) else None


def _copies(given: Mapping[int, torch.Tensor]) -> Mapping[int, torch.Tensor]:
    """Return copies of the plain tensors of a batch, which do not see what is done to them later."""
    return dict(zip(given, torch.stack([*given.values()]), strict=True)) if given else given


def _of_sequence(make: Callable[..., Any]) -> Callable[..., Any]:
    def recorder(tensors: Any, dim: int = 0, *, out: Any = None, **options: Any) -> Any:
        if out is not None or options or type(tensors) not in (tuple, list) or not tensors:
            return None
        return make(tensors, dim)

    return recorder


def record_unsqueeze(tensor: Any, dim: Any) -> RecordedTensor | None:
    """Return an image as a batch of one, which is a view."""
    if type(dim) is not int or dim not in (0, -4) or not is_recording(tensor) or tensor._lead:
        return None
    chain = tensor._chain.then("stack")
    # With other strides than a batch's it would be something of its own.
    if chain is None or tensor._chain.is_view or tensor._chain.interleaved:
        return None
    return cast("RecordedTensor", sharing(RecordedTensor(tensor._traces, chain, (1,)), tensor, (None,)))


def part(batch: RecordedTensor, index: Any) -> RecordedTensor | None:
    """Return the image, or the images, `batch[index]`, which is a view; None if they do not record.

    Args:
        batch: A recording one.
        index: A number, or a slice.
    """
    length = len(batch)
    if len(batch._lead) != 1 or batch._mixes or batch._chain.is_view:
        return None
    if type(index) is int and -length <= index < length:
        places = range(index % length, index % length + 1)
    elif type(index) is slice and index.step in (None, 1):
        places = range(length)[index]
    else:
        return None
    recording = [place for place in range(length) if place not in batch._given]
    traces = [trace for place, trace in zip(recording, batch._traces, strict=True) if place in places]
    chain = batch._chain.then("select") if type(index) is int else batch._chain
    if chain is None or not traces:
        return None
    given = {place - places.start: plain for place, plain in batch._given.items() if place in places}
    lead = (len(places),) if type(index) is slice else ()
    return cast("RecordedTensor", sharing(RecordedTensor(traces, chain, lead, given), batch, index))


def _viewed(function: Callable[..., torch.Tensor]) -> Callable[..., RecordedTensor | None]:
    """Return what writes down that the dimensions for the images become others, as in `flatten(0, 1)`."""

    def recorder(tensor: Any, *sizes: Any, **options: Any) -> RecordedTensor | None:
        if not is_recording(tensor) or not tensor._lead or tensor._mixes or tensor._chain.is_view:
            return None
        if any(type(size) is torch.dtype for size in sizes):
            return None
        shape = function(torch.empty(tensor.shape, device="meta"), *sizes, **options).shape
        if shape[-_SINGLE:] != tensor.shape[-_SINGLE:] or len(shape) == _SINGLE:
            return None
        view = RecordedTensor(tensor._traces, tensor._chain, tuple(shape[:-_SINGLE]), tensor._given)
        return cast("RecordedTensor", sharing(view, tensor, ("view", tuple(shape))))

    return recorder


def _record_unbind(tensor: Any, dim: int = 0) -> tuple[RecordedTensor, ...] | None:
    if dim not in (0, -4) or not is_recording(tensor) or len(tensor._lead) != 1 or tensor._given:
        return None
    parts = [found for place in range(len(tensor)) if (found := part(tensor, place)) is not None]
    return tuple(parts) if len(parts) == len(tensor) else None


def _record_iteration(tensor: Any) -> Iterator[RecordedTensor] | None:
    parts = _record_unbind(tensor)
    return None if parts is None else iter(parts)


def _record_squeeze(tensor: Any, dim: Any = None) -> RecordedTensor | None:
    if type(dim) is not int or dim not in (0, -4) or not is_recording(tensor) or len(tensor._lead) != 1:
        return None
    return part(tensor, 0 if len(tensor) == 1 else slice(None))


def _made_like(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a plain tensor of a recording one's type."""

    def recorder(tensor: Any, *arguments: Any, **options: Any) -> Any:
        is_lazy = is_recording(tensor) or is_plane(tensor)
        return function(torch.empty(0, dtype=tensor.dtype), *arguments, **options) if is_lazy else None

    return recorder


def _made_as(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what makes a plain tensor of a recording one's type, shape and strides."""

    def recorder(tensor: Any, *arguments: Any, **options: Any) -> Any:
        if not is_recording(tensor):
            return None
        return function(torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype), *arguments, **options)

    return recorder


# Functions that make plain tensors of the type of one that is given, and what does that.
_MADE_LIKE: dict[Any, Callable[..., Any]] = {
    torch.Tensor.new: _made_like(hooked_new(torch.Tensor.new)),
    torch.Tensor.new_tensor: _made_like(torch.Tensor.new_tensor),
    **{
        function: _made_like(hooked(function))
        for function in (
            *(torch.Tensor.new_empty, torch.Tensor.new_full, torch.Tensor.new_ones, torch.Tensor.new_zeros),
        )
    },
}
# Functions of torch, and what writes them down.
RECORDED: dict[Any, Callable[..., Any]] = {
    torch.stack: _of_sequence(stack),
    torch.cat: _of_sequence(_cat),
    torch.concat: _of_sequence(_cat),
    torch.concatenate: _of_sequence(_cat),
    torch.unsqueeze: record_unsqueeze,
    torch.Tensor.unsqueeze: record_unsqueeze,
    torch.squeeze: _record_squeeze,
    torch.Tensor.squeeze: _record_squeeze,
    torch.unbind: _record_unbind,
    torch.Tensor.unbind: _record_unbind,
    torch.Tensor.__iter__: _record_iteration,
    **{
        function: _viewed(function)
        for function in (torch.flatten, torch.reshape, torch.Tensor.flatten, torch.Tensor.reshape, torch.Tensor.view)
    },
    **_MADE_LIKE,
    **{
        function: _made_as(function)
        for function in (torch.empty_like, torch.full_like, torch.ones_like, torch.zeros_like)
    },
}
# The same of masks.
MASKS_RECORDED: dict[Any, Callable[..., Any]] = {torch.stack: _of_sequence(stack_masks), **_MADE_LIKE}
