"""The index sampler as an iterator asks it: what it was asked, and how that is made again."""

import collections
import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch

from penstock.resume.positions import Position, here, kept, positions_of, put
from penstock.resume.samplers import asked_beyond, chain_of, cut, cut_at, index_sampler_of, is_iterable, stateful_of

__all__ = ["Order"]


@dataclasses.dataclass
class _Asked:
    """What a sampler was asked in one epoch.

    Attributes:
        count: How often it has answered.
        ended: Whether it has said that there is nothing more.
        made: Where generators stood before its iterator was made.
        first: Where they stood before that was first asked.
        epochs: What the samplers had been told by `set_epoch`.
        ahead: Answers of which no batch was handed out yet; None if they are not kept.
    """

    count: int = 0
    ended: bool = False
    made: dict[str, Position] = dataclasses.field(default_factory=dict)
    first: dict[str, Position] | None = None
    epochs: list[int | None] = dataclasses.field(default_factory=list)
    ahead: collections.deque[Any] | None = None


class Order:
    """Stands for a loader's index sampler.

    Args:
        loader: Whose sampler it is.
        generators: Those that the loader and its samplers have.
        resumed: Where its first epoch goes on; None if it begins.
        position: How many batches of that were handed out.
        skips: How many iterators are asked for first that nobody uses.
    """

    def __init__(
        self,
        loader: Any,
        generators: dict[str, torch.Generator],
        resumed: dict[str, Any] | None,
        position: int,
        *,
        skips: int,
    ) -> None:
        self._sampler, self._generators = index_sampler_of(loader), generators
        self._resumed, self._position, self._skips = resumed, position, skips
        self._endless = is_iterable(loader.dataset)
        self._cut = None if self._endless else cut(self._sampler)
        self._stateful: Any = None if self._endless or self._cut is not None else stateful_of(self._sampler)
        self._runs_ahead = loader.num_workers > 0
        self._asked = _Asked()

    def __len__(self) -> int:
        return len(self._sampler)

    def length(self) -> float:
        """Return how often it can be asked in an epoch, as far as it tells; infinity if it does not."""
        try:
            return len(self._sampler)
        except Exception:
            return math.inf

    @property
    def count(self) -> int:
        """How often it has answered in this epoch."""
        return self._asked.count

    @property
    def is_used_up(self) -> bool:
        """Whether there is nothing more in this epoch."""
        return self._asked.ended

    def handed_out(self) -> None:
        """Count a batch that was handed out."""
        if self._asked.ahead:
            self._asked.ahead.popleft()

    def state(self) -> dict[str, Any]:
        """Return what it takes to go on from here."""
        if self._endless:
            return {}
        state = {field.name: getattr(self._asked, field.name) for field in dataclasses.fields(_Asked)}
        state["ahead"] = None if self._asked.ahead is None else list(self._asked.ahead)
        state["sampler"] = None if self._stateful is None else self._stateful.state_dict()
        return state

    def __iter__(self) -> Iterator[Any]:
        if self._skips:
            self._skips -= 1
            return iter(())
        resumed, self._resumed = self._resumed, None
        if resumed and resumed["count"] >= self._position and self._is_begun(resumed):
            return self._again(resumed)
        if resumed and self._stateful is not None:
            self._stateful.load_state_dict(resumed["sampler"])
        if self._endless:
            self._asked, self._position = _Asked(count=self._position), 0
            return _Asking(self._asked, iter(self._sampler), [], dict)
        self._asked = asked = _Asked()
        if self._cut is None:
            asked.made, asked.epochs = self._positions(), self._epochs()
            asked.ahead = collections.deque() if self._runs_ahead else None
        return _Asking(asked, iter(self._sampler), [], self._positions)

    def finish(self) -> None:
        """After the last batch, have the sampler be where its epoch is over: what it does at its end is done once."""
        if self._endless or self._resumed is None:
            return
        if not self._resumed["ended"]:
            next(iter(self), None)
        elif self._stateful is not None:
            self._stateful.load_state_dict(self._resumed["sampler"])

    def _is_begun(self, resumed: dict[str, Any]) -> bool:
        return resumed["first"] is not None or (self._cut is None and bool(resumed["made"]))

    def _again(self, state: dict[str, Any]) -> Iterator[Any]:
        """Return the iterator that goes on after the batches that were handed out."""
        fields = {field.name: state[field.name] for field in dataclasses.fields(_Asked)}
        self._asked = asked = _Asked(**fields)
        with kept(self._generators):
            if self._cut is not None:
                put(asked.first or {}, self._generators)
                rest = cut_at(self._sampler, self._position)
                prepared = list(itertools.islice(rest, asked.count - self._position))
            elif self._stateful is not None:
                prepared, rest = state["ahead"] or [], self._told(state)
            else:
                answers, rest = self._replayed(asked)
                prepared = answers if state["ahead"] is None else state["ahead"]
        asked.ahead = collections.deque(prepared) if self._cut is None and self._runs_ahead else None
        return _Asking(asked, iter(()) if asked.ended else rest, prepared, self._positions)

    def _told(self, state: dict[str, Any]) -> Iterator[Any]:
        """Return what comes after all that the sampler has answered."""
        self._stateful.load_state_dict(state["sampler"])
        # Where a last batch was too short, it has come to its end, and would begin anew.
        return iter(()) if state["ended"] or asked_beyond(self._sampler, state["count"]) else iter(self._sampler)

    def _replayed(self, asked: _Asked) -> tuple[list[Any], Iterator[Any]]:
        """Return what the sampler answers for batches that were not handed out, and what comes after that."""
        put(asked.made, self._generators)
        for sampler, epoch in zip(chain_of(self._sampler), asked.epochs, strict=False):
            if epoch is not None and sampler.epoch != epoch:
                sampler.set_epoch(epoch)
        rest = iter(self._sampler)
        put(asked.first or {}, self._generators)
        collections.deque(itertools.islice(rest, self._position), maxlen=0)
        answers = list(itertools.islice(rest, asked.count - self._position))
        if asked.ended:
            next(rest, None)
        return answers, rest

    def _positions(self) -> dict[str, Position]:
        """Return where the generators stand that the sampler may draw from."""
        if self._cut is None:
            return here() | positions_of(self._generators)
        if not hasattr(self._cut, "generator"):
            return {}
        if self._cut.generator is None:
            return here("torch")
        return positions_of({name: each for name, each in self._generators.items() if each is self._cut.generator})

    def _epochs(self) -> list[int | None]:
        return [
            each.epoch if isinstance(getattr(each, "epoch", None), int) and hasattr(each, "set_epoch") else None
            for each in chain_of(self._sampler)
        ]


class _Asking:
    """A sampler's iterator, which counts what it is asked.

    Args:
        asked: Where that is counted.
        iterator: The sampler's.
        prepared: What it has answered already.
        positions: Tells where the generators stand.
    """

    def __init__(self, asked: _Asked, iterator: Iterator[Any], prepared: list[Any], positions: Any) -> None:
        self._asked, self._iterator, self._positions = asked, iterator, positions
        self._prepared = collections.deque(prepared)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._prepared:
            return self._prepared.popleft()
        asked = self._asked
        if asked.first is None:
            asked.first = self._positions()
        try:
            indices = next(self._iterator)
        except StopIteration:
            asked.ended = True
            raise
        asked.count += 1
        if asked.ahead is not None:
            asked.ahead.append(indices)
        return indices
