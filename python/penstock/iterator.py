"""The native iterator: torch's bookkeeping, Rust's pixels.

It derives from torch's own base class, which draws the base seed, warns, and calls the sampler, so all of that is
torch's by construction. What follows replaces the worker processes: logical worker w has random streams that start
where torch's worker w would have its generators, and is given batch k if k % num_workers == w; its numbers are drawn
when the indices are taken, its pixels made by whatever thread is free. With `num_workers=0` the streams are torch's
global generator, and Python's.
"""

import collections
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch

from penstock import _native
from penstock.compat.torch import _BaseDataLoaderIter, _MapDatasetFetcher, pin_memory, profiler_enabled
from penstock.counters import counters_of
from penstock.delivery.form import Form
from penstock.generators import SampleStreams, Streams, lend
from penstock.lowering import by_index, worker_init
from penstock.lowering.gather import Gathering, Samples
from penstock.lowering.lookups import Unproved
from penstock.lowering.lower import Lowered, lower
from penstock.making import Begun, MakingFailed, making
from penstock.prepared import Prepared
from penstock.process_state import as_in_worker
from penstock.resume import loaders as resume

__all__ = ["NativeDataLoaderIter"]

# Indices are taken, numbers drawn and targets collated as far ahead as torch does it. Pixels are the memory: they are
# made for so many batches, and for more while they fit into so many bytes. All threads work on one batch at a time,
# so more of them ready would not make the next one come sooner.
_AHEAD_BATCHES = 3
_AHEAD_BYTES = 16 << 20


