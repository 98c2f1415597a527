"""Memory of a `collate_fn` that only records what images are put on it.

A function that pads images takes memory for the whole batch, by `torch.zeros` or `new`, may fill it with a constant,
and copies each image to a corner of its slice. In a worker such memory is a tensor without any: what leaves the
worker is a ticket, as of images that are stacked, and the threads that make them write the margins as well. Whatever
else is done to it, or to a part of it that somebody holds, makes it the memory that it stands for.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import torch

from penstock import calls
from penstock.compat.torch import (
    DisableTorchFunctionSubclass,
    dispatch_modes,
    function_modes,
    make_wrapper_subclass,
)
from penstock.memory import contiguous_strides
from penstock.recording import fills
from penstock.recording.chain import Chain, as_at_first
from penstock.recording.memoryless import METADATA, Memoryless, own_of, swapped
from penstock.recording.planes import DTYPES, is_plane
from penstock.recording.sources import Trace, making
from penstock.recording.storages import LEAST_BYTES, shared
from penstock.recording.tensors import RecordedTensor, is_recording, keeps_kind

__all__ = ["Canvas", "canvas_of", "is_canvas", "real", "recorded", "stack_masks"]

# Dimensions of a batch of images, and of one of masks.
_IMAGES, _MASKS = 4, 3
# torch's own, before anything is hooked.
_zeros = torch.zeros
# The attributes that only a canvas has.
_OWN = frozenset(("_constant", "_modes", "_parts", "_placed", "_real", "_root", "_where"))
# What is seen of a dimension: one place, or a range.
_Seen = tuple[int | tuple[int, int], ...]


class _Placed(NamedTuple):
    """An image on a canvas.

    Attributes:
        trace: Of the image.
        chain: What is done to its values.
        where: It is.
    """

    trace: Trace
    chain: Chain
    where: _Seen


class Canvas(Memoryless):
    """A batch of images on a constant, or a part of one, that is not there yet.

    Args:
        shape: Of all of it.
        constant: A tensor of one value, of its type.
        root: The canvas that this is a part of; None for a whole one.
        where: What is seen of that.
    """

    _constant: torch.Tensor
    _root: "Canvas | None"
    _where: _Seen
    # By the numbers of the slices that they are on.
    _placed: dict[int, _Placed]
    _parts: "tuple[weakref.ref[Canvas], ...]" = ()
    # Whether torch was in the inference mode when it was made, and whether it followed gradients.
    _modes: tuple[bool, bool]

    @staticmethod
    def __new__(
        cls, shape: tuple[int, ...], constant: torch.Tensor, root: "Canvas | None" = None, where: _Seen = ()
    ) -> Self:
        """Return a tensor of that shape and type, without memory."""
        where = where or tuple((0, length) for length in shape)
        kept = [
            (seen[1] - seen[0], stride)
            for seen, stride in zip(where, contiguous_strides(shape), strict=True)
            if isinstance(seen, tuple)
        ]
        lengths, strides = ([*each] for each in zip(*kept, strict=True))
        self: Self = make_wrapper_subclass(cls, lengths, strides=strides, dtype=constant.dtype)
        self._constant, self._root, self._where, self._placed = constant, root, where, {}
        self._modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        return self

    def materialize(self) -> torch.Tensor:
        """Make the memory; return the plain tensor."""
        plain: torch.Tensor = real(self)
        return plain

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        func, kwargs = own_of(func), kwargs or {}
        # Another thread may put an image on it, or make it real.
        with making:
            if args and is_canvas(args[0]):
                if func in METADATA:
                    with DisableTorchFunctionSubclass():
                        return func(*args, **kwargs)
                is_odd = function_modes() or dispatch_modes() or keeps_kind(types)
                recorder = None if is_odd else _RECORDERS.get(func)
                result = None if recorder is None else calls.written_down(recorder, args, kwargs)
                if result is not None:
                    return None if func is torch.Tensor.__setitem__ else result
        return cls.on_plain(func, args, kwargs)

    @property
    def whole(self) -> "Canvas":
        """The canvas that this is a part of, or itself."""
        return self if self._root is None else self._root

    @property
    def seen_by(self) -> tuple[Any, ...]:
        """By which this is seen of the whole canvas."""
        return _as_index(self._where)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Of the images that are on the canvas; none of one that is there by now."""
        return tuple(placed.trace for placed in self.whole._placed.values()) if is_canvas(self) else ()


