"""The native iterator: torch's bookkeeping, Rust's pixels.

It derives from torch's own base class, which draws the base seed, warns, and calls the sampler, so all of that is
torch's by construction. What follows replaces the worker processes: logical worker w has a random stream seeded
`base_seed + w` and is given batch k if k % num_workers == w; its numbers are drawn when the indices are taken,
its pixels made by whatever thread is free. With `num_workers=0` the stream is torch's global generator.
"""

import collections
import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import default_collate

from penstock import _native, memory
from penstock.compat.torch import (
    ExceptionWrapper,
    _BaseDataLoaderIter,
    _MapDatasetFetcher,
    pin_memory,
    profiler_enabled,
)
from penstock.counters import Counters, counters_of
from penstock.generators import lend
from penstock.lowering.gather import Gathering
from penstock.lowering.lower import Lowered, lower
from penstock.lowering.places import Located, Targets, detached

__all__ = ["NativeDataLoaderIter", "collate_targets"]

# Indices are taken, numbers drawn and targets collated as far ahead as torch does it. Pixels are the memory: they are
# made for so many batches, and for more while they fit into so many bytes. All threads work on one batch at a time,
# so more of them ready would not make the next one come sooner.
_AHEAD_BATCHES = 3
_AHEAD_BYTES = 16 << 20


class NativeDataLoaderIter(_BaseDataLoaderIter):
    """Iterates once over a loader that was lowered; made by `penstock.DataLoader`."""

    # Outside code asks iterators for their processes.
    _workers: tuple[()] = ()

    def __init__(self, loader: Any, lowered: Lowered) -> None:
        super().__init__(loader)
        self._counters = counters_of(loader)
        self._counters.way = "lowered"
        self._stream = _native.Stream(lowered.report.threads)
        self._taken: Any = None
        self._lowered: Lowered | None = lowered
        self._pending: collections.deque[_Prepared] = collections.deque()
        if self._num_workers:
            self._prefetch_factor: int = loader.prefetch_factor
            seeds = [int(self._base_seed) + worker for worker in range(self._num_workers)]
            self._generators = [_native.Generator(seed) for seed in seeds]
            self._reset(loader, first_iter=True)
        else:
            self._loader = loader
            self._counters.begin()

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        super()._reset(loader, first_iter)
        self._counters.begin()
        # What is still pending draws its numbers, as torch's workers finish what they were given. How many those are
        # in files is only known when they are decoded. In a forked child they cannot be.
        with contextlib.suppress(RuntimeError):
            while self._pending:
                if self._lowered is not None and self._lowered.decodes:
                    self._begin()
                    self._made(self._pending[0], None)
                self._pending[0].prepare()
                self._pending.popleft()
        self._pending.clear()
        # A forked child has none of the old one's threads.
        self._stream = _native.Stream(self._stream.threads)
        self._taken = None
        self._sent = 0
        for _ in range(self._prefetch_factor * self._num_workers):
            self._send()
        self._begin()

    def __next__(self) -> Any:
        if profiler_enabled():
            return super().__next__()
        # The base class's method without the profiler's range, which takes longer than making a small batch.
        called = self._counters.called()
        try:
            data = self._next_data()
        finally:
            self._counters.returned(called)
        self._num_yielded += 1
        return data

    def _send(self) -> None:
        indices, self._taken = self._taken, None
        if indices is None:
            try:
                indices = next(self._sampler_iter)
            except StopIteration:
                return
        assert self._lowered is not None  # noqa: S101 - only without workers it may be given up
        try:
            gathering = Gathering(self._lowered.place, indices)
        except KeyboardInterrupt:
            self._taken = indices  # for the next try: an interrupted epoch can be gone on with
            raise
        worker = self._sent % self._num_workers
        self._sent += 1
        rewinds, generator = self._lowered.decodes, self._generators[worker]
        prepared = _Prepared(gathering, generator, worker, self._counters, pin=self._pin_memory, rewinds=rewinds)
        self._pending.append(prepared)

    def _begin(self) -> None:
        """Have the pixels made of as many of the coming batches as are worth their memory."""
        room = _AHEAD_BYTES
        for position, prepared in enumerate(self._pending):
            # In order: the numbers of a worker's batches follow each other.
            if not prepared.ready():
                break
            prepared.prepare()
            if position >= _AHEAD_BATCHES and room < prepared.nbytes:
                break
            room -= prepared.nbytes
            prepared.submit(self._stream)

    def _next_data(self) -> Any:
        if not self._num_workers:
            return self._make_now(next(self._sampler_iter))
        if not self._pending:
            raise StopIteration
        self._begin()
        prepared = self._pending[0]
        try:
            ready = self._made(prepared, self._timeout or None)
        except RuntimeError:
            # The threads failed at this batch; the next ones are not its fault.
            self._pending.popleft()
            self._send()
            self._begin()
            raise
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        self._pending.popleft()
        try:
            if not prepared.followed:
                self._send()
                prepared.followed = True
            self._begin()
        except KeyboardInterrupt:
            self._pending.appendleft(prepared)
            raise
        return prepared.result(self._pin_memory_device)

    def _made(self, prepared: "_Prepared", timeout: float | None) -> bool:
        """Wait for the first pending batch; return whether it, or its error, is there within so many seconds."""
        prepared.prepare()
        prepared.submit(self._stream)
        while prepared.wait(timeout):
            if not prepared.mend():
                return True
            generator = prepared.generator
            prepared.redraw(generator)
            for later in self._pending:
                if later.generator is generator and later is not prepared and later.prepared:
                    later.draw(generator)
            self._begin()
        return False

    def _make_now(self, indices: Any) -> Any:
        """Make a batch in the caller's thread and time, from torch's global generator."""
        if self._lowered is None or not self._lowered.is_current(self._loader):
            # Without workers torch sees what the user changes between two batches.
            lowered = lower(self._loader)
            self._lowered = lowered if isinstance(lowered, Lowered) else None
        if self._lowered is None or isinstance(indices, Iterator):
            # An iterator's code would run between the draws of two samples.
            fetcher = _MapDatasetFetcher(self._dataset, self._auto_collation, self._collate_fn, self._drop_last)
            data = fetcher.fetch(indices)
            return pin_memory(data, self._pin_memory_device) if self._pin_memory else data
        gathering = Gathering(self._lowered.place, indices)
        gathering.finish()
        draws, rewinds = self._lowered.draws, self._lowered.decodes
        with lend(torch.default_generator, draws) as generator:
            prepared = _Prepared(gathering, generator, None, self._counters, pin=self._pin_memory, rewinds=rewinds)
            prepared.prepare()
        prepared.run(self._stream)
        while prepared.mend():
            with lend(torch.default_generator, draws) as generator:
                prepared.redraw(generator)
            prepared.run(self._stream)
        return prepared.result(self._pin_memory_device)

    def _shutdown_workers(self) -> None:
        """Stop work that nobody will ask for."""
        self._pending.clear()


