"""Sharpness: an image mixed with a smoothed one."""

from collections.abc import Iterator
from typing import Any

import torchvision.transforms as v1
from PIL import ImageEnhance
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.adjust import Adjustment
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building
from penstock.ops.parameters import chance_of, factor_of

__all__ = ["SHARPNESS", "sharpness"]

_KINDS = (v1.RandomAdjustSharpness, v2.RandomAdjustSharpness)


def _lower(building: Building, transform: Any) -> _native.Op:
    try:
        factor = factor_of(transform.sharpness_factor)
    except (TypeError, ValueError):
        raise Opaque(f"its factor is {transform.sharpness_factor!r}") from None
    arithmetic = sharpness.arithmetic_for(building, transform)
    building.change_values()
    return _native.Op("random_adjust_sharpness", chance_of(transform), factor, arithmetic)


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        for factor in (0, 0.3, 1, 1.8):
            yield kind(factor, p=0.8)


sharpness = Adjustment(
    "sharpness", "adjust_sharpness", (0.0, 0.37, 1.0, 1.9), names={"torch2": ("torch2_fused", "torch2")}, least=3
)
SHARPNESS = sharpness.operation(
    says="{whose} own arithmetic, only for the pixels that are used",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    enhancers={ImageEnhance.Sharpness: sharpness.records},
    examples=_examples,
)
