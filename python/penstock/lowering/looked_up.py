"""What stands for what a data set holds, and for what its code looks up there."""

import copy
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from penstock.lowering import lookups
from penstock.lowering.constants import Constant
from penstock.lowering.sandbox import StandIn
from penstock.lowering.targets import is_data

__all__ = [
    "Called",
    "Holding",
    "HoldingTensor",
    "LookedUp",
    "interned",
    "is_constant",
    "is_looked_up",
    "plain",
    "real_of",
    "slot_of",
]

# Instructions in front of a count of variables to which the parts of a value are assigned.
_UNPACK = lookups.UNPACK_SEQUENCE
# Entries of a list that code may go through.
_MOST_GONE_THROUGH = 1000
_GONE_THROUGH = (list, tuple, dict, range)
_INTERNED: dict[tuple[type, str], Any] = {}
_MOST_INTERNED = 4096


class _Slot:
    """Where a looked up value is."""

    def __init__(self, number: int) -> None:
        self.number = number


_INDEX, _VALUE = (type(name, (_Slot,), {}) for name in ("its index", "what it looks up"))


class _Stepping(StandIn):
    """Stands for something of which attributes and methods are steps."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        if (part := lookups.attribute(name)) is not None:
            return sandbox.step(part, name, me)
        if (operation := lookups.method(name)) is None:
            return StandIn._find(sandbox, me, real, name)
        return lambda *operands: sandbox.step(operation, name, me, *operands)


class LookedUp(_Stepping):
    """Stands for a value that depends on the index."""

    __slots__ = ()

    def __init__(self, sandbox: Any, slot: int) -> None:
        super().__init__(sandbox, (_VALUE if slot else _INDEX)(slot))

    def __getitem__(self, key: Any) -> "LookedUp":
        made: LookedUp = _sandbox(self).step(lookups.item, "an item", self, key)
        return made

    def __iter__(self) -> Iterator["LookedUp"]:
        sandbox, frame = _sandbox(self), sys._getframe(1)
        place = frame.f_lasti
        count = frame.f_code.co_code[place + 1] if frame.f_code.co_code[place] == _UNPACK else 0
        operation = lookups.unpacked(count)
        if operation is None:
            sandbox.refuse("it goes through what it looks up")
        parts = sandbox.step(operation, "", self)
        return iter([sandbox.step(lookups.entry(part), "", parts) for part in range(count)])


class Holding(_Stepping):
    """Stands for a list, a dictionary, an array or a path that is there for all indices."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        sandbox, real = _sandbox(self), real_of(self)
        if any(map(is_looked_up, lookups.nested(key))):
            return sandbox.step(lookups.item, "an item", self, key)
        if type(key) is slice or type(real) not in _GONE_THROUGH:
            sandbox.refuse("a part of what it holds that is the same for all indices")
        return sandbox.stand_in(real[plain(key)])

    def __iter__(self) -> Iterator[Any]:
        sandbox, real = _sandbox(self), real_of(self)
        if type(real) not in _GONE_THROUGH or len(real) > _MOST_GONE_THROUGH:
            sandbox.refuse("it goes through all that it holds")
        return iter([sandbox.stand_in(each) for each in real])

    def __len__(self) -> int:
        return len(real_of(self))

    def __bool__(self) -> bool:
        real = real_of(self)
        return bool(real) if type(real) in _GONE_THROUGH else _sandbox(self).refuse("whether what it holds is true")

    def __contains__(self, key: Any) -> bool:
        if is_looked_up(key) or type(real_of(self)) is np.ndarray:
            _sandbox(self).refuse("it asks whether it holds what it looks up")
        return plain(key) in real_of(self)


class HoldingTensor(Holding):
    """Stands for a tensor, of which a sample's entry may be looked up, or with which may be computed."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:  # noqa: ARG004 - as it is looked for
        return getattr(_constant(me), name)

    def __getitem__(self, key: Any) -> Any:
        if any(map(is_looked_up, lookups.nested(key))):
            return _sandbox(self).step(lookups.item, "an item", self, key)
        return _constant(self)[key]

    def __bool__(self) -> bool:
        return bool(_constant(self))


class Called(StandIn):
    """A function that is known, of what is looked up."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Write the call down, or call it with what is the same for all indices."""
        return _sandbox(self).called(real_of(self), arguments, options)


def _operator(operation: lookups.Operation, *, reflected: bool) -> Callable[..., Any]:
    def call(self: StandIn, other: Any) -> Any:
        return _sandbox(self).step(operation, operation.name, *((other, self) if reflected else (self, other)))

    return call


def _constants(name: str) -> Callable[..., Any]:
    def call(self: Any, other: Any) -> Any:
        return getattr(_constant(self), name)(other)

    return call


for _name, _operation in lookups.OPERATORS.items():
    for _kind in (LookedUp, Holding):
        setattr(_kind, _name, _operator(_operation, reflected=False))
        setattr(_kind, _name.replace("__", "__r", 1), _operator(_operation, reflected=True))
    setattr(HoldingTensor, _name, _constants(_name))
    setattr(HoldingTensor, _name.replace("__", "__r", 1), _constants(_name.replace("__", "__r", 1)))


def _sandbox(value: StandIn) -> Any:
    return object.__getattribute__(value, "_sandbox")


def real_of(value: StandIn) -> Any:
    """Return what a stand-in stands for."""
    return object.__getattribute__(value, "_real")


def slot_of(value: LookedUp) -> int:
    """Return where what stands for a looked up value is."""
    number: int = real_of(value).number
    return number


def is_looked_up(value: Any) -> bool:
    """Whether something stands for a looked up value."""
    return type(value) is LookedUp


def plain(value: Any) -> Any:
    """Return a copy of what stand-ins stand for, as a library's function may be given it."""
    if type(value) is HoldingTensor:
        return _constant(value)
    if type(value) is Holding:
        return copy.deepcopy(real_of(value))
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def _constant(value: StandIn) -> torch.Tensor:
    constant: torch.Tensor = real_of(value).clone().as_subclass(Constant)
    return constant


def is_constant(value: Any) -> bool:
    """Whether a value is plain data, or a dtype."""
    return is_data(value) or type(value) in lookups.PATHS


def interned(value: Any) -> Any:
    """Return the same object for equal numbers and strings; any other value as it is."""
    if not isinstance(value, (int, float, complex, str, bytes)):
        return value
    if len(_INTERNED) >= _MOST_INTERNED:
        _INTERNED.clear()
    return _INTERNED.setdefault((type(value), repr(value)), value)


interned_path = functools.lru_cache(maxsize=512)(lambda path: path)