# Messages name the class that it stands for.
Canvas.__name__, Canvas.__qualname__, Canvas.__module__ = "Tensor", "Tensor", "torch"


def canvas_of(shape: tuple[int, ...], dtype: torch.dtype, value: Any) -> Canvas | None:
    """Return a canvas of a constant; None if no batch of images has that shape, or the value is no number."""
    is_batch = shape[1] in (1, 3) if len(shape) == _IMAGES else len(shape) == _MASKS and dtype in DTYPES
    constant = _constant(dtype, value) if is_batch else None
    return None if constant is None else Canvas(shape, constant)


def stack_masks(tensors: Sequence[Any], dim: int = 0) -> Canvas | None:
    """Return masks whose numbers were not made yet as a batch; None if they make none."""
    first = tensors[0]
    with making:
        if dim != 0 or not all(
            is_plane(each) and (each.shape, each.dtype) == (first.shape, first.dtype) for each in tensors
        ):
            return None
        canvas = canvas_of((len(tensors), *first.shape), first.dtype, 0)
        for number, each in enumerate(tensors):
            if canvas is None or not _put(canvas, (number, *canvas._where[1:]), each):
                return None
        return canvas


def is_canvas(value: Any) -> bool:
    """Whether a value is a canvas that is not there yet, or a part of one."""
    return isinstance(value, Canvas) and value._real is None


def _constant(dtype: torch.dtype, value: Any) -> torch.Tensor | None:
    if type(value) not in (bool, int, float):
        return None
    try:
        with as_at_first():
            return torch.zeros(1, dtype=dtype).fill_(value)
    except (RuntimeError, TypeError):  # of the user's own call
        return None


def _is_range(seen: Any) -> bool:
    return type(seen) is tuple


def _as_index(where: _Seen) -> tuple[Any, ...]:
    return tuple(slice(*seen) if isinstance(seen, tuple) else seen for seen in where)


def _seen(where: _Seen, index: Any) -> _Seen | None:
    """Return what is seen of a canvas by an index of what is seen of it; None if that is nothing that is known."""
    parts = [*index] if type(index) is tuple else [index]
    ranges = [place for place, seen in enumerate(where) if _is_range(seen)]
    if any(part is Ellipsis for part in parts):
        place = next(place for place, part in enumerate(parts) if part is Ellipsis)
        parts[place : place + 1] = [slice(None)] * (len(ranges) - len(parts) + 1)
    if len(parts) > len(ranges):
        return None
    found: list[Any] = [*where]
    for place, part in zip(ranges, parts, strict=False):
        first, end = found[place]
        length = end - first
        if type(part) is int and -length <= part < length:
            found[place] = first + part % length
        elif type(part) is slice and part.step in (None, 1):
            if not all(map(calls.is_bound, (part.start, part.stop))):
                return None
            start, stop, _ = part.indices(length)
            if stop <= start:
                return None
            found[place] = first + start, first + stop
        else:
            return None
    return tuple(found)


def _part(canvas: Canvas, index: Any) -> Canvas | None:
    """Return a part of a canvas, which is a view."""
    where, root = _seen(canvas._where, index), canvas.whole
    if where is None or not any(map(_is_range, where)) or not _is_allowed(root):
        return None
    shape = tuple(seen[1] for seen in root._where)  # type: ignore[index]
    part = Canvas(shape, root._constant, root, where)
    root._parts = *(other for other in root._parts if other() is not None), weakref.ref(part)
    return part


def _parts(canvas: Canvas, dim: int = 0) -> tuple[Canvas, ...] | None:
    if dim != 0 or canvas._root is not None:
        return None
    parts = [part for place in range(len(canvas)) if (part := _part(canvas, place)) is not None]
    return tuple(parts) if len(parts) == len(canvas) else None


def _fill(canvas: Canvas, value: Any) -> Canvas | None:
    """Fill a whole canvas with a number, before anything is on it."""
    constant = _constant(canvas.dtype, value)
    if constant is None or canvas._root is not None or canvas._placed or not _is_allowed(canvas):
        return None
    canvas._constant = constant
    return canvas


def _assign(canvas: Canvas, index: Any, value: Any) -> Canvas | None:
    where = _seen(canvas._where, index)
    return None if where is None or not _put(canvas.whole, where, value) else canvas


