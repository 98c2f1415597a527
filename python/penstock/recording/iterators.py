"""torch's own iterators, whose workers run the user's code on images that record."""

import contextlib
import copy
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import default_collate, default_convert

from penstock import agreement
from penstock.compat.torch import (
    STATUS_CHECK_INTERVAL,
    ExceptionWrapper,
    _BaseDataLoaderIter,
    _DatasetKind,
    pin_memory,
)
from penstock.counters import counters_of
from penstock.delivery.form import Form
from penstock.lowering.lower import threads_for
from penstock.making import making
from penstock.memory import give_back_idle
from penstock.message import Message, told_by
from penstock.recording import files, hooks
from penstock.recording.awaited import Converting
from penstock.recording.exchange import Exchanged
from penstock.recording.lent import Lent
from penstock.recording.recorder import Counted, Recorder
from penstock.recording.rendering import Renderer, Rendering
from penstock.recording.storages import made_anew
from penstock.recording.tickets import receiving
from penstock.recording.timm import consumer_of
from penstock.recording.workers import Collate, Start, count
from penstock.resume.iterators import ProcessesIter, SingleIter
from penstock.system import looks_for
from penstock.tolerance.dataset import is_nothing, left_out_by, users_function

if TYPE_CHECKING:
    from penstock.recording.chain import Key

__all__ = ["RecordingIter", "RecordingSingleIter", "iterator_for"]


# By loaders that wrap others, what they were seen to do to a batch.
_expected: "weakref.WeakKeyDictionary[Any, list[tuple[str, Key]]]" = weakref.WeakKeyDictionary()


class _Arrived(Message):
    """A batch that has arrived, with pixels that may still be made, and what is written for who delivers it."""

    __slots__ = ("exchanged", "renderings")

    def __init__(self, message: Message, renderings: list[Rendering], exchanged: Exchanged | None) -> None:
        super().__init__(message.data, message.told)
        self.renderings, self.exchanged = renderings, exchanged

    def failed(self, error: Exception, worker: int) -> Message:
        """Return what takes its place if it could not be made."""
        wrapped = ExceptionWrapper((type(error), error, error.__traceback__), f"in DataLoader worker process {worker}")
        return Message(wrapped, {name: told for name, told in self.told.items() if name == "news"})