class _Prepared:
    """A batch with its numbers drawn: pixels on their way, targets collated, or what went wrong.

    A file may turn out to be Pillow's to decode when its pixels are made. If Pillow gives pixels of the size that the
    header announced, only they are made anew. If it raises, torch has drawn nothing from there on: the batch's
    numbers, and those of later ones of the same worker, are drawn again.

    Args:
        gathering: The batch's samples.
        generator: The logical worker's.
        worker: The logical worker; None if there is none.
        counters: The loader's.
        pin: Whether the batch goes to page-locked memory.
        rewinds: Whether numbers may have to be drawn again, for this batch or for one before it.

    Attributes:
        nbytes: Of the pixels, once they are known.
        followed: Whether the batch that takes its place in the queue was sent.
    """

    def __init__(
        self,
        gathering: Gathering,
        generator: _native.Generator,
        worker: int | None,
        counters: Counters,
        *,
        pin: bool,
        rewinds: bool,
    ) -> None:
        self.generator = generator
        self._counters = counters
        self._gathering: Gathering | None = gathering
        self._worker, self._pin, self._rewinds = worker, pin, rewinds
        self._error: BaseException | None = None
        self._note: str | None = None
        self._doubtful = False
        self.nbytes = 0
        self.followed = False

    @property
    def prepared(self) -> bool:
        """Whether the samples are there and their numbers drawn."""
        return self._gathering is None

    def ready(self) -> bool:
        """Whether the samples are there, or can be had at once."""
        return self._gathering is None or self._gathering.ready()

    def prepare(self) -> None:
        """Wait for the samples and draw their numbers; earlier batches of the same worker have drawn theirs."""
        if self._gathering is not None:
            self._located = self._gathering.finish()
            self._gathering = None
            self.draw(self.generator)
            self._judge()
            self._doubtful = self._error is not None
        elif not self._doubtful:
            return
        if self._doubtful:
            # Ctrl-C while Pillow is at work leaves this to the next call.
            damaged = self._find_damage()
            self._doubtful = False
            if damaged:
                self.redraw(self.generator)

    def draw(self, generator: _native.Generator) -> None:
        """Draw the batch's numbers from where the generator is now; no pixels are made yet."""
        self._start = generator.copy() if self._rewinds else None
        self._images: torch.Tensor | None = None
        self._batch = _native.Batch(self._located.sources, self._located.positions, generator)

    def redraw(self, generator: _native.Generator) -> None:
        """Draw the batch's numbers again, after its samples have changed."""
        assert self._start is not None  # noqa: S101 - only files change
        generator.follow(self._start)
        self.draw(generator)
        if self._error is None:
            self._judge()

    def mend(self) -> bool:
        """Have Pillow open the files that were not decoded; return whether numbers have to be drawn again."""
        if self._error is not None:
            return False
        tally = self._batch.tally()
        # All of them first: Ctrl-C while Pillow is at work leaves everything as it was.
        opened = [(place, reason, self._located.open(place)) for place, reason in tally[-1]]
        self._counters.worked(tally)
        again = False
        for place, reason, pixels in opened:
            if isinstance(pixels, Exception):
                self._cut(place, pixels)
                return True
            self._located.by_pillow[place] = reason
            if not self._batch.supply(place, _native.Source(pixels[None], self._located.pipeline(place).plan)):
                self._located.replace(place, pixels)
                again = True
        return again

    def _find_damage(self) -> bool:
        """Whether a picture before the one that failed is in a file that Pillow does not open."""
        refused = self._batch.refused
        for place in range(len(self._located.targets) if refused is None else refused[0] + 1):
            if self._located.decodes(place):
                opened = self._located.open(place)
                if isinstance(opened, Exception):
                    self._cut(place, opened)
                    return True
        return False

    def _cut(self, place: int, error: Exception) -> None:
        """End the batch at a file that Pillow does not open."""
        self._located.cut(place)
        self._error, self._note = error, self._located.describe(place)

    def _judge(self) -> None:
        """Find out whether the samples make a batch, and of what."""
        located = self._located
        self._error = self._failure(located)
        if self._error is not None:
            return
        try:
            if len(self._batch.shapes) != 1:
                _collate_ragged(self._batch.shapes, in_worker=self._worker is not None)
            self._shape = (len(located.positions), *self._batch.shapes[0])
            self._dtype = located.pipeline(0).dtype
            self._targets = collate_targets(located.targets)
            self.nbytes = math.prod(self._shape) * self._dtype.itemsize
        except Exception as error:
            self._error = error

    def _failure(self, located: Located) -> Exception | None:
        """Return what torch would have raised for one of the samples."""
        failed, error = len(located.targets), located.error
        if self._batch.refused is not None:
            failed, op, height, width = self._batch.refused
            step = located.pipeline(failed).steps[op]
            try:
                step.replay(height, width)
                error = RuntimeError(f"penstock cannot apply {step.transform} to a picture of {height} x {width}")
            except Exception as raised:
                error = detached(raised)
        elif located.late_error is not None:
            failed, error = failed - 1, located.late_error
        if error is not None:
            self._note = located.describe(failed)
            # An error refers to the frames that it went through, and they to pictures: no reference may lead back.
            located.error = located.late_error = None
        try:
            return error
        finally:
            del error

    def submit(self, stream: _native.Stream) -> None:
        """Have the pixels made by the threads, if that was not done yet."""
        if self._images is None and self._error is None:
            self._batch.submit(stream, self._memory())

    def run(self, stream: _native.Stream) -> None:
        """Make the pixels here and now."""
        if self._error is None:
            self._batch.run(stream, self._memory())

    def _memory(self) -> Any:
        self._images, out = memory.empty(self._shape, self._dtype, pin=self._pin)
        return out

    def wait(self, timeout: float | None) -> bool:
        """Return whether the batch, or its error, is there within so many seconds."""
        return self._error is not None or self._batch.wait(timeout)

    def result(self, device: str | None) -> list[Any]:
        """Return the batch as default_collate would, or raise as torch would."""
        if self._error is not None:
            # Not kept: the error's traceback refers to this object.
            error, self._error = self._error, None
            if self._worker is not None:
                error = _from_worker(error, self._worker)
            if self._note is not None:
                error.add_note(self._note)
            try:
                raise error
            finally:
                del error
        located = self._located
        self._counters.handed_out(len(located.targets), located.by_pillow, located.reading, located.opening)
        return [self._images, pin_memory(self._targets, device) if self._pin else self._targets]


