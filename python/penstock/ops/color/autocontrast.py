"""Autocontrast: each channel is stretched so that its least value becomes 0 and its greatest one 255."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import ImageOps
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.adjust import Adjustment
from penstock.ops.operation import Building, Trace
from penstock.ops.parameters import chance_of

__all__ = ["AUTOCONTRAST", "autocontrast"]

_KINDS = (v1.RandomAutocontrast, v2.RandomAutocontrast)


def _lower(building: Building, transform: Any) -> _native.Op:
    arithmetic = autocontrast.arithmetic_for(building, transform)
    building.change_values()
    return _native.Op("random_autocontrast", chance_of(transform), arithmetic)


def _stretched(
    trace: Trace, cutoff: Any = 0, ignore: Any = None, mask: Any = None, preserve_tone: Any = False
) -> Trace | None:
    plain = cutoff == 0 and ignore is None and mask is None and not preserve_tone
    return autocontrast.records(trace) if plain else None


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        for p in (0.5, 1):
            yield kind(p)


autocontrast = Adjustment("autocontrast", "autocontrast")
AUTOCONTRAST = autocontrast.operation(
    says="a look at the whole image, and a table of bytes that is part of the conversion's",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    calls={(ImageOps, "autocontrast"): _stretched},
    examples=_examples,
)
