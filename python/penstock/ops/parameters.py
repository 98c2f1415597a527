"""Parameters of the user's transforms, as plain numbers; what is not plain is opaque."""

import array
import numbers
from collections.abc import Iterable
from typing import Any

from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building

__all__ = [
    "chance_of",
    "factor_of",
    "floats_of",
    "generation_of",
    "integer_of",
    "lengths_of",
    "library_of",
    "margins_of",
    "numbers_of",
    "pair_of",
    "radii_of",
    "size_of",
]


def integer_of(value: Any, what: str) -> int:
    """Return a value that is a plain int of the size of an image's."""
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


def generation_of(transform: Any) -> str:
    """Return whose draws a transform of torchvision's has, "v1" or "v2"."""
    return "v2" if type(transform).__module__.startswith("torchvision.transforms.v2") else "v1"


def library_of(building: Building, transform: Any) -> str:
    """Return whose arithmetic a transform has, by its native name."""
    if not building.is_tensor:
        return "pillow"
    return "torch2" if generation_of(transform) == "v2" else "torch1"


def chance_of(transform: Any) -> tuple[str, float]:
    """Return how a random transform draws whether it happens: its generation and `p`."""
    if type(transform.p) not in (int, float):
        raise Opaque(f"its probability is a {type(transform.p).__name__}")
    return generation_of(transform), float(transform.p)


def factor_of(value: Any) -> float:
    """Return a factor that a function is called with, as the library takes it.

    Raises:
        TypeError: If it is no plain number.
        ValueError: If it is negative or not finite.
    """
    if not isinstance(value, (int, float)):
        raise TypeError
    factor = float(value)
    if not 0 <= factor < 1e6:
        raise ValueError
    return factor


def floats_of(values: Iterable[Any]) -> list[float]:
    """Return numbers as Pillow's code in C takes them, which reads none out of strings.

    Raises:
        TypeError: If one is no number.
    """
    return array.array("d", [*values]).tolist()


def numbers_of(values: Any, what: str, lengths: tuple[int, ...], *, most: float = 1e9) -> tuple[float, ...]:
    """Return some plain numbers below a bound, as many as one of the lengths says; Opaque if they are no such."""
    if not isinstance(values, (tuple, list)) or len(values) not in lengths:
        raise Opaque(f"its {what} is {values!r}")
    if not all(type(value) in (int, float) and abs(value) < most for value in values):
        raise Opaque(f"its {what} is {values!r}")
    return tuple(map(float, values))


def radii_of(radius: Any) -> tuple[float, float]:
    """Return the radii of one of Pillow's blurs, across and down.

    Raises:
        TypeError: If they are no plain numbers.
        ValueError: If one is negative, or larger than images are.
    """
    pair = radius if isinstance(radius, (tuple, list)) else (radius, radius)
    if len(pair) != 2 or not all(isinstance(value, (int, float)) for value in pair):
        raise TypeError
    if not all(0 <= value < 1 << 16 for value in pair):
        raise ValueError
    return float(pair[0]), float(pair[1])
