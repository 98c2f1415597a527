"""Tensors of images that were only recorded.

A recording tensor knows its shape and type, and has no memory. Where torch's functions are called on it, a few are
written down; any other one makes it, in place, the plain tensor that it stands for, and then goes on.
"""

import time
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch.utils.data import get_worker_info
from torchvision import tv_tensors

from penstock import calls
from penstock.compat.torch import DisableTorchFunctionSubclass, make_wrapper_subclass
from penstock.compat.torchvision import must_return_subclass
from penstock.ops.operation import Mix
from penstock.recording.causes import cause
from penstock.recording.chain import Chain, as_at_first
from penstock.recording.memoryless import METADATA, materialized, own_of, swapped
from penstock.recording.rendering import Given, Rendering, Wanted, here, render
from penstock.recording.sources import Source, Trace, making

__all__ = [
    "RECORDERS",
    "RecordedImage",
    "RecordedTensor",
    "alias",
    "image_of",
    "is_allowed",
    "is_pasted",
    "is_plain",
    "is_recording",
    "keeps_kind",
    "materialize",
    "materialize_all",
    "note_touch",
    "part_of",
    "record",
    "sharing",
    "touch",
]


# Of images whose tensors are told apart.
_MODES = ("L", "RGB", "P")
_NONE: Given = types.MappingProxyType({})
# The attributes that only a recording tensor has.
_OWN = frozenset(
    (
        *("_traces", "_chain", "_lead", "_given", "_mixes", "_modes", "_shares", "_is_shared", "_real", "_part"),
        "_sharers",
    )
)
# Functions of torch that are written down, and what writes them down; it returns None if that cannot be done.
RECORDERS: dict[Any, Callable[..., Any]] = {}


class RecordedTensor(torch.Tensor):
    """An image, or a batch of images, whose values were not made yet.

    Args:
        traces: Of the images.
        chain: What was done to their values.
        lead: The lengths of the dimensions for the images, in front of those of one; none for a single one.
        given: The plain tensors that are part of the batch, by their places in it.
        strides: If the chain does not tell them.
        mixes: How the images of the batch are mixed once they are there.
    """

    _traces: tuple[Trace, ...]
    _chain: Chain
    _lead: tuple[int, ...]
    _given: Given
    _mixes: tuple[Mix, ...]
    # Whether torch was in the inference mode when this one was recorded, and whether it followed gradients.
    _modes: tuple[bool, bool]
    # The tensor with whose memory this one's is the same.
    _shares: "RecordedTensor | None" = None
    # Whether another tensor's memory is the same.
    _is_shared: bool = False
    # Those that share this one's memory.
    _sharers: "tuple[weakref.ref[RecordedTensor], ...]" = ()
    # The plain tensor, if there is one and this one could not be it, because code in C++ holds it.
    _real: torch.Tensor | None = None
    # How this one is seen in the memory that it shares, as `part_of` is told it.
    _part: Any = None

    @staticmethod
    def __new__(
        cls,
        traces: Sequence[Trace],
        chain: Chain,
        lead: tuple[int, ...],
        given: Given = _NONE,
        *,
        strides: tuple[int, ...] | None = None,
        mixes: tuple[Mix, ...] = (),
    ) -> Self:
        """Return a tensor of their shape and type, without memory."""
        (height, width), channels = traces[0].extent, chain.channels
        if chain.interleaved and not lead:
            strides = (1, width * channels, channels)
        self: Self = make_wrapper_subclass(cls, (*lead, channels, height, width), strides=strides, dtype=chain.dtype)
        self._traces, self._chain, self._lead, self._given = tuple(traces), chain, lead, given
        self._mixes = mixes
        self._modes = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        if (keeper := self._traces[0].source.keeper) is not None:
            keeper.append(weakref.ref(self))
        if not lead:
            self._traces[0].tensors.append(weakref.ref(self))
        return self

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Also called with the arguments of `tv_tensors.Image`, which returns one of these.
        pass

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        func, kwargs = own_of(func), kwargs or {}
        if func in METADATA and args and is_recording(args[0]):
            with DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if (recorder := RECORDERS.get(func)) is not None and not keeps_kind(types):
            recorded = calls.written_down(recorder, args, kwargs)
            if recorded is not None:
                return recorded
        found: list[torch.Tensor] = []
        args, kwargs = _real(args, found, func), _real(kwargs, found, func)
        if not found:  # they are in a container of an unknown kind
            with DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        args, kwargs = _real(args, [], func), _real(kwargs or {}, [], func)
        return func(*args, **kwargs)

    def as_subclass(self, *arguments: Any, **options: Any) -> Any:
        """Return the same as a tensor of another class; torch calls no `__torch_function__` for it."""
        recorded = _of_kind(self, arguments[0]) if len(arguments) == 1 and not options else None
        return torch.Tensor.as_subclass(touch(self), *arguments, **options) if recorded is None else recorded

    def __reduce_ex__(self, protocol: Any) -> Any:
        return touch(self).__reduce_ex__(protocol)

    def follow(self, trace: Trace) -> None:
        """Have this tensor, of a single image, be of another trace from now on."""
        self._traces = (trace,)
        trace.tensors.append(weakref.ref(self))

    def make(self) -> torch.Tensor:
        """Return the plain tensor that this one stands for."""
        inference, gradients = self._modes
        with as_at_first(inference=inference, gradients=gradients):
            if self._shares is not None:
                return part_of(materialize(self._shares), self._part)
            if self._lead:
                # No thread is started in the user's worker process.
                traces = [trace.at_hand() for trace in self._traces]
                return render(traces, self._chain, self._given, self._mixes, lead=self._lead, threads=_threads())
            trace = self._traces[0]
            if any(_is_another(other(), self) for other in trace.tensors):
                trace.pixels()  # of which all of them are made
            return trace.values(self._chain)

    def promise(self, rendering: Rendering, found: dict[Source, str | bytes]) -> torch.Tensor:
        """Return the same, of which the pixels are there when the rendering has finished.

        Args:
            rendering: One that has not begun.
            found: Where the files are, as `Wanted.of` has it.
        """
        (inference, gradients), read = self._modes, rendering.threads == 1
        traces = [trace.to_send(self._chain) for trace in self._traces]
        wanted = Wanted.of(traces, self._chain, self._given, self._mixes, lead=self._lead, read=read, found=found)
        with as_at_first(inference=inference, gradients=gradients):
            memory = None if self._lead else self._chain.empty(traces[0].height, traces[0].width)
            return rendering.add(wanted, memory)


