"""`RandomPhotometricDistort`: changes of colour that are drawn, and perhaps channels in another order."""

from collections.abc import Iterator
from typing import Any

from torchvision.transforms import v2

from penstock import _native
from penstock.ops.color.contrast import sums_of
from penstock.ops.color.jitter import bounds_of, jitter_arithmetic
from penstock.ops.operation import Building, Operation
from penstock.ops.parameters import chance_of
from penstock.ops.uniform import rounding_of

__all__ = ["PHOTOMETRIC_DISTORT"]


def _lower(building: Building, transform: Any) -> _native.Op:
    (_, p), bounds = chance_of(transform), bounds_of(transform)
    arithmetic = jitter_arithmetic(building, transform, mixes_contrast=True)
    building.change_values()
    return _native.Op("random_photometric_distort", arithmetic, sums_of(building), p, rounding_of(), *bounds)


def _examples() -> Iterator[Any]:
    yield v2.RandomPhotometricDistort()
    yield v2.RandomPhotometricDistort(p=1)


PHOTOMETRIC_DISTORT = Operation(
    name="photometric distortion",
    says="{whose} own arithmetic, factors and order drawn as torch draws them",
    transforms={v2.RandomPhotometricDistort: _lower},
    random=frozenset((v2.RandomPhotometricDistort,)),
    examples=_examples,
)
