"""The bad samples that a loader has met: for `stats`, and for one line at the end of an epoch."""

import logging
import os
from collections.abc import Iterable

import torch.distributed

from penstock.tolerance.policy import BadSample, Policy

__all__ = ["Reports"]

_logger = logging.getLogger("penstock")
# Samples that the line names.
_NAMED = 5


class Reports:
    """The bad samples of a loader, over all its iterators."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, str | None, str], BadSample] = {}
        self._epoch: list[BadSample] = []

    @property
    def samples(self) -> tuple[BadSample, ...]:
        """Each that was met, once, in the order in which they were."""
        return tuple(self._all.values())

    def add(self, met: Iterable[BadSample]) -> None:
        """Add those that belong to a batch that the user gets, or would have got."""
        for bad in met:
            # By what is shown of it: an index need not be hashable.
            self._all.setdefault((repr(bad.index), bad.path, bad.reason), bad)
            self._epoch.append(bad)

    def tell(self, policy: Policy) -> None:
        """Say which an epoch has met, now that it is over."""
        met, self._epoch = self._epoch, []
        if not met:
            return
        count = f"{len(met)} bad sample{'s' * (len(met) != 1)}"
        done = "left out" if policy.skips else "replaced by the next"
        rest = f"; and {len(met) - _NAMED} more, in stats(loader).bad" if len(met) > _NAMED else ""
        _logger.warning("%s%s in this epoch, %s: %s%s", _rank(), count, done, "; ".join(map(str, met[:_NAMED])), rest)


def _rank() -> str:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return f"rank {torch.distributed.get_rank()}: "
    rank = os.environ.get("RANK", "")
    return f"rank {rank}: " if rank else ""
