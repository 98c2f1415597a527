"""What systems differ in, as far as Python goes: forks, waiting for one of several ends, opening what may be a pipe.

Native code has the same in `rust/penstock-core/src/system`; built with its feature `plain`, both do without on any
system.
"""

import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from penstock import _native

__all__ = ["KNOWS_FILES", "held_over_forks", "looks_for", "open_at_once"]

_IS_PLAIN = _native.system == "plain"

# Whether a file is known again by what the system says of it. Where it is not, it is read each time it is opened.
KNOWS_FILES = not _IS_PLAIN
# A flag for `os.open`: it returns at once, whatever the path leads to.
_NOT_WAITING: int = 0 if _IS_PLAIN else getattr(os, "O_NONBLOCK", 0)


def open_at_once(path: str) -> BinaryIO:
    """Open a file to be read; what is no file, as a pipe, is not waited for.

    Raises:
        OSError: As `open` does, or because it is none.
    """
    if not _NOT_WAITING and Path(path).exists() and not Path(path).is_file():
        raise OSError(f"not a file: {path}")
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NOT_WAITING))


def held_over_forks(lock: Any) -> None:
    """Have a lock be free in each child of a fork, also if another thread held it when that was forked off."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def looks_for(connection: Any) -> Callable[[], Any]:
    """Return a function that says whether there is something to read from a connection of `multiprocessing`.

    It takes a fortieth of the time of the connection's own `poll` where the system has one.
    """
    if _IS_PLAIN or not hasattr(select, "poll"):
        return lambda: connection.poll(0)
    arrivals = select.poll()
    arrivals.register(connection, select.POLLIN)
    return lambda: arrivals.poll(0)
