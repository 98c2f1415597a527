"""Tickets: what a worker sends instead of pixels.

A ticket becomes a plain tensor as soon as it arrives, of memory that threads are writing to; whoever received it hands
it on when they are done. So it does not matter what else the user's batch consists of, and where in it tensors are.
"""

import contextlib
import dataclasses
import pickle
import threading
from collections.abc import Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors

from penstock import _native
from penstock.compat.torch import extra_reducers
from penstock.lowering.lower import threads_for
from penstock.recording.chain import Key, chain_of
from penstock.recording.rendering import Renderer, Rendering, Run, runs_of
from penstock.recording.tensors import RecordedImage, RecordedTensor, is_recording, part_of, touch

__all__ = ["receiving"]

# What a ticket holds: mode and chain, whether there is a dimension for pictures, the runs of pictures in which contents
# may be missing, those contents one after the other and their lengths, and the plain tensors of the batch and their
# places.
_Ticket = tuple[str, Key, bool, list[Run], tuple[Any, list[int]], tuple[Any, list[int]]]
# Contents travel in shared memory if they are larger than this together.
_INLINE_BYTES = 1 << 16


class _InCharge(threading.local):
    renderer: Renderer | None = None


_in_charge = _InCharge()


@contextlib.contextmanager
def receiving(renderer: Renderer) -> Iterator[list[Rendering]]:
    """Have this renderer make the tensors of tickets that this thread unpickles meanwhile."""
    before, _in_charge.renderer = _in_charge.renderer, renderer
    renderer.begun = []
    try:
        yield renderer.begun
    finally:
        _in_charge.renderer = before


def _ticket(tensor: RecordedTensor) -> _Ticket:
    chain, given = tensor._chain, tensor._given
    runs = runs_of(tensor._traces, given)
    contents = [place for run in runs for place in run.places if isinstance(place, bytes)]
    carried: tuple[Any, list[int]] = (None, [])
    if sum(map(len, contents)) > _INLINE_BYTES:
        whole = np.frombuffer(b"".join(contents), np.uint8)
        shared = torch.empty(len(whole), dtype=torch.uint8).share_memory_()
        shared.numpy()[:] = whole
        carried = shared, [len(content) for content in contents]
        runs = [dataclasses.replace(run, places=["" if type(p) is bytes else p for p in run.places]) for run in runs]
    plain = torch.stack([item.as_subclass(torch.Tensor) for item in given.values()]) if given else None
    return chain.mode, chain.key, tensor._batched, runs, carried, (plain, list(given))


def _receive(ticket: _Ticket) -> torch.Tensor:
    mode, key, batched, runs, (shared, lengths), (plain, places) = ticket
    chain = chain_of(mode, key)
    assert chain is not None  # noqa: S101 - the sender has one
    if shared is not None:
        contents = (part.numpy().tobytes() for part in shared.split(lengths))
        runs = [dataclasses.replace(run, places=[p or next(contents) for p in run.places]) for run in runs]
    given = dict(zip(places, plain, strict=True)) if places else {}
    renderer = _in_charge.renderer
    if renderer is not None:
        return renderer.begin(runs, chain, given, batched=batched)
    rendering = Rendering(runs, chain, given, batched=batched, stream=_native.Stream(threads_for(0)), alone=True)
    rendering.finish()
    return rendering.tensor


def _receive_image(ticket: _Ticket) -> Any:
    return tv_tensors.Image(_receive(ticket))


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
        try:
            return _receive_image if is_image else _receive, (_ticket(tensor),)
        except Exception:  # noqa: S110
            # Queues pickle in a thread of their own, where an exception would be lost, and its batch with it.
            pass
    plain = touch(tensor)
    if type(plain) is torch.Tensor:
        return extra_reducers[torch.Tensor](plain)
    return plain.__reduce_ex__(pickle.DEFAULT_PROTOCOL)


ForkingPickler.register(RecordedTensor, _reduce)
ForkingPickler.register(RecordedImage, _reduce)