def collate_targets(targets: Targets) -> Any:
    """Return what default_collate makes of a batch's targets; class numbers take a tenth of its time here."""
    integers = _native.Integers.read(targets) if isinstance(targets, list) else targets
    if integers:
        array = np.empty(len(integers), np.int64)
        integers.write(array)
        return torch.from_numpy(array).clone()  # NumPy's memory could not be resized
    column: Any = tuple(targets)  # as its own zip makes it; a column of strings is returned as it is
    return default_collate(column)


def _collate_ragged(shapes: list[list[int]], *, in_worker: bool) -> None:
    """Raise what default_collate raises for pictures of these shapes."""
    pictures = [torch.empty(shape, dtype=torch.uint8) for shape in shapes]
    if in_worker and pictures:
        # There it stacks into memory for all their pixels, which is too little if the first is larger than most.
        memory = torch.frombuffer(bytearray(sum(picture.numel() for picture in pictures)), dtype=torch.uint8)
        memory.resize_(len(pictures), *pictures[0].shape)
    default_collate(pictures)


def _from_worker(error: BaseException, worker: int) -> BaseException:
    """Return the exception that torch makes of one raised in a worker process."""
    if error.__traceback__ is None:
        # It was raised by a builtin; the text that torch makes of it begins with a traceback all the same.
        with contextlib.suppress(type(error)):
            raise error
    wrapper = ExceptionWrapper((type(error), error, error.__traceback__), f"in DataLoader worker process {worker}")
    error.__traceback__ = None  # it may refer to this frame, and that to the batch
    try:
        wrapper.reraise()
    except BaseException as wrapped:
        return wrapped.with_traceback(None)
    raise AssertionError("unreachable: reraise() raises")
