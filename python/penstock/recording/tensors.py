"""Tensors of pictures that were only recorded.

A recording tensor knows its shape and type, and has no memory. Where torch's functions are called on it, a few are
written down; any other one makes it, in place, the plain tensor that it stands for, and then goes on.
"""

import contextlib
import operator
import time
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self, cast

import torch
from torch.utils.data import get_worker_info
from torchvision import tv_tensors

from penstock.compat.torch import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    function_modes,
    make_wrapper_subclass,
    swap_tensor_impl,
)
from penstock.compat.torchvision import must_return_subclass
from penstock.recording.chain import Chain
from penstock.recording.rendering import Given, render
from penstock.recording.sources import Trace, making

__all__ = [
    "RecordedImage",
    "RecordedTensor",
    "alias",
    "flip",
    "is_recording",
    "is_torch_plain",
    "make_plain",
    "part_of",
    "record",
    "stack",
    "touch",
]

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


_NONE: Given = types.MappingProxyType({})
# The attributes that only a recording tensor has.
_OWN = frozenset(("_traces", "_chain", "_batched", "_given", "_shares", "_is_shared", "_real", "_part", "_sharers"))


class RecordedTensor(torch.Tensor):
    """A picture, or a batch of pictures, whose values were not made yet.

    Args:
        traces: Of the pictures.
        chain: What was done to their values.
        batched: Whether there is a dimension for the pictures.
        given: The plain tensors that are part of the batch, by their places in it.
        strides: If the chain does not tell them.
    """

    _traces: tuple[Trace, ...]
    _chain: Chain
    _batched: bool
    _given: Given
    # The tensor with whose memory this one's is the same.
    _shares: "RecordedTensor | None" = None
    # Whether another tensor's memory is the same.
    _is_shared: bool = False
    # Those that share this one's memory.
    _sharers: "tuple[weakref.ref[RecordedTensor], ...]" = ()
    # The plain tensor, if there is one and this one could not be it, because code in C++ holds it.
    _real: torch.Tensor | None = None
    # Which part of the memory that it shares this one is, as an index; all of it if None.
    _part: Any = None

    @staticmethod
    def __new__(
        cls,
        traces: Sequence[Trace],
        chain: Chain,
        batched: bool,
        given: Given = _NONE,
        *,
        strides: tuple[int, ...] | None = None,
    ) -> Self:
        """Return a tensor of their shape and type, without memory."""
        height, width, channels = traces[0].height, traces[0].width, chain.channels
        shape = (len(traces) + len(given), channels, height, width) if batched else (channels, height, width)
        if chain.interleaved and not batched:
            strides = (1, width * channels, channels)
        self: Self = make_wrapper_subclass(cls, shape, strides=strides, dtype=chain.dtype)
        self._traces, self._chain, self._batched, self._given = tuple(traces), chain, batched, given
        if (keeper := self._traces[0].source.keeper) is not None:
            keeper.append(weakref.ref(self))
        return self

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Also called with the arguments of `tv_tensors.Image`, which returns one of these.
        pass

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _METADATA and args and is_recording(args[0]):
            with DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if (recorder := _RECORDERS.get(func)) is not None and not _keeps_kind(types):
            recorded = recorder(*args, **kwargs)
            if recorded is not None:
                return recorded
        found: list[torch.Tensor] = []
        args, kwargs = _real(args, found), _real(kwargs, found)
        if not found:  # they are in a container of an unknown kind
            with DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        args, kwargs = _real(args, []), _real(kwargs or {}, [])
        return func(*args, **kwargs)

    def as_subclass(self, *arguments: Any, **options: Any) -> Any:
        """Return the same as a tensor of another class; torch calls no `__torch_function__` for it."""
        recorded = _record_kind(self, arguments[0]) if len(arguments) == 1 and not options else None
        return torch.Tensor.as_subclass(touch(self), *arguments, **options) if recorded is None else recorded

    def __reduce_ex__(self, protocol: Any) -> Any:
        return touch(self).__reduce_ex__(protocol)

    def make(self) -> torch.Tensor:
        """Return the plain tensor that this one stands for."""
        if self._shares is not None:
            with _as_recorded():
                return part_of(make_plain(self._shares), self._part)
        with _as_recorded():
            if self._batched:
                # No thread is started in the user's worker process.
                threads = None if get_worker_info() is None else 1
                return render(self._traces, self._chain, self._given, threads=threads)
            return _one(self._traces[0], self._chain)


class _LikeImages(type(torch.Tensor)):  # type: ignore[misc]
    """Has tables by type, of which torchvision's transforms take many, find what is there for images."""

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is tv_tensors.Image

    def __hash__(cls) -> int:
        return hash(tv_tensors.Image)


class RecordedImage(RecordedTensor, tv_tensors.Image, metaclass=_LikeImages):  # type: ignore[misc]
    """The same as what torchvision's transforms of version 2 call an image."""

    __torch_function__ = RecordedTensor.__torch_function__

    @classmethod
    def _wrap(cls, tensor: torch.Tensor) -> Any:
        return alias(tensor, RecordedImage) if is_recording(tensor) else tv_tensors.Image(tensor)

    def make(self) -> torch.Tensor:
        """Return the plain image that this one stands for."""
        image: torch.Tensor = tv_tensors.Image(super().make())
        return image


