"""The user's data set, of which a bad sample does not raise; run where torch runs the user's code.

This is what `on_error` means: the ways that do not run it give the same batches. Beside the data set stand the collate
function and the worker's start, as a worker has no other way to tell of bad samples than with a batch, and as code that
asks torch for its data set has to find its own.
"""

import enum
import operator
import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, get_worker_info

from penstock.compat.torch import ExceptionWrapper, pin_memory
from penstock.tolerance.paths import path_of
from penstock.tolerance.policy import BadSample, Policy, Tally, note, reason_of

__all__ = [
    "NOTHING",
    "Collating",
    "Log",
    "Reported",
    "Starting",
    "Tolerant",
    "is_nothing",
    "left_out_by",
    "users_function",
]


class _Nothing(enum.Enum):
    """A member of an enumeration is the same object in each process."""

    NOTHING = "a batch of which no sample is left"


NOTHING = _Nothing.NOTHING


class Log:
    """What a process has met.

    Args:
        tally: Goes on from there.

    Attributes:
        tally: The same.
        met: Bad samples that nobody was told of.
    """

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = Tally() if tally is None else tally
        self.met: list[BadSample] = []

    def take(self) -> list[BadSample]:
        """Return those that nobody was told of."""
        met, self.met = self.met, []
        return met


class Reported:
    """What a worker sends if it has met bad samples.

    Args:
        data: The batch, `NOTHING`, or an exception as torch wraps it.
        met: The bad samples.

    Attributes:
        data: The same.
        met: The same.
    """

    def __init__(self, data: Any, met: list[BadSample]) -> None:
        self.data, self.met = data, met

    def pin_memory(self) -> "Reported":
        """Return it with its batch in page-locked memory, as torch's thread asks any object for it."""
        return Reported(pin_memory(self.data), self.met)


class _Streams:
    """Where the process's generators of random numbers stand."""

    def __init__(self) -> None:
        self._torch = torch.get_rng_state()
        self._random = random.getstate()
        self._numpy = np.random.get_state()  # noqa: NPY002 - what transforms draw from

    def restore(self) -> None:
        torch.set_rng_state(self._torch)
        random.setstate(self._random)
        np.random.set_state(self._numpy)  # noqa: NPY002


class Tolerant(Dataset[Any]):
    """A data set whose bad samples are left out, or replaced by the next one that loads.

    Args:
        dataset: The user's.
        policy: Which samples are bad, and what is done about them.
        log: Where they are listed and counted.

    Attributes:
        dataset: The same.
        policy: The same.
        log: The same.
    """

    def __init__(self, dataset: Any, policy: Policy, log: Log) -> None:
        self.dataset, self.policy, self.log = dataset, policy, log

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        """Return a sample, `NOTHING` if it is left out, or in a worker what is raised, if that has to be sent."""
        loaded = self._sent(lambda: self._each([index], self._one))
        return loaded[0] if isinstance(loaded, list) else loaded

    def __getitems__(self, indices: Any) -> Any:
        """Return the samples of a batch, by the data set's own `__getitems__` if it has one, or as above."""
        return self._sent(lambda: self._batch(indices))

    def _one(self, index: Any) -> Any:
        return self.dataset[index]

    def _one_of_several(self, index: Any) -> Any:
        samples = self.dataset.__getitems__([index])
        if not isinstance(samples, (list, tuple)) or len(samples) != 1:
            raise TypeError("on_error= asks __getitems__ for one index at a time: it should return a list of samples")
        return samples[0]

    def _batch(self, indices: Any) -> Any:
        if not getattr(self.dataset, "__getitems__", None):
            return self._each(indices, self._one)
        indices = indices if isinstance(indices, (list, tuple)) else list(indices)
        streams = _Streams()
        try:
            samples = self.dataset.__getitems__(indices)
        except Exception as error:
            if not self.policy.is_bad(error):
                raise
            streams.restore()
        else:
            self.log.tally.loaded(operator.length_hint(samples))
            return samples
        return self._each(indices, self._one_of_several)

    def _each(self, indices: Iterable[Any], load: Callable[[Any], Any]) -> Any:
        """Load samples one after the other; return `NOTHING` if there were some and none is left."""
        samples: list[Any] = []
        asked = False
        for index in indices:
            asked = True
            self._load(index, load, samples)
        return samples if samples or not asked else NOTHING

    def _load(self, index: Any, load: Callable[[Any], Any], samples: list[Any]) -> None:
        """Append a sample, the one in its place, or nothing."""
        streams = _Streams()
        while True:
            try:
                samples.append(load(index))
            except Exception as error:
                if not self.policy.is_bad(error):
                    raise
                streams.restore()
                self.log.met.append(BadSample(index, path_of(error), reason_of(error)))
                if (why := self.log.tally.failed()) is not None:
                    note(error, why)
                    raise
                if self.policy.skips:
                    return
                following = self.policy.after(index, self.dataset, error)
                if following is None:
                    raise
                index = following
            else:
                self.log.tally.loaded()
                return

    def _sent(self, load: Callable[[], Any]) -> Any:
        """Return what is loaded, or, in a worker that has something to tell, what is raised."""
        try:
            return load()
        except Exception:
            if self.log.met and (worker := get_worker_info()) is not None:
                return _wrapped(worker.id)
            raise


class Collating:
    """The user's collate function, which a worker's bad samples are sent with.

    Args:
        function: The user's, or torch's.
        log: Of the worker.

    Attributes:
        function: The same.
        left_out: How many samples were left out of the last batch.
    """

    def __init__(self, function: Callable[[Any], Any], log: Log, policy: Policy) -> None:
        self.function, self._log, self._policy = function, log, policy
        self.left_out = 0

    def __call__(self, samples: Any) -> Any:
        """Return the batch, or what is delivered in its place."""
        self.left_out = len(self._log.met) if self._policy.skips else 0
        if not self._log.met:
            return self.function(samples)
        worker = get_worker_info()
        data = samples
        if samples is not NOTHING and not isinstance(samples, ExceptionWrapper):
            try:
                data = self.function(samples)
            except Exception:
                if worker is None:
                    raise
                data = _wrapped(worker.id)
        return data if worker is None else Reported(data, self._log.take())


class Starting:
    """A worker's `worker_init_fn`: has torch's `get_worker_info` tell of the user's data set, then calls the user's.

    Args:
        function: The user's, or None.
    """

    def __init__(self, function: Callable[[int], Any] | None) -> None:
        self._function = function

    def __call__(self, worker: int) -> None:
        """Begin, in a worker."""
        info: Any = get_worker_info()
        # torch forbids to set its attributes.
        object.__setattr__(info, "dataset", info.dataset.dataset)
        if self._function is not None:
            self._function(worker)


def users_function(collate_fn: Any) -> Any:
    """Return the collate function that the user gave."""
    return collate_fn.function if isinstance(collate_fn, Collating) else collate_fn


def left_out_by(collate_fn: Any) -> int:
    """Return how many of the samples that a collate function should have been given last were left out."""
    return collate_fn.left_out if isinstance(collate_fn, Collating) else 0


def is_nothing(data: Any) -> bool:
    """Whether no sample is left of what should have been a batch."""
    return data is NOTHING or (isinstance(data, Reported) and data.data is NOTHING)


def _wrapped(worker: int) -> Any:
    return ExceptionWrapper(where=f"in DataLoader worker process {worker}")
