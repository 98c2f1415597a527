"""Inverting: every value becomes what is left of it to 255, in all libraries."""

from collections.abc import Iterator
from typing import Any, Literal

import torchvision.transforms as v1
from PIL import ImageOps
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.color.floats import float_arithmetic, float_replays
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import chance_of

__all__ = ["INVERT"]


def _lower(building: Building, transform: Any) -> _native.Op:
    if building.is_of_numbers:
        float_arithmetic(building, transform, "invert_floats")
        building.change_numbers()
        return _native.Op("random_invert_floats", chance_of(transform))
    building.change_values()
    return _native.Op("random_invert", chance_of(transform))


def _inverted(trace: Trace) -> Trace:
    return trace.then("invert")


def _tensor_inverted(trace: Trace) -> tuple[Trace, Literal["asked"]]:
    return _inverted(trace), "asked"


def _examples() -> Iterator[Any]:
    for kind in (v1.RandomInvert, v2.RandomInvert):
        for p in (0, 0.5, 1.0):
            yield kind(p)


INVERT = Operation(
    name="invert",
    says="a table of bytes, part of the conversion's",
    transforms={v1.RandomInvert: _lower, v2.RandomInvert: _lower},
    random=frozenset((v1.RandomInvert, v2.RandomInvert)),
    functions=((F, "invert"), (F2, "invert")),
    replays={"invert": ImageOps.invert, **float_replays("invert_floats")},
    calls={(ImageOps, "invert"): _inverted},
    kernels={F2.invert: _tensor_inverted},
    examples=_examples,
)
