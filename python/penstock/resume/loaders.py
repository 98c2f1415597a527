"""`state_dict` and `load_state_dict` of a loader."""

import contextlib
import dataclasses
import operator
import pickle
import weakref
from typing import Any

import torch

from penstock.lowering import by_index
from penstock.resume.course import Alone, Course, WithWorkers
from penstock.resume.order import Order
from penstock.resume.positions import positions_of, put
from penstock.resume.samplers import chain_of, generators_of, index_sampler_of, is_iterable
from penstock.wrappers import own_iterators

__all__ = ["begin", "commit", "is_loaded", "load", "lose", "next_epoch", "state_of"]

_VERSION = 1
_KEYS = {"position", "over", "base_seed", "order", "generators", "epoch", "workers", "next_worker"}
# What torchdata's loaders write into their states, and others do not.
_TORCHDATAS = {
    "_snapshot",
    "_snapshot_step",
    "_steps_since_snapshot",
    "_sampler_iter_yielded",
    "dataset_state",
    "fetcher_state",
}


@dataclasses.dataclass
class _Page:
    """What is kept for a loader.

    Attributes:
        course: Of its most recent iterator.
        loaded: A state that its next iterator goes on from.
        lost: Why its most recent iterator is not known.
        epoch: That the next iterator begins, unless a sampler tells it, where samples' numbers depend on one.
    """

    course: Course | None = None
    loaded: dict[str, Any] | None = None
    lost: str | None = None
    epoch: int = 0


_pages: dict[int, _Page] = {}


def _page(loader: Any) -> _Page:
    if (page := _pages.get(id(loader))) is None:
        page = _pages[id(loader)] = _Page()
        weakref.finalize(loader, _pages.pop, id(loader), None)
    return page


def begin(loader: Any) -> Course:
    """Return the course of an iterator that is about to be made; `commit` tells that it was."""
    state = _page(loader).loaded
    if state is not None and state["over"] and not (loader.persistent_workers and loader.num_workers):
        state = None
    course: Course = WithWorkers(loader, state) if loader.num_workers else Alone(loader, state)
    inside = state is not None and not state["over"]
    course.epoch = state["epoch"] if state is not None and inside else next_epoch(loader)
    return course


def commit(loader: Any, course: Course) -> None:
    """Make a course the loader's, whose iterator was made."""
    page = _page(loader)
    page.course, page.loaded, page.lost = course, None, None
    if course.epoch is not None:
        page.epoch = course.epoch + 1


def next_epoch(loader: Any) -> int | None:
    """Return the epoch that begins: as a sampler was told it, or counted; None if no number depends on it."""
    if by_index.seed_of(loader) is None:
        return None
    for each in chain_of(index_sampler_of(loader)):
        told: Any = getattr(each, "epoch", None)
        with contextlib.suppress(TypeError):  # of what is no number, and no epoch
            return operator.index(told)  # of NumPy's numbers, and torch's, as well
    return _page(loader).epoch


def lose(loader: Any, reason: str) -> None:
    """Say that the loader's iterator that is about to be made will not be known, and why.

    Raises:
        RuntimeError: If it should go on from a state.
    """
    page = _page(loader)
    if page.loaded is not None:
        raise RuntimeError(f"nothing can go on from the state that was loaded: {reason}")
    page.course, page.lost = None, reason


def is_loaded(loader: Any) -> bool:
    """Whether the next iterator goes on from a state that was loaded."""
    return _page(loader).loaded is not None


def state_of(loader: Any) -> dict[str, Any]:
    """Return where a loader's most recent iterator is."""
    page = _page(loader)
    head = {"penstock": _VERSION, "settings": _settings(loader)}
    if page.loaded is not None:
        return head | page.loaded
    lost = page.lost if page.course is None else page.course.lost
    if page.course is None and (maker := own_iterators(loader)) is not None:
        lost = f"{maker} makes its iterators itself"
    if lost is not None:
        return head | {"lost": lost}
    if page.course is None:
        return head | {"position": 0, "generators": positions_of(generators_of(loader)), "epoch": page.epoch}
    return head | page.course.state()


def load(loader: Any, state: Any) -> None:
    """Have a loader's next iterator go on from a state, all of it or, if that cannot be, nothing.

    Raises:
        ValueError: If it cannot be, with the reason.
    """
    _check(loader, state)
    page, generators = _page(loader), generators_of(loader)
    state = {name: value for name, value in state.items() if name in _KEYS}
    before = positions_of(generators)
    try:
        put(state["generators"], generators)
        epoch = 0 if state["epoch"] is None else operator.index(state["epoch"]) + bool(state.get("over"))
        if state.get("over"):
            state = _finished(loader, generators, state)
    except BaseException:
        put(before, generators)
        raise
    page.course = page.lost = None
    page.loaded = state if "over" in state else None
    page.epoch = epoch


def _finished(loader: Any, generators: dict[str, torch.Generator], state: dict[str, Any]) -> dict[str, Any]:
    """Return a state after an epoch's last batch, when the epoch's end is behind it."""
    # Asked for nothing more yet, the sampler has still to do what it does at its end.
    order = Order(loader, generators, state["order"], state["position"], skips=0)
    order.finish()
    if not loader.num_workers and "dataset" in state["workers"][0]["now"]:
        loader.dataset.load_state_dict(pickle.loads(state["workers"][0]["now"]["dataset"]))  # noqa: S301 - the user's own
    return state | {"order": order.state(), "generators": positions_of(generators)}


def _check(loader: Any, state: Any) -> None:
    if not isinstance(state, dict) or "penstock" not in state:
        if isinstance(state, dict) and not _TORCHDATAS.isdisjoint(state):
            raise ValueError(
                "this state was written by torchdata's StatefulDataLoader, and penstock cannot go on from it: finish "
                "the epoch with that class, or begin the epoch again without the state"
            )
        raise ValueError(f"not a state of a penstock.DataLoader: {type(state).__name__}")
    if state["penstock"] != _VERSION:
        raise ValueError(f"this state has version {state['penstock']!r}, and this penstock reads version {_VERSION}")
    if "lost" in state:
        raise ValueError(f"nobody can go on from this state: {state['lost']}")
    now, then = _settings(loader), state.get("settings", {})
    for name in now:
        if then.get(name) != now[name]:
            raise ValueError(
                f"this state is of a loader with {name} = {then.get(name)!r}, and this loader's is {now[name]!r}"
            )
    if not ({"position", "generators", "epoch"} <= state.keys() and ("over" not in state or state.keys() >= _KEYS)):
        raise ValueError("this state is not complete")


def _settings(loader: Any) -> dict[str, Any]:
    """Return what a loader must have in common with the one whose state it is given."""
    iterable = is_iterable(loader.dataset)
    return {
        "iterable": iterable,
        "samples": None if iterable else _length(loader.dataset),
        "batch_size": loader.batch_size,
        "drop_last": loader.drop_last,
        "num_workers": loader.num_workers,
        "persistent_workers": loader.persistent_workers,
        "samplers": [type(each).__qualname__ for each in chain_of(index_sampler_of(loader))],
        "generators": sorted(generators_of(loader)),
        "rng": by_index.rng_of(loader),
        "seed": by_index.seed_of(loader),
        "batches": None if iterable else _length(index_sampler_of(loader)),
    }


def _length(sized: Any) -> int | None:
    try:
        return len(sized)
    except Exception:
        return None
