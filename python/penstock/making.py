"""The making of an iterator: what of ours fails there is nobody's loss.

What is ours is done before torch's constructor draws the base seed and asks the sampler, as far as it can be; if
it fails, torch's own iterator is made. What has to be done later stands in `making` as well: if that fails, torch's
iterator goes on from where its base class's constructor had come to, so that the user's code runs once, and no
number is drawn twice.
"""

import contextlib
import dataclasses
import itertools
import logging
from collections.abc import Iterator
from typing import Any

from penstock.compat.torch import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter
from penstock.counters import counters_of
from penstock.generators import resume

__all__ = ["Begun", "GoingOn", "MakingFailed", "go_on", "making", "tell"]

_logger = logging.getLogger("penstock")


@dataclasses.dataclass
class Begun:
    """What was done for an iterator over workers before something of ours failed.

    Attributes:
        attributes: Those that torch's base class has set.
        epoch: Whether the sampler was asked for its iterator a second time, as an epoch over workers begins.
        indices: What it gave since.
        states: Of each worker's generators, as `resume` takes them, if they had worked before.
    """

    attributes: dict[str, Any]
    epoch: bool = False
    indices: list[Any] = dataclasses.field(default_factory=list)
    states: list[Any] | None = None


class MakingFailed(Exception):  # noqa: N818 - it never leaves the loader
    """Something of ours has failed while an iterator was made, or an epoch begun.

    Attributes:
        begun: How far it was; None if torch and the user's code have done nothing yet.
    """

    def __init__(self, begun: Begun | None) -> None:
        super().__init__("an iterator could not be made")
        self.begun = begun


@contextlib.contextmanager
def making(begun: Begun | None = None) -> Iterator[None]:
    """Do something of ours; its failure is a `MakingFailed`, and the exception its cause."""
    try:
        yield
    except Exception as error:
        raise MakingFailed(begun) from error


def tell(loader: Any, failed: MakingFailed) -> None:
    """Say, once for each loader, that torch makes its batches, and why."""
    error = failed.__cause__
    _logger.debug("penstock failed", exc_info=error)
    reason = f"penstock failed: {type(error).__name__}: {error}"
    try:
        counters = counters_of(loader)
        counters.way, counters.reasons = "torch", (reason,)
        counters.tell()
    except Exception:
        _logger.warning("torch's own loader makes these batches: %s", reason)


def go_on(loader: Any, begun: Begun) -> _BaseDataLoaderIter:
    """Return torch's iterator over workers, as it would be if it had done what was begun."""
    return GoingOn(loader, begun)


class _AsBegun(_BaseDataLoaderIter):
    """In the place of torch's base class, whose constructor has run already."""

    _begun: Begun

    def __init__(self, loader: Any) -> None:  # noqa: ARG002 - torch's signature
        vars(self).update(self._begun.attributes)
        self._profile_name = f"enumerate(DataLoader)#{_MultiProcessingDataLoaderIter.__name__}.__next__"

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        if first_iter and self._begun.epoch:
            self._sampler_iter = itertools.chain(self._begun.indices, self._sampler_iter)
        else:
            super()._reset(loader, first_iter)


class GoingOn(_MultiProcessingDataLoaderIter, _AsBegun):
    """torch's iterator over workers, which goes on where another one was."""

    def __init__(self, loader: Any, begun: Begun) -> None:
        self._begun = begun
        super().__init__(loader)

    # torch's constructor sets it and hands it to the workers.
    @property
    def _worker_init_fn(self) -> Any:
        return self._function if self._begun.states is None else _Resume(self._function, self._begun.states)

    @_worker_init_fn.setter
    def _worker_init_fn(self, function: Any) -> None:
        self._function = function


class _Resume:
    """A worker's `worker_init_fn`: calls the user's, then puts generators where they had come to.

    Args:
        function: The user's, or None.
        states: Of each worker's generators.
    """

    def __init__(self, function: Any, states: list[Any]) -> None:
        self._function, self._states = function, states

    def __call__(self, worker: int) -> None:
        if self._function is not None:
            self._function(worker)
        resume(self._states[worker])