def _is_another(other: Any, tensor: RecordedTensor) -> bool:
    """Whether something is a recording tensor that does not share another one's memory."""
    return other is not tensor and is_recording(other) and other._shares is None


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

    def promise(self, rendering: Rendering, found: dict[Source, str | bytes]) -> torch.Tensor:
        """Return the same, of which the pixels are there when the rendering has finished."""
        image: torch.Tensor = tv_tensors.Image(super().promise(rendering, found))
        return image


# Messages name the classes that they stand for.
for _kind, _plain in ((RecordedTensor, torch.Tensor), (RecordedImage, tv_tensors.Image)):
    _kind.__name__, _kind.__qualname__, _kind.__module__ = _plain.__name__, _plain.__qualname__, _plain.__module__


def is_recording(value: Any) -> bool:
    """Whether a value is a recording tensor, and neither it nor one with the same memory was made."""
    while isinstance(value, RecordedTensor) and value._real is None:
        if value._shares is None:
            return True
        value = value._shares
    return False


def is_pasted(tensor: RecordedTensor) -> bool:
    """Whether something was written over the values of a recording tensor."""
    return any(trace.pastes for trace in tensor._traces)


def is_allowed(tensor: RecordedTensor) -> bool:
    """Whether torch would allow that a recording tensor is changed in place, in the mode that it is in."""
    return torch.is_inference_mode_enabled() or not tensor._modes[0]


def image_of(tensor: Any, *, pasted: bool = False) -> Trace | None:
    """Return the trace of a single image that records; None if there is none.

    Args:
        tensor: Anything.
        pasted: Whether something may have been written over its values, which is not seen in another image of it.
    """
    if not is_recording(tensor) or tensor._lead or (not pasted and is_pasted(tensor)):
        return None
    trace: Trace = tensor._traces[0]
    return trace


def is_plain(value: Any) -> bool:
    """Whether a value is an ordinary tensor, or image of torchvision's, in memory that follows no gradients."""
    # By identity: to tables, which compare types, a recording image's is that of images.
    return (
        (type(value) is torch.Tensor or type(value) is tv_tensors.Image)
        and value.device.type == "cpu"
        and value.layout is torch.strided
        and not value.requires_grad
    )


def alias(tensor: Any, kind: type[RecordedTensor]) -> Any:
    """Return another recording tensor with the same memory."""
    strides = tensor.stride() if tensor._chain.is_view else None
    other = kind(tensor._traces, tensor._chain, tensor._lead, tensor._given, strides=strides, mixes=tensor._mixes)
    return sharing(other, tensor)


def sharing(other: Any, tensor: Any, part: Any = None) -> Any:
    """Have a new recording tensor share the memory of another one; return it."""
    other._shares, other._part = tensor, part
    tensor._is_shared = other._is_shared = True
    tensor._sharers = *(sharer for sharer in tensor._sharers if sharer() is not None), weakref.ref(other)
    return other


