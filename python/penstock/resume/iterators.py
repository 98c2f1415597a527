"""torch's own iterators, with an account of what they hand out."""

import functools
import weakref
from typing import Any

from torch.utils.data import IterDataPipe, MapDataPipe

from penstock import _native, compat
from penstock.compat.torch import (
    STATUS_CHECK_INTERVAL,
    _BaseDataLoaderIter,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)
from penstock.making import making
from penstock.message import Message
from penstock.resume.course import Alone, WithWorkers
from penstock.resume.loaders import begin, commit, lose
from penstock.resume.workers import Beginning, news_in

__all__ = ["ProcessesIter", "SingleIter", "iterator_for"]


class _Told(_BaseDataLoaderIter):
    """An iterator with a course.

    That there is no batch where it goes on, an iterable data set only says when it is asked for one. The epoch was over
    then, and the next one begins.
    """

    _course: Any

    def __init__(self, loader: Any) -> None:
        self._loader = weakref.ref(loader)
        self._begin(loader)

    def _begin(self, loader: Any) -> None:
        """Make it, from where the loader's state has it."""
        raise NotImplementedError

    def _next_data(self) -> Any:
        may_be_over, self._course.may_be_over = self._course.may_be_over, False
        try:
            return super()._next_data()
        except StopIteration:
            self._course.over = True
            if not may_be_over or (loader := self._loader()) is None:
                raise
        if self._persistent_workers:
            self._reset(loader)
        else:
            self._begin(loader)
        return self._next_data()


class ProcessesIter(_Told, _MultiProcessingDataLoaderIter):
    """torch's iterator over worker processes; each tells where it stands behind each batch."""

    _course: WithWorkers

    # Whether what arrives is of an epoch that was left.
    _drains = False

    def _begin(self, loader: Any) -> None:
        with making():
            self._course = begin(loader)  # type: ignore[assignment]
        self._begins = Beginning(self._course.resumed)
        # What workers share with this process is copied, page by page, when it writes there again.
        _native.trim_heap()
        _MultiProcessingDataLoaderIter.__init__(self, self._course.stand_in(loader))
        if not self._in_order:
            self._course.lost = "in_order=False: which batches were handed out is a matter of chance"
        self._num_yielded = self._course.position
        commit(loader, self._course)

    # torch's constructor sets these and hands them to the workers.
    @property
    def _worker_init_fn(self) -> Any:
        return self._begins

    @_worker_init_fn.setter
    def _worker_init_fn(self, function: Any) -> None:
        self._begins.function = self._users(function)

    def _users(self, function: Any) -> Any:
        """Return what is called besides what begins here, which torch puts into a function of its own for pipes."""
        ours = self._worker_init_fn
        if not isinstance(function, functools.partial) or not any(item is ours for item in function.args):
            return function
        inside = [self._begins.function if item is ours else item for item in function.args]
        return functools.partial(function.func, *inside, **function.keywords)

    @property
    def _base_seed(self) -> Any:
        return self._course.base_seed

    @_base_seed.setter
    def _base_seed(self, seed: Any) -> None:
        self._course.base_seed = seed

    # Where an epoch goes on, its next batch is not the first worker's.
    @property
    def _worker_queue_idx_cycle(self) -> Any:
        return self._cycle

    @_worker_queue_idx_cycle.setter
    def _worker_queue_idx_cycle(self, cycle: Any) -> None:
        self._cycle = cycle
        for _ in range(self._course.next_worker):
            next(cycle)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        if first_iter:
            super()._reset(loader, first_iter)
            return
        sent = dict(sorted(self._task_info.items()))
        self._course.begin_epoch()
        for worker, *arrived in sent.values():
            for data in arrived:
                self._course.moved_on(worker, news_in(data))
        self._undelivered_of = {index: worker for index, (worker, *_) in sent.items()}
        self._drains = True
        try:
            super()._reset(loader, first_iter)
        finally:
            self._drains = False
        commit(loader, self._course)

    def _try_get_data(self, timeout: float = STATUS_CHECK_INTERVAL) -> tuple[bool, Any]:
        success, item = super()._try_get_data(timeout)  # type: ignore[no-untyped-call]
        if success and self._drains and isinstance(item[1], Message):
            self._course.moved_on(self._undelivered_of[item[0]], news_in(item[1]))
        return success, item

    def _process_data(self, data: Any, worker_idx: int) -> Any:
        self._course.handed_out(worker_idx, news_in(data))
        return super()._process_data(data.data if isinstance(data, Message) else data, worker_idx)  # type: ignore[no-untyped-call]


class SingleIter(_Told, _SingleProcessDataLoaderIter):
    """torch's iterator without workers."""

    _course: Alone

    def _begin(self, loader: Any) -> None:
        with making():
            self._course = begin(loader)  # type: ignore[assignment]
        with self._course.making():
            _SingleProcessDataLoaderIter.__init__(self, self._course.stand_in(loader))
            self._course.base_seed = int(self._base_seed)
            self._torchs = self._dataset_fetcher
            self._course.watch(self._torchs, None if loader.batch_size is None else [None] * loader.batch_size)
        self._num_yielded = self._course.position
        commit(loader, self._course)

    def _next_data(self) -> Any:
        data = super()._next_data()
        self._course.ended = getattr(self._torchs, "ended", False)
        return data


def iterator_for(loader: Any) -> _BaseDataLoaderIter | None:
    """Return an iterator over a loader whose batches are torch's; None if only torch's own class will do.

    Raises:
        MakingFailed: If something of ours fails.
    """
    reason = compat.why_not(compat.RESUME)
    if isinstance(loader.dataset, (IterDataPipe, MapDataPipe)):
        reason = "torch's data pipes are not followed"
    if reason is not None:
        lose(loader, reason)
        return None
    if not loader.num_workers:
        return SingleIter(loader)
    loader.check_worker_number_rationality()
    return ProcessesIter(loader)