def _copy(canvas: Canvas, other: Any, non_blocking: Any = False) -> Canvas | None:
    return canvas if type(non_blocking) is bool and _put(canvas.whole, canvas._where, other) else None


def _put(root: Canvas, where: _Seen, tensor: Any) -> bool:
    """Put a recording image on a canvas; return whether that was done."""
    number, *channels, rows, columns = where
    if _is_range(number) or channels != [*root._where[1:-2]] or not (_is_range(rows) and _is_range(columns)):
        return False
    if number in root._placed or not _is_allowed(root):
        return False
    shape = [seen[1] - seen[0] for seen in where[1:]]  # type: ignore[index]
    chain = fills.chain_into(tensor, shape, root.dtype)
    if chain is None or (is_recording(tensor) and tensor._lead):
        return False
    trace: Trace = tensor._trace if is_plane(tensor) else tensor._traces[0]
    if not root._placed and (keeper := trace.source.keeper) is not None:
        keeper.append(weakref.ref(root))
    root._placed[number] = _Placed(trace, chain, where)  # type: ignore[index]
    return True


def _is_allowed(root: Canvas) -> bool:
    return torch.is_inference_mode_enabled() is root._modes[0]


# Functions of torch, and what writes them down.
_RECORDERS: dict[Any, Callable[..., Any]] = {
    torch.Tensor.__getitem__: _part,
    torch.Tensor.__setitem__: _assign,
    torch.Tensor.unbind: _parts,
    torch.unbind: _parts,
    torch.Tensor.copy_: _copy,
    torch.Tensor.fill_: _fill,
    torch.Tensor.zero_: lambda canvas: _fill(canvas, 0),
}


def recorded(root: Canvas) -> RecordedTensor | None:
    """Return the images on a whole canvas, and what is around them, as a batch that records; None if they are none.

    Masks are images of one channel.
    """
    placed = root._placed
    count, *channels, height, width = root.shape
    if not placed or any(
        each.chain.values != first.chain.values for first in [*placed.values()][:1] for each in placed.values()
    ):
        return None
    chain: Chain | None = next(iter(placed.values())).chain
    traces, is_framed = [], False
    for _, (trace, _, (*_, rows, columns)) in sorted(placed.items()):
        frame = columns[0], rows[0], width - columns[1], height - rows[1]  # type: ignore[index]
        is_framed |= any(frame)
        traces.append(trace.framed(frame) if any(frame) else trace)
    if is_framed:
        chain = chain.then("margin", calls.bytes_of(root._constant))  # type: ignore[union-attr]
    batch = None if chain is None else chain.then("stack")
    if batch is None or batch.channels != (channels or [1])[0]:
        return None
    blank = root._constant.expand(batch.channels, height, width)
    given = {number: blank for number in range(count) if number not in placed}
    return RecordedTensor(traces, batch, (count,), given)


def real(value: Any) -> Any:
    """Make a canvas, and all parts of it, the memory that they stand for; return the plain tensor.

    Args:
        value: Anything; what is no canvas is returned.
    """
    with making:
        if not isinstance(value, Canvas):
            return value
        if value._real is None:
            _make(value.whole)
        return value._real if isinstance(value, Canvas) else value


def _make(root: Canvas) -> None:
    inference, gradients = root._modes
    parts = [part for other in root._parts if (part := other()) is not None]
    with as_at_first(inference=inference, gradients=gradients):
        plain = shared(tuple(root.shape), root.dtype) if root.nbytes >= LEAST_BYTES else None
        if plain is None:
            plain = _zeros(root.shape, dtype=root.dtype)
        if calls.bytes_of(root._constant).strip(b"\0"):
            plain.copy_(root._constant)
        for trace, chain, where in root._placed.values():
            place = plain[_as_index(where)]
            fills.write(trace, chain, place if root.ndim == _IMAGES else place[None])
            if not inference:
                torch.autograd.graph.increment_version(plain)
        views = []
        for part in parts:
            # Autograd remembers of a view whether it followed gradients when that was made.
            with torch.set_grad_enabled(part._modes[1]):
                views.append((part, plain[part.seen_by]))
    swapped(root, plain, _OWN)
    for part, view in views:
        swapped(part, view, _OWN)
