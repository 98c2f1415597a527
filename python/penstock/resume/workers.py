"""What runs in torch's workers: telling where a worker stands behind each batch, and going on from there.

It stands around torch's fetcher, so that a batch that fails tells too. A worker tells what has changed since it told
last, and of a generator the block only if that has.
"""

import ctypes
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from penstock.compat.torch import ExceptionWrapper, _DatasetKind, worker_loop
from penstock.message import Message, telling, told_by
from penstock.resume.positions import Position, here, of_torch, put, random_position
from penstock.resume.samplers import is_iterable, is_stateful

__all__ = ["Beginning", "News", "learn", "news_in"]

# By name, what has changed: positions, without their block if that has not; pickled states of the data set ("dataset")
# and of its iterator ("iterator"); whether that has come to its end ("ended"); why a worker cannot go on ("lost").
News = dict[str, Any]


def news_in(data: Any) -> News:
    """Return what has changed in a worker behind a batch that it has sent."""
    news: News = told_by(data).get("news", {})
    return news


def learn(known: News, news: News) -> News:
    """Return what is known of a worker after it has told some news."""
    if not news:
        return known
    return known | {
        name: (told[0], known[name][1]) if type(told) is tuple and told[1] is None else told
        for name, told in news.items()
    }


class Beginning:
    """A worker's `worker_init_fn`: calls the user's, then has torch's fetchers tell.

    Args:
        resumed: For each worker, where it goes on; None if all begin.

    Attributes:
        function: The user's, or None.
    """

    function: Callable[[int], Any] | None = None

    def __init__(self, resumed: list[dict[str, Any]] | None) -> None:
        self._resumed = resumed

    def __call__(self, worker: int) -> None:
        """Begin, in a worker."""
        if self.function is not None:
            self.function(worker)
        fetchers = _Fetchers(worker, None if self._resumed is None else self._resumed[worker])
        _DatasetKind.create_fetcher = staticmethod(fetchers.create)  # type: ignore[method-assign]


class _Fetchers:
    """Makes the worker's fetchers, one for each epoch.

    Args:
        worker: Its number.
        resumed: Where it goes on: "start" and "now", what is known of it at the beginning of the epoch and behind its
            last batch, and "count", how many it had made; None if it begins.
    """

    def __init__(self, worker: int, resumed: dict[str, Any] | None) -> None:
        self._torchs: Any = _DatasetKind.create_fetcher
        self._worker, self._resumed = worker, resumed

    def create(self, kind: Any, dataset: Any, *others: Any) -> Any:
        """Make what torch's function makes; for torch's loop, around it what tells."""
        if sys._getframe(1).f_code is not worker_loop.__code__:
            return self._torchs(kind, dataset, *others)  # of a loader in the user's code
        resumed, self._resumed = self._resumed, None
        if resumed is None:
            return _Fetcher(self._torchs(kind, dataset, *others), dataset, self._worker)
        start, now = resumed["start"], resumed["now"]
        if "dataset" in now:
            dataset.load_state_dict(pickle.loads(now["dataset"]))  # noqa: S301 - a checkpoint is the user's own
        put(start)
        fetcher = _Fetcher(self._torchs(kind, dataset, *others), dataset, self._worker)
        if "ended" in now:
            fetcher.end()
        elif is_iterable(dataset) and "iterator" in now:
            fetcher.iterator.load_state_dict(pickle.loads(now["iterator"]))  # noqa: S301 - as above
        elif is_iterable(dataset) and "dataset" not in now:
            fetcher.behind = resumed["count"]
        if fetcher.behind:
            fetcher.then = now
        else:
            put(now)
        return fetcher


