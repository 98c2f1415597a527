"""What is known of an iterator while it is used: enough to go on from any of its batches."""

import abc
import contextlib
import pickle
from collections.abc import Iterator
from typing import Any

import torch

from penstock.generators import Streams
from penstock.resume.order import Order
from penstock.resume.positions import (
    here,
    kept,
    of_torch,
    positions_of,
    put,
    python_state,
    random_position,
    torch_state,
)
from penstock.resume.samplers import generators_of, is_iterable, is_stateful
from penstock.resume.workers import News, learn

__all__ = ["Alone", "Course", "WithWorkers"]


class Course(abc.ABC):
    """What an iterator has handed out, and where its sampler stood.

    Args:
        loader: Its loader, which is not kept.
        state: Where the iterator goes on, as `state` returned it; None if it begins.

    Attributes:
        order: Stands for the index sampler.
        over: Whether the iterator has said that there is no batch any more.
        lost: Why nobody could go on from here; None if that is not so.
        epoch: That its samples' numbers depend on; None if they do not depend on any.
        may_be_over: Whether there may be no batch where it goes on.
    """

    def __init__(self, loader: Any, state: dict[str, Any] | None) -> None:
        self._is_iterable = is_iterable(loader.dataset)
        self._generators = generators_of(loader)
        inside = None if state is None or state["over"] else state
        self._base_seed: int | None = None if state is None else state["base_seed"]
        self.order = Order(
            *(loader, self._generators, None if inside is None else inside["order"]),
            position=0 if inside is None else inside["position"],
            # Torch's iterators over workers ask for one, and then for another one.
            skips=int(state is not None and loader.num_workers > 0),
        )
        self.over = False
        self.lost: str | None = None
        self.epoch: int | None = None
        self.may_be_over = self._is_iterable and inside is not None

    @property
    def base_seed(self) -> Any:
        """As it was drawn for this iterator, or for the one that it goes on from."""
        return self._base_seed

    @base_seed.setter
    def base_seed(self, seed: int) -> None:
        if self._base_seed is None:
            self._base_seed = seed

    @property
    @abc.abstractmethod
    def position(self) -> int:
        """How many batches, or exceptions in their place, were handed out in this epoch."""

    @abc.abstractmethod
    def _states(self) -> dict[str, Any]:
        """Return "workers", what is known of each, and "next_worker", which makes the next batch."""

    def stand_in(self, loader: Any) -> Any:
        """Return what a torch iterator is made over, in the place of the loader."""
        return _StandIn(loader, self.order, loader.generator if self._base_seed is None else torch.Generator())

    def making(self) -> contextlib.AbstractContextManager[None]:
        """Make the iterator."""
        return contextlib.nullcontext()

    def state(self) -> dict[str, Any]:
        """Return what it takes to go on from here; plain data but for a user's own indices and sampler's state."""
        return {
            "position": self.position,
            "over": self._is_over(),
            "base_seed": self._base_seed,
            "order": self.order.state(),
            "generators": positions_of(self._generators),
            "epoch": self.epoch,
            **self._states(),
        }

    def _is_over(self) -> bool:
        if self._is_iterable:
            return self.over
        if self.order.is_used_up:
            return self.position >= self.order.count
        return self.position >= self.order.length()


class _StandIn:
    """A loader as torch's iterators see it: the sampler is an `Order`, and a base seed that is known draws nothing."""

    def __init__(self, loader: Any, order: Order, generator: torch.Generator | None) -> None:
        self._loader, self._index_sampler, self.generator = loader, order, generator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class WithWorkers(Course):
    """The course of an iterator over workers, be they processes or not.

    Attributes:
        next_worker: Which worker makes the next batch.
        resumed: For each worker, what it is told to go on with; None if all begin.
    """

    def __init__(self, loader: Any, state: dict[str, Any] | None) -> None:
        super().__init__(loader, state)
        # After the last batch, what there is to go on with are workers that stay.
        begins = state is None or state["over"]
        self._handed_out = 0 if state is None or begins else state["position"]
        self.next_worker: int = 0 if state is None or begins else state["next_worker"]
        self._workers = [
            _Worker(each) for each in (state["workers"] if state is not None else [None] * loader.num_workers)
        ]
        self.resumed: list[dict[str, Any]] | None = None
        if state is not None:
            if begins:
                for each in self._workers:
                    each.begin()
            self.resumed = [each.state() for each in self._workers]
            if begins:
                # Whatever is drawn to begin with is drawn from the start on.
                for entry in self.resumed:
                    entry["now"] = {name: value for name, value in entry["now"].items() if name == "dataset"}

    @property
    def position(self) -> int:
        """How many batches, or exceptions in their place, were handed out in this epoch."""
        return self._handed_out

    def streams(self, worker: int) -> Streams | None:
        """Return the streams with which a logical worker goes on; None if it begins."""
        known = _known(self._workers[worker].now)
        if "torch" not in known:
            return None
        return Streams.of(torch_state(known["torch"]), python_state(known["python"]) if "python" in known else None)

    def handed_out(self, worker: int, known: News | Streams) -> None:
        """Count a batch, or the exception in its place, that was handed out.

        Args:
            worker: Which made it.
            known: What has changed in that worker, or its streams behind the batch, from which nobody draws.
        """
        self.order.handed_out()
        self._handed_out += 1
        self.next_worker = (worker + 1) % len(self._workers)
        self._workers[worker].count += 1
        self._learn(worker, known)

    def begin_epoch(self, number: int | None = None) -> None:
        """Begin another epoch with the same workers; its number counts if samples' numbers depend on it."""
        self.epoch = number
        self._handed_out = self.next_worker = 0
        self.over = False
        for each in self._workers:
            each.begin()

    def moved_on(self, worker: int, known: News | Streams) -> None:
        """Take account of what a worker has done for a batch of the last epoch that nobody was given."""
        self._learn(worker, known)
        self._workers[worker].begin()

    def _learn(self, worker: int, known: News | Streams) -> None:
        each = self._workers[worker]
        if isinstance(known, Streams):
            each.now = known
        else:
            each.now = learn(_known(each.now), known)
            self.lost = known.get("lost", self.lost)

    def _states(self) -> dict[str, Any]:
        return {"workers": [each.state() for each in self._workers], "next_worker": self.next_worker}