# Messages name the classes that they stand for.
for _kind, _plain in ((RecordedTensor, torch.Tensor), (RecordedImage, tv_tensors.Image)):
    _kind.__name__, _kind.__qualname__, _kind.__module__ = _plain.__name__, _plain.__qualname__, _plain.__module__


def _one(trace: Trace, chain: Chain) -> torch.Tensor:
    if chain.key == (("pil_to_tensor",),):
        return trace.tensor()
    if chain.key == (("decode_image",),):
        # Its memory is torch's own, seen with the channels first.
        return trace.tensor().permute(1, 2, 0).clone().permute(2, 0, 1)
    made: torch.Tensor = chain.apply(trace.image())
    return made


@contextlib.contextmanager
def _as_recorded() -> Iterator[None]:
    """Have torch make tensors as it would have when they were recorded, whatever the caller has set since."""
    default = torch.get_default_dtype()
    with DisableTorchFunction(), torch.inference_mode(False):
        if default is torch.float32:
            yield
            return
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(default)


def is_torch_plain() -> bool:
    """Whether torch makes tensors as the caller's process does."""
    return torch.get_default_dtype() is torch.float32 and not function_modes() and not torch.is_inference_mode_enabled()


def is_recording(value: Any) -> bool:
    """Whether a value is a recording tensor, and neither it nor one with the same memory was made."""
    while isinstance(value, RecordedTensor) and value._real is None:
        if value._shares is None:
            return True
        value = value._shares
    return False


def alias(tensor: Any, kind: type[RecordedTensor]) -> Any:
    """Return another recording tensor with the same memory."""
    strides = tensor.stride() if tensor._chain.is_view and not tensor._batched else None
    return _sharing(kind(tensor._traces, tensor._chain, tensor._batched, tensor._given, strides=strides), tensor)


def _sharing(other: Any, tensor: Any) -> Any:
    other._shares = tensor
    tensor._is_shared = other._is_shared = True
    tensor._sharers = *(sharer for sharer in tensor._sharers if sharer() is not None), weakref.ref(other)
    return other


def part_of(whole: torch.Tensor, part: Any) -> torch.Tensor:
    """Return the plain tensor that shares this one's memory; `part` is an index, None for all of it."""
    pure = whole.as_subclass(torch.Tensor)
    return pure if part is None else pure[part]


def _keeps_kind(types: Any) -> bool:
    """Whether torchvision was told to give images where torch's functions meet images."""
    return must_return_subclass() and tv_tensors.Image in types


def record(trace: Trace, chain: Chain | None, *, image: bool = False) -> torch.Tensor | None:
    """Return the tensor of one picture, or None if there is no chain."""
    # How a result with one row or column lies in memory is decided by more than its chain.
    if chain is None or trace.height == 1 or trace.width == 1:
        return None
    return (RecordedImage if image else RecordedTensor)((trace,), chain, False)


def stack(tensors: Sequence[Any], dim: int = 0) -> RecordedTensor | None:
    """Return tensors of single pictures, some of which record, as a batch; None if they make none."""
    first = next(filter(is_recording, tensors), None)
    if dim != 0 or first is None or first._batched or torch.is_inference_mode_enabled():
        return None
    chain, shape = first._chain, first.shape
    traces, given = [], {}
    for place, tensor in enumerate(tensors):
        if not is_recording(tensor):
            # One that the code has touched, or Pillow made: it does not make the others real.
            if not _is_plain(tensor) or tensor.dtype != chain.dtype or tensor.shape != shape:
                return None
            given[place] = tensor
        elif tensor._batched or tensor._chain.values != chain.values or tensor.shape != shape:
            return None
        else:
            traces.append(tensor._traces[0])
    return RecordedTensor(traces, chain, True, given)


def _is_plain(tensor: Any) -> bool:
    return (
        type(tensor) in (torch.Tensor, tv_tensors.Image)
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not (tensor.requires_grad or tensor.is_inference())
    )


def touch(tensor: torch.Tensor) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for; return it."""
    with making:
        if not isinstance(tensor, RecordedTensor):
            return tensor
        for trace in tensor._traces:
            if trace.source.fate.touched is None:
                trace.source.fate.touched = "a function of torch"
        source, start = tensor._traces[0].source, time.perf_counter()
        try:
            return make_plain(tensor)
        finally:
            source.fate.spent += time.perf_counter() - start


def make_plain(tensor: torch.Tensor) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for, though nobody has touched it.

    All that share its memory become plain with it: what is done next may give the memory that one of them knows
    another shape, or have it followed by gradients, of which the others must not see anything.
    """
    if not isinstance(tensor, RecordedTensor):
        return tensor
    if tensor._real is not None:
        return tensor._real
    if tensor._shares is not None and is_recording(tensor):
        make_plain(tensor._shares)
        return make_plain(tensor)
    sharers = tensor._sharers
    plain = _swapped(tensor, tensor.make())
    for sharer in sharers:
        if isinstance(other := sharer(), RecordedTensor):
            make_plain(other)
    return plain