def part_of(whole: torch.Tensor, part: Any) -> torch.Tensor:
    """Return the plain tensor that shares this one's memory.

    Args:
        whole: A plain one.
        part: An index; None for all of it, "detached" for what `detach` makes of it, "view" and a shape for a view.
    """
    pure = whole.as_subclass(torch.Tensor)
    if type(part) is tuple and part[0] == "view":
        return pure.view(part[1])
    if part == "detached":
        return pure.detach()
    return pure if part is None else pure[part]


def _of_kind(tensor: Any, kind: Any) -> Any:
    if not is_recording(tensor):
        return None
    if kind is tv_tensors.Image or kind is RecordedImage:
        return alias(tensor, RecordedImage)
    return alias(tensor, RecordedTensor) if kind is torch.Tensor else None


def keeps_kind(types: Any) -> bool:
    """Whether torchvision was told to give images where torch's functions meet images."""
    return must_return_subclass() and tv_tensors.Image in types


def record(trace: Trace, chain: Chain | None, *, image: bool = False) -> torch.Tensor | None:
    """Return the tensor of one image, or None if there is no chain."""
    # How a result with one row or column lies in memory is decided by more than its chain.
    if chain is None or trace.height == 1 or trace.width == 1:
        return None
    if trace.mode not in _MODES:
        trace = trace.convert("RGB")  # of values, whatever they stand for
    return (RecordedImage if image else RecordedTensor)((trace,), chain, ())


def touch(tensor: torch.Tensor, function: Any = None) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for; return it.

    Args:
        tensor: Any one.
        function: Of torch's, that is called on it.
    """
    with making:
        if not isinstance(tensor, RecordedTensor):
            return tensor
        note_touch(tensor, function)
        outcome, start = tensor._traces[0].source.outcome, time.thread_time()
        try:
            return materialize(tensor)
        finally:
            outcome.spent += time.thread_time() - start


def note_touch(tensor: Any, function: Any = None) -> Any:
    """Note that a recording tensor is made real because somebody looks at its values; return it.

    Args:
        tensor: A recording one.
        function: Of torch's, that is called on it.
    """
    outcomes = [trace.source.outcome for trace in tensor._traces]
    if not all(outcome.is_touched for outcome in outcomes):
        reason = cause(function)
        for outcome in outcomes:
            if not outcome.is_touched:
                outcome.touched = reason
    for trace in tensor._traces:
        if trace.source.log is not None:
            trace.source.log.append((trace, tensor._chain, None))
    return tensor


def materialize(tensor: torch.Tensor, made: torch.Tensor | None = None) -> torch.Tensor:
    """Make a recording tensor, in place, the plain one that it stands for, though nobody has touched it.

    All that share its memory become plain with it: what is done next may give the memory that one of them knows
    another shape, or have it followed by gradients, of which the others must not see anything.

    Args:
        tensor: Any one.
        made: What it stands for, if that was made already.
    """
    if not isinstance(tensor, RecordedTensor):
        return tensor
    if tensor._real is not None:
        return tensor._real
    if tensor._shares is not None and is_recording(tensor):
        materialize(tensor._shares)
        return materialize(tensor)
    sharers = tensor._sharers
    plain = swapped(tensor, tensor.make() if made is None else made, _OWN)
    for sharer in sharers:
        if isinstance(other := sharer(), RecordedTensor):
            materialize(other)
    return plain


def materialize_all(tensors: Sequence[RecordedTensor]) -> Rendering | None:
    """Make recording tensors, in place, the plain ones that they stand for, as one native batch.

    Returns:
        What has made them; None if that is quicker without, as with a single image.
    """
    with making:
        owners = {id(owner): owner for owner in map(_owner, tensors) if is_recording(owner)}
        rendering = None
        if sum(len(owner._traces) for owner in owners.values()) > 1:
            rendering, found = here(_threads()), dict[Source, str | bytes]()
            promised = [owner.promise(rendering, found) for owner in owners.values()]
            rendering.begin()
            rendering.finish()
            for owner, made in zip(owners.values(), promised, strict=True):
                materialize(owner, made)
        for tensor in tensors:
            materialize(tensor)
    return rendering


def _threads() -> int | None:
    """Return how many threads make a batch: no others are started in the user's worker process."""
    return None if get_worker_info() is None else 1


def _owner(tensor: Any) -> Any:
    """Return the tensor whose memory this one shares, or itself."""
    while isinstance(tensor, RecordedTensor) and tensor._shares is not None:
        tensor = tensor._shares
    return tensor


def _real(value: Any, found: list[torch.Tensor], function: Any) -> Any:
    """Return a structure of arguments in which recording tensors are real, and note them."""

    def make(tensor: Any) -> Any:
        found.append(real := touch(tensor, function))
        return real

    return materialized(value, RecordedTensor, make)
