"""Tickets: what a worker sends instead of pixels.

A ticket becomes a plain tensor as soon as it arrives, of memory that threads are writing to; whoever received it hands
it on when they are done. So it does not matter what else the user's batch consists of, and where in it tensors are.
"""

import contextlib
import dataclasses
import operator
import pickle
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

import numpy as np
import torch
from torchvision import tv_tensors

from penstock.compat.torch import extra_reducers
from penstock.ops.operation import Mix
from penstock.recording.canvases import Canvas, is_canvas, real, recorded
from penstock.recording.chain import Chain, Key, chain_of
from penstock.recording.rendering import Given, Rendering, Wanted, here
from penstock.recording.sources import Source, Trace, making
from penstock.recording.tensors import RecordedImage, RecordedTensor, is_recording, part_of, touch

__all__ = ["Postponed", "postponing", "receive_all", "receiving", "tickets_of"]

# What a ticket holds: mode and chain, shape, the places of the images' files, of which contents may be missing, their
# records, those contents, the plain tensors of the batch and their places, and how it is mixed.
_Ticket = tuple[str, Key, tuple[int, ...], list[str | bytes], bytes, Any, tuple[Any, list[int]] | None, tuple[Mix, ...]]
# Contents travel in shared memory if they are larger than this together.
_INLINE_BYTES = 1 << 16


class _Renders(Protocol):
    def rendering(self) -> Rendering:
        """Return a rendering that has not begun."""


class _InCharge(threading.local):
    rendering: Rendering | None = None
    # Where tensors are listed whose tickets are written later.
    postponed: "list[Postponed] | None" = None
    # What arrived of those.
    arrived: Sequence[torch.Tensor] = ()


_in_charge = _InCharge()


@dataclasses.dataclass(frozen=True)
class Postponed:
    """A tensor that was pickled as a number, and whose ticket is not written yet.

    Attributes:
        traces: Of its images.
        chain: What was done to their values.
        lead: The lengths of the dimensions for the images.
        given: The plain tensors that are part of it, by their places.
        mixes: How its images are mixed.
    """

    traces: tuple[Trace, ...]
    chain: Chain
    lead: tuple[int, ...]
    given: Given
    mixes: tuple[Mix, ...]


@contextlib.contextmanager
def postponing() -> Iterator[list[Postponed]]:
    """Have recording tensors that this thread pickles meanwhile be numbers, and list what they stand for."""
    before, _in_charge.postponed = _in_charge.postponed, []
    try:
        yield _in_charge.postponed
    finally:
        _in_charge.postponed = before


def tickets_of(postponed: Sequence[Postponed]) -> list[Any]:
    """Return the tickets of tensors that were pickled as numbers; `receive_all` takes them."""
    found: dict[Source, str | bytes] = {}
    return [
        _ticket(
            [trace.to_send(tensor.chain) for trace in tensor.traces],
            *(tensor.chain, tensor.lead, tensor.given, tensor.mixes),
            found=found,
        )
        for tensor in postponed
    ]


@contextlib.contextmanager
def receive_all(tickets: Sequence[Any]) -> Iterator[None]:
    """Receive tickets, and have the numbers that this thread unpickles meanwhile stand for their tensors."""
    before, _in_charge.arrived = _in_charge.arrived, [*map(_receive, tickets)]
    try:
        yield
    finally:
        _in_charge.arrived = before


@contextlib.contextmanager
def receiving(renderer: _Renders) -> Iterator[tuple[Rendering, list[Rendering]]]:
    """Have this renderer make the tensors of tickets that this thread unpickles meanwhile.

    They are one batch, which begins at the end: what was begun is then in the list.
    """
    before, rendering, begun = _in_charge.rendering, renderer.rendering(), list[Rendering]()
    _in_charge.rendering = rendering
    try:
        yield rendering, begun
    finally:
        _in_charge.rendering = before
    if rendering.begin():
        begun.append(rendering)


class _Contents:
    """Files' contents that travel in shared memory.

    A message holds each object once: tensors of the same images name the same one.
    """

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        whole = np.frombuffer(b"".join(self.parts), np.uint8)
        shared = torch.empty(len(whole), dtype=torch.uint8).share_memory_()
        shared.numpy()[:] = whole
        return _received_contents, (shared, [*map(len, self.parts)])


def _received_contents(shared: torch.Tensor, lengths: list[int]) -> _Contents:
    return _Contents([part.numpy().tobytes() for part in shared.split(lengths)])


