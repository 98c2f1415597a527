"""Tickets: what a worker sends instead of pixels, and how the caller's process makes them.

A ticket becomes a plain tensor as soon as it arrives, of memory that threads are writing to; whoever received it hands
it on when they are done. So it does not matter what else the user's batch consists of, and where in it tensors are.
"""

import contextlib
import pickle
import struct
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.reductions import reduce_tensor
from torchvision import tv_tensors

from penstock import _native, memory
from penstock.lowering.lower import threads_for
from penstock.recording.chain import Chain, Key, chain_of
from penstock.recording.sources import FORMATS, NO_LIMIT, Trace
from penstock.recording.tensors import RecordedImage, RecordedTensor, is_recording, touch

__all__ = ["Renderer", "Rendering", "pack", "receiving", "render", "send_small_tensors"]

_HEAD = struct.Struct("<16sIIBBH")
_STEP = struct.Struct("<5I")
_FORMATS = {name: number for number, name in enumerate(FORMATS)}
# What a ticket holds: mode and chain, whether there is a dimension for pictures, their records, their paths, and the
# content of those that have none.
_Ticket = tuple[str, Key, bool, bytes, list[str], list[bytes] | tuple[torch.Tensor, list[int]]]
# Contents travel in shared memory if they are larger than this together.
_INLINE_BYTES = 1 << 16
# Tensors up to this size travel with the message that they are part of.
_SMALL_BYTES = 1 << 13


def pack(traces: Sequence[Trace]) -> bytes:
    """Return what native code needs to know of some pictures."""
    parts = []
    for trace in traces:
        source = trace.source
        parts.append(
            _HEAD.pack(
                source.identity, source.height, source.width, source.channels, _FORMATS[source.format], len(trace.steps)
            )
        )
        parts += [_STEP.pack(*step) for step in trace.steps]
    return b"".join(parts)


class Rendering:
    """A tensor whose pixels are being made.

    Args:
        places: Of the files: paths, or contents.
        records: Of the pictures.
        chain: What is done to their values.
        batched: Whether there is a dimension for the pictures.
        stream: Whose threads make them.
        pin: Whether the tensor is to be page-locked.
    """

    def __init__(
        self,
        places: list[str | bytes],
        records: bytes,
        chain: Chain,
        *,
        batched: bool,
        stream: _native.Stream,
        pin: bool = False,
        alone: bool = False,
    ) -> None:
        self._places, self._chain = places, chain
        files = _native.Files(places, chain.plan, NO_LIMIT)
        self._batch = _native.Batch.recorded(files, records)
        shape = self._batch.shapes[0]
        self.tensor, out = memory.empty((len(places), *shape), chain.dtype, pin=pin)
        if alone:
            self._batch.run(stream, out)
        else:
            self._batch.submit(stream, out)
        self._made: torch.Tensor | None = None
        if not batched:
            self.tensor = self.tensor[0]
            if chain.interleaved:
                # It is sent as it lies in memory; threads write plane after plane.
                channels, _height, width = shape
                self._made = self.tensor
                self.tensor = torch.empty_strided(
                    tuple(shape), (1, width * channels, channels), dtype=chain.dtype, pin_memory=pin
                )
        self.by_pillow: dict[int, str] = {}

    def finish(self, timeout: float | None = None) -> bool:
        """Wait until the pixels are there; False if that takes longer than so many seconds.

        Raises:
            Exception: What Pillow raises for a file that has changed since it was looked through.
        """
        if not self._batch.wait(timeout):
            return False
        for position, reason in self._batch.tally()[-1]:
            if position not in self.by_pillow:
                self._open(position)
                self.by_pillow[position] = reason
        if self._made is not None:
            self.tensor.copy_(self._made)
        return True

    def _open(self, position: int) -> None:
        import io

        from PIL import Image

        place = self._places[position]
        with Image.open(io.BytesIO(place) if isinstance(place, bytes) else place) as image:
            pixels = np.asarray(image.convert(self._chain.mode))
        if not self._batch.supply(position, _native.Source(pixels[None], self._chain.plan)):
            raise RuntimeError(f"the file {place!r} was replaced by one of another size while it was being loaded")

    def tally(self) -> tuple[int, int, float, float, Any]:
        """Return what was done."""
        return self._batch.tally()