class _Worker:
    """What is known of a worker.

    Attributes:
        start: At the beginning of the epoch; nothing if it was as torch starts a worker.
        now: Behind its last batch that was handed out; of a logical worker, its streams.
        count: Batches of this epoch that were handed out.
    """

    def __init__(self, resumed: dict[str, Any] | None) -> None:
        self.start: News | Streams = {} if resumed is None else resumed["start"]
        self.now: News | Streams = {} if resumed is None else resumed["now"]
        self.count: int = 0 if resumed is None else resumed["count"]

    def begin(self) -> None:
        """Begin an epoch."""
        if not isinstance(self.now, Streams):
            self.now = {name: value for name, value in self.now.items() if name not in ("iterator", "ended")}
        self.start, self.count = self.now, 0

    def state(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        return {"start": _known(self.start), "now": _known(self.now), "count": self.count}


def _known(now: News | Streams) -> News:
    if not isinstance(now, Streams):
        return now
    if now.are_of_samples:
        return {}
    torchs, pythons = now.states()
    return {"torch": of_torch(torchs)} | ({} if pythons is None else {"python": random_position(pythons)})


class Alone(Course):
    """The course of an iterator without workers, whose generators are the process's, and so the caller's to restore.

    Attributes:
        ended: Whether an iterable data set has come to its end in its last batch.
    """

    def __init__(self, loader: Any, state: dict[str, Any] | None) -> None:
        super().__init__(loader, state)
        self._resumed = None if state is None else state["workers"][0]
        self._stateful = {"dataset": loader.dataset} if is_stateful(loader.dataset) else {}
        self._start: dict[str, Any] = {}
        self.ended = False
        if self._resumed is not None:
            self._start, self.ended = self._resumed["start"], self._resumed["now"].get("ended", False)
        elif self._is_iterable:
            self._start = here() | positions_of(self._generators)

    @property
    def position(self) -> int:
        """How many batches, or exceptions in their place, were handed out in this epoch."""
        return self.order.count

    def stand_in(self, loader: Any) -> Any:
        """Return what a torch iterator is made over, in the place of the loader."""
        if self._resumed is not None and self._is_iterable:
            return _StandIn(loader, self.order, loader.generator)  # a number drawn again, for what follows it
        return super().stand_in(loader)

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """Make an iterator; what is drawn again in order to go on leaves no generator changed."""
        if self._resumed is None:
            yield
            return
        self._load("dataset")
        with kept(self._generators):
            put(self._start, self._generators)
            yield

    def watch(self, fetcher: Any, indices: Any) -> None:
        """Have an iterable data set go on, and ask it for its states from now on.

        Args:
            fetcher: torch's.
            indices: What the fetcher is asked for each time.
        """
        iterator = getattr(fetcher, "dataset_iter", None)
        if is_stateful(iterator):
            self._stateful["iterator"] = iterator
        if self._resumed is None or iterator is None:
            return
        if self.ended:
            fetcher.ended = True
            return
        if self._load("iterator") or "dataset" in self._resumed["now"]:
            return
        for _ in range(self._resumed["count"]):
            with contextlib.suppress(Exception):  # what has failed then fails again
                fetcher.fetch(indices)

    def _load(self, name: str) -> bool:
        state = {} if self._resumed is None else self._resumed["now"]
        if name in state:
            self._stateful[name].load_state_dict(pickle.loads(state[name]))  # noqa: S301 - a checkpoint is the user's own
        return name in state

    def _states(self) -> dict[str, Any]:
        now: News = {name: pickle.dumps(item.state_dict()) for name, item in self._stateful.items()}
        now |= {"ended": True} if self.ended else {}
        return {"workers": [{"start": self._start, "now": now, "count": self.position}], "next_worker": 0}
