"""From traces, or what a ticket tells of them, to tensors: pixels made by native threads."""

import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock import _native, memory
from penstock.lowering.lower import threads_for
from penstock.recording.chain import Chain
from penstock.recording.decoders import decode
from penstock.recording.sources import NO_LIMIT, Source, Trace, pack

__all__ = ["Given", "Renderer", "Rendering", "Run", "render", "runs_of"]

# Plain tensors by their places in a batch.
Given = Mapping[int, torch.Tensor]


@dataclasses.dataclass(frozen=True)
class Run:
    """Pictures that lie side by side in a batch.

    Attributes:
        first: Place of the first one.
        places: Of their files: paths, or contents.
        records: What was done to them.
    """

    first: int
    places: list[str | bytes]
    records: bytes


def runs_of(traces: Sequence[Trace], given: Given, *, read: bool = False) -> list[Run]:
    """Return the runs of a batch's pictures, between the plain tensors that are part of it.

    Args:
        traces: Of the pictures.
        given: The plain tensors.
        read: Whether the files' contents are given, and not their paths.
    """
    runs: list[list[Trace]] = [[]]
    firsts, upcoming = [0], iter(traces)
    for place in range(len(traces) + len(given)):
        if place in given:
            runs.append([])
            firsts.append(place + 1)
        else:
            runs[-1].append(next(upcoming))
    found = zip(firsts, runs, strict=True)
    where = Source.read if read else Source.place
    return [Run(first, [where(trace.source) for trace in run], pack(run)) for first, run in found if run]


class Rendering:
    """A tensor whose pixels are being made.

    Args:
        runs: Of pictures.
        chain: What is done to their values.
        given: Tensors that are part of the batch as they are.
        batched: Whether there is a dimension for the pictures.
        stream: Whose threads make them.
        pin: Whether the tensor is to be page-locked.
        alone: Whether the caller makes the pixels, with the stream's help, and not the stream alone.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        chain: Chain,
        given: Given,
        *,
        batched: bool,
        stream: _native.Stream,
        pin: bool = False,
        alone: bool = False,
    ) -> None:
        self._chain, self._runs = chain, runs
        self._batches = [
            _native.Batch.recorded(_native.Files(run.places, chain.plan, NO_LIMIT), run.records) for run in runs
        ]
        shape = self._batches[0].shapes[0]
        count = sum(len(run.places) for run in runs) + len(given)
        self.tensor, buffer = memory.empty((count, *shape), chain.dtype, pin=pin)
        out, size = memoryview(buffer).cast("B"), math.prod(shape) * chain.dtype.itemsize
        for run, batch in zip(runs, self._batches, strict=True):
            part = out[run.first * size : (run.first + len(run.places)) * size]
            if alone:
                batch.run(stream, part)
            else:
                batch.submit(stream, part)
        for place, tensor in given.items():
            self.tensor[place].copy_(tensor)
        self._made: torch.Tensor | None = None
        if not batched:
            self.tensor = self.tensor[0]
            if chain.interleaved:
                # It is sent as it lies in memory; threads write plane after plane.
                channels, _height, width = shape
                self._made = self.tensor
                self.tensor = torch.empty_strided(
                    tuple(shape), (1, width * channels, channels), dtype=chain.dtype, device="cpu", pin_memory=pin
                )
        self.by_pillow: dict[int, str] = {}

    def finish(self, timeout: float | None = None) -> bool:
        """Wait until the pixels are there; False if that takes longer than so many seconds.

        Raises:
            Exception: What Pillow or torchvision raises for a file that has changed since it was looked through.
        """
        for run, batch in zip(self._runs, self._batches, strict=True):
            if not batch.wait(timeout):
                return False
            for position, reason in batch.tally()[-1]:
                if run.first + position not in self.by_pillow:
                    self._open(batch, position, run.places[position])
                    self.by_pillow[run.first + position] = reason
        if self._made is not None:
            with torch.inference_mode(self.tensor.is_inference()):
                self.tensor.copy_(self._made)
        return True

    def _open(self, batch: _native.Batch, position: int, place: str | bytes) -> None:
        if self._chain.key[0] == ("decode_image",):
            pixels = np.asarray(decode(_content(place), self._chain.mode))
        else:
            with Image.open(io.BytesIO(place) if isinstance(place, bytes) else place) as image:
                pixels = np.asarray(image.convert(self._chain.mode))
        if not batch.supply(position, _native.Source(pixels[None], self._chain.plan)):
            raise RuntimeError(f"the file {place!r} was replaced by one of another size while it was being loaded")

    def tallies(self) -> list[tuple[int, int, float, float, Any]]:
        """Return what was done, for each run."""
        return [batch.tally() for batch in self._batches]


class Renderer:
    """Makes the tensors of the tickets that are received while it is in charge.

    Args:
        threads: That work for it.
        pin: Whether tensors are to be page-locked.

    Attributes:
        pin: The same.
    """

    def __init__(self, threads: int, *, pin: bool) -> None:
        self._stream, self.pin = _native.Stream(threads), pin
        self.begun: list[Rendering] = []

    def begin(self, runs: Sequence[Run], chain: Chain, given: Given, *, batched: bool) -> torch.Tensor:
        """Have pixels made, and return the tensor that will hold them."""
        rendering = Rendering(runs, chain, given, batched=batched, stream=self._stream, pin=self.pin)
        self.begun.append(rendering)
        return rendering.tensor


def render(traces: Sequence[Trace], chain: Chain, given: Given, *, threads: int | None = None) -> torch.Tensor:
    """Make a batch of pictures here and now.

    Args:
        traces: Of the pictures, all of one size.
        chain: What is done to their values.
        given: Tensors that are part of the batch, by their places in it.
        threads: As many as there are cores if None; with one, no thread is started, and the caller reads the files.
    """
    runs = runs_of(traces, given, read=threads == 1)
    stream = _native.Stream(threads_for(0) if threads is None else threads)
    rendering = Rendering(runs, chain, given, batched=True, stream=stream, alone=True)
    rendering.finish()
    return rendering.tensor


def _content(place: str | bytes) -> bytes:
    return place if isinstance(place, bytes) else Path(place).read_bytes()
