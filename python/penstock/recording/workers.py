"""What runs in torch's workers: their start, their `collate_fn`, and what they send.

A batch is pickled as soon as it is collated, with numbers in place of its recording tensors. Then the worker lets go of
it, and what is still there of its pictures and tensors is kept by somebody: that becomes real at once. Only then is it
decided how what the numbers stand for travels, so that a file whose pixels were made by then is not decoded again.
"""

import gc
import sys
import types
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from typing import Any

from torch.utils.data import Dataset

from penstock.compat.torch import _MapDatasetFetcher
from penstock.recording import files, hooks
from penstock.recording.pictures import is_recorded
from penstock.recording.recorder import Recorder
from penstock.recording.storages import send_small_tensors
from penstock.recording.tensors import RecordedTensor
from penstock.recording.tickets import postponing, receive_all, tickets_of

__all__ = ["Collate", "Parcel", "Start", "count"]

# Objects of a sample that are looked at for what it holds.
_MOST = 1000
# Objects that lead to everything.
_LEADING = (type, types.ModuleType, types.FunctionType, types.MethodType, types.FrameType, Dataset)

# The recorder of this process, if it is a worker.
_recorder: Recorder | None = None


class Start:
    """A worker's `worker_init_fn`: has its pictures record, then calls the user's.

    Args:
        function: The user's, or None.
    """

    def __init__(self, function: Callable[[int], Any] | None) -> None:
        self._function = function
        self._files = files.Inherited()
        hooks.find_imported()

    def __call__(self, worker: int) -> None:
        """Begin, in a worker."""
        global _recorder
        files.begin()
        send_small_tensors()
        _recorder = Recorder()
        hooks.begin(_recorder)
        if self._function is not None:
            self._function(worker)


class Parcel:
    """What a worker sends: a batch, and what was counted while it was fetched.

    Attributes:
        data: The user's batch.
        samples: In it.
        counted: Of its pictures, by the worker's `Recorder`.
        learned: Of files, in bytes once it has arrived.
    """

    def __init__(self, data: Any, samples: int, counted: tuple[int, int, dict[str, int]]) -> None:
        self.data, self.samples, self.counted = data, samples, counted
        self.learned: Any = files.Report()


class _Pickled(Parcel):
    """One whose batch is pickled already.

    Args:
        message: The batch, with numbers in place of what the tickets are for.
        tickets: Those, pickled as well.
        samples: See `Parcel`.
        counted: See `Parcel`.
    """

    def __init__(self, message: bytes, tickets: bytes, samples: int, counted: tuple[int, int, dict[str, int]]) -> None:
        super().__init__(None, samples, counted)
        self._pickled = message, tickets

    def __reduce__(self) -> Any:
        return _unpack, (*self._pickled, self.samples, self.counted, self.learned)


def _unpack(
    message: bytes, tickets: bytes, samples: int, counted: tuple[int, int, dict[str, int]], learned: bytes
) -> Parcel:
    with receive_all(ForkingPickler.loads(tickets)):
        parcel = Parcel(ForkingPickler.loads(message), samples, counted)
    parcel.learned = learned
    return parcel


class Collate:
    """A worker's `collate_fn`: calls the user's, pickles what it returns, and adds what was counted.

    Args:
        function: The user's.
        batches: Whether it is given lists of samples.
    """

    def __init__(self, function: Callable[[Any], Any], batches: bool) -> None:
        self._function, self._batches = function, batches
        # References to a list of samples that nobody has but torch's fetcher, seen from `__call__`.
        self._references = _references()

    def __call__(self, samples: Any) -> Parcel:
        """Return what is sent of some samples."""
        data = self._function(samples)
        size = count(samples) if self._batches else 1
        if _recorder is None:
            return Parcel(data, size, (0, 0, {}))
        if not _recorder.is_any_left():
            return Parcel(data, size, _recorder.count())
        with postponing() as postponed:
            message = bytes(ForkingPickler.dumps(data))
        del data
        if type(samples) is list and sys.getrefcount(samples) <= self._references:
            samples.clear()
        sent = [trace for tensor in postponed for trace in tensor.traces]
        exempt = _held_by(samples)
        fetcher = sys._getframe(1).f_locals.get("self")
        exempt |= _held_by_paused(getattr(fetcher, "dataset_iter", None))
        _recorder.settle(sent, exempt)
        tickets = bytes(ForkingPickler.dumps(tickets_of(postponed)))
        return _Pickled(message, tickets, size, _recorder.count())


class _Probe:
    """Sees how many references there are to a list of samples where `Collate` does."""

    seen = 0

    def __call__(self, samples: Any) -> None:
        self.seen = sys.getrefcount(samples)


def _references() -> int:
    probe = _Probe()
    _MapDatasetFetcher([0], True, probe, False).fetch([0])
    return probe.seen


def _held_by(samples: Any) -> set[int]:
    """Return the ids of the recording pictures and tensors to which samples lead."""
    return _led_to([samples], lambda value: [] if isinstance(value, _LEADING) else gc.get_referents(value))


def _held_by_paused(iterator: Any) -> set[int]:
    """Return the ids of those that a data set's generator has in its variables, where it goes on with the next sample.

    What it has in lists and dictionaries is a buffer or a cache.
    """

    def next_ones(value: Any) -> list[Any]:
        if isinstance(value, types.GeneratorType) or type(value) is tuple:
            return gc.get_referents(value)
        if not isinstance(value, Iterator):
            return []
        if type(value).__module__ in {"builtins", "itertools"}:
            return [other for other in gc.get_referents(value) if isinstance(other, (Iterator, tuple))]
        return [other for other in getattr(value, "__dict__", {}).values() if isinstance(other, Iterator)]

    return set() if iterator is None else _led_to([iterator], next_ones)


def _led_to(waiting: list[Any], next_ones: Callable[[Any], list[Any]]) -> set[int]:
    found: set[int] = set()
    seen = set(map(id, waiting))
    while waiting and len(seen) < _MOST:
        value = waiting.pop()
        if isinstance(value, RecordedTensor) or is_recorded(value):
            found.add(id(value))
            others = [value.__dict__.get("_shares")]
        else:
            others = next_ones(value)
        for other in others:
            if id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
    return found


def count(samples: Any) -> int:
    """Return how many samples there are; what a sampler or `__getitems__` gives need not have a length."""
    return len(samples) if hasattr(samples, "__len__") else 0
