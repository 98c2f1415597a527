"""Which recording images and tensors can be reached from where."""

import gc
import types
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import Dataset

from penstock.recording.images import is_recorded
from penstock.recording.tensors import RecordedTensor

__all__ = ["held_by", "held_by_paused"]

# Objects of a sample that are looked at for what it holds.
_MOST = 1000
# Objects that lead to everything.
_LEADING = (type, types.ModuleType, types.FunctionType, types.MethodType, types.FrameType, Dataset)


def held_by(samples: Any) -> set[int]:
    """Return the ids of the recording images and tensors to which samples lead."""
    return _led_to([samples], lambda value: [] if isinstance(value, _LEADING) else gc.get_referents(value))


def held_by_paused(iterator: Any) -> set[int]:
    """Return the ids of those that a data set's generator has in its variables, where it goes on with the next sample.

    What it has in lists and dictionaries is a buffer or a cache.
    """

    def next_ones(value: Any) -> list[Any]:
        if isinstance(value, types.GeneratorType) or type(value) is tuple:
            return gc.get_referents(value)
        if not isinstance(value, Iterator):
            return []
        if type(value).__module__ in {"builtins", "itertools"}:
            return [other for other in gc.get_referents(value) if isinstance(other, (Iterator, tuple))]
        return [other for other in getattr(value, "__dict__", {}).values() if isinstance(other, Iterator)]

    return set() if iterator is None else _led_to([iterator], next_ones)


def _led_to(waiting: list[Any], next_ones: Callable[[Any], list[Any]]) -> set[int]:
    found: set[int] = set()
    seen = set(map(id, waiting))
    while waiting and len(seen) < _MOST:
        value = waiting.pop()
        if isinstance(value, RecordedTensor) or is_recorded(value):
            found.add(id(value))
            others = [value.__dict__.get("_shares")]
        else:
            others = next_ones(value)
        for other in others:
            if id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)
    return found