def _swapped(tensor: RecordedTensor, real: torch.Tensor) -> torch.Tensor:
    """Put a plain tensor into the place of the recording one."""
    try:
        swap_tensor_impl(tensor, real)
    except RuntimeError:  # code in C++ has a weak reference to it
        tensor._real = real
        return real
    recorded, attributes = tensor.__dict__, real.__dict__
    attributes.update({name: value for name, value in recorded.items() if name not in _OWN})
    kinds = type(tensor), type(real)
    real.__class__, tensor.__class__ = kinds  # type: ignore[assignment]
    real.__dict__, tensor.__dict__ = recorded, attributes
    # What C++ holds is `real` now; mostly nothing does, and it is gone with the end of this function.
    real.__dict__["_real"] = tensor
    return tensor


def _real(value: Any, found: list[torch.Tensor]) -> Any:
    """Return a structure of arguments in which recording tensors are real, and note them."""
    if isinstance(value, RecordedTensor):
        real = touch(value)
        found.append(real)
        return real
    if isinstance(value, (tuple, list)):
        items: Any = [_real(item, found) for item in value]
        if all(map(operator.is_, items, value)):
            return value
        return type(value)(items) if type(value) in (tuple, list) else type(value)(*items)
    if type(value) is dict:
        items = {key: _real(item, found) for key, item in value.items()}
        # Functions write into such as they are given, as those that copy do.
        return value if all(map(operator.is_, items.values(), value.values())) else items
    return value


def _record_stack(tensors: Any, dim: int = 0, *, out: Any = None) -> RecordedTensor | None:
    if out is not None or type(tensors) not in (tuple, list) or not tensors:
        return None
    return stack(tensors, dim)


def _record_flip(tensor: Any, *dims: Any, **options: Any) -> RecordedTensor | None:
    if not dims and [*options] == ["dims"]:
        dims = (options["dims"],)
    if len(dims) == 1 and isinstance(dims[0], (tuple, list)):
        dims = tuple(dims[0])
    if len(dims) != 1 or dims[0] not in (-1, -2, 1, 2):
        return None
    return flip(tensor, RecordedTensor, horizontal=dims[0] in (-1, 2))


def flip(tensor: Any, kind: type[RecordedTensor], *, horizontal: bool) -> RecordedTensor | None:
    """Return the recording tensor of a flipped picture, None if there is none."""
    if not is_recording(tensor) or tensor._batched or torch.is_inference_mode_enabled():
        return None
    # A copy has no gaps, in whatever order torch puts its values.
    chain = tensor._chain.then("clone") if tensor._chain.is_view else tensor._chain
    return None if chain is None else kind((tensor._traces[0].flip(horizontal=horizontal),), chain, False)


def _record_part(tensor: Any, index: Any) -> RecordedTensor | None:
    """Return a rectangle, `tensor[..., top:bottom, left:right]`, which is a view."""
    if type(index) is not tuple or len(index) != 3 or not is_recording(tensor) or tensor._batched:
        return None
    first, *others = index
    if first is not Ellipsis and not (type(first) is slice and first == slice(None)):
        return None
    trace, chain = tensor._traces[0], tensor._chain
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
    cropped = trace if all(whole) else trace.crop(left, top, right, bottom)
    view = _sharing(RecordedTensor((cropped,), chain, False, strides=tensor.stride()), tensor)
    view._part = index
    return cast("RecordedTensor", view)


def _range(part: Any, length: int) -> tuple[int, int] | None:
    """Return where a slice begins and ends; None if it is none, has a step, or leaves fewer than two."""
    if type(part) is not slice or part.step not in (None, 1):
        return None
    if not all(bound is None or type(bound) is int for bound in (part.start, part.stop)):
        return None
    start, stop, _ = part.indices(length)
    return (start, stop) if stop - start > 1 else None


def _record_contiguous(tensor: Any, *, memory_format: Any = torch.contiguous_format) -> RecordedTensor | None:
    if memory_format is not torch.contiguous_format:
        return None
    if not is_recording(tensor) or not tensor.is_contiguous():
        return None
    return cast("RecordedTensor", alias(tensor, RecordedTensor) if isinstance(tensor, RecordedImage) else tensor)


def _record_kind(tensor: Any, kind: Any) -> Any:
    if not is_recording(tensor):
        return None
    if kind is tv_tensors.Image or kind is RecordedImage:
        return alias(tensor, RecordedImage)
    return alias(tensor, RecordedTensor) if kind is torch.Tensor else None


def _record_no_gradient(tensor: Any, requires_grad: Any = True) -> RecordedTensor | None:
    return tensor if requires_grad is False and is_recording(tensor) else None


_RECORDERS: dict[Any, Callable[..., RecordedTensor | None]] = {
    torch.stack: _record_stack,
    torch.Tensor.flip: _record_flip,
    torch.flip: _record_flip,
    torch.Tensor.contiguous: _record_contiguous,
    torch.Tensor.__getitem__: _record_part,
    torch.Tensor.requires_grad_: _record_no_gradient,
}