class RecordingIter(ProcessesIter):
    """torch's iterator over worker processes; what they recorded becomes pixels here.

    Raises:
        MakingFailed: If something of ours fails before torch's constructor is called.
    """

    def __init__(self, loader: Any, form: Form | None = None) -> None:
        with making():
            self._counters, self._form = counters_of(loader), form
            # Of batches that have arrived early, whether that was in inference mode.
            self._arrived_in: dict[int, bool] = {}
            # When batches were given to workers, and when each worker's last one came back.
            self._given: dict[int, float] = {}
            self._came: dict[int, float] = {}
            self._news = files.News()
            self._told: files.Told | None = None
            self._seed: Any = None
            self._lent = Lent(loader.num_workers)
            self._start = Start(None, ends=self._lent.ends)
            threads = threads_for(loader.num_workers)
            self._counters.threads, self._counters.workers = threads, loader.num_workers
            self._renderer = Renderer(threads, pin=False, form=form)
            # If the loop over the batches is of a loader that is known to convert them.
            self._converting: Converting | None = None
            self._has_arrived: Any = bool
            agreement.ask_as_others_did()
        self._begins_epoch = False
        loader.check_worker_number_rationality()
        super().__init__(loader)

    def _begin(self, loader: Any) -> None:
        super()._begin(loader)
        # Without it, batches that have arrived wait for their turn.
        with contextlib.suppress(Exception):
            self._has_arrived = looks_for(self._data_queue._reader)  # type: ignore[attr-defined]
        self._counters.way = "recorded"

    # torch's constructor sets these and hands them to the workers.
    @property
    def _worker_init_fn(self) -> Start:
        return self._start

    @_worker_init_fn.setter
    def _worker_init_fn(self, function: Any) -> None:
        self._begins.function = self._users(function)
        self._start._function = self._begins
        self._start._guard = self._counters.guard_of_next()

    @property
    def _collate_fn(self) -> Collate:
        return self._collate

    @_collate_fn.setter
    def _collate_fn(self, function: Any) -> None:
        self._collate = Collate(function, self._auto_collation)

    # Workers that stay receive it at the beginning of an epoch; None for all datasets but torch's pipes.
    @property
    def _shared_seed(self) -> Any:
        return self._told if self._seed is None else self._seed

    @_shared_seed.setter
    def _shared_seed(self, seed: Any) -> None:
        self._seed = seed

    # Its thread would copy tensors that are not made yet.
    @property
    def _pin_memory(self) -> bool:
        return False

    @_pin_memory.setter
    def _pin_memory(self, pin: bool) -> None:
        self._pins = self._renderer.pin = bool(pin)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        self._counters.begin()
        # What is kept in RAM takes none of the pool's memory from its second epoch on.
        give_back_idle()
        self._arrived_in.clear()
        self._given.clear()
        self._came.clear()
        self._begins_epoch = True
        self._converting = self._converts(consumer_of(sys._getframe(1)))
        self._told = None if first_iter else self._news.told()
        try:
            super()._reset(loader, first_iter)
        finally:
            self._begins_epoch = False

    def _converts(self, consumer: Any) -> Converting | None:
        """Return what converts batches for a loader that wraps this one's, None if they are wanted as they are."""
        if (
            consumer is None
            or self._form is not None
            or self._pins
            or consumer.device.type != "cpu"
            or torch.is_inference_mode_enabled()
        ):
            return None
        return Converting(self._renderer, self._counters.rendered, _expected.setdefault(consumer, []))

    def _try_get_data(self, timeout: float = STATUS_CHECK_INTERVAL) -> tuple[bool, Any]:
        try:
            exchanged = None
            with receiving(self._converting or self._renderer) as (rendering, renderings):
                success, item = super()._try_get_data(timeout)
                if success and self._form is not None:
                    exchanged = Exchanged(item[1].data, rendering) if isinstance(item[1], Message) else None
        except Exception:
            # What arrives before an epoch begins is of the last one, and nobody's any more: it need not be made.
            if self._begins_epoch and all(worker.is_alive() for worker in self._workers):
                return self._try_get_data(timeout)
            raise
        if success and renderings:
            index, data = item
            item = index, _Arrived(data, renderings, exchanged)
        return success, item

    def __next__(self) -> Any:
        if self._converting is not None:
            self._converting.finish()
        self._lent.give_back()
        called = self._counters.called()
        try:
            return super().__next__()
        finally:
            self._counters.returned(called)

    def _get_data(self) -> Any:
        if self._begins_epoch:
            return super()._get_data()  # type: ignore[no-untyped-call]
        waits, since = self._counters.waits, time.perf_counter()
        try:
            index, data = super()._get_data()  # type: ignore[no-untyped-call]
        finally:
            waits.for_workers(since)
        if (task := self._task_info.get(index)) is not None:
            worker = task[0]
            begun = max(self._given.pop(index, since), self._came.get(worker, 0.0))
            self._came[worker] = waits.worked(worker, begun)
        return index, data

    def _try_put_index(self) -> None:
        index = self._send_idx
        super()._try_put_index()
        if self._send_idx > index:
            self._given[index] = time.perf_counter()

    def _is_ready(self) -> bool:
        """Whether the batch that comes next has arrived, and its pixels are made."""
        for data in self._task_info.get(self._rcvd_idx, ())[1:]:
            return not isinstance(data, _Arrived) or all(each.is_there for each in data.renderings)
        return False

    def _next_data(self) -> Any:
        if self._rcvd_idx < self._send_idx:
            self._counters.waits.asked(ready=self._is_ready())
        data = super()._next_data()
        self._receive_all()
        return data

    def _receive_all(self) -> None:
        """Have the pixels made of all batches that have arrived, while the caller is busy with this one."""
        if self._dataset_kind != _DatasetKind.Map or not self._in_order:
            return
        while self._tasks_outstanding > 0 and self._has_arrived():
            index, data = self._get_data()
            self._tasks_outstanding -= 1
            self._task_info[index] += (data,)
            self._arrived_in[index] = torch.is_inference_mode_enabled()

    def _made_ahead(self) -> list[Any]:
        """Return what is made already of the batch that is handed out next; nobody is asked for anything."""
        _, *arrived = self._task_info.get(self._rcvd_idx, (None,))
        if not arrived or not isinstance(arrived[0], _Arrived) or arrived[0].exchanged is None:
            return []
        made = all(rendering.is_made() for rendering in arrived[0].renderings)
        return arrived[0].exchanged.parts() if made else []

    def _process_data(self, data: Any, worker_idx: int) -> Any:
        exchanged = None
        if isinstance(data, _Arrived):
            exchanged = data.exchanged
            data = self._rendered(data, worker_idx)
        told = told_by(data)
        data = super()._process_data(data, worker_idx)
        if (samples := told.get("samples")) is not None:
            counted = told.get("counted") or Counted()
            self._counters.recorded(samples, counted, batches=not is_nothing(data))
            agreement.others_asked(counted.asked)
            if (learned := told.get("learned")) is not None:
                self._news.learn(learned)
        mode = torch.is_inference_mode_enabled()
        if self._arrived_in.pop(self._rcvd_idx - 1, mode) is not mode:
            data = made_anew(data)
        if exchanged is not None:
            data = exchanged.hand_over(data)
        return pin_memory(data, self._pin_memory_device) if self._pins else data

    def _rendered(self, arrived: _Arrived, worker: int) -> Message:
        """Wait for a batch's pixels and return it, or what takes its place if a file cannot be read any more."""
        since = time.perf_counter()
        try:
            made = all(rendering.finish(self._timeout or None) for rendering in arrived.renderings)
        except KeyboardInterrupt:
            self._put_back(arrived, worker)
            raise
        except Exception as error:
            return arrived.failed(error, worker)
        finally:
            self._counters.waits.for_threads(since)
        if not made:
            self._put_back(arrived, worker)
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        for rendering in arrived.renderings:
            self._counters.rendered(rendering)
        return arrived

    def _put_back(self, arrived: _Arrived, worker: int) -> None:
        """Have the next call wait for the same batch."""
        self._rcvd_idx -= 1
        self._task_info[self._rcvd_idx] = (worker, arrived)