class Renderer:
    """Makes the tensors of the tickets that are received while it is in charge.

    Args:
        threads: That work for it.
        pin: Whether tensors are to be page-locked.
    """

    def __init__(self, threads: int, *, pin: bool) -> None:
        self._stream, self._pin = _native.Stream(threads), pin
        self.begun: list[Rendering] = []

    def begin(self, places: list[str | bytes], records: bytes, chain: Chain, batched: bool) -> torch.Tensor:
        """Have pixels made, and return the tensor that will hold them."""
        rendering = Rendering(places, records, chain, batched=batched, stream=self._stream, pin=self._pin)
        self.begun.append(rendering)
        return rendering.tensor


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


def render(traces: Sequence[Trace], chain: Chain, *, threads: int | None = None) -> torch.Tensor:
    """Make a batch of pictures here and now.

    Args:
        traces: Of the pictures, all of one size.
        chain: What is done to their values.
        threads: As many as there are cores if None.
    """
    places: list[str | bytes] = [
        trace.source.path if trace.source.content is None else trace.source.content for trace in traces
    ]
    alone = threads == 1
    if alone:
        # No thread is started in the user's worker process.
        places = [
            place if isinstance(place, bytes) else trace.source.read()
            for place, trace in zip(places, traces, strict=True)
        ]
    stream = _native.Stream(threads_for(0) if threads is None else threads)
    rendering = Rendering(places, pack(traces), chain, batched=True, stream=stream, alone=True)
    rendering.finish()
    return rendering.tensor


def _ticket(traces: Sequence[Trace], chain: Chain, batched: bool) -> _Ticket:
    sources = [trace.source for trace in traces]
    contents = [source.content for source in sources if source.content is not None]
    carried: Any = contents
    if sum(map(len, contents)) > _INLINE_BYTES:
        whole = np.frombuffer(b"".join(contents), np.uint8)
        shared = torch.empty(len(whole), dtype=torch.uint8).share_memory_()
        shared.numpy()[:] = whole
        carried = shared, [len(content) for content in contents]
    return (
        chain.mode,
        chain.key,
        batched,
        pack(traces),
        [source.path if source.content is None else "" for source in sources],
        carried,
    )


def _receive(ticket: _Ticket) -> torch.Tensor:
    mode, key, batched, records, paths, carried = ticket
    chain = chain_of(mode, key)
    assert chain is not None  # noqa: S101 - the sender has one
    contents: Iterator[bytes]
    if isinstance(carried, tuple):
        shared, lengths = carried
        contents = (part.numpy().tobytes() for part in shared.split(lengths))
    else:
        contents = iter(carried)
    places: list[str | bytes] = [path or next(contents) for path in paths]
    renderer = _in_charge.renderer
    if renderer is not None:
        return renderer.begin(places, records, chain, batched)
    rendering = Rendering(places, records, chain, batched=batched, stream=_native.Stream(threads_for(0)), alone=True)
    rendering.finish()
    return rendering.tensor


def _receive_image(ticket: _Ticket) -> Any:
    return tv_tensors.Image(_receive(ticket))


def _reduce(tensor: Any) -> Any:
    if is_recording(tensor):
        try:
            receive = _receive_image if isinstance(tensor, RecordedImage) else _receive
            return receive, (_ticket(tensor._traces, tensor._chain, tensor._batched),)
        except Exception:  # noqa: S110
            # Queues pickle in a thread of their own, where an exception would be lost, and its batch with it.
            pass
    plain = touch(tensor)
    if type(plain) is torch.Tensor:
        return ForkingPickler._extra_reducers[torch.Tensor](plain)  # type: ignore[attr-defined]
    return plain.__reduce_ex__(pickle.DEFAULT_PROTOCOL)


def _reduce_small(tensor: torch.Tensor) -> Any:
    """Carry a small tensor's bytes with the message; a file of shared memory would take half a millisecond."""
    if (
        tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        and tensor.is_contiguous()
        and 0 < tensor.nbytes <= _SMALL_BYTES
        and tensor.untyped_storage().nbytes() == tensor.nbytes
        and not (tensor.requires_grad or tensor.is_shared() or tensor.is_conj() or tensor.is_neg())
    ):
        content = tensor.view(-1).view(torch.uint8).numpy().tobytes()
        return _receive_small, (content, tensor.dtype, tuple(tensor.shape))
    return reduce_tensor(tensor)


def _receive_small(content: bytes, dtype: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    # A tensor of borrowed memory could not be resized.
    return torch.frombuffer(bytearray(content), dtype=dtype).view(shape).clone()


def send_small_tensors() -> None:
    """Have this process, a worker, send small tensors so."""
    ForkingPickler.register(torch.Tensor, _reduce_small)


ForkingPickler.register(RecordedTensor, _reduce)
ForkingPickler.register(RecordedImage, _reduce)