class _Fetcher:
    """A fetcher of torch's that tells.

    Args:
        fetcher: torch's.
        dataset: The worker's.
        worker: Its number.

    Attributes:
        iterator: Of an iterable data set.
        behind: How many batches are fetched again before the next one.
        then: Where the generators stand after these.
    """

    def __init__(self, fetcher: Any, dataset: Any, worker: int) -> None:
        self._fetcher, self._where = fetcher, f"in DataLoader worker process {worker}"
        self._is_iterable = is_iterable(dataset)
        self.iterator: Any = getattr(fetcher, "dataset_iter", None)
        self._teller = _Teller(dataset, self.iterator)
        self.behind, self.then = 0, dict[str, Any]()

    def fetch(self, indices: Any) -> Message:
        """Fetch a batch."""
        while self.behind:
            self._fetch_again(indices)
        try:
            data = self._fetcher.fetch(indices)
        except Exception as error:
            if self._is_iterable and isinstance(error, StopIteration):
                raise
            data = ExceptionWrapper(where=self._where)
        news = self._teller.news()
        if self._is_iterable and self._fetcher.ended:
            news["ended"] = True
        return telling(data, news=news or None)

    def end(self) -> None:
        """Have nothing to fetch any more."""
        self._fetcher.ended = True

    def _fetch_again(self, indices: Any) -> None:
        try:
            self._fetcher.fetch(indices)
        except Exception as error:
            # One that failed then fails again; its exception has been raised.
            if isinstance(error, StopIteration):
                self.behind = 1
        self.behind -= 1
        if not self.behind:
            put(self.then)


class _Teller:
    """Knows what was told last.

    Args:
        dataset: The worker's.
        iterator: Of an iterable data set; None of others.
    """

    def __init__(self, dataset: Any, iterator: Any) -> None:
        self._stateful = {
            name: item for name, item in (("dataset", dataset), ("iterator", iterator)) if is_stateful(item)
        }
        self._told: dict[str, Any] = {}
        # As the libraries return it: to compare that takes less time than to make a position of it.
        self._torch = b""
        self._random: Any = None
        self._numpy = _NumPy()

    def news(self) -> News:
        """Return what has changed since this was last called."""
        news: News = {}
        state = torch.default_generator.get_state()
        raw = state.numpy().tobytes()
        if raw != self._torch:
            self._torch = raw
            self._tell(news, "torch", of_torch(state))
        numbers = random.getstate()
        if numbers != self._random:
            self._random = numbers
            self._tell(news, "python", random_position(numbers))
        if (position := self._numpy.moved()) is not None:
            self._tell(news, "numpy", position)
        for name, item in self._stateful.items():
            self._ask(news, name, item)
        return news

    def _tell(self, news: News, name: str, position: Position) -> None:
        told = self._told.get(name)
        if position == told:
            return
        self._told[name] = position
        has_block = told is not None and told[1] == position[1]
        news[name] = (position[0], None if has_block else position[1])

    def _ask(self, news: News, name: str, item: Any) -> None:
        try:
            state = pickle.dumps(item.state_dict())
        except Exception as error:
            news["lost"] = f"the {name}'s state_dict raises {type(error).__name__}: {error}"
            return
        if state != self._told.get(name):
            self._told[name] = news[name] = state


class _NumPy:
    """Sees whether NumPy's global generator has moved: its state takes long to ask for."""

    def __init__(self) -> None:
        self._seen = b""
        self._has_normal = True

    def moved(self) -> Position | None:
        """Return where it stands; None if that is where it stood when this was last called."""
        generator = np.random.mtrand.get_bit_generator()
        seen = _memory_of(generator) if isinstance(generator, np.random.MT19937) else b""
        # A cached normal deviate is used up without a new word, so as long as there is one, the state is asked for.
        if seen and seen == self._seen and not self._has_normal:
            return None
        position = here("numpy")["numpy"]
        self._seen, self._has_normal = seen, not seen or bool(position[0][1])
        return position


def _memory_of(generator: np.random.MT19937) -> bytes:
    """Return NumPy's own memory of the words and the index of the next one, as its interface for C tells it."""
    return bytes((ctypes.c_uint32 * 625).from_address(generator.ctypes.state_address))
