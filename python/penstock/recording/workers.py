"""What runs in torch's workers: their start, their `collate_fn`, and what they send.

A batch is pickled as soon as it is collated, with numbers in place of its recording tensors. Then the worker lets go of
it, and what is still there of its images and tensors is kept by somebody: that becomes real at once. Only then is it
decided how what the numbers stand for travels, so that a file whose pixels were made by then is not decoded again.
"""

import copy
import sys
import time
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

from penstock import agreement
from penstock.compat.torch import _MapDatasetFetcher
from penstock.message import Message, telling
from penstock.recording import files, hooks, lent, sent, timm
from penstock.recording.guard import Guard, with_handling
from penstock.recording.reach import held_by, held_by_paused
from penstock.recording.recorder import Counted, Recorder
from penstock.recording.storages import send_small_tensors
from penstock.recording.tickets import postponing, receive_all, tickets_of

__all__ = ["Collate", "Start", "count"]

_NOTHING = Counted()
# The recorder of this process, if it is a worker.
_recorder: Recorder | None = None


class Start:
    """A worker's `worker_init_fn`: has its images record, then calls the user's.

    Args:
        function: The user's, or None.
        guard: What is known of whether recording is worth it; None for nothing.
        ends: Where workers hear that memory which they have lent is not in use any more; None if they lend none.
    """

    def __init__(
        self, function: Callable[[int], Any] | None, guard: Guard | None = None, ends: lent.Ends | None = None
    ) -> None:
        self._function, self._guard, self._ends = function, guard, ends
        self._files = files.Inherited()
        hooks.find_imported()

    def __call__(self, worker: int) -> None:
        """Begin, in a worker."""
        global _recorder
        files.begin()
        agreement.newly_asked()
        send_small_tensors()
        sent.begin()
        lent.begin(self._ends, worker)
        _recorder = Recorder(guard=copy.deepcopy(self._guard))
        hooks.begin(_recorder)
        if self._function is not None:
            self._function(worker)


class _Pickled(Message):
    """A message whose batch is pickled already.

    Args:
        batch: With numbers in place of what the tickets are for.
        tickets: Those, pickled as well.
        told: See `Message`.
    """

    __slots__ = ("_pickled",)

    def __init__(self, batch: bytes, tickets: bytes, told: dict[str, Any]) -> None:
        super().__init__(None, told)
        self._pickled = batch, tickets

    def __reduce__(self) -> Any:
        return _unpack, (*self._pickled, self.told)


def _unpack(batch: bytes, tickets: bytes, told: dict[str, Any]) -> Message:
    start = time.thread_time()
    with receive_all(ForkingPickler.loads(tickets)):
        if (counted := told.get("counted")) is not None:
            counted.pairs = with_handling(counted.pairs, time.thread_time() - start, counted.opened)
        return Message(ForkingPickler.loads(batch), told)


class Collate:
    """A worker's `collate_fn`: calls the user's, pickles what it returns, and adds what was counted.

    Args:
        function: The user's.
        batches: Whether it is given lists of samples.
    """

    def __init__(self, function: Callable[[Any], Any], batches: bool) -> None:
        self._function, self._batches = function, batches
        self._timms = timm.collate_of(function) if batches else None
        # References to a list of samples that nobody has but torch's fetcher, seen from `__call__`.
        self._references = _references()

    def __call__(self, samples: Any) -> Message:
        """Return what is sent of some samples."""
        alone = sys.getrefcount(samples) <= self._references
        with sent.collating(records=_recorder is not None and _recorder.is_any_left()):
            data = self._function(samples) if self._timms is None else self._timms(samples, alone=alone)
        size = count(samples) if self._batches else 1
        if _recorder is None:
            return telling(lent.Sending(data, {}), samples=size)
        hooks.catch_up()
        if not _recorder.is_any_left():
            return telling(lent.Sending(data, {}), samples=size, **_told_by(_recorder))
        with postponing() as postponed, lent.sending():
            batch = bytes(ForkingPickler.dumps(data))
        del data
        start = time.thread_time()
        if type(samples) is list and sys.getrefcount(samples) <= self._references:
            samples.clear()
        traces = [trace for tensor in postponed for trace in tensor.traces]
        exempt = held_by(samples)
        fetcher = sys._getframe(1).f_locals.get("self")
        exempt |= held_by_paused(getattr(fetcher, "dataset_iter", None))
        spent = _recorder.materialize_kept(traces, exempt)
        with lent.sending():
            tickets = bytes(ForkingPickler.dumps(tickets_of(postponed)))
        _recorder.handling = time.thread_time() - start - spent
        return telling(_Pickled(batch, tickets, {}), samples=size, **_told_by(_recorder))


def _told_by(recorder: Recorder) -> dict[str, Any]:
    """Return what is told of a batch of which nothing records any more, or that is pickled."""
    counted = recorder.count()
    counted.asked = agreement.newly_asked()
    if recorder.given_up:
        hooks.end(recorder)
    # What was learned of files comes last, since making what is sent is looking at files as well.
    return {"counted": counted if counted != _NOTHING else None, "learned": files.learned() or None}


class _Probe:
    """Sees how many references there are to a list of samples where `Collate` does."""

    seen = 0

    def __call__(self, samples: Any) -> None:
        self.seen = sys.getrefcount(samples)


def _references() -> int:
    probe = _Probe()
    _MapDatasetFetcher([0], True, probe, False).fetch([0])
    return probe.seen


def count(samples: Any) -> int:
    """Return how many samples there are; what a sampler or `__getitems__` gives need not have a length."""
    return len(samples) if hasattr(samples, "__len__") else 0
