"""Equalizing: each channel's values are spread so that all are about equally frequent."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import ImageOps
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.adjust import Adjustment
from penstock.ops.operation import Building, Trace
from penstock.ops.parameters import chance_of

__all__ = ["EQUALIZE", "equalize"]

_KINDS = (v1.RandomEqualize, v2.RandomEqualize)


def _lower(building: Building, transform: Any) -> _native.Op:
    equalize.arithmetic_for(building, transform)
    building.change_values()
    return _native.Op("random_equalize", chance_of(transform))


def _equalized(trace: Trace, mask: Any = None) -> Trace | None:
    return equalize.records(trace) if mask is None else None


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        for p in (0.5, 1):
            yield kind(p)


equalize = Adjustment("equalize", "equalize", named=False)
EQUALIZE = equalize.operation(
    says="a look at the whole image, and a table of bytes that is part of the conversion's",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    calls={(ImageOps, "equalize"): _equalized},
    examples=_examples,
)
