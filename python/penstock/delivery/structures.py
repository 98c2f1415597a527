"""Batches as users build them: what of a structure is moved, and the structure around it kept.

Mappings, tuples and sequences are rebuilt as torch's `pin_memory` rebuilds them.
"""

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

__all__ = ["rebuilt"]


def rebuilt(batch: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a batch in which everything that can be moved is replaced.

    Args:
        batch: Tensors, and objects that have a method `to` or `pin_memory`, in mappings, tuples, named tuples and
            sequences of any depth; anything else in it stays.
        replace: Called with each of them in order.
    """
    kind = type(batch)
    if kind is list or kind is tuple:  # nearly all batches, and nothing else has to be asked
        return kind([rebuilt(item, replace) for item in batch])
    if hasattr(batch, "to") or hasattr(batch, "pin_memory"):
        return replace(batch)
    if isinstance(batch, (str, bytes)):
        return batch
    if isinstance(batch, Mapping):
        items = {key: rebuilt(item, replace) for key, item in batch.items()}
        return _like(batch, items) if isinstance(batch, MutableMapping) else _of_class(batch, items)
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(rebuilt(item, replace) for item in batch))
    if isinstance(batch, tuple):
        return type(batch)(rebuilt(item, replace) for item in batch)
    if isinstance(batch, Sequence):
        listed = [rebuilt(item, replace) for item in batch]
        return _like(batch, dict(enumerate(listed))) if isinstance(batch, MutableSequence) else _of_class(batch, listed)
    return batch


def _like(batch: Any, items: dict[Any, Any]) -> Any:
    """Return a copy of a mutable mapping or sequence with other items: it may hold more than those."""
    try:
        clone = copy.copy(batch)
        for key, item in items.items():
            clone[key] = item
    except TypeError:
        return items if isinstance(batch, Mapping) else [*items.values()]
    return clone


def _of_class(batch: Any, items: Any) -> Any:
    try:
        return type(batch)(items)
    except TypeError:  # a class that is not made of its items, as range
        return items
