"""Iterating over a loader and writing down everything that a program could notice."""

import contextlib
import dataclasses
import itertools
import random
import re
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from support.compare import assert_same
from support.workers import get_states


@dataclasses.dataclass(frozen=True)
class Failure:
    """An exception as far as it must be torch's: type, first and last line of its text."""

    kind: type[BaseException]
    first: str
    last: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What to compare of an exception."""
        lines = re.sub("0x[0-9a-f]{6,}", "0x...", str(error)).splitlines() or [""]
        return cls(type(error), lines[0], lines[-1])


@dataclasses.dataclass(frozen=True)
class Walk:
    """How a program goes through a loader.

    Attributes:
        epochs: For each epoch the number of batches after which it breaks off; None for all.
        draws: Whether the program draws numbers of its own from torch's global generator between batches.
        keeps: Whether it keeps the iterators that it has left in mid-epoch.
        edit: Called with the loader after the first batch of all.
    """

    epochs: tuple[int | None, ...] = (None,)
    draws: bool = False
    keeps: bool = False
    edit: Callable[[Any], None] | None = None


# An iterator that goes on for ever would otherwise hang the test.
_MOST_BATCHES = 400


def record(make: Callable[[], Any], walk: Walk = Walk(), seed: int = 0) -> dict[str, Any]:
    """Make a loader and go through it; return batches, failures, warnings and every generator's state.

    Args:
        make: Returns the loader, after the global generators are seeded.
        walk: How to go through it.
        seed: Of the global generators.
    """
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global one
    torch.randn(1)  # leaves a second normal number in the generator, which must stay there
    events: list[Any] = []
    kept = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loader = make()
        edit = walk.edit
        for stop in walk.epochs:
            try:
                iterator = iter(loader)
            except Exception as error:
                events.append(("iter", Failure.of(error)))
                continue
            events.append(("iter", _length(iterator), _states(loader)))
            for event in _batches(loader, iterator, stop, walk):
                events.append(event)
                if edit is not None and event[0] == "batch":
                    edit(loader)
                    edit = None
            if walk.keeps:
                kept.append(iterator)
            del iterator
    states = get_states()
    # Since Python 3.12 a fork next to threads is warned about; penstock has no processes.
    # When a file is closed that a data set leaves open is up to the garbage collector.
    told = [
        (w.category, str(w.message))
        for w in warned
        if "use of fork() may lead to deadlocks" not in str(w.message) and w.category is not ResourceWarning
    ]
    return {"events": events, "python": states[1], "numpy": list(states[2]), "warnings": told}


def _batches(loader: Any, iterator: Any, stop: int | None, walk: Walk) -> Iterator[Any]:
    for taken in itertools.count():
        if taken == stop:
            return
        assert taken < _MOST_BATCHES, "the iterator does not end"
        try:
            batch: Any = next(iterator)
        except StopIteration as error:
            yield ("end", Failure.of(error), _states(loader))
            try:
                yield ("after the end", next(iterator))
            except StopIteration:
                return
        except Exception as error:
            failure = Failure.of(error)
            # torch's exception refers to itself, and to the iterator; its processes should end now, not some time.
            traceback.clear_frames(error.__traceback__)
            yield ("failure", failure, _states(loader))
        else:
            own = torch.rand(()) if walk.draws else None
            yield ("batch", batch, own, _states(loader))


def _length(iterator: Any) -> int | None:
    try:
        return len(iterator)
    except TypeError:
        return None


def _states(loader: Any) -> list[torch.Tensor]:
    generators: Sequence[Any] = [loader.generator, getattr(loader.sampler, "generator", None)]
    own = {id(generator): generator for generator in generators if isinstance(generator, torch.Generator)}
    return [torch.get_rng_state(), *(generator.get_state() for generator in own.values())]


def assert_parity(
    make: Callable[[Any], Any],
    ours: type,
    theirs: type,
    walk: Walk = Walk(),
    seed: int = 0,
) -> dict[str, Any]:
    """Go through the loaders that `make` makes of two classes; fail at the first difference, else return the record."""
    expected = record(lambda: make(theirs), walk, seed)
    found = record(lambda: make(ours), walk, seed)
    for index, (mine, other) in enumerate(zip(found["events"], expected["events"], strict=False)):
        assert_same(mine, other, f"event {index} ({other[0]})")
    assert_same(found, expected)
    return found


@contextlib.contextmanager
def more_workers_than_cores() -> Iterator[None]:
    """Let torch's advice on the number of workers pass; where warnings are compared it is compared too."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        yield


def failures(recorded: dict[str, Any]) -> list[Failure]:
    """The failures in a record."""
    return [event[1] for event in recorded["events"] if event[0] == "failure"]


def batches(recorded: dict[str, Any]) -> list[Any]:
    """The batches in a record."""
    return [event[1] for event in recorded["events"] if event[0] == "batch"]
