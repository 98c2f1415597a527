"""Iterators over loaders whose bad samples do not raise, on each of the ways to make batches.

Lowered batches are exchanged in advance (`tolerated.py`); on the two other ways torch's iterators, and the recording
ones that derive from them, are given a loader whose data set is `Tolerant`.
"""

import dataclasses
from typing import Any

from penstock.compat.torch import (
    ExceptionWrapper,
    _BaseDataLoaderIter,
    _MapDatasetFetcher,
    _MultiProcessingDataLoaderIter,
    _SingleProcessDataLoaderIter,
)
from penstock.counters import count_as, counters_of
from penstock.generators import Streams
from penstock.iterator import NativeDataLoaderIter
from penstock.lowering.chosen import Chosen
from penstock.lowering.lower import Lowered
from penstock.making import Begun, GoingOn
from penstock.prepared import Prepared
from penstock.recording.iterators import RecordingIter, RecordingSingleIter
from penstock.tolerance.dataset import NOTHING, Collating, Log, Reported, Starting, Tolerant
from penstock.tolerance.policy import Policy, Tally
from penstock.tolerance.reports import Reports
from penstock.tolerated import Tolerated

__all__ = ["going_on", "lowered", "recorded", "torchs"]


class _Tolerating(_BaseDataLoaderIter):
    """Hands out what a tolerant data set makes, and tells of what it has met."""

    _policy: Policy
    _log: Log
    _bad: Reports

    def _next_data(self) -> Any:
        while True:
            try:
                data: Any = super()._next_data()
            except StopIteration:
                self._bad.tell(self._policy)
                raise
            finally:
                self._bad.add(self._log.take())
            if isinstance(data, Reported):
                self._bad.add(data.met)
                data = data.data
                if isinstance(data, ExceptionWrapper):
                    data.reraise()
            if data is not NOTHING:
                return data


class _TolerantView(_Tolerating):
    """An iterator of torch's, or one that derives from it, over a view of a loader.

    Args:
        view: As `_view_of` makes it.
        rest: What its class is given besides.
    """

    def __init__(self, view: Any, *rest: Any) -> None:
        self._policy, self._log, self._bad = view.dataset.policy, view.dataset.log, counters_of(view).bad
        super().__init__(view, *rest)


class _TolerantSingle(_TolerantView, _SingleProcessDataLoaderIter):
    pass


class _TolerantMulti(_TolerantView, _MultiProcessingDataLoaderIter):
    pass


class _TolerantGoingOn(_TolerantView, GoingOn):
    pass


class _TolerantRecordingSingle(_TolerantView, RecordingSingleIter):
    pass


class _TolerantRecording(_TolerantView, RecordingIter):
    pass


class _TolerantNative(_Tolerating, NativeDataLoaderIter):
    """Iterates over a lowered loader."""

    def __init__(self, loader: Any, lowered: Lowered, policy: Policy) -> None:
        self._policy = policy
        self._tallies = [Tally() for _ in range(max(1, loader.num_workers))]
        self._log, self._bad = Log(self._tallies[0]), counters_of(loader).bad
        super().__init__(loader, lowered)

    @property
    def _rewinds(self) -> bool:
        return True

    def _gather(self, lowered: Lowered, indices: Any) -> Any:
        return Chosen(lowered.reader, indices, self._policy, self._dataset)

    def _prepare(self, lowered: Lowered, gathering: Any, streams: Streams, worker: int | None) -> Prepared:
        return Tolerated(
            *(gathering, streams, worker, self._counters, lowered.mixing),
            policy=self._policy,
            tally=self._tallies[worker or 0],
            pin=self._pin_memory,
        )

    def _fetch(self, indices: Any) -> Any:
        dataset, collate_fn = _tolerant(self._dataset, self._collate_fn, self._policy, self._log)
        return _MapDatasetFetcher(dataset, self._auto_collation, collate_fn, self._drop_last).fetch(indices)


def lowered(loader: Any, *, found: Lowered, policy: Policy) -> _BaseDataLoaderIter:
    """Return an iterator over a loader that was lowered."""
    return _TolerantNative(loader, found, policy)


def recorded(loader: Any, policy: Policy) -> _BaseDataLoaderIter:
    """Return a recording iterator over a loader."""
    return (_TolerantRecording if loader.num_workers else _TolerantRecordingSingle)(_view_of(loader, policy))


def torchs(loader: Any, policy: Policy) -> _BaseDataLoaderIter:
    """Return torch's iterator over a loader."""
    if not loader.num_workers:
        return _TolerantSingle(_view_of(loader, policy))
    loader.check_worker_number_rationality()
    return _TolerantMulti(_view_of(loader, policy))


def going_on(loader: Any, policy: Policy, begun: Begun) -> _BaseDataLoaderIter:
    """Return torch's iterator over workers, as it would be if it had done what was begun."""
    view = _view_of(loader, policy)
    attributes = {**begun.attributes, "_dataset": view.dataset, "_collate_fn": view.collate_fn}
    return _TolerantGoingOn(view, dataclasses.replace(begun, attributes=attributes))


def _tolerant(dataset: Any, collate_fn: Any, policy: Policy, log: Log) -> tuple[Tolerant, Collating]:
    return Tolerant(dataset, policy, log), Collating(collate_fn, log, policy)


def _view_of(loader: Any, policy: Policy) -> Any:
    """Return a loader that is the same but for its data set, and what goes with that."""
    view = object.__new__(type(loader))
    attributes = vars(view)
    attributes.update(vars(loader))
    attributes["dataset"], attributes["collate_fn"] = _tolerant(loader.dataset, loader.collate_fn, policy, Log())
    if loader.num_workers:
        attributes["worker_init_fn"] = Starting(loader.worker_init_fn)
    count_as(view, loader)
    return view
