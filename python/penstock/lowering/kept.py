"""What a data set holds, as it was when its workers would have been forked off: no later edit reaches it."""

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from penstock.lowering.lookups import KINDS, Unproved

__all__ = ["keep"]

# Bytes of arrays that are copied.
_MOST_COPIED = 256 << 20
_CHANGE = frozenset({list, tuple, dict, set, np.ndarray, torch.Tensor})
_STAY = frozenset(KINDS) - _CHANGE


def keep(value: Any) -> Any:
    """Return a copy of a value; parts that nobody can change are shared.

    It goes from level to level and not from entry to entry: a list of a million pairs takes some tenths of a second.

    Raises:
        Unproved: If there is anything in it but plain data, or too much.
    """
    return _kept([value])[0]


def _kept(values: list[Any]) -> list[Any]:
    kinds = {*map(type, values)}
    changing = kinds - _STAY
    if not changing:
        return values
    if unknown := changing - _CHANGE:
        raise Unproved(f"a {min(kind.__name__ for kind in unknown)}")
    if len(kinds) == 1:
        return _COPIES[changing.pop()](values)
    kept = values.copy()
    for kind in changing:
        places = [place for place, value in enumerate(values) if type(value) is kind]
        for place, copy in zip(places, _COPIES[kind]([values[place] for place in places]), strict=True):
            kept[place] = copy
    return kept


def _of_sequences(values: list[Any]) -> list[Any]:
    kind = type(values[0])
    flat = [*itertools.chain.from_iterable(values)]
    parts = _kept(flat)
    if kind is tuple and (parts is flat or all(map(operator.is_, parts, flat))):
        return values
    if kind is list and len(values) == 1:
        return [parts]
    left = iter(parts)
    return [kind(itertools.islice(left, len(value))) for value in values]


def _of_dictionaries(values: list[Any]) -> list[Any]:
    keys = [*itertools.chain.from_iterable(values)]
    if _kept(keys) is not keys and any(type(key) is not tuple for key in keys if type(key) not in _STAY):
        raise Unproved("a key that may change")
    left = iter(_kept([*itertools.chain.from_iterable(map(dict.values, values))]))
    return [dict(zip(value, itertools.islice(left, len(value)), strict=True)) for value in values]


def _of_sets(values: list[Any]) -> list[Any]:
    if not {*map(type, itertools.chain.from_iterable(values))} <= _STAY:
        raise Unproved("a set of what may change")
    return [value.copy() for value in values]


def _of_arrays(values: list[Any]) -> list[Any]:
    _check_bytes(values)
    for value in values:
        if value.dtype == object and not {*map(type, value.ravel().tolist())} <= _STAY:
            raise Unproved("an array of what may change")
    return [value.copy() for value in values]


def _of_tensors(values: list[Any]) -> list[Any]:
    if any(value.device.type != "cpu" or value.layout != torch.strided or value.requires_grad for value in values):
        raise Unproved("a tensor that is not plain")
    _check_bytes(values)
    return [value.clone() for value in values]


def _check_bytes(values: list[Any]) -> None:
    if sum(value.nbytes for value in values) > _MOST_COPIED:
        raise Unproved(f"arrays of more than {_MOST_COPIED >> 20} MiB")


_COPIES: dict[type, Callable[[list[Any]], list[Any]]] = {
    list: _of_sequences,
    tuple: _of_sequences,
    dict: _of_dictionaries,
    set: _of_sets,
    np.ndarray: _of_arrays,
    torch.Tensor: _of_tensors,
}
