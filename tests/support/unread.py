"""Code that is not followed, for data sets whose images are to be recorded."""

from typing import Any

__all__ = ["unread"]


def unread(value: Any) -> Any:
    """Return a value as it is; a `__getitem__` that calls this is not known to do the same for every index."""
    try:
        return value
    except RuntimeError:  # which nothing raises, but code that handles exceptions is not followed
        return None
