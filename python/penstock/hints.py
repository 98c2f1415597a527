"""A hint at exit for who gave penstock's loader to a framework that made one of torch's class out of it.

Such a program gets torch's batches at torch's speed, and nothing else would tell. What can be seen of it: a loader of
penstock's over a data set was made and no such loader iterated over, and modules of a framework hold torch's class.
"""

import atexit
import logging
import os
import sys
from typing import Any

from penstock.install import holders

__all__ = ["forget", "iterated", "made"]

_logger = logging.getLogger("penstock")
# Ids of data sets whose loaders were made and not iterated over. Data sets need not be hashable, and frameworks make
# another loader of our class over the same one; an id that is used again costs a hint at most.
_waiting: set[int] = set()
_process = os.getpid()


def made(loader: Any) -> None:
    """Note a new loader of penstock's, which is not one that a framework makes by torch's name."""
    kind: Any = type(type(loader))
    if not kind.stands_in:
        _waiting.add(id(loader.dataset))


def iterated(loader: Any) -> None:
    """Note that somebody iterates over a loader."""
    _waiting.discard(id(loader.dataset))


def forget() -> None:
    """Forget all loaders."""
    _waiting.clear()


def _tell() -> None:
    # A child that was forked has its parent's loaders, each rank of a distributed run has the same ones, and a program
    # that an exception ended has other worries.
    if not _waiting or os.getpid() != _process or os.environ.get("RANK", "0") != "0" or hasattr(sys, "last_type"):
        return
    names = sorted({module.__name__.partition(".")[0] for module, _ in holders(frameworks_only=True)})
    if names:
        _logger.warning(
            "a DataLoader of penstock's was made and never iterated over, and %s may have made one of torch's class of "
            "it: call penstock.install() before the imports of what makes loaders",
            " or ".join(names),
        )


atexit.register(_tell)
