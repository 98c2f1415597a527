"""From traces, or what a ticket tells of them, to tensors: pixels made by native threads."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock import _native, memory
from penstock.lowering.lower import threads_for
from penstock.recording.chain import Chain
from penstock.recording.sources import NO_LIMIT, Trace, pack

__all__ = ["Renderer", "Rendering", "render"]


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