class RecordingSingleIter(SingleIter):
    """torch's iterator without workers, over the user's code on images that record."""

    def __init__(self, loader: Any) -> None:
        with making():
            self._counters = counters_of(loader)
            self._counters.threads, self._counters.workers = threads_for(0), 0
        super().__init__(loader)

    def _begin(self, loader: Any) -> None:
        super()._begin(loader)
        self._counters.way = "recorded"
        self._counters.begin()
        self._dataset_fetcher = _Fetcher(self._dataset_fetcher, self._counters)

    def __next__(self) -> Any:
        called = self._counters.called()
        try:
            return super().__next__()
        finally:
            self._counters.returned(called)


class _Fetcher:
    """A fetcher of torch's whose images record.

    Args:
        fetcher: torch's.
        counters: The loader's.
    """

    def __init__(self, fetcher: Any, counters: Any) -> None:
        self._fetcher, self._counters = fetcher, counters
        # A function of the user's is given batches that are plain; nobody looks at torch's own ones before the end.
        self._collects = users_function(fetcher.collate_fn) in (default_collate, default_convert)

    def fetch(self, indices: Any) -> Any:
        guard = self._counters.guard
        if guard.gave_up is not None:
            data = self._fetcher.fetch(indices)
            self._count(indices, data, Counted())
            return data
        # What this one finds is added to the loader's when it is counted.
        recorder = Recorder(threading.get_ident(), copy.deepcopy(guard), collects=self._collects)
        with hooks.recording(recorder):
            data = None
            try:
                data = self._fetcher.fetch(indices)
            finally:
                recorder.finish(data)
        for rendering in recorder.renderings:
            self._counters.rendered(rendering)
        self._count(indices, data, recorder.count())
        return data

    def _count(self, indices: Any, data: Any, counted: Counted) -> None:
        samples = count(indices) if self._fetcher.auto_collation else 1
        samples -= left_out_by(self._fetcher.collate_fn)
        self._counters.recorded(samples, counted, batches=not is_nothing(data))


def iterator_for(loader: Any, form: Form | None = None) -> _BaseDataLoaderIter:
    """Return a recording iterator over a loader.

    Args:
        loader: The loader.
        form: What batches of images are to be when they are delivered, if they are.
    """
    return RecordingIter(loader, form) if loader.num_workers else RecordingSingleIter(loader)