def _ticket(
    traces: Sequence[Trace],
    chain: Chain,
    lead: tuple[int, ...],
    given: Given,
    mixes: tuple[Mix, ...],
    *,
    found: dict[Source, str | bytes] | None = None,
) -> _Ticket:
    _, shape, places, records, *_ = Wanted.of(traces, chain, given, lead=lead, found=found)
    parts = [place for place in places if isinstance(place, bytes)]
    carried = None
    if sum(map(len, parts)) > _INLINE_BYTES:
        carried = _carried(traces[0].source, parts)
        places = ["" if type(place) is bytes else place for place in places]
    plain = torch.stack([item.as_subclass(torch.Tensor) for item in given.values()]) if given else None
    return chain.mode, chain.key, shape, places, records, carried, (plain, list(given)) if given else None, mixes


def _carried(source: Source, parts: list[bytes]) -> _Contents:
    """Return the object that these contents, the first of which is this source's, travel as."""
    known: _Contents | None = source.carried
    if known is None or len(known.parts) != len(parts) or not all(map(operator.is_, known.parts, parts)):
        source.carried = known = _Contents(parts)
    return known


def _receive(ticket: _Ticket) -> torch.Tensor:
    mode, key, shape, places, records, carried, plain, mixes = ticket
    chain = chain_of(mode, key)
    assert chain is not None  # noqa: S101 - the sender has one
    if carried is not None:
        contents = iter(carried.parts)
        places = [place or next(contents) for place in places]
    given = {} if plain is None else dict(zip(plain[1], plain[0], strict=True))
    wanted = Wanted(chain, shape, places, records, given, mixes)
    if _in_charge.rendering is not None:
        return _in_charge.rendering.add(wanted)
    rendering = here()
    tensor = rendering.add(wanted)
    rendering.begin()
    rendering.finish()
    return tensor


def _receive_image(ticket: _Ticket) -> Any:
    return tv_tensors.Image(_receive(ticket))


def _receive_number(number: int, is_image: bool) -> Any:
    tensor = _in_charge.arrived[number]
    return tv_tensors.Image(tensor) if is_image else tensor


def _receive_part(whole: torch.Tensor, part: Any, is_image: bool) -> Any:
    seen = part_of(whole, part)
    # As torch sends it: of the same memory, and not known to autograd as a view.
    other = torch.empty(0, dtype=seen.dtype, device=seen.device)
    other.set_(seen.untyped_storage(), seen.storage_offset(), seen.shape, seen.stride())
    return tv_tensors.Image(other) if is_image else other


def _reduce(tensor: Any) -> Any:
    if is_recording(tensor):
        is_image = isinstance(tensor, RecordedImage)
        if (whole := tensor._shares) is not None:
            # A message holds each object once, so what shares memory when it is sent does so when it arrives.
            return _receive_part, (whole, tensor._part, is_image)
        what = tensor._traces, tensor._chain, tensor._lead, tensor._given, tensor._mixes
        if _in_charge.postponed is not None:
            _in_charge.postponed.append(Postponed(*what))
            return _receive_number, (len(_in_charge.postponed) - 1, is_image)
        try:
            return _receive_image if is_image else _receive, (_ticket(*what),)
        except Exception:  # noqa: S110
            # Queues pickle in a thread of their own, where an exception would be lost, and its batch with it.
            pass
    plain = touch(tensor)
    if type(plain) is torch.Tensor:
        return extra_reducers[torch.Tensor](plain)
    return plain.__reduce_ex__(pickle.DEFAULT_PROTOCOL)


def _reduce_canvas(canvas: Canvas) -> Any:
    # A queue's thread pickles masks, while the user's code may change what it has kept of them.
    with making:
        if is_canvas(canvas):
            if (root := canvas._root) is not None:
                # As parts of other tensors that record.
                if recorded(root) is not None:
                    return _receive_part, (root, canvas.seen_by, False)
            elif (whole := recorded(canvas)) is not None:
                if whole.ndim == canvas.ndim:
                    return _reduce(whole)
                return _receive_part, (whole, ("view", tuple(canvas.shape)), False)
        return extra_reducers[torch.Tensor](real(canvas))


ForkingPickler.register(Canvas, _reduce_canvas)
ForkingPickler.register(RecordedTensor, _reduce)
ForkingPickler.register(RecordedImage, _reduce)
