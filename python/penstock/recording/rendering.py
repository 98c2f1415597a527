"""From traces, or what a ticket tells of them, to tensors: pixels made by native threads.

Tensors that are wanted at the same time are made as one batch: a file that several of them show is read and decoded
once, and each of its views is written to its own tensor, as that lies in memory.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from penstock import _native, memory
from penstock.delivery.form import Form
from penstock.delivery.tables import Coded
from penstock.fallback import open_rest
from penstock.lowering.lower import threads_for
from penstock.ops.operation import Mix
from penstock.recording.chain import Chain, Written
from penstock.recording.decoders import decode
from penstock.recording.sources import Source, Trace, pack

__all__ = ["Given", "Renderer", "Rendering", "Wanted", "here", "render"]

# Plain tensors by their places in a batch.
Given = Mapping[int, torch.Tensor]
# Dimensions of a batch of images.
_BATCH = 4
# Whether torchvision's decoder opens what is not decoded, and Pillow's mode of it.
_OPENERS = {(by, mode): f"{by}{mode}" for by in ("", "t") for mode in ("L", "P", "RGB")}


class Wanted(NamedTuple):
    """A tensor that is to be made.

    Attributes:
        chain: What is done to the images' values.
        shape: (C, H, W) of one image, or (..., C, H, W).
        places: Of the images' files: paths, or contents.
        records: What was done to the images, as `pack` tells it.
        given: Tensors that are part of the batch as they are.
        mixes: How the images of a batch are mixed once they are there.
        mixed: What has been done to their values by then, if the rest is done afterwards, as it is to bytes.
    """

    chain: Chain
    shape: tuple[int, ...]
    places: list[str | bytes]
    records: bytes
    given: Given
    mixes: tuple[Mix, ...] = ()
    mixed: Chain | None = None

    @property
    def rendered(self) -> Chain:
        """What is done to the values of each image for itself."""
        return self.mixed or self.chain

    def then(self, chain: Chain) -> "Wanted":
        """Return what is wanted of the same images if more is done to the values, of bytes that are as they were."""
        rest = self.mixes and chain.values != self.rendered.values
        return self._replace(chain=chain, mixed=self.rendered if rest else None)

    @staticmethod
    def of(
        traces: Sequence[Trace],
        chain: Chain,
        given: Given,
        mixes: tuple[Mix, ...] = (),
        *,
        lead: tuple[int, ...],
        read: bool = False,
        found: dict[Source, str | bytes] | None = None,
    ) -> "Wanted":
        """Return what is wanted of some traces, one of them unless there are dimensions for the images.

        Args:
            traces: Of the images.
            chain: What is done to their values.
            given: The plain tensors that are part of the batch.
            mixes: How the images of a batch are mixed.
            lead: The lengths of the dimensions for the images.
            read: Whether the files' contents are given, and not their paths.
            found: Where the files are, of tensors that are made as one batch: each file is asked for it once.
        """
        shape = (chain.channels, *traces[0].extent)
        found = {} if found is None else found
        for source in {trace.source for trace in traces}:
            if source not in found:
                found[source] = source.read() if read else source.place()
        places = [found[trace.source] for trace in traces]
        return Wanted(chain, (*lead, *shape), places, pack(traces), given, mixes)


class Rendering:
    """Tensors whose pixels are made as one batch.

    Args:
        stream: Whose threads make them.
        pin: Whether the tensors are to be page-locked.
        alone: Whether the caller makes the pixels, with the stream's help, and not the stream alone.
        form: What batches of images are to be when they are delivered, if they are.

    Attributes:
        threads: Of the stream.
        tensors: That are made.
        by_pillow: The images that the library has opened, by their positions in the native batch: the reasons.
    """

    def __init__(
        self, stream: _native.JobQueue, *, pin: bool = False, alone: bool = False, form: Form | None = None
    ) -> None:
        self._stream, self._pin, self._alone, self._form = stream, pin, alone, form
        self.tensors: list[torch.Tensor] = []
        self.threads = stream.threads
        self._wanted: list[Wanted] = []
        self._tickets: list[Any] = []
        self._batch: _native.Batch | None = None
        self.by_pillow: dict[int, str] = {}

    def add(self, wanted: Wanted, tensor: torch.Tensor | None = None) -> torch.Tensor:
        """Return a tensor that will hold what is wanted, once this has begun and finished.

        Args:
            wanted: Of one image, or of several.
            tensor: The one to write to, as the chain takes memory for one image; a new one if None.
        """
        chain, shape, places, records, given, mixes, mixed = wanted
        strides = slots = None
        if chain.interleaved and len(shape) == 3:
            strides = (1, shape[2] * chain.channels, chain.channels)
        elif self._form is not None and not given and not mixes:
            strides = self._form.strides_of(shape)
        if tensor is None:
            pin = self._pin and self._otherwise(wanted) is None  # or it may be memory that nobody writes to
            tensor, buffer = _empty(shape, chain.dtype, strides, pin=pin)
        else:
            buffer = memory.writable(tensor)
        if given:
            images = tensor.view(-1, *shape[-3:])
            slots = [slot for slot in range(len(images)) if slot not in given]
            for slot, plain in given.items():
                # torch's copy would wake a thread for each core, and have them spin for the next one.
                _bytes_of(images[slot])[:] = _bytes_of(plain)
        self._wanted.append(wanted)
        after = None if mixed is None else chain.plan
        plan, opener = wanted.rendered.plan, _opener(chain)
        self._tickets.append((plan, opener, places, records, slots, buffer, strides, mixes, after))
        self.tensors.append(tensor)
        return tensor

    def _otherwise(self, wanted: Wanted) -> Written | None:
        """Return how else a tensor can be written for who delivers it."""
        form, chain = self._form, wanted.chain
        if form is None or wanted.given or wanted.mixes or len(wanted.shape) != _BATCH:
            return None
        return chain.written(form.dtype_of(chain.dtype), as_bytes=form.as_bytes)

    def exchange(self, number: int) -> Any:
        """Have a tensor that was added be written as it is to be delivered, and its own memory be left alone.

        Returns:
            What stands for it; None if it is made as it is.
        """
        wanted = self._wanted[number]
        written = self._otherwise(wanted)
        if written is None or self._batch is not None:
            return None
        _, opener, places, records, slots, _, strides, mixes, after = self._tickets[number]
        tensor, buffer = _empty(wanted.shape, written.dtype, strides, pin=self._pin)
        self.tensors[number] = tensor
        self._tickets[number] = written.plan, opener, places, records, slots, buffer, strides, mixes, after
        return tensor if written.table is None else Coded(tensor, written.table)

    def begin(self) -> bool:
        """Have the pixels made, if any are wanted; return whether they are."""
        if not self._tickets:
            return False
        self._batch = _native.Batch.recorded(self._tickets)
        # The batch holds the memory.
        self._tickets = []
        if self._alone:
            self._batch.run(self._stream)
        else:
            self._batch.submit(self._stream)
        return True

    def is_made(self) -> bool:
        """Whether the pixels are there; nothing is waited for."""
        return self.is_there and (self._batch is None or not self._batch.tally()[-1])

    @property
    def is_there(self) -> bool:
        """Whether the pixels are there, but for those of files that the library has to open."""
        return self._batch is None or self._batch.wait(0.0)

    def finish(self, timeout: float | None = None) -> bool:
        """Wait until the pixels are there; False if that takes longer than so many seconds.

        Raises:
            Exception: What Pillow or torchvision raises for a file that has changed since it was looked through.
        """
        if self._batch is None:
            return True
        if not self._batch.wait(timeout):
            return False
        for position, reason, _, made in open_rest(self._batch, self._open, self._plan):
            if not made:
                place = self._first(position)[1]
                raise RuntimeError(f"the file {place!r} was replaced by one of another size while it was being loaded")
            self.by_pillow[position] = reason
        return True

    def _first(self, position: int) -> tuple[Chain, str | bytes]:
        """Return the chain and the place of an image's first view; the library opens it for all of them alike."""
        assert self._batch is not None  # noqa: S101 - it has been waited for
        number, index = self._batch.views(position)[0]
        return self._wanted[number].rendered, self._wanted[number].places[index]

    def _plan(self, position: int) -> _native.Plan:
        return self._first(position)[0].plan

    def _open(self, position: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        chain, place = self._first(position)
        if chain.key[0] == ("decode_image",):
            content = place if isinstance(place, bytes) else Path(place).read_bytes()
            return np.asarray(decode(content, chain.mode))
        with Image.open(io.BytesIO(place) if isinstance(place, bytes) else place) as image:
            # One channel may be made of three by a step.
            return np.asarray(image if image.mode == chain.mode else image.convert("RGB"))

    def tallies(self) -> list[tuple[int, int, float, float, Any]]:
        """Return what was done."""
        return [] if self._batch is None else [self._batch.tally()]


def _empty(
    shape: tuple[int, ...], dtype: torch.dtype, strides: tuple[int, int, int] | None, *, pin: bool
) -> tuple[torch.Tensor, Any]:
    """Return memory for an image, or for a batch, whose images have these strides."""
    lead = (math.prod(shape[1:]),) if len(shape) == _BATCH else ()
    return memory.empty(shape, dtype, pin=pin, strides=None if strides is None else (*lead, *strides))


def _bytes_of(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return tensor.as_subclass(torch.Tensor).contiguous().view(-1).view(torch.uint8).numpy()


class Renderer:
    """Makes the tensors of the tickets that are received while it is in charge.

    Args:
        threads: That work for it.
        pin: Whether tensors are to be page-locked.
        form: What batches of images are to be when they are delivered, if they are.

    Attributes:
        pin: The same.
    """

    def __init__(self, threads: int, *, pin: bool, form: Form | None = None) -> None:
        self._stream, self.pin, self._form = _native.JobQueue(threads), pin, form

    def rendering(self, kind: Callable[..., Rendering] = Rendering) -> Rendering:
        """Return a rendering by these threads that has not begun.

        Args:
            kind: Makes it, given what `Rendering` is given.
        """
        return kind(self._stream, pin=self.pin, form=self._form)


def here(threads: int | None = None) -> Rendering:
    """Return a rendering that has not begun, which the caller makes here and now.

    Args:
        threads: As many as there are cores if None; with one, no thread is started.
    """
    return Rendering(_native.JobQueue(threads_for(0) if threads is None else threads), alone=True)


def render(
    traces: Sequence[Trace],
    chain: Chain,
    given: Given,
    mixes: tuple[Mix, ...] = (),
    *,
    lead: tuple[int, ...],
    threads: int | None = None,
) -> torch.Tensor:
    """Make a batch of images here and now.

    Args:
        traces: Of the images, all of one size.
        chain: What is done to their values.
        given: Tensors that are part of the batch, by their places in it.
        mixes: How the images are mixed.
        lead: The lengths of the dimensions for the images.
        threads: As many as there are cores if None; with one, no thread is started, and the caller reads the files.
    """
    wanted = Wanted.of(traces, chain, given, mixes, lead=lead, read=threads == 1)
    rendering = here(threads)
    tensor = rendering.add(wanted)
    rendering.begin()
    rendering.finish()
    return tensor


def _opener(chain: Chain) -> str:
    return _OPENERS["t" if chain.key[0] == ("decode_image",) else "", chain.mode]
