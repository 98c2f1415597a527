"""Parameters of the user's transforms, as plain numbers; what is not plain is opaque."""

import numbers
from typing import Any

from penstock.ops.opaque import Opaque

__all__ = ["integer_of", "lengths_of", "margins_of", "pair_of", "size_of"]


def integer_of(value: Any, what: str) -> int:
    """Return a value that is a plain int of the size of a picture's."""
    if type(value) is not int or abs(value) > 1 << 24:
        raise Opaque(f"{what} is {value!r}, not a plain int")
    return value


def size_of(value: Any) -> tuple[int, int]:
    """Return a crop's size as (height, width)."""
    if isinstance(value, numbers.Number):
        value = (value, value)
    if not isinstance(value, (tuple, list)):
        raise Opaque(f"its size is a {type(value).__name__}")
    height, width = (value[0], value[0]) if len(value) == 1 else value
    if min(integer_of(height, "its height"), integer_of(width, "its width")) < 1:
        raise Opaque("its size is not positive")
    return height, width


def margins_of(padding: Any) -> list[int]:
    """Return torchvision's padding argument as left, top, right, bottom."""
    if isinstance(padding, (tuple, list)):
        values = [integer_of(value, "its padding") for value in padding]
        if len(values) == 4:
            return values
        if len(values) in (1, 2):
            return [values[0], values[-1]] * 2
        raise Opaque(f"its padding has {len(values)} values")
    return [integer_of(padding, "its padding")] * 4


def lengths_of(size: Any) -> list[int]:
    """Return a size that Pillow is to check, as one or two ints."""
    values = [size] if isinstance(size, int) else list(size)
    if len(values) not in (1, 2):
        raise ValueError(f"{len(values)} lengths")
    if min(integer_of(value, "its size") for value in values) < 0:
        raise Opaque("its size is negative")
    return values


def pair_of(values: Any, what: str) -> tuple[float, float]:
    """Return two numbers that are bounds."""
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        raise Opaque(f"its {what} is {values!r}, not two numbers")
    if not all(type(value) in (int, float) and 0 <= value < 1e6 for value in values):
        raise Opaque(f"its {what} is {values!r}")
    return float(values[0]), float(values[1])
