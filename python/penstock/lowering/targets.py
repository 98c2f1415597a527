"""Which `target_transform` may run in the caller's thread?

torch runs it in the worker, between the draws of two samples. A function that draws random numbers, keeps a
count or reads a clock would notice the difference, so only functions that can do none of this are taken: types
and builtins that compute a value, look-ups in the user's own tables, and Python functions whose code names
nothing else.
"""

import functools
import operator
import types
from typing import Any

import torch

__all__ = ["is_data", "is_pure"]

_PURE = frozenset(
    {bool, float, int, str, tuple, list, abs, len, max, min, round, sum, operator.index, operator.neg, torch.tensor}
)
_LOOKUPS = frozenset({"__getitem__", "get", "index"})
_PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype)
_CONTAINERS = (tuple, list, dict, set, frozenset)


def is_pure(function: Any) -> bool:
    """Whether a `target_transform` depends on its argument alone and touches no state."""
    try:
        if function in _PURE:
            return True
    except TypeError:
        return False
    if isinstance(function, types.BuiltinMethodType):
        return function.__name__ in _LOOKUPS and is_data(function.__self__)
    if isinstance(function, functools.partial):
        return is_pure(function.func) and is_data([*function.args, *function.keywords.values()])
    if isinstance(function, (operator.itemgetter,)):
        return True
    return isinstance(function, types.FunctionType) and _names_only_pure(function)


def is_data(value: Any) -> bool:
    """Whether a value is made of plain numbers and strings in Python's own containers, all the way down."""
    if type(value) in _PLAIN:
        return True
    if type(value) is dict:
        return all(map(is_data, value.keys())) and all(map(is_data, value.values()))
    return type(value) in _CONTAINERS and all(map(is_data, value))


def _names_only_pure(function: types.FunctionType) -> bool:
    code = function.__code__
    if code.co_flags & (0x20 | 0x80 | 0x100 | 0x200):  # a generator or a coroutine
        return False
    if any(isinstance(constant, types.CodeType) for constant in code.co_consts):
        return False  # a function within: its names would have to be followed too
    try:
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
    except ValueError:  # an empty cell
        return False
    reachable = [*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    for name in code.co_names:
        if name in function.__globals__:
            reachable.append(function.__globals__[name])
        elif name in ("tensor", "long", "float32", "int64"):  # attributes of torch or of a tensor
            continue
        else:
            builtins = function.__globals__.get("__builtins__", {})
            table = builtins if isinstance(builtins, dict) else vars(builtins)
            reachable.append(table.get(name, ...))
    return all(value is torch or is_data(value) or _is_callable(value) for value in reachable) and not _stores(code)


def _is_callable(value: Any) -> bool:
    try:
        return value in _PURE
    except TypeError:
        return False


def _stores(code: types.CodeType) -> bool:
    """Whether the code writes anything but its own locals."""
    import dis

    writes = {
        "STORE_GLOBAL",
        "DELETE_GLOBAL",
        "STORE_ATTR",
        "DELETE_ATTR",
        "STORE_SUBSCR",
        "DELETE_SUBSCR",
        "STORE_DEREF",
    }
    return any(instruction.opname in writes for instruction in dis.get_instructions(code))