class NativeDataLoaderIter(_BaseDataLoaderIter):
    """Iterates once over a loader that was lowered; made by `penstock.DataLoader`.

    Raises:
        MakingFailed: If something of ours fails, here or in `_reset`.
    """

    # Outside code asks iterators for their processes.
    _workers: tuple[()] = ()

    def __init__(self, loader: Any, lowered: Lowered, form: Form | None = None) -> None:
        with making():
            counters = counters_of(loader)
            stream = _native.JobQueue(lowered.report.threads)
            course: Any = resume.begin(loader)
            samples = _samples_of(loader, course.epoch)
            counters.threads, counters.workers = lowered.report.threads, loader.num_workers
        if loader.num_workers > 0:
            loader.check_worker_number_rationality()
        with course.making():
            super().__init__(course.stand_in(loader))
        course.base_seed = self._base_seed
        self._base_seed = course.base_seed
        self._torchs = tuple(vars(self))
        self._course, self._samples = course, samples
        self._counters, self._stream = counters, stream
        self._lowered: Lowered | None = lowered
        self._form = form
        self._pending: collections.deque[Prepared] = collections.deque()
        # Indices that the sampler gave and that are not sent yet.
        self._coming: collections.deque[Any] = collections.deque()
        self._sent = 0
        if self._num_workers:
            self._prefetch_factor: int = loader.prefetch_factor
            with making(self._begun()):
                self._streams = [*self._begin_streams(loader)]
            self._reset(loader, first_iter=True)
        else:
            self._loader = loader
            self._counters.begin()
        self._num_yielded = course.position
        self._counters.way = "lowered"
        resume.commit(loader, course)

    def _begin_streams(self, loader: Any) -> Iterator[Streams]:
        """Yield each logical worker's streams."""
        for worker in range(self._num_workers):
            if self._samples is not None:
                yield self._samples
            else:
                left = worker_init.left_behind(loader, int(self._base_seed), worker)
                yield self._course.streams(worker) or Streams.of(left.torch_state, left.python.getstate())

    def _begun(self) -> Begun:
        return Begun({name: vars(self)[name] for name in self._torchs})

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        number = resume.next_epoch(loader)  # before the sampler is asked, which may count by itself
        super()._reset(loader, first_iter)
        begun = self._begun()
        begun.epoch = True
        error = self._ask_sampler(begun.indices)
        try:
            with making(begun):
                if not first_iter:
                    self._move_on(loader, begun, number)
                    resume.commit(loader, self._course)
                self._begin_epoch(begun.indices)
        except MakingFailed:
            if error is None:
                raise
        if error is not None:
            try:
                raise error
            finally:
                del error

    def _move_on(self, loader: Any, begun: Begun, epoch: int | None) -> None:
        """Begin another epoch with the workers that there are."""
        if self._samples is not None:
            self._pending.clear()
            self._samples = _samples_of(loader, epoch)
            self._streams = [*self._begin_streams(loader)]
            self._course.begin_epoch(epoch)
            return
        begun.states = [streams.states() for streams in self._streams]
        self._finish_pending()
        begun.states = [streams.states() for streams in self._streams]
        self._course.begin_epoch()
        for worker, streams in enumerate(self._streams):
            self._course.moved_on(worker, streams.copy())

    def _ask_sampler(self, indices: list[Any]) -> BaseException | None:
        """Append what an epoch begins with; return what the sampler raises."""
        for _ in range(self._prefetch_factor * self._num_workers):
            try:
                indices.append(next(self._sampler_iter))
            except StopIteration:
                pass
            except BaseException as error:
                return error
        return None

    def _begin_epoch(self, indices: list[Any]) -> None:
        self._counters.begin()
        called = self._counters.called()
        # A forked child has none of the old one's threads.
        self._stream = _native.JobQueue(self._stream.threads)
        self._coming = collections.deque(indices)
        self._sent = self._course.next_worker
        while self._coming:
            self._send_next()
        self._begin()
        self._counters.returned(called)

    def _finish_pending(self) -> None:
        """Draw the numbers of what is still pending, as torch's workers finish what they were given.

        How many those are in files is only known when they are decoded. In a forked child they cannot be.
        """
        with contextlib.suppress(RuntimeError):
            while self._pending:
                if self._rewinds:
                    self._begin()
                    self._made(self._pending[0], None)
                self._pending[0].prepare()
                self._pending.popleft()
        self._pending.clear()

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

    def _send_next(self) -> None:
        if self._coming:
            indices = self._coming.popleft()
        else:
            try:
                indices = next(self._sampler_iter)
            except StopIteration:
                return
        assert self._lowered is not None  # noqa: S101 - only without workers it may be given up
        try:
            with as_in_worker():
                gathering = self._gather(self._lowered, indices)
        except KeyboardInterrupt:
            self._coming.appendleft(indices)  # for the next try: an interrupted epoch can be gone on with
            raise
        worker = self._sent % self._num_workers
        self._sent += 1
        self._pending.append(self._prepare(self._lowered, gathering, self._streams[worker], worker))

    @property
    def _rewinds(self) -> bool:
        """Whether numbers may have to be drawn again."""
        return self._lowered is not None and self._lowered.decodes

    def _gather(self, lowered: Lowered, indices: Any) -> Samples:
        """Begin to gather the samples of a batch."""
        return Gathering(lowered.reader, indices)

    def _prepare(self, lowered: Lowered, gathering: Samples, streams: Streams, worker: int | None) -> Prepared:
        """Make a batch of samples that are being gathered."""
        return Prepared(
            *(gathering, streams, worker, self._counters, lowered.mixing),
            pin=self._pin_memory,
            rewinds=self._rewinds,
            written=lowered.written,
        )

    def _fetch(self, indices: Any) -> Any:
        """Make a batch by torch's fetcher."""
        fetcher = _MapDatasetFetcher(self._dataset, self._auto_collation, self._collate_fn, self._drop_last)
        return fetcher.fetch(indices)

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
        prepared = self._pending[0]
        self._counters.waits.asked(ready=prepared.is_there)
        self._begin()
        try:
            ready = self._made(prepared, self._timeout or None)
        except RuntimeError:
            # The threads failed at this batch; the next ones are not its fault.
            self._pending.popleft()
            self._course.handed_out(prepared.worker, prepared.behind)
            self._send_next()
            self._begin()
            raise
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        self._pending.popleft()
        try:
            if not prepared.followed:
                self._send_next()
                prepared.followed = True
            self._begin()
        except KeyboardInterrupt:
            self._pending.appendleft(prepared)
            raise
        self._course.handed_out(prepared.worker, prepared.behind)
        return prepared.result(self._pin_memory_device)

    def _made_ahead(self) -> list[Any]:
        """Return what is made already of the batch that is handed out next; nobody is asked for anything."""
        return self._pending[0].made() if self._pending else []

    def _made(self, prepared: Prepared, timeout: float | None) -> bool:
        """Wait for the first pending batch; return whether it, or its error, is there within so many seconds."""
        waits = self._counters.waits
        if prepared.ready():
            prepared.prepare()
        else:
            since = time.perf_counter()
            prepared.prepare()
            waits.for_files(since, prepared.opening)
        prepared.submit(self._stream)
        while True:
            since = time.perf_counter()
            made = prepared.wait(timeout)
            waits.for_threads(since)
            if not made or not prepared.mend():
                return made
            prepared.redraw(prepared.streams)
            for later in self._pending:
                if later.streams is prepared.streams and later is not prepared and later.drawn:
                    later.draw_later()
            self._begin()

    def _make_now(self, indices: Any) -> Any:
        """Make a batch in the caller's thread and time, from the global generators."""
        if self._lowered is None or not self._lowered.is_current(self._loader, self._collate_fn):
            # Without workers torch sees what the user changes between two batches.
            self._lowered = self._lower_again()
        if self._lowered is None or (isinstance(indices, Iterator) and self._samples is None):
            # An iterator's code would run between the draws of two samples.
            return self._made_by_torch(indices)
        since = time.perf_counter()
        try:
            gathering = self._gather(self._lowered, indices)
            opening = gathering.finish().opening
        except Unproved as unproved:
            if self._samples is not None:
                raise by_index.refusal((f"dataset: {unproved}",)) from None
            return self._made_by_torch(indices)
        waits = self._counters.waits
        waits.asked(ready=False)
        waits.for_files(since, opening)
        with self._lent(self._lowered) as streams:
            prepared = self._prepare(self._lowered, gathering, streams, None)
            prepared.prepare()
        while True:
            since = time.perf_counter()
            prepared.run(self._stream)
            waits.for_threads(since)
            if not prepared.mend():
                break
            with self._lent(self._lowered) as streams:
                prepared.redraw(streams)
        return prepared.result(self._pin_memory_device)

    def _made_by_torch(self, indices: Any) -> Any:
        data = self._fetch(indices)
        return pin_memory(data, self._pin_memory_device) if self._pin_memory else data

    def _lower_again(self) -> Lowered | None:
        """Return what the loader is by this time; None if torch's fetcher has to make its batches."""
        try:
            lowered = lower(self._loader, self._form)
        except Exception:
            if self._samples is not None:
                raise
            return None  # of ours: torch's fetcher needs none of it
        if isinstance(lowered, Lowered):
            return lowered
        if self._samples is not None:
            raise by_index.refusal(lowered.reasons)
        return None

    def _lent(self, lowered: Lowered) -> contextlib.AbstractContextManager[Streams]:
        """Lend the streams that a batch's numbers are drawn from without workers."""
        if self._samples is not None:
            return contextlib.nullcontext(self._samples)
        return lend(torch.default_generator, lowered.draws)

    def _shutdown_workers(self) -> None:
        """Stop work that nobody will ask for."""
        self._pending.clear()


def _samples_of(loader: Any, epoch: int | None) -> SampleStreams | None:
    """Return the streams of single samples, if these have any of their own."""
    seed = by_index.seed_of(loader)
    if seed is None or epoch is None:
        return None
    try:
        length = len(loader.dataset)
    except Exception:
        length = None
    return SampleStreams(seed, epoch, length)
