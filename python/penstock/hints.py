"""A hint at exit for who gave penstock's loader to a framework that made one of torch's class out of it.

Such a program gets torch's batches at torch's speed, and nothing else would tell. What can be seen of it: a loader of
penstock's over a data set was made and no such loader iterated over, and modules of a framework hold torch's class.
"""

import atexit
import logging
import os
import sys
from typing import Any

from penstock.holders import holders

__all__ = ["forget", "iterated", "made"]

_logger = logging.getLogger("penstock")
# Whether any loader over a data set was iterated over, by the data set's id: it need not be hashable, and frameworks
# make another loader of our class over the same one. An id that is used again costs a hint at most.
_reached: dict[int, bool] = {}
_process = os.getpid()


def made(loader: Any) -> None:
    """Note a new loader of penstock's, which is not one that a framework makes by torch's name."""
    kind: Any = type(type(loader))
    if not kind.stands_in:
        _reached.setdefault(id(loader.dataset), False)


def iterated(loader: Any) -> None:
    """Note that somebody iterates over a loader."""
    _reached[id(loader.dataset)] = True


def forget() -> None:
    """Forget all loaders."""
    _reached.clear()


def _tell() -> None:
    # A child that was forked has its parent's loaders, each rank of a distributed run has the same ones, and a program
    # that an exception ended has other worries.
    alone = os.getpid() == _process and os.environ.get("RANK", "0") == "0" and not hasattr(sys, "last_type")
    if not alone or all(_reached.values()):
        return
    names = sorted({module.__name__.partition(".")[0] for module, _ in holders(frameworks_only=True)})
    if names:
        _logger.warning(
            "a DataLoader of penstock's was made and never iterated over, and %s may have made one of torch's class of "
            "it: call penstock.install() before the imports of what makes loaders",
            " or ".join(names),
        )


atexit.register(_tell)
